/*
 * /api/ws and /ws/{telescope_id} as astrophotograph's pages speak them: a conversation of ours (host/core/control), its messages said in their
 * words. Roles, leases, limits and what is under way are that one's.
 */
#include <string.h>

#include "host/api/compat/scope_words.h"
#include "host/api/compat/scopes.h"
#include "host/core/control/control.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"

typedef struct Talk {
        TbApi *api;         /* borrowed */
        TbWs *ws;           /* borrowed */
        TbControl *control; /* owned */
        char *only;         /* owned; the telescope of the path; NULL: all */
        bool told;          /* it wants states */
        gint64 next_id;
        GHashTable *asked; /* our id -> theirs and the telescope, "id\ntelescope" */
} Talk;

static void say(Talk *t, json_t *message_take)
{
        json_auto_t *message = message_take;
        g_autofree char *text = tb_json_text(message, NULL);
        tb_ws_send_text(t->ws, text);
}

static void say_error(Talk *t, const char *code, const char *words)
{
        say(t, tb_scope_message(NULL, "error", t->only,
                                json_pack("{s:s, s:s}", "error_code", code, "message", words)));
}

static void say_response(Talk *t, const char *id, const char *telescope, json_t *result, const char *error)
{
        json_t *payload = json_pack("{s:s, s:b, s:O}", "command_id", id, "success", error == NULL, "result",
                                    result ? result : json_null());
        json_object_set_new(payload, "error", error ? json_string(error) : json_null());
        say(t, tb_scope_message(NULL, "command_response", telescope, payload));
}

static void say_state(Talk *t, const char *device)
{
        TbInterface *mount = tb_scope_find(t->api, device, NULL);
        if (!mount || (t->only && strcmp(t->only, device) != 0))
                return;
        json_t *status =
                tb_scope_status(tb_scope_state(t->api, device), tb_scope_is_connected(mount), tb_clock_ms());
        say(t,
            tb_scope_message(NULL, "status_update", device,
                             json_pack("{s:o, s:[], s:b}", "status", status, "changes", "full_update", 1)));
}

static void say_list(Talk *t, const char *id)
{
        json_t *all = tb_scope_list(t->api);
        say(t, tb_scope_message(id, "telescope_list", NULL,
                                json_pack("{s:o, s:I, s:f}", "telescopes", all, "count",
                                          (json_int_t)json_array_size(all), "timestamp",
                                          (double)tb_clock_ms() / 1000)));
}

/* --- what the host says --- */
static void tell_answer(Talk *t, json_t *message)
{
        gint64 id = json_integer_value(json_object_get(message, "id"));
        g_autofree char *asked = g_strdup(g_hash_table_lookup(t->asked, &id));
        if (!asked)
                return;
        g_hash_table_remove(t->asked, &id);
        char *telescope = strrchr(asked, '\n'); /* theirs may have lines, ours has none */
        *telescope++ = '\0';
        json_t *error = json_object_get(message, "error");
        say_response(t, asked, telescope, json_object_get(message, "result"),
                     error ? json_string_value(json_object_get(error, "detail")) : NULL);
}

static void tell_interface(Talk *t, const char *device, const char *name, json_t *data)
{
        TbInterface *mount = tb_scope_find(t->api, device, NULL);
        const char *state = json_string_value(json_object_get(data, "state")),
                   *reason = json_string_value(json_object_get(data, "reason"));
        if (!mount || g_strcmp0(tb_interface_name(mount), name) != 0)
                return;
        if (g_strcmp0(state, "ready") == 0)
                say(t, tb_scope_message(NULL, "telescope_discovered", device,
                                        json_pack("{s:o}", "telescope", tb_scope_describe(t->api, mount))));
        else if (g_strcmp0(state, "opening") != 0)
                say(t, tb_scope_message(NULL, "telescope_lost", device,
                                        json_pack("{s:s}", "reason", reason ? reason : "it is not there")));
}

static void tell_event(Talk *t, json_t *message)
{
        const char *event = json_string_value(json_object_get(message, "event")),
                   *device = json_string_value(json_object_get(message, "device")),
                   *name = json_string_value(json_object_get(message, "interface"));
        json_t *data = json_object_get(message, "data");
        if (!event || !device || (t->only && strcmp(t->only, device) != 0))
                return;
        if (strcmp(event, "interface.state") == 0)
                tell_interface(t, device, name, data);
        else if (strcmp(event, "device.removed") == 0)
                say(t, tb_scope_message(NULL, "telescope_lost", device,
                                        json_pack("{s:s}", "reason", "it was removed")));
        else if (!t->told)
                return;
        else if (strcmp(event, "mount.state") == 0)
                say_state(t, device);
        else if (strcmp(event, "mount.annotation") == 0 || strcmp(event, "mount.alert") == 0)
                say(t,
                    tb_scope_message(NULL, strcmp(event, "mount.alert") == 0 ? "alert" : "annotation_event",
                                     device, data ? json_incref(data) : json_object()));
}

static bool on_ours(const char *text, gsize size, gpointer data)
{
        Talk *t = data;
        json_auto_t *message = tb_json_parse_kept(text, size, NULL);
        if (!t->ws)
                return false;
        if (json_object_get(message, "ok"))
                tell_answer(t, message);
        else if (g_strcmp0(json_string_value(json_object_get(message, "type")), "event") == 0)
                tell_event(t, message);
        return true;
}

static gsize on_queued(gpointer data)
{
        return tb_ws_queued(((Talk *)data)->ws);
}

static const TbControlOps control_ops = {.send = on_ours, .queued = on_queued, .max = TB_LIMIT_WS_QUEUE / 2};

