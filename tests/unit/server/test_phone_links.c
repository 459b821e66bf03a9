/* What a code says that a phone scans: an address that the phone reaches. */
#include <glib.h>

#include "server/phone_links.h"

static char *const own[] = {(char *)"192.168.1.5", (char *)"fd00::5", NULL};
static char *const none[] = {NULL};

static char *bases(const char *base, bool configured, const char *listens, char *const *addresses)
{
        g_auto(GStrv) list = tb_phone_bases_of(base, configured, listens, "https", 5109, addresses);
        return g_strjoinv(" ", list);
}

static void test_bases(void)
{
        static const struct {
                const char *base;
                bool configured;
                const char *listens, *expected;
        } cases[] = {
                /* opened on the machine itself: the phone needs another address */
                {"https://localhost:5109", false, "0.0.0.0", "https://192.168.1.5:5109"},
                {"https://127.0.0.1:5109", false, "::", "https://192.168.1.5:5109 https://[fd00::5]:5109"},
                /* opened by an address that works, which comes first, and once */
                {"https://192.168.1.5:5109", false, "0.0.0.0", "https://192.168.1.5:5109"},
                {"https://bench.local:5109", false,
                 "::", "https://bench.local:5109 https://192.168.1.5:5109 https://[fd00::5]:5109"},
                /* heard here alone, or behind a proxy with a name: there is nothing to choose */
                {"http://127.0.0.1:5109", false, "127.0.0.1", "http://127.0.0.1:5109"},
                {"https://lab.example", true, "0.0.0.0", "https://lab.example"},
                {"http://localhost:5109", true, "::", "http://localhost:5109"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *got = bases(cases[i].base, cases[i].configured, cases[i].listens, own);
                g_assert_cmpstr(got, ==, cases[i].expected);
        }
        g_autofree char *alone = bases("http://localhost:5109", false, "0.0.0.0", none);
        g_assert_cmpstr(alone, ==, "http://localhost:5109");
        g_autofree char *v6_only = bases("http://localhost:5109", false, "0.0.0.0", own + 1);
        g_assert_cmpstr(v6_only, ==, "http://localhost:5109");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/phone-links/bases", test_bases);
        return g_test_run();
}
