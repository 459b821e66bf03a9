/* Rules: what is one and what is not, and what becomes of it as time goes by. No clock runs here. */
#include <string.h>

#include "host/rules/rule.h"
#include "lib/error.h"
#include "lib/limits.h"

#define T0 1700000000000LL /* some time */

static json_t *json_of(const char *text)
{
        json_error_t e;
        json_t *o = json_loads(text, 0, &e);
        if (!o)
                g_error("%s: %s", text, e.text);
        return o;
}

static TbRule *rule_of(const char *text)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *o = json_of(text);
        TbRule *r = tb_rule_parse(o, &error);
        g_assert_no_error(error);
        return r;
}

#define THEN ", \"then\": [{\"notify\": \"x\"}]"
#define RULE(when, more) "{\"name\": \"r\", \"device\": \"d\", \"when\": {" when "}" THEN more "}"

/* A pattern that is none, or is found where nothing is; a device that cannot be. */
static void test_refused(void)
{
        static const struct {
                const char *text, *field;
        } rows[] = {
                {RULE("\"console\": \"(\"", ""), "when.console"},
                {RULE("\"console\": \"a*\"", ""), "when.console"},
                {RULE("\"console\": \"^\"", ""), "when.console"},
                {"{\"name\": \"r\", \"device\": \"../d\", \"when\": {\"console\": \"x\"}" THEN "}", "device"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                json_auto_t *json = json_loads(rows[i].text, 0, NULL);
                g_autoptr(GError) error = NULL;
                g_assert_nonnull(json);
                g_assert_null(tb_rule_parse(json, &error));
                g_assert_cmpstr(tb_error_field(error), ==, rows[i].field);
        }
}

static void test_parse(void)
{
        static const struct {
                const char *text, *field; /* field NULL: it is one */
        } rows[] = {
                {RULE("\"stream\": \"a.b\", \"above\": 1", ""), NULL},
                {RULE("\"stream\": \"a\", \"outside\": [1, 2], \"samples\": 3, \"for_s\": 2, \"hysteresis\": "
                      "0.1",
                      ""),
                 NULL},
                {RULE("\"console\": \"panic\", \"interface\": \"uart1\"", ", \"cooldown_s\": 0"), NULL},
                {RULE("\"event\": \"power.state\", \"differ\": [\"commanded\", \"observed\"]", ""), NULL},
                {RULE("\"missing\": \"console\", \"for_s\": 60", ", \"while\": {\"power\": \"on\"}"), NULL},
                {RULE("\"missing\": \"temp\", \"for_s\": 1", ", \"active\": \"22:00-06:00\""), NULL},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}" THEN "}", NULL},
                {"{\"name\": \"r\", \"when\": {\"every_s\": 1}, \"then\": [{\"verb\": \"power.cycle\", "
                 "\"device\": \"d\"}]}",
                 NULL},
                {"{\"name\": \"r\", \"when\": {\"event\": \"usb.removed\"}" THEN "}", NULL},
                {"{}", "name"},
                {"{\"name\": \"R r\", \"when\": {\"at\": \"03:00\"}" THEN "}", "name"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}}", "then"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": []}", "then"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"3:00\"}" THEN "}", "when.at"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"24:00\"}" THEN "}", "when.at"},
                {"{\"name\": \"r\", \"when\": {\"every_s\": 0.5}" THEN "}", "when.every_s"},
                {"{\"name\": \"r\", \"when\": {\"stream\": \"a\", \"above\": 1}" THEN "}", "device"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"while\": {\"power\": \"on\"}" THEN "}",
                 "device"},
                {RULE("", ""), "when"},
                {RULE("\"stream\": \"a\"", ""), "when"},
                {RULE("\"stream\": \"a\", \"above\": 1, \"below\": 0", ""), "when"},
                {RULE("\"stream\": \"a\", \"above\": 1, \"console\": \"x\"", ""), "when"},
                {RULE("\"stream\": \"a b\", \"above\": 1", ""), "when.stream"},
                {RULE("\"stream\": \"a\", \"outside\": [2, 1]", ""), "when.outside"},
                {RULE("\"stream\": \"a\", \"outside\": [1]", ""), "when.outside"},
                {RULE("\"stream\": \"a\", \"above\": \"1\"", ""), "when.above"},
                {RULE("\"stream\": \"a\", \"above\": 1, \"samples\": 0", ""), "when.samples"},
                {RULE("\"stream\": \"a\", \"over\": 1", ""), "when.over"},
                {RULE("\"console\": \"x\", \"for_s\": 3", ""), "when.for_s"},
                {RULE("\"event\": \"rule.fired\"", ""), "when.event"},
                {RULE("\"event\": \"sample\"", ""), "when.event"},
                {RULE("\"event\": \"No Type\"", ""), "when.event"},
                {RULE("\"event\": \"a.b\", \"where\": {\"x\": [1]}", ""), "when.where"},
                {RULE("\"event\": \"a.b\", \"differ\": [1, 2]", ""), "when.differ"},
                {RULE("\"missing\": \"console\"", ""), "when.for_s"},
                {RULE("\"console\": \"x\"", ", \"active\": \"22:00-6:00 \""), "active"},
                {RULE("\"console\": \"x\"", ", \"active\": \"22:00/06:00\""), "active"},
                {RULE("\"console\": \"x\"", ", \"active\": \"10:00-10:00\""), "active"},
                {RULE("\"console\": \"x\"", ", \"lease\": \"steal\""), "lease"},
                {RULE("\"console\": \"x\"", ", \"while\": {\"power\": \"maybe\"}"), "while.power"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [{\"verb\": \"power.cycle\"}]}",
                 "then[0].device"},
                {"{\"name\": \"r\", \"device\": \"d\", \"when\": {\"at\": \"03:00\"}, \"then\": "
                 "[{\"notify\": \"x\"}, {\"verb\": \"power\"}]}",
                 "then[1].verb"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [{\"notify\": \"x\", "
                 "\"webhook\": \"http://a/\"}]}",
                 "then[0]"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [{\"webhook\": "
                 "\"ftp://host/\"}]}",
                 "then[0].webhook"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [{\"webhook\": "
                 "\"http://u:p@host/\"}]}",
                 "then[0].webhook"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [{\"webhook\": "
                 "\"https:///path\"}]}",
                 "then[0].webhook"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [{\"webhook\": \"http://h/\", "
                 "\"secret\": \"short\"}]}",
                 "then[0].secret"},
                {"{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [\"notify\"]}", "then[0]"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *o = json_of(rows[i].text);
                g_autoptr(TbRule) r = tb_rule_parse(o, &error);
                g_test_message("%s: %s", rows[i].text, error ? error->message : "fine");
                g_assert_true((r != NULL) == (rows[i].field == NULL));
                g_assert_cmpstr(error ? tb_error_field(error) : NULL, ==, rows[i].field);
        }
}

static void test_limits(void)
{
        for (guint over = 0; over <= 1; over++) {
                g_autoptr(GString) s =
                        g_string_new("{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [");
                for (guint i = 0; i < TB_LIMIT_RULE_ACTIONS + over; i++)
                        g_string_append(s, i ? ", {\"notify\": \"x\"}" : "{\"notify\": \"x\"}");
                g_string_append_printf(s, "], \"per_hour\": %d}", TB_RULE_PER_HOUR);
                json_auto_t *o = json_of(s->str);
                g_autoptr(TbRule) r = tb_rule_parse(o, NULL);
                g_assert_true((r != NULL) == (over == 0));
                json_object_set_new(o, "then", json_pack("[{s:s}]", "notify", "x"));
                json_object_set_new(o, "per_hour", json_integer(TB_RULE_PER_HOUR + (int)over));
                g_autoptr(TbRule) often = tb_rule_parse(o, NULL);
                g_assert_true((often != NULL) == (over == 0));
        }
}

/* What is read can be given back, and a secret does not follow to another address. */
static void test_secrets(void)
{
        g_autoptr(TbRule) r =
                rule_of("{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}, \"then\": [{\"webhook\": "
                        "\"http://a/\", \"secret\": \"password\"}]}");
        json_auto_t *shown = tb_rule_shown(r, true);
        json_t *action = json_array_get(json_object_get(shown, "then"), 0);
        g_assert_cmpstr(json_string_value(json_object_get(action, "secret")), ==, "***");
        tb_rule_keep_secrets(shown, r);
        g_assert_cmpstr(json_string_value(json_object_get(action, "secret")), ==, "password");
        json_object_set_new(action, "secret", json_string("***"));
        json_object_set_new(action, "webhook", json_string("http://b/"));
        tb_rule_keep_secrets(shown, r);
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_rule_parse(shown, &error)); /* not sent without a signature, and not with this one */
        g_assert_cmpstr(tb_error_field(error), ==, "then[0].secret");
        /* the path of such an address may be all that opens it: for who makes rules alone */
        static const char *const places[][2] = {
                {"https://chat.example/hooks/T0/secret?x=1", "https://chat.example/…"},
                {"http://[::1]:80/a", "http://[::1]/…"},
                {"no address", "…"}};
        for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
                g_autofree char *place = tb_rule_place(places[i][0]);
                g_assert_cmpstr(place, ==, places[i][1]);
        }
        json_auto_t *less = tb_rule_shown(r, false);
        action = json_array_get(json_object_get(less, "then"), 0);
        g_assert_cmpstr(json_string_value(json_object_get(action, "webhook")), ==, "http://a/…");
}

/* --- what becomes of it --- */
typedef struct Rig {
        TbRule *rule;
        TbRuleState state;
} Rig;

static void rig(Rig *g, const char *text)
{
        g->rule = rule_of(text);
        tb_rule_state_init(&g->state, T0);
}

static void rig_clear(Rig *g)
{
        tb_rule_free(g->rule);
        tb_rule_state_clear(&g->state);
}

/* F fires, H held back, - nothing */
static char letter(TbRuleVerdict v)
{
        return "-FH"[v.what];
}

static void samples(Rig *g, gint64 from_s, const double *values, const char *expected)
{
        for (guint i = 0; expected[i]; i++) {
                char is = letter(tb_rule_sample(g->rule, &g->state, values[i], T0 + (from_s + i) * 1000));
                if (is != expected[i])
                        g_error("sample %u (%g): %c, expected %c of %s", i, values[i], is, expected[i],
                                expected);
        }
}

static void test_stream(void)
{
        Rig g;
        rig(&g, RULE("\"stream\": \"a\", \"above\": 0.02, \"samples\": 2", ", \"cooldown_s\": 0"));
        samples(&g, 0, (double[]){0.1, 0, 0.1, 0.1, 0.1, 0, 0.1, 0.1, 0.02, 0.1}, "---F---F--");
        rig_clear(&g);
        rig(&g, RULE("\"stream\": \"a\", \"below\": 5, \"for_s\": 2", ", \"cooldown_s\": 0"));
        samples(&g, 0, (double[]){4, 4, 6, 4, 4, 4, 4}, "-----F-");
        rig_clear(&g);
        rig(&g, RULE("\"stream\": \"a\", \"outside\": [10, 20], \"hysteresis\": 2", ", \"cooldown_s\": 0"));
        samples(&g, 0, (double[]){15, 21, 19, 21, 17, 21, 15, 9, 11, 9, 13, 9}, "-F---F-F---F");
        rig_clear(&g);
        rig(&g, RULE("\"stream\": \"a\", \"above\": 1, \"repeat\": true", ", \"cooldown_s\": 3"));
        samples(&g, 0, (double[]){2, 2, 2, 2, 2, 2, 2}, "FH-FH-F");
        rig_clear(&g);
}

static void test_guardrails(void)
{
        Rig g;
        /* held back, it fires when it may, if it still is so; told once */
        rig(&g, RULE("\"stream\": \"a\", \"above\": 1", ", \"cooldown_s\": 5"));
        samples(&g, 0, (double[]){2, 0, 2, 2, 2, 2, 0, 2, 0}, "F-H--F-H-");
        g_assert_cmpint(tb_rule_cool_ms(g.rule, &g.state, T0 + 7000), ==, T0 + 10000);
        g_assert_cmpint(tb_rule_cool_ms(g.rule, &g.state, T0 + 10000), ==, 0);
        g_assert_cmpint(tb_rule_cool_ms(g.rule, &g.state, T0 - 1), ==, 0); /* the clock was set back */
        rig_clear(&g);
        rig(&g, RULE("\"console\": \"x\"", ", \"cooldown_s\": 0, \"per_hour\": 2"));
        static const int minute[] = {0, 1, 2, 59, 60, 61, 62};
        const char *expected = "FFH-FFH";
        for (guint i = 0; i < G_N_ELEMENTS(minute); i++)
                g_assert_cmpint(letter(tb_rule_matched(g.rule, &g.state, T0 + minute[i] * 60000)), ==,
                                expected[i]);
        rig_clear(&g);
}

static gint64 at(int day, int hour, int minute)
{
        g_autoptr(GDateTime) t = g_date_time_new_local(2026, 1, day, hour, minute, 0);
        return g_date_time_to_unix(t) * 1000;
}

static void test_hours(void)
{
        static const struct {
                const char *active;
                int hour, minute;
                char is;
        } rows[] = {{"22:00-06:00", 21, 59, 'H'}, {"22:00-06:00", 22, 0, 'F'}, {"22:00-06:00", 0, 0, 'F'},
                    {"22:00-06:00", 5, 59, 'F'},  {"22:00-06:00", 6, 0, 'H'},  {"09:00-17:30", 17, 29, 'F'},
                    {"09:00-17:30", 17, 30, 'H'}};
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                Rig g;
                g_autofree char *text = g_strdup_printf(
                        "{\"name\": \"r\", \"device\": \"d\", \"when\": {\"console\": \"x\"}" THEN
                        ", \"active\": \"%s\"}",
                        rows[i].active);
                rig(&g, text);
                g_assert_cmpint(
                        letter(tb_rule_matched(g.rule, &g.state, at(15, rows[i].hour, rows[i].minute))), ==,
                        rows[i].is);
                rig_clear(&g);
        }
}

static void test_schedule(void)
{
        Rig g;
        rig(&g, "{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}" THEN "}");
        gint64 now = at(15, 2, 0);
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, now), ==, at(15, 3, 0));
        g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, at(15, 2, 59))), ==, '-');
        g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, at(15, 3, 0))), ==, 'F');
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, at(15, 3, 0)), ==, at(16, 3, 0));
        rig_clear(&g);
        rig(&g, "{\"name\": \"r\", \"when\": {\"every_s\": 60}" THEN ", \"cooldown_s\": 100}");
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0), ==, T0 + 60000);
        g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, T0 + 60000)), ==, 'F');
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0 + 60000), ==, T0 + 120000);
        g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, T0 + 120000)), ==, 'H');
        rig_clear(&g);
}

