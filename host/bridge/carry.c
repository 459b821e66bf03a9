#include "host/bridge/carry.h"

#include <string.h>

#include <libsoup/soup.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/thread.h"

struct TbCarry {
        const TbCarryOps *ops; /* static */
        gpointer data;
        TbHttp *http;                    /* owned */
        SoupSession *session;            /* ref */
        char *tokens[TB_ROLE_ADMIN + 1]; /* owned; [TB_ROLE_NONE] unused */
        GHashTable *calls;               /* id -> Call, borrowed: a call frees itself */
        guint *flying;                   /* owned: calls whose callback is to come, cancelled ones too */
};

typedef struct Call {
        TbCarry *carry; /* borrowed; NULL: cancelled, say nothing */
        guint *flying;  /* borrowed from the TbCarry, which waits for it */
        gint64 id;
        SoupMessage *message; /* ref */
        GInputStream *body;   /* ref; NULL: no answer yet */
        GCancellable *cancel; /* ref */
        bool waiting;         /* for the server to catch up */
        bool answered;        /* the head was sent */
} Call;

static void read_more(Call *call);

static void call_free(Call *call)
{
        if (call->carry)
                g_hash_table_remove(call->carry->calls, &call->id);
        g_clear_object(&call->body);
        g_object_unref(call->message);
        g_object_unref(call->cancel);
        (*call->flying)--;
        g_free(call);
}

static bool send_json(TbCarry *carry, json_t *message_take)
{
        gsize size;
        g_autofree char *text = tb_json_text(message_take, &size);
        json_decref(message_take);
        return carry->ops->send(text, size, carry->data);
}

void tb_carry_refuse(TbCarry *carry, gint64 id, const GError *error)
{
        json_t *problem = tb_error_to_problem(error, NULL);
        gsize size;
        g_autofree char *text = tb_json_text(problem, &size);
        g_autofree char *body = g_base64_encode((const guchar *)text, size);
        json_decref(problem);
        send_json(carry, json_pack("{s:s, s:I, s:i, s:{s:s}, s:s, s:b}", "type", "http-response", "id",
                                   (json_int_t)id, "status", tb_error_status(error), "headers",
                                   "content-type", "application/problem+json", "body", body, "more", 0));
}

/* What tells something to the other side; connection-level headers and those of our own loopback stay here.
 */
static json_t *answer_headers(SoupMessage *message)
{
        static const char *const wanted[] = {"content-type",  "x-request-id",  "content-disposition",
                                             "location",      "retry-after",   "etag",
                                             "cache-control", "last-modified", "content-length",
                                             "allow",         "accept-patch",  "accept-post",
                                             "link",          "x-next-offset", "x-end-offset",
                                             "x-taken-at",    "x-file-mode",   "upgrade"};
        json_t *headers = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(wanted); i++) {
                const char *value =
                        soup_message_headers_get_list(soup_message_get_response_headers(message), wanted[i]);
                json_t *text = value ? json_string(value) : NULL; /* NULL as well when it is no UTF-8 */
                if (text)
                        json_object_set_new(headers, wanted[i], text);
        }
        return headers;
}

/* The head goes with the first piece of the body. */
static bool send_piece(Call *call, const void *bytes, gsize size, bool more)
{
        g_autofree char *body = g_base64_encode(bytes, size);
        json_t *message = call->answered ? json_pack("{s:s}", "type", "http-data")
                                         : json_pack("{s:s, s:i, s:o}", "type", "http-response", "status",
                                                     (int)soup_message_get_status(call->message), "headers",
                                                     answer_headers(call->message));
        json_object_set_new(message, "id", json_integer(call->id));
        json_object_set_new(message, "body", json_string(body));
        json_object_set_new(message, "more", json_boolean(more));
        call->answered = true;
        return send_json(call->carry, message);
}

