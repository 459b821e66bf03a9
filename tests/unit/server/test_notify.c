/* Telling: what a webhook gets, what answers mean, and the limits of what waits, beside a server of a few lines. */
#include "server/notify/notify.h"

#include <gio/gio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "server/notify/post.h"
#include "tests/unit/server/db_rig.h"

static void heads(void)
{
        static const struct {
                const char *text;
                bool good;
                guint status, after;
        } table[] = {
                {"HTTP/1.1 200 OK\r\n\r\n", true, 200, 0},
                {"HTTP/1.0 503\r\nretry-after: 7\r\n\r\n", true, 503, 7},
                {"HTTP/1.1 429 X\r\nA: b\r\nRetry-After:99999999999999999999\r\n\r\n", true, 429, 86400},
                {"HTTP/1.1 429 X\r\nRetry-After: Wed, 21 Oct\r\n\r\n", true, 429, 0},
                {"HTTP/1.1 204 No\r\n\r\nRetry-After: 9\r\n", true, 204, 0},
                {"HTTP/2 200 OK\r\n\r\n", false, 0, 0},
                {"HTTP/1.1 20\r\n\r\n", false, 0, 0},
                {"HTTP/1.1 099 X\r\n\r\n", false, 0, 0},
                {"SSH-2.0-x\r\n", false, 0, 0},
                {"", false, 0, 0},
        };
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                guint status = 0, after = 0;
                g_assert_cmpint(tb_post_head_parse(table[i].text, strlen(table[i].text), &status, &after), ==,
                                table[i].good);
                g_assert_cmpuint(status, ==, table[i].status);
                g_assert_cmpuint(after, ==, table[i].after);
        }
        g_assert_true(tb_notify_is_retryable(0) && tb_notify_is_retryable(429) &&
                      tb_notify_is_retryable(500));
        g_assert_false(tb_notify_is_retryable(200) || tb_notify_is_retryable(400) ||
                       tb_notify_is_retryable(404));
}

static void webhook(void)
{
        json_auto_t *event = json_pack("{s:s, s:b, s:s}", "event_id", "e", "should_notify", 1, "user_id",
                                       "secret"),
                    *body = tb_notify_webhook_body(event);
        g_assert_cmpuint(json_object_size(body), ==, 14);
        g_assert_true(json_is_null(json_object_get(body, "clip_uri")) && !json_object_get(body, "user_id"));
        /* RFC 4231, test case 2 */
        g_autofree char *headers = tb_notify_webhook_headers("Jefe", "what do ya want for nothing?", 28),
                        *none = tb_notify_webhook_headers(NULL, "", 0);
        g_assert_cmpstr(headers, ==,
                        "X-Ping-Watch-Webhook-Secret: Jefe\r\nX-Testbed-Signature: "
                        "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\r\n");
        g_assert_cmpstr(none, ==, "");
}

/* --- a receiver that takes connections and answers when it is told to --- */
typedef struct Receiver {
        GSocketService *service;
        GQueue lines; /* owned GSocketConnection, unanswered */
        char *url;    /* owned */
        GPtrArray *attempts;
} Receiver;

static gboolean on_line(GSocketService *service G_GNUC_UNUSED, GSocketConnection *line,
                        GObject *source G_GNUC_UNUSED, gpointer data)
{
        g_queue_push_tail(&((Receiver *)data)->lines, g_object_ref(line));
        return TRUE;
}

static void on_tried(const char *event_id G_GNUC_UNUSED, const json_t *attempt, gpointer data)
{
        g_ptr_array_add(((Receiver *)data)->attempts, json_deep_copy(attempt));
}

static void receiver_start(Receiver *r)
{
        tb_main_init(NULL);
        *r = (Receiver){.service = g_socket_service_new(),
                        .attempts = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref)};
        guint16 port = g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(r->service), NULL, NULL);
        r->url = g_strdup_printf("http://127.0.0.1:%u/hook", port);
        g_signal_connect(r->service, "incoming", G_CALLBACK(on_line), r);
}

static void answer(Receiver *r, const char *text)
{
        UNTIL(r->lines.length > 0);
        GSocketConnection *line = g_queue_pop_head(&r->lines);
        char said[8192];
        g_assert_cmpint(g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(line)), said,
                                            sizeof said, NULL, NULL),
                        >, 0);
        GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(line));
        g_assert_true(g_output_stream_write_all(out, text, strlen(text), NULL, NULL, NULL));
        g_io_stream_close(G_IO_STREAM(line), NULL, NULL);
        g_object_unref(line);
}

