/* The pure parts of events: what becomes of one, ranges of clips, names of these, and which pages may call. */
#include <string.h>

#include "lib/http/guard.h"
#include "lib/http/range.h"
#include "server/events/private.h"

static void states(void)
{
        /* rows: from; columns: uploaded, summary, failure, cancel. '.': it stays */
        static const char *const table[TB_EVENT_STATES] = {
                [TB_EVENT_QUEUED] = "pdfc", [TB_EVENT_PROCESSING] = ".dfc", [TB_EVENT_DONE] = ".d..",
                [TB_EVENT_FAILED] = "..f.", [TB_EVENT_CANCELED] = "....",
        };
        static const char letters[] = "qpdfc";
        for (int from = 0; from < TB_EVENT_STATES; from++) {
                TbEventState parsed = TB_EVENT_STATES;
                g_assert_true(tb_event_state_parse(tb_event_state_name((TbEventState)from), &parsed));
                g_assert_cmpint(parsed, ==, from);
                for (int act = 0; act < 4; act++) {
                        TbEventState to = (TbEventState)from;
                        bool goes = tb_event_next((TbEventState)from, (TbEventAct)act, &to);
                        g_assert_cmpint(goes ? letters[to] : '.', ==, table[from][act]);
                }
        }
        TbEventState none;
        g_assert_false(tb_event_state_parse("Queued", &none) || tb_event_state_parse(NULL, &none));
}

static void ranges(void)
{
        static const struct {
                const char *header;
                gint64 size;
                TbRange what;
                gint64 from, n;
        } table[] = {
                {NULL, 10, TB_RANGE_ALL, 0, 0},
                {"bytes=0-0", 10, TB_RANGE_PART, 0, 1},
                {"bytes=2-", 10, TB_RANGE_PART, 2, 8},
                {"bytes=2-4", 10, TB_RANGE_PART, 2, 3},
                {"bytes=2-400", 10, TB_RANGE_PART, 2, 8},
                {"bytes=-3", 10, TB_RANGE_PART, 7, 3},
                {"bytes=-30", 10, TB_RANGE_PART, 0, 10},
                {"bytes=9-99999999999999999999999", 10, TB_RANGE_PART, 9, 1},
                {"bytes=10-", 10, TB_RANGE_NONE, 0, 0},
                {"bytes=-0", 10, TB_RANGE_NONE, 0, 0},
                {"bytes=0-", 0, TB_RANGE_NONE, 0, 0},
                {"bytes=4-2", 10, TB_RANGE_ALL, 0, 0},
                {"bytes=1-2,4-5", 10, TB_RANGE_ALL, 0, 0},
                {"bytes=-", 10, TB_RANGE_ALL, 0, 0},
                {"bytes=", 10, TB_RANGE_ALL, 0, 0},
                {"bytes=a-b", 10, TB_RANGE_ALL, 0, 0},
                {"lines=1-2", 10, TB_RANGE_ALL, 0, 0},
        };
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                gint64 from = 0, n = 0;
                g_assert_cmpint(tb_range_parse(table[i].header, table[i].size, &from, &n), ==, table[i].what);
                g_assert_cmpint(from, ==, table[i].from);
                g_assert_cmpint(n, ==, table[i].n);
        }
}

static void names(void)
{
        static const char *const table[][2] = {{"video/webm", "webm"},
                                               {"Video/WebM; codecs=\"vp8,opus\"", "webm"},
                                               {"video/mp4 ;x", "mp4"},
                                               {"video/quicktime", NULL},
                                               {"", NULL}};
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autofree char *name = tb_event_blob_name("s", "e", table[i][0]),
                                *wanted = g_strdup_printf("sessions/s/events/e%s%s", table[i][1] ? "." : "",
                                                          table[i][1] ? table[i][1] : "");
                g_assert_cmpstr(name, ==, wanted);
        }
        g_autofree char *like = tb_event_like("50%_A!"), *none = tb_event_like(NULL), *a = tb_uuid(),
                        *b = tb_uuid();
        g_assert_cmpstr(like, ==, "%50!%!_a!!%");
        g_assert_cmpstr(none, ==, "");
        g_assert_true(strlen(a) == 36 && a[14] == '4' && strchr("89ab", a[19]) && strcmp(a, b) != 0);
}

static void neighbours(void)
{
        static const struct {
                const char *origin;
                bool near, tunnel;
        } table[] = {
                {"http://localhost:5173", true, true},     {"https://localhost", true, true},
                {"http://127.0.0.1:3000", true, true},     {"http://0.0.0.0", true, true},
                {"http://10.1.2.3:1", true, true},         {"http://192.168.0.9", true, true},
                {"http://172.16.0.1", true, true},         {"http://172.31.255.1", true, true},
                {"http://172.32.0.1", false, false},       {"http://172.15.0.1", false, false},
                {"http://192.169.0.1", false, false},      {"http://11.0.0.1", false, false},
                {"http://10.1.2", false, false},           {"http://10.1.2.3.evil.example", false, false},
                {"http://evil.example", false, false},     {"null", false, false},
                {"file://localhost", false, false},        {"https://a-1.ngrok.io", false, true},
                {"https://a.ngrok-free.dev", false, true}, {"https://a.b.ngrok.io", false, false},
                {"https://.ngrok.io", false, false},       {"https://ngrok.io", false, false},
                {"https://a.ngrok.io.evil", false, false}, {"http://localhost.evil.example", false, false},
                {"http://localhost:5173/x", false, false}, {"http://user@10.0.0.1", false, false},
        };
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                g_assert_cmpint(tb_guard_neighbour(table[i].origin, false), ==, table[i].near);
                g_assert_cmpint(tb_guard_neighbour(table[i].origin, true), ==, table[i].tunnel);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/events/states", states);
        g_test_add_func("/events/ranges", ranges);
        g_test_add_func("/events/names", names);
        g_test_add_func("/events/neighbours", neighbours);
        return g_test_run();
}
