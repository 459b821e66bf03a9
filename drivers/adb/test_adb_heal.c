/* What breaks and comes back: the phone's connection, the phone, the adb server; and discovery. Real adb
 * server, simulated phone. */
#include "drivers/adb/test_bench.h"

static TbInstance *ops;

static void expect_works(void)
{
        g_autofree char *out = NULL;
        g_autoptr(GError) error = NULL;
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;

        for (;;) {
                int code = run(ops, "echo alive", NULL, 0, &out, NULL, &error);

                if (code == 0)
                        break;
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                g_assert_true(g_error_matches(error, TB_ERROR, TB_ERROR_GONE) ||
                              g_error_matches(error, TB_ERROR, TB_ERROR_DEVICE));
                g_clear_error(&error);
                tb_io_sleep(&bench.io, 50, NULL);
        }
        g_assert_cmpstr(out, ==, "alive\n");
}

/* One attempt fails with this. */
static void expect_error(TbErrorCode code, const char *text)
{
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;

        for (;;) {
                g_autoptr(GError) error = NULL;

                if (run(ops, "true", NULL, 0, NULL, NULL, &error) < 0 &&
                    g_error_matches(error, TB_ERROR, (int)code) && strstr(error->message, text) != NULL)
                        return;
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                tb_io_sleep(&bench.io, 50, NULL);
        }
}

static void test_drop(void)
{
        phone("drop");
        expect_works();
}

static void test_offline(void)
{
        phone("offline on");
        expect_error(TB_ERROR_GONE, "offline");
        phone("offline off");
        expect_works();
}

static void test_unauthorized(void)
{
        phone("unauthorized on");
        expect_error(TB_ERROR_DEVICE, "allow USB debugging on the phone's screen");
        phone("unauthorized off");
        expect_works();
}

static void test_refused(void)
{
        phone("refuse on");
        expect_error(TB_ERROR_GONE, bench.serial);
        phone("refuse off");
        expect_works();
}

static void test_reboot(void)
{
        g_autofree char *before = control("state"), *after = NULL;

        g_assert_nonnull(strstr(before, "\"boots\":1,"));
        phone("reboot");
        expect_works();
        after = control("state");
        g_assert_nonnull(strstr(after, "\"boots\":2,"));
}

static void test_phone_killed(void)
{
        guint16 port = port_of(bench.serial);
        g_autoptr(GError) error = NULL;

        tb_child_free(g_steal_pointer(&bench.phone), 5000);
        g_assert_cmpint(run(ops, "true", NULL, 0, NULL, NULL, &error), ==, -1);
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        start_phone(port);
        expect_works();
}

/* The address has another phone now: it is left alone, until the one before is back. */
static void test_another(void)
{
        TbInstance *lane = lane_new("ops", bench.serial);
        guint16 port = port_of(bench.serial);
        g_autoptr(GError) error = NULL;

        lane_open(lane);
        lane_close(lane);
        tb_child_free(g_steal_pointer(&bench.phone), 5000);
        start_phone_as(port, "OTHER123");
        g_assert_false(lane->lane->open(lane, &bench.io, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        g_assert_nonnull(strstr(error->message, "another phone answers"));
        g_assert_nonnull(strstr(error->message, "OTHER123"));
        lane_close(lane);
        tb_child_free(g_steal_pointer(&bench.phone), 5000);
        start_phone(port);
        lane_open(lane);
        lane_free(lane);
}

/* Lanes that hold a connection notice at once, and say that the phone is gone. */
static void test_lanes_notice(void)
{
        static const char *const names[] = {"input", "screen", "log"};
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
        TbInstance *lanes[G_N_ELEMENTS(names)];

        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                lanes[i] = lane_new(names[i], bench.serial);
                lane_open(lanes[i]);
        }
        phone("drop");
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autoptr(GError) error = NULL;

                while (lanes[i]->lane->pump(lanes[i], &bench.io, &error))
                        g_assert_cmpint(g_get_monotonic_time(), <, until);
                g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        }
        expect_works();
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                lane_close(lanes[i]);
                lane_open(lanes[i]);
                lane_free(lanes[i]);
        }
}

