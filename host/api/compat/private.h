#pragma once
/*
 * Routes of programs that exist already, so that they work unchanged: thin spellings of tb_core_command(). What these
 * files share; nobody outside this folder includes it. Main thread, all of it. The README says whose routes they are.
 */
#include "host/api/private.h"

#define TB_COMPAT_REBOOT_OFF_S 5 /* how long pdudaemon and VirtualPyTest leave it off */

/* Which outlet of a device is meant: by name, by number (outlet.c), or, `port` NULL or empty, the only one. Nothing is guessed. */
TbInterface *tb_compat_outlet(TbApi *api, const char *device, const char *port, GError **error);

/* --- VirtualPyTest (answer.c): {"success", "error" | …, "device_id"} --- */
/* Rows of its tables: the device, "device1" where nobody says. */
#define TB_COMPAT_DEVICE                                                                                     \
        {                                                                                                    \
                .name = "device_id", .type = TB_PARAM_STRING, .min = 1, .max = TB_LIMIT_ID,                  \
                .help = "the device; default: device1"                                                       \
        }
#define TB_COMPAT_ROUTE(path_, role_, json_, handler_, summary_, answers_)                                   \
        {                                                                                                    \
                .method = "POST", .path = path_, .role = role_, .flags = TB_ROUTE_FOREIGN,                   \
                .body = TB_BODY_JSON, .json = json_, .handler = handler_, .tag = "compatibility",            \
                .summary = summary_, .answers = answers_                                                     \
        }
/* What any command of a lane may answer, behind what a route says itself. */
#define TB_COMPAT_LANE "404; 409; 410; 422; 423; 429; 501; 502; 503; 504"
extern const TbParam tb_compat_device_params[];      /* device_id alone */
const char *tb_compat_device_id(TbRequest *request); /* borrowed from the request */
/* "params" of the body by this table, what it does not name left out; new reference. NULL: 400 was answered, which blames
 * "params.<field>". */
json_t *tb_compat_params(TbRequest *request, const TbParam *table);
void tb_compat_succeed(TbRequest *request, json_t *o_take); /* adds success and device_id */
/* How VirtualPyTest calls the controllers of a device's interfaces: "av", "remote", "power", "desktop"; NULL: it has none. */
const char *tb_compat_controller(TbKind kind);
/* The device's first interface of that kind; NULL: 404 was answered, with what it has. */
TbInterface *tb_compat_interface(TbApi *api, TbRequest *request, TbKind kind);
/* Runs <iface>.<op>; `reply` answers. What was begun on power and input goes on when the client leaves. */
void tb_compat_run(TbApi *api, TbRequest *request, TbInterface *iface, const char *op, json_t *params_take,
                   TbApiReply reply, gpointer data, GDestroyNotify free_data);

/* The screen's elements by `uiautomator` (dump.c): `then` goes on with the request, unless it was answered with an error or
 * the client has left; either way data is freed. `elements`: array of what elements.h says, borrowed. */
typedef void (*TbCompatDumped)(TbApi *api, TbRequest *request, json_t *elements, gpointer data);
void tb_compat_dump(TbApi *api, TbRequest *request, TbCompatDumped then, gpointer data,
                    GDestroyNotify free_data);

/* --- the files: each adds its routes --- */
void tb_compat_add_pdudaemon(TbApi *api);
void tb_compat_add_labgrid(TbApi *api);
void tb_compat_add_control(TbApi *api); /* takeControl, releaseControl, controllerStatus */
void tb_compat_add_power(TbApi *api);
void tb_compat_add_remote(TbApi *api);
void tb_compat_add_commands(TbApi *api); /* remote/executeCommand */
void tb_compat_add_system(TbApi *api);   /* system/…, desktop/bash */
void tb_compat_add_scopes(TbApi *api);   /* /api/telescopes, /api/webrtc, /api/ws */
