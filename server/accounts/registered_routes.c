/* POST /server/system/{register,ping,unregister} and GET /server/system/getAllHosts, as VirtualPyTest's hosts send them. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "server/accounts/registered.h"
#include "server/server_private.h"

/* Who may join as a host by /ws may announce one by HTTP, under the same name and with the same token. */
static bool may(TbRequest *request, TbServer *server, const char *name)
{
        const char *said = tb_request_header(request, "Authorization");
        bool bearer = said && g_ascii_strncasecmp(said, "Bearer ", 7) == 0;
        g_autoptr(GError) error = NULL;
        if (tb_pairing_may_be_host(server->pairing, name, bearer ? said + 7 : NULL))
                return true;
        tb_set_error(&error, bearer ? TB_ERROR_FORBIDDEN : TB_ERROR_UNAUTHORIZED,
                     "who speaks for the host \"%.64s\" shows its host token, or, where there are none, an "
                     "admin's "
                     "(Authorization: Bearer …)",
                     name);
        tb_request_reply_error(request, error);
        return false;
}

static const char *name_of(TbRequest *request)
{
        return json_string_value(json_object_get(tb_request_json(request), "host_name"));
}

static void do_register(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *name = name_of(request);
        gint64 now_ms = tb_clock_mono_ms();
        char net[TB_NET_KEY];
        g_autoptr(GError) error = NULL;
        if (!may(request, server, name))
                return;
        tb_net_share_key(tb_request_peer(request), net);
        if (!tb_registered_put(server->registered, tb_request_json(request), net, now_ms, &error)) {
                tb_request_reply_error(request, error);
                return;
        }
        tb_log(TB_LOG_DEBUG, TB_F("host", name, "request", tb_request_id(request)),
               "host registered by HTTP");
        tb_request_reply_json(request, 200,
                              json_pack("{s:s, s:s, s:s, s:o}", "status", "success", "message",
                                        "Host registered successfully", "host_name", name, "host_data",
                                        tb_registered_json(server->registered, name, now_ms)));
}

/* A host that is told so registers again. */
static void not_registered(TbRequest *request)
{
        tb_request_reply_json(request, 404,
                              json_pack("{s:s, s:s, s:s}", "status", "not_registered", "message",
                                        "Host not registered, please register first", "action", "register"));
}

static void ping(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        if (!may(request, server, name_of(request)))
                return;
        if (tb_registered_ping(server->registered, name_of(request), tb_clock_mono_ms()))
                tb_request_reply_json(request, 200,
                                      json_pack("{s:s, s:s, s:f}", "status", "success", "message",
                                                "Ping received successfully", "server_time",
                                                (double)tb_clock_ms() / 1000));
        else
                not_registered(request);
}

static void unregister(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        if (!may(request, server, name_of(request)))
                return;
        if (tb_registered_remove(server->registered, name_of(request), tb_clock_mono_ms()))
                tb_request_reply_json(request, 200,
                                      json_pack("{s:s, s:s}", "status", "success", "message",
                                                "Host unregistered successfully"));
        else
                not_registered(request);
}

static void list(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        json_t *hosts = tb_registered_list(server->registered, tb_clock_mono_ms());
        tb_request_reply_json(request, 200,
                              json_pack("{s:b, s:{s:s, s:s?}, s:o}", "success", 1, "server_info",
                                        "server_name", "testbed-server", "server_url", server->config->url,
                                        "hosts", hosts));
}

#define NAME                                                                                                 \
        {                                                                                                    \
                .name = "host_name", .type = TB_PARAM_STRING, .required = true, .min = 1,                    \
                .max = TB_LIMIT_ID, .help = "the host"                                                       \
        }
static const TbParam name_params[] = {NAME, TB_PARAM_END};
static const TbParam register_params[] = {
        NAME,
        {.name = "host_url",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_URI,
         .help = "where browsers find it"},
        {.name = "host_api_url",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_URI,
         .help = "where servers find it"},
        {.name = "host_port", .type = TB_PARAM_ANY, .help = "1 to 65535, a number or its text"},
        {.name = "host_ip", .type = TB_PARAM_STRING, .max = TB_LIMIT_LABEL, .help = "its address"},
        {.name = "devices",
         .type = TB_PARAM_ARRAY,
         .required = true,
         .max = TB_LIMIT_DEVICES,
         .help = "[{device_id, device_name, device_model, device_ip, device_port, …}]"},
        TB_PARAM_END,
};

#define ROUTE(path_, json_, handler_, summary_, answers_)                                                    \
        {                                                                                                    \
                .method = "POST", .path = "/server/system/" path_,                                           \
                .flags = TB_ROUTE_FOREIGN | TB_ROUTE_STRANGERS, .body = TB_BODY_JSON, .json = json_,         \
                .handler = handler_, .tag = "compatibility", .summary = summary_, .answers = answers_        \
        }
const TbRoute tb_server_registered_routes[] = {
        ROUTE("register", register_params, do_register,
              "VirtualPyTest: a host announces itself, with its devices",
              "200 application/json Registered; 401; 403; 429"),
        ROUTE("ping", name_params, ping,
              "VirtualPyTest: a registered host is there; 404 asks it to register again",
              "200 application/json; 401; 403; 404"),
        ROUTE("unregister", name_params, unregister, "VirtualPyTest: a registered host leaves",
              "200 application/json; 401; 403; 404"),
        {.method = "GET",
         .path = "/server/system/getAllHosts",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_FOREIGN,
         .handler = list,
         .tag = "compatibility",
         .summary = "VirtualPyTest: hosts that are registered by HTTP (GET /api/hosts: those with a socket)",
         .answers = "200 application/json"},
        {.method = NULL},
};