static void receiver_stop(Receiver *r)
{
        g_queue_clear_full(&r->lines, g_object_unref);
        g_socket_service_stop(r->service);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_socket_listener_close(G_SOCKET_LISTENER(r->service));
        g_object_unref(r->service);
        g_ptr_array_unref(r->attempts);
        g_free(r->url);
        tb_main_stop();
}

static void tell(TbNotify *notify)
{
        json_auto_t *event = json_pack("{s:s, s:b}", "event_id", "e-1", "should_notify", 1);
        tb_notify_event(notify, event);
}

static const char *text_of(Receiver *r, guint i, const char *field)
{
        return json_string_value(json_object_get(g_ptr_array_index(r->attempts, i), field));
}

static double waiting(TbNotify *notify)
{
        g_autoptr(GString) out = g_string_new(NULL);
        tb_notify_metrics(out, notify);
        return g_ascii_strtod(
                strstr(out->str, "\ntestbed_notify_waiting ") + strlen("\ntestbed_notify_waiting "), NULL);
}

static void tries(void)
{
        Receiver r;
        receiver_start(&r);
        TbNotifyOptions options = {
                .url = r.url, .timeout_s = 10, .retries = 2, .tried = on_tried, .data = &r};
        TbNotify *notify = tb_notify_new(&options);
        tell(notify);
        answer(&r, "HTTP/1.1 503 Busy\r\n\r\n");
        answer(&r, "no HTTP at all");
        answer(&r, "HTTP/1.1 204 Yes\r\n\r\n");
        UNTIL(r.attempts->len == 3);
        g_assert_cmpstr(text_of(&r, 0, "failure_reason"), ==, "it answered 503");
        g_assert_nonnull(text_of(&r, 0, "next_retry_at"));
        g_assert_cmpstr(text_of(&r, 1, "failure_reason"), ==, "what answers speaks no HTTP");
        g_assert_cmpstr(text_of(&r, 2, "status"), ==, "succeeded");
        tell(notify); /* what is refused is not said again */
        answer(&r, "HTTP/1.1 400 No\r\n\r\n");
        UNTIL(waiting(notify) == 0);
        g_assert_cmpuint(r.attempts->len, ==, 4);
        g_assert_null(text_of(&r, 3, "next_retry_at"));
        tell(notify); /* and what is said in vain, three times */
        for (guint i = 0; i < 3; i++)
                answer(&r, "HTTP/1.1 500 No\r\n\r\n");
        UNTIL(waiting(notify) == 0);
        g_assert_cmpuint(r.attempts->len, ==, 7);
        /* TB_LIMIT_NOTIFY_PAUSE_S: longer is not waited, whatever is asked for */
        tell(notify);
        answer(&r, "HTTP/1.1 429 Wait\r\nRetry-After: 3600\r\n\r\n");
        UNTIL(r.attempts->len == 8);
        g_autoptr(GDateTime) ended = g_date_time_new_from_iso8601(text_of(&r, 7, "finished_at"), NULL),
                             next = g_date_time_new_from_iso8601(text_of(&r, 7, "next_retry_at"), NULL);
        gint64 pause_us = g_date_time_difference(next, ended);
        g_assert_true(llabs(pause_us - TB_LIMIT_NOTIFY_PAUSE_S * G_USEC_PER_SEC) < G_USEC_PER_SEC / 100);
        tb_notify_free(notify);
        receiver_stop(&r);
}

static void bounded(void)
{
        Receiver r;
        receiver_start(&r);
        TbNotifyOptions options = {
                .url = r.url, .timeout_s = 10, .retries = 0, .tried = on_tried, .data = &r};
        TbNotify *notify = tb_notify_new(&options);
        for (guint i = 0; i < TB_LIMIT_NOTIFY_QUEUE; i++)
                tell(notify);
        g_assert_cmpfloat(waiting(notify), ==, TB_LIMIT_NOTIFY_QUEUE);
        tell(notify);
        g_assert_cmpfloat(waiting(notify), ==, TB_LIMIT_NOTIFY_QUEUE);
        UNTIL(r.lines.length == TB_LIMIT_NOTIFY_UNDER_WAY);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_assert_cmpuint(r.lines.length, ==, TB_LIMIT_NOTIFY_UNDER_WAY);
        answer(&r, "HTTP/1.1 200 OK\r\n\r\n");
        UNTIL(r.lines.length == TB_LIMIT_NOTIFY_UNDER_WAY); /* the next one */
        tb_notify_free(notify);
        receiver_stop(&r);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/notify/heads", heads);
        g_test_add_func("/notify/webhook", webhook);
        g_test_add_func("/notify/tries", tries);
        g_test_add_func("/notify/bounded", bounded);
        return g_test_run();
}
