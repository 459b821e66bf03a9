/* What a phone says, and how much of it is taken. */
#include <string.h>

#include "host/phone/intake.h"
#include "lib/limits.h"

static bool parse(const char *text, bool by_server, TbSaid *said)
{
        g_autoptr(GError) error = NULL;
        bool ok = tb_said_parse(text, strlen(text), by_server, said, &error);
        g_assert_true(ok == (error == NULL));
        return ok;
}

static void test_readings(void)
{
        g_auto(TbSaid) m = {0};
        g_assert_true(parse("{\"type\":\"sensor\",\"t\":1,\"seq\":7,\"orientation\":{\"alpha\":10,\"beta\":"
                            "20.5,\"gamma\":\"x\"},"
                            "\"gyro\":{\"x\":1,\"y\":2,\"z\":3}}",
                            false, &m));
        g_assert_cmpint(m.type, ==, TB_SAID_VALUES_OF);
        g_assert_cmpint(m.seq, ==, 7);
        g_assert_cmpuint(m.n_values, ==, 5); /* gamma is no number */
        g_assert_cmpstr(m.values[1].stream, ==, "orientation.beta");
        g_assert_cmpfloat(m.values[1].value, ==, 20.5);
        g_assert_cmpstr(m.values[4].unit, ==, "rad/s");
        tb_said_clear(&m);
        g_assert_true(parse("{\"type\":\"sample\",\"stream\":\"battery.level\",\"unit\":\"%\",\"value\":80}",
                            true, &m));
        g_assert_cmpstr(m.series, ==, "battery.level");
        g_assert_cmpstr(m.values[0].unit, ==, "%");
}

static void test_refused(void)
{
        static const char *const bad[] = {
                "",
                "[]",
                "{}",
                "{\"type\":1}",
                "{\"type\":\"sensor\"}",
                "{\"type\":\"sensor\",\"gyro\":{\"x\":\"1\"}}",
                "{\"type\":\"sample\",\"stream\":\"a b\",\"value\":1}",
                "{\"type\":\"sample\",\"stream\":\"a\",\"value\":\"1\"}",
                "{\"type\":\"event\"}",
                "{\"type\":\"event\",\"event\":\"phone.switch\",\"data\":{\"source\":\"power\",\"state\":"
                "\"on\"}}",
                "{\"type\":\"event\",\"event\":\"phone.switch\",\"data\":{\"source\":\"camera\",\"state\":"
                "\"broken\"}}",
        };
        TbSaid m;
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(parse(bad[i], true, &m));
        g_autofree char *name = g_strnfill(TB_LIMIT_ID + 1, 'a'),
                        *long_name =
                                g_strdup_printf("{\"type\":\"sample\",\"stream\":\"%s\",\"value\":1}", name);
        g_assert_false(parse(long_name, true, &m));
}

/* Of an event what is known, in its range; a phone says nothing of anything but itself. */
static void test_events(void)
{
        g_auto(TbSaid) m = {0};
        g_assert_true(parse("{\"type\":\"event\",\"event\":\"touch.down\",\"data\":{\"finger\":1,\"x\":7,"
                            "\"y\":0.5,\"pressure\":-1,"
                            "\"n\":3,\"device\":\"board\",\"button\":\"a b\"}}",
                            false, &m));
        g_autofree char *data = json_dumps(m.data, JSON_SORT_KEYS | JSON_COMPACT);
        g_assert_cmpint(m.type, ==, TB_SAID_EVENT);
        g_assert_cmpstr(data, ==, "{\"finger\":1,\"n\":3,\"pressure\":0.0,\"x\":1.0,\"y\":0.5}");
        tb_said_clear(&m);
        g_assert_true(parse("{\"type\":\"event\",\"event\":\"power.state\",\"data\":{}}", false, &m));
        g_assert_cmpint(m.type, ==, TB_SAID_OTHER);
        tb_said_clear(&m);
        g_assert_true(parse("{\"type\":\"event\",\"event\":\"phone.switch\",\"data\":{\"source\":\"camera\","
                            "\"state\":\"refused\",\"n\":9}}",
                            true, &m));
        g_assert_cmpint(m.type, ==, TB_SAID_SWITCH);
        g_assert_cmpstr(m.event, ==, "camera");
        g_assert_cmpstr(m.state, ==, "refused");
        tb_said_clear(&m);
        /* the server's words are none when they come by a channel */
        g_assert_true(parse(
                "{\"type\":\"ready\",\"peerId\":\"x\",\"peers\":[{\"peer\":\"phone\",\"peerId\":\"p\"}]}",
                false, &m));
        g_assert_cmpint(m.type, ==, TB_SAID_OTHER);
        tb_said_clear(&m);
        g_assert_true(parse(
                "{\"type\":\"ready\",\"peerId\":\"x\",\"peers\":[{\"peer\":\"phone\",\"peerId\":\"p\"}]}",
                true, &m));
        g_assert_cmpint(m.type, ==, TB_SAID_READY);
        g_assert_cmpstr(m.phone, ==, "p");
}

