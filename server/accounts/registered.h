#pragma once
/*
 * Hosts that announce themselves by HTTP, as VirtualPyTest's do: they register, ping, and are forgotten when they have not been
 * heard of for TB_LIMIT_REGISTERED_S. They are told of, and nothing more: what is carried, watched and controlled through this server
 * goes through a host's own socket (hosts.c), and no address that somebody names is called from here. Time comes from the caller
 * (tb_clock_mono_ms()). Main thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbRegistered TbRegistered;

TbRegistered *tb_registered_new(void);
void tb_registered_free(TbRegistered *registered); /* NULL is fine */

/* `info`: the message, of which what is known is kept: host_name, host_url, host_api_url, host_port, host_ip, devices (of each
 * device_id, device_name, device_model, device_ip, device_port, ir_type). `net`: whose share it takes. The same name again takes the place of
 * the former. TB_ERROR_INVALID with the field, TB_ERROR_LIMIT: too many, in all or of this network. */
bool tb_registered_put(TbRegistered *registered, json_t *info, const char *net, gint64 now_ms,
                       GError **error);
/* Seen. False: it is not registered. */
bool tb_registered_ping(TbRegistered *registered, const char *name, gint64 now_ms);
bool tb_registered_remove(TbRegistered *registered, const char *name, gint64 now_ms);
/* One as it was registered, with status, last_seen and registered_at (seconds, text); new reference; NULL: it is not. */
json_t *tb_registered_json(TbRegistered *registered, const char *name, gint64 now_ms);
json_t *tb_registered_list(TbRegistered *registered,
                           gint64 now_ms); /* array of them, by name; new reference */
