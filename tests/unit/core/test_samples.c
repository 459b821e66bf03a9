/* What the host remembers of sensors: the limit of each stream, its order, the limit of streams. */
#include "host/core/state/samples.h"

#include <math.h>

#include "lib/json.h"
#include "lib/limits.h"

static bool add(TbSamples *samples, const char *stream, gint64 t_ms, double value)
{
        const TbSample sample = {.stream = stream, .unit = "V", .value = value, .t_ms = t_ms};
        json_auto_t *added = tb_samples_add(samples, &sample);
        return added;
}

static const TbSpan all_of_it = {-1, G_MAXINT64, 0};

static gint64 at(json_t *history, const char *stream, size_t i)
{
        return json_integer_value(json_array_get(json_object_get(json_object_get(history, stream), "t"), i));
}

static size_t count(json_t *history, const char *stream)
{
        json_t *of = json_object_get(history, stream);
        g_assert_cmpuint(json_array_size(json_object_get(of, "t")), ==,
                         json_array_size(json_object_get(of, "value")));
        return json_array_size(json_object_get(of, "t"));
}

static void test_ring(void)
{
        TbSamples *samples = tb_samples_new();
        for (int i = 1; i <= TB_LIMIT_SAMPLES_KEPT; i++)
                g_assert_true(add(samples, "u", i, i / 2.0));
        json_t *history = tb_samples_history(samples, NULL, &all_of_it);
        g_assert_cmpuint(count(history, "u"), ==, TB_LIMIT_SAMPLES_KEPT);
        g_assert_cmpint(at(history, "u", 0), ==, 1);
        json_decref(history);

        g_assert_true(add(samples, "u", TB_LIMIT_SAMPLES_KEPT + 1, 7)); /* one more: the oldest goes */
        history = tb_samples_history(samples, NULL, &all_of_it);
        g_assert_cmpuint(count(history, "u"), ==, TB_LIMIT_SAMPLES_KEPT);
        for (int i = 0; i < TB_LIMIT_SAMPLES_KEPT; i++)
                g_assert_cmpint(at(history, "u", (size_t)i), ==, i + 2);
        json_decref(history);

        json_auto_t *latest = tb_samples_latest(samples);
        json_t *u = json_object_get(latest, "u");
        g_assert_cmpint(json_integer_value(json_object_get(u, "seq")), ==, TB_LIMIT_SAMPLES_KEPT + 1);
        g_assert_cmpfloat(json_real_value(json_object_get(u, "value")), ==, 7);
        g_assert_cmpstr(json_string_value(json_object_get(u, "unit")), ==, "V");
        tb_samples_free(samples);
}

/* TB_LIMIT_SAMPLES_ANSWER: as many streams as fit have all of theirs, one more and each has the newest of its share. */
static void test_answer(void)
{
        const guint fit = TB_LIMIT_SAMPLES_ANSWER / TB_LIMIT_SAMPLES_KEPT;
        TbSamples *samples = tb_samples_new();
        for (guint n = 1; n <= TB_LIMIT_STREAMS; n++) {
                g_autofree char *name = g_strdup_printf("s%u", n);
                for (int i = 1; i <= TB_LIMIT_SAMPLES_KEPT; i++)
                        g_assert_true(add(samples, name, i, i));
                if (n != fit && n != fit + 1 && n != TB_LIMIT_STREAMS)
                        continue;
                guint share = MIN(TB_LIMIT_SAMPLES_KEPT, TB_LIMIT_SAMPLES_ANSWER / n);
                json_auto_t *history = tb_samples_history(samples, NULL, &all_of_it);
                g_assert_cmpuint(share<TB_LIMIT_SAMPLES_KEPT, ==, n> fit);
                g_assert_cmpuint(count(history, "s1"), ==, share);
                g_assert_cmpint(at(history, name, 0), ==, TB_LIMIT_SAMPLES_KEPT - (int)share + 1);
        }
        tb_samples_free(samples);
}