static void test_missing(void)
{
        Rig g;
        rig(&g, RULE("\"missing\": \"console\", \"for_s\": 60",
                     ", \"while\": {\"power\": \"on\"}, \"cooldown_s\": 0"));
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0), ==, 0); /* nobody knows that it is on */
        tb_rule_power(&g.state, 0, T0);
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0), ==, 0);
        tb_rule_power(&g.state, 1, T0 + 100000); /* from then on it should talk */
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0), ==, T0 + 160000);
        tb_rule_seen(&g.state, T0 + 120000);
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0), ==, T0 + 180000);
        g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, T0 + 179999)), ==, '-');
        g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, T0 + 180000)), ==, 'F');
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0 + 180000), ==, 0); /* once, until it talks */
        tb_rule_seen(&g.state, T0 + 300000);
        g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0 + 300000), ==, T0 + 360000);
        tb_rule_power(&g.state, 0, T0 + 310000);
        g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, T0 + 360000)), ==, '-');
        rig_clear(&g);
}

static char event(Rig *g, const char *type, const char *device, const char *data)
{
        json_auto_t *o = json_of(data);
        return letter(tb_rule_event(g->rule, &g->state, type, device, "power", o, T0));
}

static void test_event(void)
{
        Rig g;
        rig(&g, RULE("\"event\": \"power.state\", \"differ\": [\"commanded\", \"observed\"]",
                     ", \"cooldown_s\": 0"));
        g_assert_cmpint(event(&g, "power.state", "d", "{\"commanded\": \"on\", \"observed\": \"on\"}"), ==,
                        '-');
        g_assert_cmpint(event(&g, "power.state", "d", "{\"commanded\": \"on\", \"observed\": \"unknown\"}"),
                        ==, '-');
        g_assert_cmpint(event(&g, "power.state", "d", "{\"commanded\": null, \"observed\": \"on\"}"), ==,
                        '-');
        g_assert_cmpint(event(&g, "power.state", "d",
                              "{\"commanded\": \"on\", \"observed\": \"off\", \"running\": \"set\"}"),
                        ==, '-');
        g_assert_cmpint(event(&g, "power.state", "e", "{\"commanded\": \"on\", \"observed\": \"off\"}"), ==,
                        '-');
        g_assert_cmpint(event(&g, "power.left", "d", "{\"commanded\": \"on\", \"observed\": \"off\"}"), ==,
                        '-');
        g_assert_cmpint(event(&g, "power.state", "d", "{\"commanded\": \"on\", \"observed\": \"off\"}"), ==,
                        'F');
        rig_clear(&g);
        rig(&g, "{\"name\": \"r\", \"when\": {\"event\": \"command\", \"where\": {\"verb\": \"power.set\", "
                "\"ok\": true}}" THEN ", \"cooldown_s\": 0}");
        g_assert_cmpint(
                event(&g, "command", "d", "{\"verb\": \"power.set\", \"ok\": true, \"user\": \"ann\"}"), ==,
                'F');
        g_assert_cmpint(
                event(&g, "command", "d", "{\"verb\": \"power.set\", \"ok\": false, \"user\": \"ann\"}"), ==,
                '-');
        /* two rules that answer each other would never end */
        g_assert_cmpint(
                event(&g, "command", "d", "{\"verb\": \"power.set\", \"ok\": true, \"user\": \"rule:q\"}"),
                ==, '-');
        rig_clear(&g);
}