static void fail(Call *call, const GError *cause)
{
        if (call->answered) { /* too late for a status: the body ends short of its length */
                send_json(call->carry,
                          json_pack("{s:s, s:I, s:s, s:b, s:s}", "type", "http-data", "id",
                                    (json_int_t)call->id, "body", "", "more", 0, "error", cause->message));
                return;
        }
        g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                              "the host's own route did not answer: %s", cause->message);
        tb_carry_refuse(call->carry, call->id, error);
}

static void on_read(GObject *source, GAsyncResult *result, gpointer data)
{
        Call *call = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, &error);
        if (!call->carry) {
                call_free(call);
                return;
        }
        if (!bytes) {
                fail(call, error);
                call_free(call);
                return;
        }
        gsize size;
        const void *piece = g_bytes_get_data(bytes, &size);
        if (!send_piece(call, piece, size, size > 0) || size == 0)
                call_free(call);
        else
                read_more(call);
}

static void read_more(Call *call)
{
        call->waiting = call->carry->ops->full(call->carry->data);
        if (!call->waiting)
                g_input_stream_read_bytes_async(call->body, TB_BRIDGE_CHUNK, G_PRIORITY_DEFAULT, call->cancel,
                                                on_read, call);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
        Call *call = data;
        g_autoptr(GError) error = NULL;
        call->body = soup_session_send_finish(SOUP_SESSION(source), result, &error);
        if (!call->carry) {
                call_free(call);
        } else if (!call->body) {
                fail(call, error);
                call_free(call);
        } else {
                read_more(call);
        }
}

/* --- requests --- */
static void add_headers(SoupMessageHeaders *to, const TbBridgeMessage *request)
{
        static const char *const wanted[] = {"accept",        "content-type", "x-lease",
                                             "last-event-id", "range",        "if-none-match",
                                             "if-match",      "x-request-id", "x-forwarded-prefix"};
        const char *name;
        json_t *value;
        json_object_foreach (request->headers, name, value) {
                g_autofree char *lower = g_ascii_strdown(name, -1);
                const char *text = json_string_value(value);
                for (gsize i = 0; text && i < G_N_ELEMENTS(wanted); i++)
                        if (strcmp(lower, wanted[i]) == 0 && strlen(text) <= TB_LIMIT_URI &&
                            !strpbrk(text, "\r\n"))
                                soup_message_headers_replace(to, wanted[i], text);
        }
}

static SoupMessage *build(TbCarry *carry, const TbBridgeMessage *request, GError **error)
{
        g_autofree char *url =
                g_strdup_printf("http://127.0.0.1:%u%s", tb_http_port(carry->http), request->path);
        SoupMessage *message = soup_message_new(request->method, url);
        if (!message) {
                tb_error_set_field(error, TB_ERROR_INVALID, "path", "the path is malformed");
                return NULL;
        }
        SoupMessageHeaders *headers = soup_message_get_request_headers(message);
        add_headers(headers, request);
        g_autofree char *bearer = g_strdup_printf("Bearer %s", carry->tokens[request->role]);
        soup_message_headers_replace(headers, "Authorization", bearer);
        soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
        if (request->body && *request->body) {
                gsize size;
                guchar *raw = g_base64_decode(request->body, &size);
                g_autoptr(GBytes) bytes = g_bytes_new_take(raw, size);
                /* a copy: the call replaces the header that we read */
                g_autofree char *type = g_strdup(soup_message_headers_get_one(headers, "content-type"));
                soup_message_set_request_body_from_bytes(message, type, bytes);
        }
        return message;
}

void tb_carry_request(TbCarry *carry, const TbBridgeMessage *request)
{
        tb_assert_main();
        g_autoptr(GError) error = NULL;
        SoupMessage *message = NULL;
        if (g_hash_table_contains(carry->calls, &request->id))
                tb_set_error(&error, TB_ERROR_BUSY, "request %" G_GINT64_FORMAT " is being answered already",
                             request->id);
        else if (g_hash_table_size(carry->calls) >= TB_BRIDGE_CARRIED)
                tb_set_error(&error, TB_ERROR_LIMIT, "the host answers %d requests of the server at once",
                             TB_BRIDGE_CARRIED);
        else
                message = build(carry, request, &error);
        if (!message) {
                tb_carry_refuse(carry, request->id, error);
                return;
        }
        Call *call = g_new0(Call, 1);
        call->carry = carry;
        call->flying = carry->flying;
        (*call->flying)++;
        call->id = request->id;
        call->message = message;
        call->cancel = g_cancellable_new();
        g_hash_table_insert(carry->calls, &call->id, call);
        soup_session_send_async(carry->session, message, G_PRIORITY_DEFAULT, call->cancel, on_answer, call);
}