static void test_order(void)
{
        static const char *const names[] = {"load.1m", "cpu.busy", "b", "a", "uptime"};
        TbSamples *samples = tb_samples_new();
        for (guint i = 0; i < 2 * G_N_ELEMENTS(names); i++)
                g_assert_true(add(samples, names[i % G_N_ELEMENTS(names)], i, i));
        json_auto_t *latest = tb_samples_latest(samples);
        guint i = 0;
        const char *name;
        json_t *value;
        json_object_foreach (latest, name, value)
                g_assert_cmpstr(name, ==, names[i++]);
        g_assert_cmpuint(i, ==, G_N_ELEMENTS(names));
        tb_samples_free(samples);
}

static void test_chosen(void)
{
        TbSamples *samples = tb_samples_new();
        for (int i = 1; i <= 20; i++)
                g_assert_true(add(samples, i % 2 ? "odd" : "even", i, i));
        const char *const only[] = {"odd", "none", NULL};
        json_auto_t *history = tb_samples_history(samples, only, &(TbSpan){11, G_MAXINT64, 0});
        g_assert_cmpuint(json_object_size(history), ==, 1);
        g_assert_cmpuint(count(history, "odd"), ==, 4); /* 13 15 17 19 */
        g_assert_cmpint(at(history, "odd", 0), ==, 13);
        tb_samples_free(samples);
}

static void test_refused(void)
{
        TbSamples *samples = tb_samples_new();
        g_assert_false(add(samples, "u", 1, NAN));
        g_assert_false(add(samples, "u", 1, INFINITY));
        g_assert_false(add(samples, "", 1, 1));
        g_assert_false(add(samples, "a/b", 1, 1));
        g_autofree char *longest = g_strnfill(TB_LIMIT_ID, 'x'), *longer = g_strnfill(TB_LIMIT_ID + 1, 'x');
        g_assert_true(add(samples, longest, 1, 1));
        g_assert_false(add(samples, longer, 1, 1));
        for (int i = 1; i < TB_LIMIT_STREAMS; i++) {
                g_autofree char *name = g_strdup_printf("s%d", i);
                g_assert_true(add(samples, name, 1, 1));
        }
        g_assert_false(add(samples, "more", 1, 1));
        g_assert_false(tb_samples_has(samples, "more"));
        g_assert_true(add(samples, "s1", 2, 2)); /* those that are there go on */
        g_assert_cmpuint(tb_samples_count(samples), ==, TB_LIMIT_STREAMS);
        tb_samples_free(samples);
}

/* TB_LIMIT_SAMPLE_AHEAD_MS: a clock that is an hour ahead is believed, one that is further ahead is wrong: it is now. */
static void test_ahead(void)
{
        const gint64 now_ms = g_get_real_time() / 1000, day_ms = 86400000;
        TbSamples *samples = tb_samples_new();
        g_assert_true(add(samples, "u", now_ms + TB_LIMIT_SAMPLE_AHEAD_MS, 1));
        g_assert_true(add(samples, "v", now_ms + day_ms + TB_LIMIT_SAMPLE_AHEAD_MS + 1, 2));
        json_auto_t *history = tb_samples_history(samples, NULL, &all_of_it);
        g_assert_cmpint(at(history, "u", 0), ==, now_ms + TB_LIMIT_SAMPLE_AHEAD_MS);
        g_assert_cmpint(at(history, "v", 0), >=, now_ms);
        g_assert_cmpint(at(history, "v", 0), <, now_ms + day_ms);
        tb_samples_free(samples);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/samples/ring", test_ring);
        g_test_add_func("/samples/answer", test_answer);
        g_test_add_func("/samples/order", test_order);
        g_test_add_func("/samples/chosen", test_chosen);
        g_test_add_func("/samples/refused", test_refused);
        g_test_add_func("/samples/ahead", test_ahead);
        return g_test_run();
}