/* A clock that is set, far forward and far back, makes nothing late and nothing soon. */
static void test_clock_set(void)
{
        static const gint64 by[] = {86400000, -86400000, 400 * 86400000LL, -1500};
        for (guint i = 0; i < G_N_ELEMENTS(by); i++) {
                Rig g;
                rig(&g, RULE("\"console\": \"x\"", ", \"cooldown_s\": 60, \"per_hour\": 2"));
                g_assert_cmpint(letter(tb_rule_matched(g.rule, &g.state, T0)), ==, 'F');
                tb_rule_clock_set(g.rule, &g.state, by[i]);
                gint64 t = T0 + by[i];
                g_assert_cmpint(tb_rule_cool_ms(g.rule, &g.state, t + 59000), ==, t + 60000);
                g_assert_cmpint(letter(tb_rule_matched(g.rule, &g.state, t + 60000)), ==, 'F');
                g_assert_cmpint(letter(tb_rule_matched(g.rule, &g.state, t + 120001)), ==,
                                'H'); /* per_hour */
                rig_clear(&g);
                rig(&g, RULE("\"missing\": \"console\", \"for_s\": 60", ""));
                tb_rule_clock_set(g.rule, &g.state, by[i]);
                g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, t + 59999)), ==, '-');
                g_assert_cmpint(letter(tb_rule_tick(g.rule, &g.state, t + 60000)), ==, 'F');
                rig_clear(&g);
                rig(&g, "{\"name\": \"r\", \"when\": {\"every_s\": 60}" THEN "}");
                g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, T0), ==, T0 + 60000);
                tb_rule_clock_set(g.rule, &g.state, by[i]);
                g_assert_cmpint(tb_rule_due_ms(g.rule, &g.state, t), ==, t + 60000);
                rig_clear(&g);
                rig(&g, "{\"name\": \"r\", \"when\": {\"at\": \"03:00\"}" THEN "}");
                tb_rule_due_ms(g.rule, &g.state, T0);
                tb_rule_clock_set(g.rule, &g.state, by[i]);
                gint64 due = tb_rule_due_ms(g.rule, &g.state, t); /* a day has 25 hours at most */
                g_assert_true(due > t && due <= t + 25 * 3600000LL);
                rig_clear(&g);
        }
}

