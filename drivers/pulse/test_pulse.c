/* What can be said without a sound server: which URIs are sources, and that its absence is a reason in words. A real server is in
 * tests/integration/sound.test.mjs. */
#include <signal.h>

#include "tests/contract/lane.h"

static bool fits(const char *text, GError **error)
{
        const TbDriver *driver = tb_driver_find("pulse");
        g_autoptr(TbUri) uri = tb_uri_parse(text, error);
        json_auto_t *params = tb_params_validate_text(driver->params, uri->query, error);
        return params && driver->check(uri, params, error);
}

static void test_uris(void)
{
        static const char *const good[] = {"pulse://", "pulse:///sink.monitor",
                                           "pulse:///@DEFAULT_SOURCE@?server=tcp:10.0.0.7",
                                           "pulse:///a?rate=16000&channels=1"};
        for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autoptr(GError) error = NULL;
                fits(good[i], &error);
                g_assert_no_error(error);
        }
        g_autoptr(GError) error = NULL;
        g_assert_false(fits("pulse://10.0.0.7", &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, "?server=tcp:10.0.0.7"));
}

static void test_no_server(void)
{
        Lane *lane = lane_start("pulse:///mic?server=unix:/nonexistent/pulse", NULL, "source", "/tmp");
        lane_wait(lane, "the reason", lane_is_lost,
                  "pulse:///mic: no PulseAudio or PipeWire server answers at unix:/nonexistent/pulse", 10000);
        lane_stop(lane, 1000);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/pulse/uris", test_uris);
        g_test_add_func("/pulse/no-server", test_no_server);
        return g_test_run();
}