static void abandon(Call *call)
{
        g_hash_table_remove(call->carry->calls, &call->id);
        call->carry = NULL;
        if (call->waiting)
                call_free(call);
        else
                g_cancellable_cancel(call->cancel); /* its callback frees it */
}

void tb_carry_cancel(TbCarry *carry, gint64 id)
{
        Call *call = g_hash_table_lookup(carry->calls, &id);
        if (call)
                abandon(call);
}

void tb_carry_cancel_all(TbCarry *carry)
{
        g_autoptr(GList) calls = g_hash_table_get_values(carry->calls);
        for (GList *l = calls; l; l = l->next)
                abandon(l->data);
}

void tb_carry_resume(TbCarry *carry)
{
        g_autoptr(GList) calls = g_hash_table_get_values(carry->calls);
        for (GList *l = calls; l; l = l->next) {
                Call *call = l->data;
                if (call->waiting)
                        read_more(call);
        }
}

guint tb_carry_count(const TbCarry *carry)
{
        return g_hash_table_size(carry->calls);
}

/* --- life --- */
TbCarry *tb_carry_new(TbPoller *poller, const char *version, const TbCarryOps *ops, gpointer data,
                      GError **error)
{
        g_autoptr(TbCarry) carry = g_new0(TbCarry, 1);
        carry->ops = ops;
        carry->data = data;
        carry->calls = g_hash_table_new(g_int64_hash, g_int64_equal);
        carry->flying = g_new0(guint, 1);
        TbAuth *auth = tb_auth_new();
        for (TbRole role = TB_ROLE_VIEWER; role <= TB_ROLE_ADMIN; role++) {
                g_autofree char *name = g_strdup_printf("server:%s", tb_role_name(role));
                carry->tokens[role] = tb_random_token(32);
                if (!tb_auth_add(auth, name, carry->tokens[role], role, error)) {
                        tb_auth_unref(auth);
                        return NULL;
                }
        }
        const TbHttpOptions options = {.address = "127.0.0.1",
                                       .name = "testbed-host",
                                       .version = version,
                                       .auth = auth,
                                       .poller = poller,
                                       .max_connections = 2 * TB_BRIDGE_CARRIED};
        carry->http = tb_http_new(&options, error);
        tb_auth_unref(auth);
        if (!carry->http)
                return NULL;
        carry->session = soup_session_new_with_options("max-conns", TB_BRIDGE_CARRIED, "max-conns-per-host",
                                                       TB_BRIDGE_CARRIED, NULL);
        soup_session_remove_feature_by_type(carry->session, SOUP_TYPE_CONTENT_DECODER);
        return g_steal_pointer(&carry);
}

void tb_carry_free(TbCarry *carry)
{
        if (!carry)
                return;
        tb_carry_cancel_all(carry);
        while (*carry->flying) /* every one is cancelled: this takes a turn or two of the loop */
                g_main_context_iteration(NULL, TRUE);
        if (carry->session) {
                soup_session_abort(carry->session);
                g_object_unref(carry->session);
        }
        tb_http_free(carry->http);
        g_hash_table_destroy(carry->calls);
        g_free(carry->flying);
        for (TbRole role = TB_ROLE_NONE; role <= TB_ROLE_ADMIN; role++)
                g_free(carry->tokens[role]);
        g_free(carry);
}

TbHttp *tb_carry_http(TbCarry *carry)
{
        return carry->http;
}