static void test_unknown_phone(void)
{
        TbInstance *other = lane_new("ops", "0A1B2C3D");
        g_autoptr(GError) error = NULL;

        g_assert_false(other->lane->open(other, &bench.io, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        g_assert_nonnull(strstr(error->message, "0A1B2C3D"));
        lane_free(other);
}

static void test_bad_uri(void)
{
        static const char *const texts[] = {"adb://",
                                            "adb:///x",
                                            "adb://a%0Ab",
                                            "adb://x?usb=port=1-1",
                                            "adb://?usb=what",
                                            "adb://x?display=0;reboot",
                                            "adb://x?server=h:0",
                                            "adb://x?server=h:99999",
                                            "adb://x?server=h:p"};

        for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TbUri) uri = tb_uri_parse(texts[i], &error);
                json_t *params = uri != NULL
                                         ? tb_params_validate_text(tb_driver_adb.params, uri->query, &error)
                                         : NULL;

                g_assert_true(params == NULL || !tb_driver_adb.check(uri, params, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                json_decref(params);
        }
}

/* --- discovery: it starts the server, finds phones, and survives the server's death --- */

static GHashTable *found; /* uri -> state */
static guint events;

static void on_found(TbDiscovery *self, const char *uri, const char *label, const char *why,
                     json_t *properties_take)
{
        (void)self;
        g_assert_nonnull(label);
        g_assert_nonnull(strstr(why, "adb server"));
        g_hash_table_insert(found, g_strdup(uri),
                            g_strdup(json_string_value(json_object_get(properties_take, "state"))));
        json_decref(properties_take);
}

static void on_lost(TbDiscovery *self, const char *uri)
{
        (void)self;
        g_assert_true(g_hash_table_remove(found, uri));
}

static void on_event(TbDiscovery *self, const char *type, json_t *data_take)
{
        (void)self;
        g_assert_cmpstr(type, ==, "adb.state");
        json_decref(data_take);
        events++;
}

static void on_fault(TbDiscovery *self, const char *reason)
{
        (void)self;
        g_assert_cmpstr(reason, ==, NULL); /* nothing is wrong with a look, whatever happens to the server */
}

static void pump_until(TbDiscovery *d, const char *uri, const char *state)
{
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
        g_autoptr(GError) error = NULL;

        while (g_strcmp0(g_hash_table_lookup(found, uri), state) != 0) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                bool ok = tb_driver_adb.discovery->pump(d, &bench.io, &error);
                g_assert_no_error(error);
                g_assert_true(ok);
        }
}

static void kill_server(void)
{
        TbAdbTarget target = {0};
        g_autoptr(GError) error = NULL;
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;

        g_assert_true(tb_adb_parse_server(NULL, &target.host, &target.port, &error));
        g_autoptr(TbTransport) link = tb_adb_host_service(&bench.io, &target, "host:kill", NULL);
        while (tb_adb_server_up(&bench.io, target.host, target.port)) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                tb_io_sleep(&bench.io, 20, NULL);
        }
        tb_adb_target_clear(&target);
}

static void test_discovery(void)
{
        const TbDiscoveryOps *d_ops = tb_driver_adb.discovery;
        TbDiscovery *d = g_malloc0(d_ops->size);
        g_autofree char *uri = g_strdup_printf("adb://%s", bench.serial);
        g_autoptr(GError) error = NULL, lost = NULL, again = NULL;

        found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        *d = (TbDiscovery){.found = on_found, .lost = on_lost, .event = on_event, .fault = on_fault};
        kill_server(); /* the bench's own: nothing listens now */
        tb_child_free(g_steal_pointer(&bench.server), 5000);
        g_assert_true(d_ops->open(d, &bench.io, &error)); /* starts one */
        expect_works();                                   /* tells it to connect to the phone */
        pump_until(d, uri, "device");
        phone("offline on");
        pump_until(d, uri, "offline");
        phone("offline off");
        expect_works();
        pump_until(d, uri, "device");
        g_assert_cmpuint(events, >=, 3);

        kill_server();
        while (d_ops->pump(d, &bench.io, &lost))
                continue;
        g_assert_error(lost, TB_ERROR, TB_ERROR_GONE);
        d_ops->close(d);
        g_assert_cmpuint(g_hash_table_size(found), ==, 0);
        g_assert_true(d_ops->open(d, &bench.io, &again)); /* and the next one */
        expect_works();
        pump_until(d, uri, "device");
        d_ops->close(d);
        g_free(d);
        g_hash_table_unref(found);
}

int main(int argc, char **argv)
{
        int rc;

        g_test_init(&argc, &argv, NULL);
        bench_start();
        start_server();
        start_phone(0);
        told_init();
        ops = lane_new("ops", bench.serial);
        lane_open(ops);
        g_test_add_func("/adb/heal/drop", test_drop);
        g_test_add_func("/adb/heal/reboot", test_reboot);
        g_test_add_func("/adb/heal/lanes-notice", test_lanes_notice);
        g_test_add_func("/adb/heal/unauthorized", test_unauthorized);
        g_test_add_func("/adb/heal/offline", test_offline);
        g_test_add_func("/adb/heal/refused", test_refused);
        g_test_add_func("/adb/heal/phone-killed", test_phone_killed);
        g_test_add_func("/adb/heal/another", test_another);
        g_test_add_func("/adb/heal/unknown-phone", test_unknown_phone);
        g_test_add_func("/adb/heal/bad-uri", test_bad_uri);
        g_test_add_func("/adb/heal/discovery", test_discovery);
        rc = g_test_run();
        lane_free(ops);
        told_clear();
        bench_stop();
        return rc;
}
