/* Places in the sky: what people write, and Meeus' example of precession. */
#include <math.h>

#include "lib/error.h"
#include "lib/sky.h"

static void test_parse(void)
{
        static const struct {
                const char *text;
                bool ra;
                double value; /* NAN: refused */
        } rows[] = {
                {"5h35m17.3s", true, 5 + 35 / 60.0 + 17.3 / 3600},
                {"5:35:17.3", true, 5 + 35 / 60.0 + 17.3 / 3600},
                {" 5 35 17.3 ", true, 5 + 35 / 60.0 + 17.3 / 3600},
                {"5h 35m", true, 5 + 35 / 60.0},
                {"5h 35.5m", true, 5 + 35.5 / 60.0},
                {"5.5881", true, 5.5881},
                {"83.82deg", true, 83.82 / 15},
                {"83.82°", true, 83.82 / 15},
                {"23:59:59.9", true, 24 - 0.1 / 3600},
                {"24", true, NAN},
                {"-1", true, NAN},
                {"360deg", true, NAN},
                {"-5d23m28s", false, -(5 + 23 / 60.0 + 28 / 3600.0)},
                {"-5°23'28\"", false, -(5 + 23 / 60.0 + 28 / 3600.0)},
                {"−5° 23′ 28″", false, -(5 + 23 / 60.0 + 28 / 3600.0)},
                {"-0:30", false, -0.5},
                {"+41.27", false, 41.27},
                {"90", false, 90},
                {"90.01", false, NAN},
                {"5:60", false, NAN},
                {"5:30:60", false, NAN},
                {"5.5:30", false, NAN},
                {"5:30:10:10", false, NAN},
                {"5h", false, NAN},
                {"", true, NAN},
                {"M42", true, NAN},
                {"1234567", false, NAN},
                {"5x", true, NAN},
                {NULL, true, NAN},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                double value = -1000;
                bool fine = tb_sky_parse(rows[i].text, rows[i].ra, &value, &error);
                g_test_message("%s", rows[i].text);
                g_assert_cmpint(fine, ==, !isnan(rows[i].value));
                g_assert_cmpint(fine, ==, error == NULL);
                g_assert_cmpfloat_with_epsilon(value, fine ? rows[i].value : -1000, 1e-9);
        }
}

static void test_format(void)
{
        g_autofree char *ra = tb_sky_format(5 + 35 / 60.0 + 17.3 / 3600, true),
                        *dec = tb_sky_format(-(5 + 23 / 60.0 + 28 / 3600.0), false),
                        *small = tb_sky_format(-0.5, false), *round = tb_sky_format(23.9999999, true);
        g_assert_cmpstr(ra, ==, "5h 35m 17.3s");
        g_assert_cmpstr(dec, ==, "-5° 23′ 28″");
        g_assert_cmpstr(small, ==, "-0° 30′ 00″");
        g_assert_cmpstr(round, ==, "0h 00m 00.0s");
}

/* Meeus, Astronomical Algorithms, example 21.b: theta Persei, its own motion added, from J2000.0 to 2028-11-13.19. */
static void test_precession(void)
{
        double ra = 41.054063 / 15, dec = 49.227750;
        const gint64 then = 1857702816; /* JDE 2462088.69 */
        tb_sky_precess(&ra, &dec, then * 1000, false);
        g_assert_cmpfloat_with_epsilon(ra * 15, 41.547214, 2e-6);
        g_assert_cmpfloat_with_epsilon(dec, 49.348483, 2e-6);
        tb_sky_precess(&ra, &dec, then * 1000, true);
        g_assert_cmpfloat_with_epsilon(ra * 15, 41.054063, 2e-6);
        g_assert_cmpfloat_with_epsilon(dec, 49.227750, 2e-6);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sky/parse", test_parse);
        g_test_add_func("/sky/format", test_format);
        g_test_add_func("/sky/precession", test_precession);
        return g_test_run();
}
