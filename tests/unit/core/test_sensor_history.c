/* The past of sensors by steps, and on the disk: lines, a restart, a file that is broken, a device that was removed. */
#include <math.h>
#include <string.h>

#include "host/core/state/grown_file.h"
#include "host/core/state/sensor_log.h"
#include "host/core/state/stream.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "tests/unit/clock.h"

#define DAY_MS 86400000LL
#define T0 (20000 * DAY_MS) /* a beginning of each step */

static void add(TbSamples *samples, gint64 t_ms, double value)
{
        json_decref(tb_samples_add(samples, &(TbSample){"v", "voltage", "V", value, t_ms}));
}

static json_t *steps(TbSamples *samples, gint64 from_ms, gint64 until_ms, gint64 step_ms)
{
        json_auto_t *all = tb_samples_history(samples, NULL, &(TbSpan){from_ms - 1, until_ms, step_ms});
        return json_incref(json_object_get(all, "v"));
}

static double get(json_t *of, const char *key, gsize i)
{
        json_t *list = json_object_get(of, key);
        g_assert_cmpuint(i, <, json_array_size(list));
        return json_number_value(json_array_get(list, i));
}

static double total(json_t *of)
{
        double n = 0;
        for (gsize i = 0; i < json_array_size(json_object_get(of, "n")); i++)
                n += get(of, "n", i);
        return n;
}

static void test_step(void)
{
        TbSamples *samples = tb_samples_new();
        for (int i = 0; i < 10; i++)
                add(samples, T0 + i * 500, i % 5);
        add(samples, T0 + 100, 40); /* late: it belongs where its time is */
        json_auto_t *of = steps(samples, 0, G_MAXINT64, 1000);
        g_assert_cmpuint(json_array_size(json_object_get(of, "t")), ==, 5);
        g_assert_cmpfloat(get(of, "t", 1), ==, T0 + 1000);
        g_assert_cmpfloat(get(of, "min", 0), ==, 0);
        g_assert_cmpfloat(get(of, "max", 0), ==, 40);
        g_assert_cmpfloat_with_epsilon(get(of, "mean", 0), 41 / 3.0, 1e-9);
        g_assert_cmpfloat(get(of, "n", 0), ==, 3);
        json_auto_t *some = steps(samples, T0 + 2000, T0 + 3500, 1000);
        g_assert_cmpuint(json_array_size(json_object_get(some, "t")), ==, 2);
        g_assert_cmpfloat(get(some, "min", 1), ==, 1);
        tb_samples_free(samples);
}

/* A fast stream: what the samples do not have any more is in the steps, each sample in one of them, once. */
static void test_tiers(void)
{
        TbSamples *samples = tb_samples_new();
        const int n = 8 * 3600; /* a second each: longer than TB_LIMIT_STEPS of TB_LIMIT_STEP_MS */
        g_assert_cmpint(n * 1000LL, >, (gint64)TB_LIMIT_STEPS * TB_LIMIT_STEP_MS);
        g_assert_cmpint(n * 1000LL, <, (gint64)TB_LIMIT_LONG_STEPS * TB_LIMIT_LONG_STEP_MS);
        for (int i = 0; i < n; i++)
                add(samples, T0 + i * 1000LL, i);
        json_auto_t *hours = steps(samples, 0, G_MAXINT64, 3600000);
        g_assert_cmpuint(json_array_size(json_object_get(hours, "t")), ==, 8);
        for (gsize h = 0; h < 8; h++) {
                g_assert_cmpfloat(get(hours, "n", h), ==, 3600);
                g_assert_cmpfloat(get(hours, "min", h), ==, (double)h * 3600);
                g_assert_cmpfloat(get(hours, "max", h), ==, (double)h * 3600 + 3599);
                g_assert_cmpfloat_with_epsilon(get(hours, "mean", h), (double)h * 3600 + 1799.5, 1e-6);
        }
        json_auto_t *fine = steps(samples, 0, G_MAXINT64, 100); /* finer than what is kept: as it is kept */
        g_assert_cmpfloat(total(fine), ==, n);
        tb_samples_free(samples);
}

/* TB_LIMIT_STEPS and TB_LIMIT_LONG_STEPS: of a stream that goes on for ever the oldest go. */
static void test_bounds(void)
{
        TbStream *s = tb_stream_new("v");
        for (gint64 i = 0; i < 2 * TB_LIMIT_LONG_STEPS; i++)
                tb_stream_add(s, T0 + i * TB_LIMIT_LONG_STEP_MS, 1);
        g_assert_cmpuint(s->steps.rows->len, <, TB_LIMIT_STEPS + 64);
        g_assert_cmpuint(s->steps.rows->len, >=, TB_LIMIT_STEPS);
        g_assert_cmpuint(s->long_steps.rows->len, <, TB_LIMIT_LONG_STEPS + 64);
        g_assert_cmpuint(s->long_steps.rows->len, >=, TB_LIMIT_LONG_STEPS);
        g_assert_cmpuint(s->unsaved->len, ==, TB_LIMIT_SENSORS_UNSAVED);
        tb_stream_add(s, T0, 1); /* older than all: nothing moves */
        g_assert_cmpint(g_array_index(s->long_steps.rows, TbStep, 0).t_ms, >, T0);
        tb_stream_free(s);
}

