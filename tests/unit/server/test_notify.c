/* Telling: what notifiers say, what answers mean, and the limits of tries, beside a server of a few lines. */
#include "server/notify/notify.h"

#include <gio/gio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/signature.h"
#include "server/notify/private.h"
#include "tests/unit/server/db_rig.h"

static json_t *event_of(const char *id, const char *label, const char *summary)
{
        return json_pack("{s:s, s:s?, s:s?, s:b, s:f, s:s, s:s}", "event_id", id, "label", label, "summary",
                         summary, "should_notify", 1, "confidence", 0.934, "alert_reason", "at the door",
                         "device_id", "sill");
}

static void webhook(void)
{
        json_auto_t *event = event_of("e", NULL, "x"), *body = tb_notify_webhook_body(event);
        g_assert_cmpuint(json_object_size(body), ==, 14);
        g_assert_true(json_is_null(json_object_get(body, "clip_uri")) && !json_object_get(body, "device_id"));
        /* RFC 4231, test case 2 */
        g_autofree char *sum = tb_signature("Jefe", "what do ya want for nothing?", 28);
        g_assert_cmpstr(sum, ==, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void words(void)
{
        json_auto_t *one = event_of("e 1", "person", "Größe"),
                    *several = json_pack("[O, o, o]", one, event_of("2", "motion", "b"),
                                         event_of("3", "motion", NULL)),
                    *list = json_pack("[O]", one), *none = json_array();
        const TbNotifyWhat single = {"ntfy", "t", "Window", list}, all = {"ntfy", "t", NULL, several},
                           test = {"ntfy", "t", "Window", none};
        g_autofree char *caption = tb_words_caption(one), *title = tb_words_title(&single),
                        *text = tb_words_text(&single), *titles = tb_words_title(&all),
                        *texts = tb_words_text(&all), *trial = tb_words_title(&test),
                        *cut = tb_words_cut("Größe", 4), *whole = tb_words_cut("Größe", 5),
                        *page = tb_words_page(&(TbNotifyPlace){.page = "https://b"}, &single),
                        *nowhere = tb_words_page(&(TbNotifyPlace){.page = NULL}, &single);
        g_assert_cmpstr(caption, ==,
                        "Ping Watch alert\nEvent: e 1\nLabel: person\nConfidence: 93%\nSummary: "
                        "Größe\nReason: at the door");
        g_assert_cmpstr(title, ==, "person: Window");
        g_assert_cmpstr(text, ==, "Größe\nat the door");
        g_assert_cmpstr(titles, ==, "3 events: sill");
        g_assert_cmpstr(texts, ==,
                        "3 events at sill: motion 2, person 1.\n- Größe\n- b\n- Something was noticed.");
        g_assert_cmpstr(trial, ==, "A test of Testbed");
        g_assert_cmpstr(cut, ==, "Grö…");
        g_assert_cmpstr(whole, ==, "Größe");
        g_assert_cmpstr(page, ==, "https://b/timeline?event=e%201");
        g_assert_null(nowhere);
}

static void mail(void)
{
        g_autofree char *text = tb_notify_mail("a@b", "c@d", "Größe\r\nBcc: x@y", "Ä\n.\n", 1767225600, "id");
        g_assert_nonnull(strstr(text, "From: <a@b>\r\nTo: <c@d>\r\nSubject: =?utf-8?B?"));
        g_assert_nonnull(
                strstr(text, "\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <id@testbed>\r\n"));
        g_assert_nonnull(strstr(text, "\r\n\r\nw4QKLgo=\r\n"));
        g_assert_null(strstr(text, "\nBcc"));
        for (const char *p = text, *end; (end = strstr(p, "\r\n")); p = end + 2)
                g_assert_cmpuint((gsize)(end - p), <=, 78);
        static const struct {
                const char *provider, *address;
                bool good;
        } table[] = {{"email", "a@b", true},       {"email", "a b@c", false}, {"email", "a@b>", false},
                     {"email", "a@b\r\nx", false}, {"email", "@b", false},    {"email", "a@", false},
                     {"email", "a@b@c", false},    {"email", "ä@b", false},   {"ntfy", "A-z_9", true},
                     {"ntfy", "a/b", false},       {"ntfy", "", false},       {"telegram", "-100123", true},
                     {"telegram", "12a", false},   {"telegram", "-", false},  {"webhook", "x", false},
                     {"pigeon", "x", false}};
        for (guint i = 0; i < G_N_ELEMENTS(table); i++)
                g_assert_cmpint(tb_notify_check_address(table[i].provider, table[i].address, NULL), ==,
                                table[i].good);
}

static void bot(void)
{
        static const struct {
                const char *text, *chat, *token; /* chat NULL: it is none */
                gint64 number;
        } table[] = {
                {"{'update_id':7,'message':{'chat':{'id':-5},'text':'/START@a_bot  abc x'}}", "-5", "abc", 7},
                {"{'update_id':8,'edited_message':{'chat':{'id':5},'text':'/start'}}", "5", "", 8},
                {"{'update_id':9,'message':{'chat':{'id':5},'text':'hello /start abc'}}", NULL, NULL, 9},
                {"{'update_id':9,'message':{'chat':{'id':'5'},'text':'/start abc'}}", NULL, NULL, 9},
                {"{'message':{'text':'/start abc'}}", NULL, NULL, -1},
                {"[]", NULL, NULL, -1},
        };
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autofree char *text = g_strdelimit(g_strdup(table[i].text), "'", '"');
                json_auto_t *update = tb_json_parse(text, strlen(text), NULL);
                TbTelegramStart start = {0};
                gint64 number = 0;
                g_assert_cmpint(tb_telegram_start(update, &number, &start), ==, table[i].chat != NULL);
                g_assert_cmpint(number, ==, table[i].number);
                g_assert_cmpstr(start.chat, ==, table[i].chat);
                g_assert_cmpstr(start.token, ==, table[i].token);
                tb_telegram_start_clear(&start);
        }
        static const char *const links[][2] = {
                {"https://t.me/bot", "https://t.me/bot?start=T"},
                {"t.me/bot", "https://t.me/bot?start=T"},
                {"//t.me/bot", "https://t.me/bot?start=T"},
                {"https://t.me/bot?a=b#c", "https://t.me/bot?a=b&start=T#c"},
                {"https://x/{token}/y", "https://x/T/y"},
                {"https://x/?p={start_payload}", "https://x/?p=T"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(links); i++) {
                g_autofree char *link = tb_telegram_link(links[i][0], "T");
                g_assert_cmpstr(link, ==, links[i][1]);
        }
}

/* --- a receiver that takes connections and answers when it is told to --- */
typedef struct Receiver {
        GSocketService *service;
        GQueue lines; /* owned GSocketConnection, unanswered */
        char *url;    /* owned */
        guint done;
        bool ok, again; /* of the last one */
        guint after_s;
        char *why; /* owned */
} Receiver;

static gboolean on_line(GSocketService *service G_GNUC_UNUSED, GSocketConnection *line,
                        GObject *source G_GNUC_UNUSED, gpointer data)
{
        g_queue_push_tail(&((Receiver *)data)->lines, g_object_ref(line));
        return TRUE;
}

static void on_done(const TbNotifyOutcome *outcome, gpointer data)
{
        Receiver *r = data;
        g_free(r->why);
        r->done++;
        r->ok = outcome->ok;
        r->again = outcome->again;
        r->after_s = outcome->after_s;
        r->why = g_strdup(outcome->why);
}

static void receiver_start(Receiver *r)
{
        tb_main_init(NULL);
        *r = (Receiver){.service = g_socket_service_new()};
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
        g_output_stream_write_all(out, text, strlen(text), NULL, NULL, NULL); /* it may be cut off */
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
        g_free(r->url);
        g_free(r->why);
        tb_main_stop();
}

static bool tell(TbNotify *notify, Receiver *r, GError **error)
{
        json_auto_t *list = json_pack("[o]", event_of("e-1", "motion", "x"));
        const TbNotifyWhat what = {"webhook", NULL, NULL, list};
        return tb_notify_try(notify, &what, on_done, r, error);
}

static void answers(void)
{
        static const struct {
                const char *text;
                bool ok, again;
                guint after_s;
                const char *why; /* NULL: any */
        } table[] = {
                {"HTTP/1.1 204 Yes\r\n\r\n", true, false, 0, NULL},
                {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", false, true, 0, "it answered 503"},
                {"HTTP/1.1 429 Wait\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", false, true, 7, NULL},
                /* NOTIFY_PAUSE_S: longer is not waited, whatever is asked for */
                {"HTTP/1.1 429 Wait\r\nRetry-After: 999999\r\nContent-Length: 0\r\n\r\n", false, true,
                 TB_LIMIT_NOTIFY_PAUSE_S, NULL},
                {"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", false, false, 0, "it answered 400"},
                {"HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false,
                 false, 0, "it answered 302"},
                {"no HTTP at all\r\n\r\n", false, true, 0, NULL},
        };
        Receiver r;
        receiver_start(&r);
        TbNotifyOptions options = {.webhook_url = r.url, .timeout_s = 10};
        TbNotify *notify = tb_notify_new(&options, &(TbNotifyPlace){.page = NULL});
        g_assert_true(tb_notify_has(notify, "webhook") && !tb_notify_has(notify, "ntfy"));
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                g_assert_true(tell(notify, &r, NULL));
                answer(&r, table[i].text);
                UNTIL(r.done == i + 1);
                g_assert_true(r.ok == table[i].ok && r.again == table[i].again);
                g_assert_cmpuint(r.after_s, ==, table[i].after_s);
                g_assert_true(!r.why == r.ok);
                if (table[i].why)
                        g_assert_cmpstr(r.why, ==, table[i].why);
        }
        /* TB_LIMIT_NOTIFY_ANSWER: who answers without end is cut off */
        GString *much = g_string_new("HTTP/1.1 200 OK\r\n\r\n");
        g_string_set_size(much, TB_LIMIT_NOTIFY_ANSWER + much->len + 1);
        memset(much->str + 19, 'x', much->len - 19);
        r.done = 0;
        g_assert_true(tell(notify, &r, NULL));
        answer(&r, much->str);
        UNTIL(r.done == 1);
        g_assert_true(!r.ok && r.again);
        g_string_free(much, TRUE);
        tb_notify_free(notify);
        receiver_stop(&r);
}

static void bounded(void)
{
        Receiver r;
        receiver_start(&r);
        TbNotifyOptions options = {.webhook_url = r.url, .timeout_s = 10};
        TbNotify *notify = tb_notify_new(&options, &(TbNotifyPlace){.page = NULL});
        g_autoptr(GError) error = NULL;
        for (guint i = 0; i < TB_LIMIT_NOTIFY_UNDER_WAY; i++)
                g_assert_true(tell(notify, &r, NULL));
        g_assert_false(tell(notify, &r, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        UNTIL(r.lines.length == TB_LIMIT_NOTIFY_UNDER_WAY);
        answer(&r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        UNTIL(r.done == 1);
        g_assert_true(tell(notify, &r, NULL));
        tb_notify_free(notify); /* the others are told nothing */
        receiver_stop(&r);
        g_assert_cmpuint(r.done, ==, 1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/notify/webhook", webhook);
        g_test_add_func("/notify/words", words);
        g_test_add_func("/notify/mail", mail);
        g_test_add_func("/notify/bot", bot);
        g_test_add_func("/notify/answers", answers);
        g_test_add_func("/notify/bounded", bounded);
        return g_test_run();
}
