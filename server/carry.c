#include "server/carry.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "server/pairing_private.h"

typedef struct Job {
        TbCarry *carry; /* borrowed */
        gint64 id;
        TbRequest *request; /* ref */
        TbParty *host;      /* borrowed */
        TbPush *push;       /* borrowed; NULL: no answer yet */
        GSource *stall;     /* ref; runs while the client's queue is full */
} Job;

struct TbCarry {
        GHashTable *jobs; /* &job->id -> owned Job */
        gint64 next_id;
        void (*pause)(gpointer connection, bool paused);
};

static void job_free(gpointer p)
{
        Job *job = p;
        if (job->stall) {
                g_source_destroy(job->stall);
                g_source_unref(job->stall);
        }
        tb_request_unref(job->request);
        g_free(job);
}

TbCarry *tb_carry_new(void (*pause)(gpointer connection, bool paused))
{
        TbCarry *carry = g_new0(TbCarry, 1);
        carry->jobs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, job_free);
        carry->pause = pause;
        return carry;
}

void tb_carry_free(TbCarry *carry)
{
        if (!carry)
                return;
        g_hash_table_unref(carry->jobs);
        g_free(carry);
}

/* Reading from a host stands still while any client of it is full. */
static void set_pause(TbCarry *carry, TbParty *host)
{
        GHashTableIter iter;
        gpointer value;
        bool paused = false;
        g_hash_table_iter_init(&iter, carry->jobs);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                paused = paused || (((Job *)value)->host == host && ((Job *)value)->stall);
        carry->pause(tb_party_connection(host), paused);
}

static void forget(Job *job)
{
        TbCarry *carry = job->carry;
        TbParty *host = job->host;
        bool stalled = job->stall != NULL;
        g_hash_table_remove(carry->jobs, &job->id);
        if (stalled)
                set_pause(carry, host);
}

static void cancel(Job *job)
{
        tb_party_send(job->host, json_pack("{s:s, s:I}", "type", "http-cancel", "id", (json_int_t)job->id));
        forget(job);
}

static void on_request_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        cancel(data);
}

static void on_push_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        Job *job = data;
        job->push = NULL;
        cancel(job);
}

/* --- towards the host --- */
/* Where the host's "/" is for the client, with what a proxy before us put in front: for Location. */
static char *prefix_of(TbRequest *request, const char *name)
{
        const char *base = tb_request_base_url(request), *path = strchr(strstr(base, "://") + 3, '/');
        return g_strconcat(path ? path : "", "/api/hosts/", name, NULL);
}

static json_t *headers_of(TbRequest *request, const char *name)
{
        static const char *const passed[] = {"Accept",        "Content-Type", "X-Lease", "Last-Event-ID",
                                             "If-None-Match", "If-Match",     "Range"};
        json_t *out = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(passed); i++) {
                const char *value = tb_request_header(request, passed[i]);
                if (value && g_utf8_validate(value, -1, NULL))
                        json_object_set_new(out, passed[i], json_string(value));
        }
        g_autofree char *prefix = prefix_of(request, name);
        json_object_set_new(out, "X-Request-Id", json_string(tb_request_id(request)));
        json_object_set_new(out, "X-Forwarded-Prefix", json_string(prefix));
        return out;
}

static guint jobs_of(TbCarry *carry, TbParty *host)
{
        GHashTableIter iter;
        gpointer value;
        guint n = 0;
        g_hash_table_iter_init(&iter, carry->jobs);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                n += ((Job *)value)->host == host;
        return n;
}

void tb_carry_request(TbCarry *carry, TbRequest *request, TbParty *host, const char *path)
{
        if (jobs_of(carry, host) >= TB_CARRY_PER_HOST) {
                g_autoptr(GError) error =
                        g_error_new(TB_ERROR, TB_ERROR_LIMIT,
                                    "%d requests for this host are under way already", TB_CARRY_PER_HOST);
                tb_request_add_header(request, "Retry-After", "1");
                tb_request_reply_error(request, error);
                return;
        }
        Job *job = g_new0(Job, 1);
        job->carry = carry;
        job->id = ++carry->next_id;
        job->request = tb_request_ref(request);
        job->host = host;
        json_t *message = json_pack("{s:s, s:I, s:s, s:s, s:o, s:s, s:s}", "type", "http", "id",
                                    (json_int_t)job->id, "method", tb_request_method(request), "path", path,
                                    "headers", headers_of(request, host->host), "role",
                                    tb_role_name(tb_request_role(request)), "user", tb_request_user(request));
        gsize size = 0;
        const void *body =
                tb_request_body(request) ? g_bytes_get_data(tb_request_body(request), &size) : NULL;
        if (size > 0) {
                g_autofree char *text = g_base64_encode(body, size);
                json_object_set_new(message, "body", json_string(text));
        }
        g_hash_table_insert(carry->jobs, &job->id, job);
        tb_request_on_gone(request, on_request_gone, job);
        tb_party_send(host, message);
}

/* --- from the host --- */
static GBytes *body_of(json_t *message)
{
        const char *text = json_string_value(json_object_get(message, "body"));
        gsize size = 0;
        guchar *bytes = text && *text ? g_base64_decode(text, &size) : NULL;
        return g_bytes_new_take(bytes, size);
}