/* TB_LIMIT_PHONE_MESSAGE */
static void test_size(void)
{
        TbSaid m;
        for (int more = 0; more <= 1; more++) {
                GString *text =
                        g_string_new("{\"type\":\"sample\",\"stream\":\"a\",\"value\":1,\"fill\":\"\"}");
                g_autofree char *fill = g_strnfill((gsize)(TB_LIMIT_PHONE_MESSAGE + more) - text->len, 'x');
                g_string_insert(text, (gssize)text->len - 2, fill);
                g_assert_cmpuint(text->len, ==, TB_LIMIT_PHONE_MESSAGE + more);
                g_assert_true(parse(text->str, true, &m) == !more);
                tb_said_clear(&m);
                g_string_free(text, TRUE);
        }
}

/* TB_LIMIT_PHONE_MESSAGES_PER_S, TB_LIMIT_PHONE_EVENTS_PER_S */
static void test_rates(void)
{
        TbIntake intake;
        guint heard = 0, told = 0;
        gint64 now = 1000000;
        tb_intake_init(&intake);
        for (int i = 0; i < 1000; i++) {
                const TbSaid event = {.type = TB_SAID_EVENT, .seq = i + 1, .event = "button.down"};
                heard += tb_intake_hears(&intake, now);
                told += tb_intake_takes(&intake, &event, now);
        }
        g_assert_cmpuint(heard, ==, 2 * TB_LIMIT_PHONE_MESSAGES_PER_S);
        g_assert_cmpuint(told, ==, 3 * TB_LIMIT_PHONE_EVENTS_PER_S);
        now += G_USEC_PER_SEC;
        for (int i = 0; i < 1000; i++) {
                const TbSaid event = {.type = TB_SAID_EVENT, .seq = 2000 + i, .event = "button.down"};
                heard += tb_intake_hears(&intake, now);
                told += tb_intake_takes(&intake, &event, now);
        }
        g_assert_cmpuint(heard, ==, 3 * TB_LIMIT_PHONE_MESSAGES_PER_S);
        g_assert_cmpuint(told, ==, 4 * TB_LIMIT_PHONE_EVENTS_PER_S);
        tb_intake_clear(&intake);
}

/* TB_LIMIT_PHONE_STREAMS; the newer of each counts, until another page begins. */
static void test_series(void)
{
        TbIntake intake;
        tb_intake_init(&intake);
        for (int i = 0; i <= TB_LIMIT_PHONE_STREAMS; i++) {
                g_autofree char *name = g_strdup_printf("s.%d", i);
                const TbSaid said = {.type = TB_SAID_VALUES_OF, .series = name, .seq = 5};
                g_assert_true(tb_intake_takes(&intake, &said, 1) == (i < TB_LIMIT_PHONE_STREAMS));
        }
        TbSaid said = {.type = TB_SAID_VALUES_OF, .series = "s.0", .seq = 5};
        g_assert_false(tb_intake_takes(&intake, &said, 1));
        said.seq = 6;
        g_assert_true(tb_intake_takes(&intake, &said, 1));
        said.seq = 4;
        g_assert_false(tb_intake_takes(&intake, &said, 1));
        TbSaid event = {.type = TB_SAID_EVENT, .seq = 9};
        g_assert_true(tb_intake_takes(&intake, &event, 1));
        g_assert_false(tb_intake_takes(&intake, &event, 1)); /* said again, in case */
        tb_intake_begin(&intake);
        g_assert_true(tb_intake_takes(&intake, &said, 1));
        event.seq = 1;
        g_assert_true(tb_intake_takes(&intake, &event, 1));
        tb_intake_clear(&intake);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/phone/said/readings", test_readings);
        g_test_add_func("/phone/said/refused", test_refused);
        g_test_add_func("/phone/said/events", test_events);
        g_test_add_func("/phone/said/size", test_size);
        g_test_add_func("/phone/intake/rates", test_rates);
        g_test_add_func("/phone/intake/series", test_series);
        return g_test_run();
}
