/* What programs and devices print as samples, and what is told. */
#include "drivers/transport/samples.h"

#include <string.h>

#include "lib/limits.h"

static void collect(const TbSample *sample, gpointer data)
{
        g_string_append_printf(data, "%s=%g%s;", sample->stream, sample->value, sample->unit);
}

static void check(const char *text, const char *expected)
{
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        bool ok = tb_samples_parse(text, strlen(text), "the command", "value", collect, out, &error);
        if (expected) {
                g_assert_no_error(error);
                g_assert_cmpstr(out->str, ==, expected);
        } else {
                g_assert_false(ok);
                g_assert_nonnull(error);
        }
}

static void test_samples(void)
{
        check("21.5\n", "value=21.51;");
        check("Temp_2 1", "Temp_2=11;");
        check("temp 21.5 Cel\nfan.rpm\t900\n\n", "temp=21.5Cel;fan.rpm=9001;");
        check("{\"a\":1,\"b\":{\"value\":2,\"unit\":\"V\"}}", "a=11;b=2V;");
        check("", NULL);
        check("Te/mp 1", NULL);
        check("temp x", NULL);
        check("temp 1 V more", NULL);
        check("inf", NULL);
        check("{\"a\":null}", NULL);
        check("{\"a\":1", NULL);
}

static void count(const TbSample *sample G_GNUC_UNUSED, gpointer data)
{
        (*(guint *)data)++;
}

static void test_limit(void)
{
        g_autoptr(GString) many = g_string_new(NULL);
        for (int n = 1; n <= TB_LIMIT_STREAMS + 1; n++) {
                g_autoptr(GError) error = NULL;
                guint seen = 0;
                g_string_append_printf(many, "s%d 1\n", n);
                bool ok = tb_samples_parse(many->str, many->len, "it", "value", count, &seen, &error);
                g_assert_cmpint(ok, ==, n <= TB_LIMIT_STREAMS);
                g_assert_cmpint(seen, ==, MIN(n, TB_LIMIT_STREAMS));
                if (!ok)
                        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
        }
}

static guint told;

static void on_sample(TbInstance *self G_GNUC_UNUSED, const TbSample *sample)
{
        g_assert_cmpstr(sample->stream, ==, "t");
        g_assert_cmpfloat(sample->value, ==, 1.5);
        told++;
}

static void test_tell(void)
{
        static const TbUp up = {.sample = on_sample};
        TbInstance self = {.up = &up};
        tb_samples_tell(&self, "t", "temperature", "Cel", 1.5);
        tb_samples_tell(&self, "t", "temperature", "Cel", NAN);
        tb_samples_tell(&self, "t", "temperature", "Cel", INFINITY);
        g_assert_cmpuint(told, ==, 1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/samples/parse", test_samples);
        g_test_add_func("/samples/limit", test_limit);
        g_test_add_func("/samples/tell", test_tell);
        return g_test_run();
}
