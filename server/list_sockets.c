#include "server/list_sockets.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "server/server_private.h"

#define EVENTS "events"   /* what is no list of views.h: it is told of as it comes */
#define SLOW (512 * 1024) /* bytes that wait for a reader: he is told no more until he has read them */

struct TbListSocket {
        TbServer *server; /* borrowed */
        TbWs *ws;         /* borrowed; NULL: it is an event stream */
        TbPush *push;     /* borrowed; NULL: it is a WebSocket */
        TbCaller caller;
        TbViewReader *readers[TB_VIEW_LISTS]; /* owned; NULL: not read */
        TbEventFeed *events;                  /* owned; NULL: not followed */
        bool has_missed_events;
        GList link; /* in server->list_sockets */
};

bool tb_list_socket_asks(const char *text, gsize size)
{
        json_auto_t *message = strstr(text, "\"subscribe\"") ? tb_json_parse(text, size, NULL) : NULL;
        return json_is_array(json_object_get(message, "subscribe")) && !json_object_get(message, "type");
}

TbListSocket *tb_list_socket_new(TbServer *server, TbWs *ws, TbCaller *caller_take)
{
        TbListSocket *s = g_new0(TbListSocket, 1);
        s->server = server;
        s->ws = ws;
        if (caller_take)
                s->caller = *caller_take;
        g_free(caller_take);
        s->link.data = s;
        g_queue_push_tail_link(&server->list_sockets, &s->link);
        return s;
}

static void unfollow(TbListSocket *s)
{
        if (s->events)
                tb_events_unfollow(s->server->events, g_steal_pointer(&s->events));
}

void tb_list_socket_free(TbListSocket *s)
{
        if (!s)
                return;
        for (guint i = 0; i < TB_VIEW_LISTS; i++)
                tb_view_reader_free(s->readers[i]);
        unfollow(s);
        g_queue_unlink(&s->server->list_sockets, &s->link);
        tb_caller_clear(&s->caller);
        g_free(s);
}

static void on_room(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        tb_list_socket_drained(data);
}

static bool on_told(const char *text, gsize size, gpointer data)
{
        TbListSocket *s = data;
        if (s->ws)
                return tb_ws_queued(s->ws) <= SLOW && tb_ws_send(s->ws, false, text, size);
        if (tb_push_queued(s->push) <= SLOW && tb_sse_send(s->push, NULL, NULL, text))
                return true;
        tb_push_on_room(s->push, on_room);
        return false;
}

/* --- events of phones and benches: what happens, as it does --- */
static void ask_for_events(TbListSocket *s)
{
        s->has_missed_events = !tb_ws_send_text(s->ws, "{\"list\":\"events\",\"get\":\"events\"}");
}

static void on_event(gpointer follower, const char *text)
{
        TbListSocket *s = follower;
        g_autofree char *named = g_strconcat("{\"list\":\"events\",", text + 1, NULL);
        if (s->has_missed_events)
                return;
        s->has_missed_events = tb_ws_queued(s->ws) > SLOW || !tb_ws_send_text(s->ws, named);
}

static bool follow(TbListSocket *s, GError **error)
{
        g_autofree char *user = tb_events_reader(s->server->events, &s->caller, error);
        if (!user)
                return false;
        unfollow(s);
        s->events = tb_events_follow(s->server->events, user, on_event, s);
        ask_for_events(s);
        return true;
}

static void refuse(TbListSocket *s, const char *list, const GError *error)
{
        json_auto_t *o = json_pack("{s:s, s:i, s:s, s:s?}", "type", "error", "status", tb_error_status(error),
                                   "message", tb_error_detail(error), "list", list);
        tb_ws_send_json(s->ws, o);
}

/* `only`: a pattern, NULL: all. */
static bool read_list(TbListSocket *s, const char *name, const char *only, const char *has, GError **error)
{
        TbViewAsk ask = {.caller = &s->caller, .only = only};
        if (!tb_view_list_parse(name, &ask.list))
                tb_error_set_field(error, TB_ERROR_INVALID, "list",
                                   "there is no such list: hosts, devices, sessions, enrol, users, groups, "
                                   "logins, telemetry or events");
        else if (only && !tb_grants_pattern_valid(only))
                tb_error_set_field(error, TB_ERROR_INVALID, "device", "it must be %s", TB_GRANT_PATTERN_RULE);
        else if (s->caller.role < tb_view_list_role(ask.list))
                tb_set_error(error, s->caller.role ? TB_ERROR_FORBIDDEN : TB_ERROR_UNAUTHORIZED,
                             "reading \"%s\" needs the role %s", name,
                             tb_role_name(tb_view_list_role(ask.list)));
        else {
                tb_view_reader_free(g_steal_pointer(&s->readers[ask.list]));
                s->readers[ask.list] =
                        tb_views_read(s->server->views, &ask, has, tb_clock_mono_ms(), on_told, s, error);
                return s->readers[ask.list] != NULL;
        }
        return false;
}

/* {"list":NAME} with texts alone: a filter that was not understood would show more than was asked for. */
static bool is_asking(const json_t *one, GError **error)
{
        static const char *const texts[] = {"list", "etag", "host", "device"};
        for (guint i = 0; json_is_object(one) && i < G_N_ELEMENTS(texts); i++) {
                const json_t *value = json_object_get(one, texts[i]);
                if (!value || json_is_string(value) || json_is_null(value))
                        continue;
                tb_error_set_field(error, TB_ERROR_INVALID, texts[i], "%s must be a text", texts[i]);
                return false;
        }
        return true;
}

