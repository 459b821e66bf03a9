/* Hosts that register by HTTP: what is kept of them, when they are forgotten, how many there may be. */
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "server/accounts/registered.h"

#define S(s) ((gint64)(s)*1000)

static bool put(TbRegistered *r, const char *name, const char *more, const char *net, gint64 now_ms,
                GError **error)
{
        g_autofree char *text = g_strdup_printf("{\"host_name\": \"%s\", \"host_url\": \"http://h:6109\", "
                                                "\"devices\": [%s]}",
                                                name, more);
        json_auto_t *info = json_loads(text, 0, NULL);
        g_assert_nonnull(info);
        return tb_registered_put(r, info, net, now_ms, error);
}

/* TB_LIMIT_REGISTERED_S without a word, counted from the last one. */
static void test_silence(void)
{
        TbRegistered *r = tb_registered_new();
        g_assert_false(tb_registered_ping(r, "lab", 0));
        g_assert_true(put(r, "lab", "", "a", 0, NULL));
        g_assert_true(tb_registered_ping(r, "lab", S(TB_LIMIT_REGISTERED_S) - 1));
        g_assert_true(tb_registered_ping(r, "lab", S(2 * TB_LIMIT_REGISTERED_S) - 2));
        json_auto_t *there = tb_registered_list(r, S(3 * TB_LIMIT_REGISTERED_S) - 3);
        g_assert_cmpuint(json_array_size(there), ==, 1);
        g_assert_false(tb_registered_ping(r, "lab", S(3 * TB_LIMIT_REGISTERED_S) - 2));
        json_auto_t *gone = tb_registered_list(r, S(3 * TB_LIMIT_REGISTERED_S));
        g_assert_cmpuint(json_array_size(gone), ==, 0);
        g_assert_true(put(r, "lab", "", "a", S(1000), NULL));
        g_assert_true(tb_registered_remove(r, "lab", S(1000)));
        g_assert_false(tb_registered_remove(r, "lab", S(1000)));
        tb_registered_free(r);
}

static void test_kept(void)
{
        TbRegistered *r = tb_registered_new();
        g_assert_true(
                put(r, "lab",
                    "{\"device_id\": \"device1\", \"device_name\": \"Pixel\", \"device_port\": \"5555\", "
                    "\"device_action_types\": {\"many\": [1]}, \"device_ip\": null}",
                    "a", 5, NULL));
        json_auto_t *host = tb_registered_json(r, "lab", 6);
        json_t *device = json_array_get(json_object_get(host, "devices"), 0);
        json_auto_t *want = json_pack("{s:s, s:s, s:i}", "device_id", "device1", "device_name", "Pixel",
                                      "device_port", 5555);
        g_assert_true(json_equal(device, want));
        g_assert_cmpstr(json_string_value(json_object_get(host, "status")), ==, "online");
        g_assert_cmpint(json_integer_value(json_object_get(host, "device_count")), ==, 1);
        static const struct {
                const char *name, *devices, *field;
        } bad[] = {{"", "", "host_name"},
                   {"a/b", "", "host_name"},
                   {"lab", "7", "devices"},
                   {"lab", "{}", "devices"},
                   {"lab", "{\"device_id\": \"d\", \"device_port\": 65536}", "devices"},
                   {"lab", "{\"device_id\": \"d\", \"device_port\": \"x\"}", "devices"},
                   {"lab", "{\"device_id\": \"d\", \"device_name\": 7}", "devices"}};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(put(r, bad[i].name, bad[i].devices, "a", 7, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_assert_cmpstr(tb_error_field(error), ==, bad[i].field);
        }
        g_assert_true(put(r, "lab", "", "b", 8, NULL)); /* again: in the place of the former */
        json_auto_t *again = tb_registered_list(r, 9);
        g_assert_cmpuint(json_array_size(again), ==, 1);
        tb_registered_free(r);
}

static void test_limits(void)
{
        TbRegistered *r = tb_registered_new();
        g_autoptr(GError) error = NULL;
        for (int i = 0; i < TB_LIMIT_REGISTERED; i++) {
                g_autofree char *name = g_strdup_printf("h%d", i),
                                *net = g_strdup_printf("n%d", i / TB_LIMIT_REGISTERED_OF_NET);
                if (i == TB_LIMIT_REGISTERED_OF_NET) {
                        g_assert_false(put(r, "more", "", "n0", 0, &error)); /* of one network */
                        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
                        g_clear_error(&error);
                }
                g_assert_true(put(r, name, "", net, 0, NULL));
        }
        g_assert_false(put(r, "more", "", "another", 0, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        g_assert_true(put(r, "h0", "", "n0", 1, NULL));
        g_assert_true(
                put(r, "more", "", "another", S(TB_LIMIT_REGISTERED_S), NULL)); /* the silent made room */
        tb_registered_free(r);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/registered/silence", test_silence);
        g_test_add_func("/registered/kept", test_kept);
        g_test_add_func("/registered/limits", test_limits);
        return g_test_run();
}