/* What g_uri_parse() would mend or take as it is. */
static void test_addresses(void)
{
        static const char *const none[] = {"http://h/a b", " http://h/", "http://h/ ", "http://h/\n",
                                           "http://h\tx/"};
        for (guint i = 0; i < G_N_ELEMENTS(none); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *o = json_pack("{s:s, s:{s:s}, s:[{s:s}]}", "name", "r", "when", "at", "03:00",
                                           "then", "webhook", none[i]);
                g_assert_null(tb_rule_parse(o, &error));
                g_assert_cmpstr(tb_error_field(error), ==, "then[0].webhook");
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/rule/parse", test_parse);
        g_test_add_func("/rules/refused", test_refused);
        g_test_add_func("/rule/limits", test_limits);
        g_test_add_func("/rule/secrets", test_secrets);
        g_test_add_func("/rule/stream", test_stream);
        g_test_add_func("/rule/guardrails", test_guardrails);
        g_test_add_func("/rule/hours", test_hours);
        g_test_add_func("/rule/schedule", test_schedule);
        g_test_add_func("/rule/missing", test_missing);
        g_test_add_func("/rule/event", test_event);
        g_test_add_func("/rule/addresses", test_addresses);
        g_test_add_func("/rule/clock", test_clock_set);
        return g_test_run();
}