/* --- what the page says --- */
static void take_command(Talk *t, const char *id, const char *telescope, json_t *payload)
{
        g_autoptr(GError) error = NULL;
        const char *op = NULL;
        TbInterface *mount = tb_scope_find(t->api, telescope ? telescope : t->only, &error);
        json_auto_t *params = mount ? tb_scope_command(json_string_value(json_object_get(payload, "action")),
                                                       json_object_get(payload, "parameters"), &op, &error)
                                    : NULL;
        if (params && g_hash_table_size(t->asked) >= TB_CONTROL_IN_FLIGHT)
                tb_set_error(&error, TB_ERROR_LIMIT, "too many commands are under way");
        if (error) {
                say_response(t, id, telescope, NULL, tb_error_detail(error));
                return;
        }
        const char *device = tb_device_id(tb_interface_device(mount));
        g_autofree char *verb = g_strdup_printf("%s.%s", tb_interface_name(mount), op);
        json_auto_t *command = json_pack("{s:I, s:s, s:s, s:O}", "id", (json_int_t)++t->next_id, "device",
                                         device, "verb", verb, "params", params);
        g_autofree char *text = tb_json_text(command, NULL);
        g_hash_table_insert(t->asked, g_memdup2(&t->next_id, sizeof t->next_id),
                            g_strdup_printf("%s\n%s", id, device));
        if (text)
                tb_control_receive(t->control, text, strlen(text));
}

static void subscribed(TbDevice *device, gpointer data)
{
        say_state(data, tb_device_id(device));
}

static void take(Talk *t, json_t *message)
{
        const char *type = json_string_value(json_object_get(message, "type")),
                   *id = json_string_value(json_object_get(message, "id")),
                   *telescope = json_string_value(json_object_get(message, "telescope_id"));
        json_t *payload = json_object_get(message, "payload");
        if (!type || (id && strlen(id) > TB_LIMIT_ID)) {
                say_error(t, "INVALID_MESSAGE",
                          "a message is {\"id\", \"type\", \"telescope_id\", \"payload\"}");
        } else if (strcmp(type, "control_command") == 0) {
                take_command(t, id ? id : "", telescope, payload);
        } else if (strcmp(type, "subscribe") == 0) {
                t->told = true;
                tb_core_each_device(t->api->core, subscribed, t);
        } else if (strcmp(type, "unsubscribe") == 0) {
                t->told = false;
        } else if (strcmp(type, "request_telescope_list") == 0) {
                say_list(t, id);
        } else if (strcmp(type, "heartbeat") == 0) {
                g_autofree char *now = tb_clock_rfc3339(tb_clock_ms());
                say(t, tb_scope_message(NULL, "heartbeat", NULL, json_pack("{s:s}", "server_time", now)));
        } else {
                say_error(t, "UNKNOWN_TYPE",
                          "this host knows control_command, subscribe, unsubscribe, heartbeat and "
                          "request_telescope_list");
        }
}

static void on_message(TbWs *ws, bool binary, const guint8 *bytes, gsize size, gpointer data)
{
        json_auto_t *message = binary ? NULL : tb_json_parse(bytes, size, NULL);
        if (binary)
                tb_ws_close(ws, 1003, "messages are JSON text");
        else if (json_is_object(message))
                take(data, message);
        else
                say_error(data, "INVALID_JSON", "a message is one JSON object");
}

static void on_drained(TbWs *ws G_GNUC_UNUSED, gpointer data)
{
        tb_control_drained(((Talk *)data)->control);
}

static void talk_free(Talk *t)
{
        t->ws = NULL;
        tb_control_free(t->control);
        g_hash_table_unref(t->asked);
        g_free(t->only);
        g_free(t);
}

static void on_closed(TbWs *ws G_GNUC_UNUSED, int code G_GNUC_UNUSED, gpointer data)
{
        talk_free(data);
}

static const TbWsOps ws_ops = {.message = on_message, .drained = on_drained, .closed = on_closed};

static void open_ws(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        const char *name = tb_request_arg(request, "name");
        TbInterface *mount = name ? tb_scope_find(api, name, &error) : NULL;
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        Talk *t = g_new0(Talk, 1);
        TbActor actor = tb_api_actor(request);
        actor.via = "ws";
        t->api = api;
        t->only = mount ? g_strdup(tb_device_id(tb_interface_device(mount))) : NULL;
        t->told = mount != NULL;
        t->asked = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
        t->control = tb_control_new(api->core, &actor, NULL, &control_ops, t);
        t->ws = tb_request_upgrade(request, NULL, TB_LIMIT_WS_MESSAGE, &ws_ops, t);
        if (!t->ws) {
                talk_free(t);
                return;
        }
        tb_control_subscribe(t->control, "event", -1, NULL);
        say_list(t, NULL);
        if (t->only)
                say_state(t, t->only);
}

#define ROUTE(path_, summary_, answers_)                                                                     \
        {                                                                                                    \
                .method = "GET", .path = path_, .role = TB_ROLE_VIEWER,                                      \
                .flags = TB_ROUTE_WEBSOCKET | TB_ROUTE_FOREIGN, .handler = open_ws, .tag = "compatibility",  \
                .summary = summary_, .answers = answers_                                                     \
        }

static const TbRoute routes[] = {
        ROUTE("/api/ws", "ALP Experimental: states, commands and their answers", "101; 426"),
        ROUTE("/ws/{name}", "ALP Experimental: the same of one telescope", "101; 404; 426"),
        {.method = NULL},
};

void tb_compat_add_scope_ws(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