static void test_huge(void)
{
        TbSamples *samples = tb_samples_new();
        add(samples, T0, 1.7e308);
        add(samples, T0 + 1, 1.7e308);
        add(samples, T0 + 2, -1.7e308);
        json_auto_t *of = steps(samples, 0, G_MAXINT64, 1000);
        g_assert_true(isfinite(get(of, "mean", 0)));
        g_autofree char *text = tb_json_text(of, NULL);
        g_assert_nonnull(text);
        tb_samples_free(samples);
}

/* --- the disk --- */
static void to_line(const TbStreamRows *rows, gpointer data)
{
        GString **text = data;
        tb_sensor_line_write(text[rows->is_long], "board", "sensors", rows);
}

static guint read_text(GHashTable *all, const GString *text, bool is_long)
{
        g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
        guint n = 0;
        for (char **l = lines; *l; l++)
                n += **l && tb_sensor_line_read(all, *l, strlen(*l), is_long);
        return n;
}

static GHashTable *none(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)tb_samples_free);
}

static void test_restart(void)
{
        TbSamples *samples = tb_samples_new();
        GString *text[2] = {g_string_new(NULL), g_string_new(NULL)};
        for (int i = 0; i < 3000; i++) { /* ten a second */
                add(samples, T0 + i * 100LL, i % 10);
                if (tb_samples_crowded(samples, "v"))
                        tb_samples_unsaved(samples, false, to_line, text);
        }
        tb_samples_unsaved(samples, true, to_line, text);
        json_auto_t *before = steps(samples, 0, G_MAXINT64, 10000);
        gsize size = text[0]->len;
        tb_samples_unsaved(samples, true, to_line, text); /* nothing is written twice */
        g_assert_cmpuint(text[0]->len, ==, size);
        tb_samples_free(samples);

        g_autoptr(GHashTable) all = none();
        g_assert_cmpuint(read_text(all, text[1], true), >, 0);
        g_assert_cmpuint(read_text(all, text[0], false), >, 0);
        TbSamples *after = tb_samples_new();
        add(after, T0 + 300000, 77); /* it came while the file was read */
        gpointer key = NULL, past = NULL;
        g_assert_true(g_hash_table_steal_extended(all, "board/sensors", &key, &past));
        g_free(key);
        tb_samples_restore(after, past);
        json_auto_t *now = steps(after, 0, T0 + 299999, 10000), *later = steps(after, 0, G_MAXINT64, 10000);
        g_assert_cmpfloat(total(now), ==, 3000);
        g_assert_cmpfloat(total(later), ==, 3001);
        g_assert_cmpuint(json_array_size(json_object_get(now, "t")), ==,
                         json_array_size(json_object_get(before, "t")));
        for (gsize i = 0; i < json_array_size(json_object_get(now, "t")); i++) {
                g_assert_cmpfloat(get(now, "min", i), ==, 0);
                g_assert_cmpfloat(get(now, "max", i), ==, 9);
                g_assert_cmpfloat_with_epsilon(get(now, "mean", i), 4.5, 1e-6);
        }
        json_auto_t *latest = tb_samples_latest(after);
        g_assert_cmpfloat(json_number_value(json_object_get(json_object_get(latest, "v"), "value")), ==, 77);
        g_assert_cmpuint(tb_samples_count(after), ==, 1);
        tb_samples_free(after);
        g_string_free(text[0], TRUE);
        g_string_free(text[1], TRUE);
}

/* What is only remembered is nobody's latest value, and takes no stream's place. */
static void test_remembered(void)
{
        g_autoptr(GHashTable) all = none();
        for (int i = 0; i <= TB_LIMIT_STREAMS; i++) {
                g_autofree char *line = g_strdup_printf(
                        "{\"d\":\"b\",\"i\":\"s\",\"s\":\"old%d\",\"q\":\"\",\"u\":\"1\",\"p\":[[5,1.5]]}",
                        i);
                g_assert_true(tb_sensor_line_read(all, line, strlen(line), false) == (i < TB_LIMIT_STREAMS));
        }
        TbSamples *samples = tb_samples_new();
        gpointer key = NULL, past = NULL;
        g_assert_true(g_hash_table_steal_extended(all, "b/s", &key, &past));
        g_free(key);
        tb_samples_restore(samples, past);
        g_assert_cmpuint(tb_samples_count(samples), ==, 0);
        g_assert_false(tb_samples_has(samples, "old1"));
        json_auto_t *latest = tb_samples_latest(samples),
                    *history = tb_samples_history(samples, NULL, &(TbSpan){-1, G_MAXINT64, 0});
        g_assert_cmpuint(json_object_size(latest), ==, 0);
        g_assert_cmpuint(json_object_size(history), ==, TB_LIMIT_STREAMS);
        add(samples, T0, 1);
        g_assert_true(tb_samples_has(samples, "v"));
        tb_samples_free(samples);
}