static const char *add_headers(TbRequest *request, json_t *headers)
{
        static const char *const passed[] = {"Cache-Control", "Content-Disposition",
                                             "ETag",          "Last-Modified",
                                             "Retry-After",   "Allow",
                                             "Location",      "Accept-Patch",
                                             "Accept-Post",   "Link",
                                             "X-Next-Offset", "X-End-Offset",
                                             "X-Taken-At",    "X-File-Mode",
                                             "Upgrade",       NULL};
        const char *type = "application/octet-stream", *name;
        json_t *value;
        json_object_foreach (headers, name, value) {
                const char *text = json_string_value(value);
                if (text && g_ascii_strcasecmp(name, "Content-Type") == 0)
                        type = text;
                for (gsize i = 0; text && passed[i]; i++)
                        if (g_ascii_strcasecmp(name, passed[i]) == 0)
                                tb_request_add_header(request, passed[i], text);
        }
        /* A host's pages must not act with the rights of this server's origin. */
        tb_request_add_header(request, "Content-Security-Policy", "default-src 'none'; sandbox");
        return type;
}

static gboolean on_stall(gpointer data)
{
        Job *job = data;
        TbPush *push = job->push;
        job->push = NULL;
        tb_push_fail(push); /* on_push_gone() forgets the job */
        return G_SOURCE_REMOVE;
}

static void on_room(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        Job *job = data;
        if (!job->stall)
                return;
        g_source_destroy(job->stall);
        g_clear_pointer(&job->stall, g_source_unref);
        set_pause(job->carry, job->host);
}

static void send_piece(Job *job, GBytes *bytes)
{
        if (g_bytes_get_size(bytes) > 0 && !tb_push_send(job->push, bytes)) {
                tb_push_fail(job->push);
                return;
        }
        if (tb_push_queued(job->push) <= TB_CARRY_QUEUE / 2 || job->stall)
                return;
        job->stall = g_timeout_source_new(TB_CARRY_STALL_MS);
        g_source_set_callback(job->stall, on_stall, job, NULL);
        g_source_attach(job->stall, g_main_context_get_thread_default());
        tb_push_on_room(job->push, on_room);
        set_pause(job->carry, job->host);
}

static void finish(Job *job)
{
        TbPush *push = g_steal_pointer(&job->push);
        tb_push_disown(push);
        tb_push_close(push);
        forget(job);
}

static void on_response(Job *job, json_t *message)
{
        TbRequest *request = job->request;
        int status = (int)json_integer_value(json_object_get(message, "status"));
        bool more = json_is_true(json_object_get(message, "more"));
        g_autoptr(GBytes) body = body_of(message);
        tb_request_on_gone(request, NULL, NULL);
        if (status < 200 || status > 599) {
                g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_DEVICE,
                                                              "the host gave an answer that makes no sense");
                tb_request_reply_error(request, error);
                cancel(job);
                return;
        }
        const char *type = add_headers(request, json_object_get(message, "headers"));
        if (more) {
                job->push = tb_request_reply_push_status(request, status, type, TB_CARRY_QUEUE, on_push_gone,
                                                         job);
                if (job->push)
                        send_piece(job, body);
                else
                        cancel(job);
                return;
        }
        if (g_bytes_get_size(body) > 0)
                tb_request_reply_bytes(request, status, type, body);
        else
                tb_request_reply_empty(request, status);
        forget(job);
}

void tb_carry_message(TbCarry *carry, TbParty *host, json_t *message)
{
        json_t *number = json_object_get(message, "id");
        gint64 id = json_integer_value(number);
        Job *job = g_hash_table_lookup(carry->jobs, &id);
        const char *type = json_string_value(json_object_get(message, "type"));
        if (!job || job->host != host)
                return; /* it was cancelled while the answer was on its way */
        if (strcmp(type, "http-response") == 0 && !job->push) {
                on_response(job, message);
        } else if (strcmp(type, "http-data") == 0 && job->push) {
                g_autoptr(GBytes) body = body_of(message);
                bool more = json_is_true(json_object_get(message, "more"));
                send_piece(job, body);
                if (!more && g_hash_table_lookup(carry->jobs, &id))
                        finish(job);
        } else {
                tb_party_error(host, "invalid", "Out of order");
        }
}

void tb_carry_host_left(TbCarry *carry, TbParty *host)
{
        g_autoptr(GPtrArray) lost = g_ptr_array_new();
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, carry->jobs);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                if (((Job *)value)->host == host)
                        g_ptr_array_add(lost, value);
        }
        for (guint i = 0; i < lost->len; i++) {
                Job *job = g_ptr_array_index(lost, i);
                tb_request_on_gone(job->request, NULL, NULL);
                if (job->push) {
                        TbPush *push = g_steal_pointer(&job->push);
                        tb_push_disown(push);
                        tb_push_fail(push);
                } else {
                        g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_DEVICE,
                                                                      "the connection to the host was lost");
                        tb_request_reply_error(job->request, error);
                }
                if (job->stall) { /* the connection ends: nothing to resume */
                        g_source_destroy(job->stall);
                        g_clear_pointer(&job->stall, g_source_unref);
                }
                g_hash_table_remove(carry->jobs, &job->id);
        }
}