static void subscribe(TbListSocket *s, const json_t *one)
{
        const char *name = json_string_value(json_is_string(one) ? one : json_object_get(one, "list")),
                   *has = json_string_value(json_object_get(one, "etag")),
                   *host = json_string_value(json_object_get(one, "host")),
                   *device = json_string_value(json_object_get(one, "device"));
        g_autoptr(GError) error = NULL;
        bool ok = !is_asking(one, &error)        ? false
                  : g_strcmp0(name, EVENTS) == 0 ? follow(s, &error)
                                                 : read_list(s, name, device ? device : host, has, &error);
        if (!ok)
                refuse(s, name, error);
        if (s->caller.role == TB_ROLE_NONE)
                tb_ws_close(s->ws, 1008, "a token is needed, or a sign-in");
}

static void unsubscribe(TbListSocket *s, const json_t *one)
{
        TbViewList list;
        if (g_strcmp0(json_string_value(one), EVENTS) == 0)
                unfollow(s);
        else if (tb_view_list_parse(json_string_value(one), &list))
                tb_view_reader_free(g_steal_pointer(&s->readers[list]));
}

void tb_list_socket_text(TbListSocket *s, const char *text, gsize size)
{
        json_auto_t *message = text ? tb_json_parse(text, size, NULL) : NULL;
        json_t *wanted = json_object_get(message, "subscribe"),
               *no_more = json_object_get(message, "unsubscribe"), *one;
        gsize i;
        if (json_is_array(wanted) && json_array_size(wanted) <= TB_VIEW_LISTS + 1) {
                json_array_foreach (wanted, i, one)
                        subscribe(s, one);
        } else if (json_is_array(no_more)) {
                json_array_foreach (no_more, i, one)
                        unsubscribe(s, one);
        } else if (g_strcmp0(json_string_value(json_object_get(message, "type")), "ping") == 0) {
                tb_ws_send_text(s->ws, "{\"type\":\"pong\"}");
        } else {
                g_autoptr(GError) error = g_error_new_literal(
                        TB_ERROR, TB_ERROR_INVALID,
                        "this socket reads lists: {\"subscribe\":[\"hosts\"]}, {\"type\":\"ping\"}");
                refuse(s, NULL, error);
        }
}

void tb_list_socket_drained(TbListSocket *s)
{
        for (guint i = 0; i < TB_VIEW_LISTS; i++)
                if (s->readers[i])
                        tb_view_reader_caught_up(s->readers[i]);
        if (s->events && s->has_missed_events)
                ask_for_events(s);
}

/* --- Server-Sent Events --- */
static void on_stream_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        tb_list_socket_free(data);
}

/* Each list is looked at before the stream begins: from then on there is no status to say it by. */
static bool may_read(const TbCaller *caller, char **names, const char *only, GError **error)
{
        TbViewList list;
        for (char **name = names; *name; name++) {
                if (!tb_view_list_parse(*name, &list))
                        tb_error_set_field(error, TB_ERROR_INVALID, "list",
                                           "there is no list \"%.32s\": hosts, devices, sessions, enrol, "
                                           "users, groups, logins or telemetry",
                                           *name);
                else if (caller->role < tb_view_list_role(list))
                        tb_set_error(error, TB_ERROR_FORBIDDEN, "reading \"%s\" needs the role %s", *name,
                                     tb_role_name(tb_view_list_role(list)));
                else
                        continue;
                return false;
        }
        if (only && !tb_grants_pattern_valid(only))
                tb_error_set_field(error, TB_ERROR_INVALID, "device", "it must be %s", TB_GRANT_PATTERN_RULE);
        return !*error;
}

void tb_list_stream(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *list = tb_request_query_string(request, "list"),
                   *only = tb_request_query_string(request, "device");
        g_auto(GStrv) names = g_strsplit(list ? list : "hosts", ",", TB_VIEW_LISTS);
        g_autoptr(GError) error = NULL;
        if (!may_read(tb_request_caller(request), names, only, &error)) {
                tb_request_reply_error(request, error);
                return;
        }
        TbCaller *caller = g_new0(TbCaller, 1);
        tb_caller_copy(caller, tb_request_caller(request));
        TbListSocket *s = tb_list_socket_new(server, NULL, caller);
        s->push = tb_request_reply_sse(request, on_stream_gone, s);
        if (!s->push) {
                tb_list_socket_free(s);
                return;
        }
        for (char **name = names; *name && !error; name++)
                read_list(s, *name, only, tb_request_header(request, "Last-Event-ID"), &error);
        if (!error)
                return;
        json_auto_t *problem = tb_error_to_problem(error, NULL);
        g_autofree char *text = tb_json_text(problem, NULL);
        tb_sse_send(s->push, NULL, "error", text);
        tb_push_close(s->push); /* frees it */
}

/* --- rights --- */
void tb_server_rights_changed(TbServer *server, const char *user)
{
        tb_calls_rights_changed(server->calls, user);
        for (GList *l = server->list_sockets.head; l;) {
                TbListSocket *s = l->data;
                l = l->next;
                if (user && g_strcmp0(s->caller.user, user) != 0 && s->caller.by != TB_BY_JWT)
                        continue;
                if (s->ws)
                        tb_ws_close(s->ws, 1012, "your rights may have changed: connect again");
                else
                        tb_push_close(s->push); /* frees it */
        }
}

void tb_server_noticed(TbServer *server, TbViewList list, const char *share)
{
        tb_views_noticed(server->views, list, share, tb_clock_mono_ms());
        tb_server_arm(server, tb_views_due(server->views));
}