static void test_bad_lines(void)
{
        static const char *const bad[] = {
                "",
                "x",
                "[]",
                "{\"d\":\"b\"}",
                "{\"d\":\"../b\",\"i\":\"s\",\"s\":\"v\",\"q\":\"\",\"u\":\"1\",\"p\":[[5,1]]}",
                "{\"d\":\"b\",\"i\":\"s\",\"s\":\"v v\",\"q\":\"\",\"u\":\"1\",\"p\":[[5,1]]}",
                "{\"d\":\"b\",\"i\":\"s\",\"s\":\"v\",\"q\":\"\",\"u\":\"1\",\"p\":[]}",
                "{\"d\":\"b\",\"i\":\"s\",\"s\":\"v\",\"q\":\"\",\"u\":\"1\",\"p\":[[5]]}",
                "{\"d\":\"b\",\"i\":\"s\",\"s\":\"v\",\"q\":\"\",\"u\":\"1\",\"p\":[[-5,1]]}",
                "{\"d\":\"b\",\"i\":\"s\",\"s\":\"v\",\"q\":\"\",\"u\":\"1\",\"p\":[[5,1,2,3,0]]}",
                "{\"d\":\"b\",\"i\":\"s\",\"s\":\"v\",\"q\":\"\",\"u\":\"1\",\"p\":[[5,3,2,1,4]]}",
        };
        g_autoptr(GHashTable) all = none();
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_sensor_line_read(all, bad[i], strlen(bad[i]), false));
        const char *good = "{\"d\":\"b\",\"i\":\"s\",\"s\":\"v\",\"q\":\"\",\"u\":\"1\",\"p\":[[5,1]]}",
                   *gone = "{\"forget\":\"b\"}",
                   *other = "{\"d\":\"b2\",\"i\":\"s\",\"s\":\"v\",\"q\":\"\",\"u\":\"1\",\"p\":[[5,1]]}";
        g_assert_true(tb_sensor_line_read(all, good, strlen(good), false));
        g_assert_true(tb_sensor_line_read(all, other, strlen(other), false));
        g_assert_true(tb_sensor_line_read(all, gone, strlen(gone), false));
        g_assert_false(g_hash_table_contains(all, "b/s"));
        g_assert_true(g_hash_table_contains(all, "b2/s"));
}

/* TB_LIMIT_SENSORS_FILE: a file that is full gets another name, and the one of that name goes. */
static void test_file(void)
{
        g_autofree char *path = g_dir_make_tmp("tb-sensors-XXXXXX", NULL);
        TbStateDir *dir = tb_state_dir_open(path, "host", true, NULL);
        TbGrownFile *file = tb_grown_file_new("s.jsonl", "s.1.jsonl", TB_LIMIT_SENSORS_FILE);
        g_autofree char *whole = g_strnfill(TB_LIMIT_SENSORS_FILE, 'x'), *before = NULL, *now = NULL;
        whole[TB_LIMIT_SENSORS_FILE - 1] = '\n';
        gsize n_before = 0, n_now = 0;
        g_assert_null(tb_grown_file_write(file, dir, whole)); /* just full */
        before = tb_state_read(dir, "s.1.jsonl", &n_before, NULL);
        g_assert_null(before);
        g_assert_null(tb_grown_file_write(file, dir, "y\n"));
        before = tb_state_read(dir, "s.1.jsonl", &n_before, NULL);
        now = tb_state_read(dir, "s.jsonl", &n_now, NULL);
        g_assert_cmpuint(n_before, ==, TB_LIMIT_SENSORS_FILE);
        g_assert_cmpuint(n_now, ==, 2);
        tb_grown_file_close(file);
        g_assert_true(tb_state_rename(dir, "s.jsonl", "s.1.jsonl", NULL));
        tb_state_dir_close(dir);
        const char *const argv[] = {"rm", "-rf", path, NULL};
        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                                   NULL, NULL));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sensor-history/step", test_step);
        g_test_add_func("/sensor-history/tiers", test_tiers);
        g_test_add_func("/sensor-history/bounds", test_bounds);
        g_test_add_func("/sensor-history/huge", test_huge);
        g_test_add_func("/sensor-history/restart", test_restart);
        g_test_add_func("/sensor-history/remembered", test_remembered);
        g_test_add_func("/sensor-history/bad-lines", test_bad_lines);
        g_test_add_func("/sensor-history/file", test_file);
        return g_test_run();
}
