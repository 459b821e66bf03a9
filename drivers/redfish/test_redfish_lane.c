/* The redfish driver against the simulated controller of tests/sim/plugs/. */
#include <signal.h>

#include "tests/contract/plug_rig.h"

#define SIM "tests/sim/plugs/plugs-sim.mjs"
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PATIENCE_MS 20000

static void refused(const char *const *args, const char *query, const char *words)
{
        Sim sim = sim_start(SIM, args);
        g_autofree char *uri =
                g_strdup_printf("redfish://127.0.0.1:%d?user=lab&password=secret%s", sim.port, query);
        Lane *lane = lane_start(uri, NULL, "plug", "/tmp");
        lane_wait(lane, "refusal", lane_is_lost, words, PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

static void test_words(void)
{
        refused(ARGV("--kind", "redfish", "--outputs", "2"), "&tls=off",
                "name one of its systems as \"system\" (1, 2)");
        refused(ARGV("--kind", "redfish"), "&tls=off&system=7", "it has no 7");
        refused(ARGV("--kind", "redfish"), "", "\"tls\" is \"off\"");
        refused(ARGV("--kind", "tasmota"), "&tls=off", "/redfish/v1/ with status 404");
}

/* A controller that refuses what is so already, and one that says that the machine is on its way. */
static void test_ways(void)
{
        Sim sim = sim_start(SIM, ARGV("--kind", "redfish", "--outputs", "2"));
        g_autofree char *uri = g_strdup_printf(
                "redfish://127.0.0.1:%d?user=lab&password=secret&tls=off&system=2&off=graceful&poll_ms=1000",
                sim.port);
        Lane *lane = lane_start(uri, NULL, "plug", "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        lane_power(lane, false);
        sim_do(&sim, "fault slow 2");
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        lane_power(lane, true);
        lane_power(lane, false);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

/* The password once, a token then; a controller that has forgotten it, and one that has room for two, of which none stays behind. */
static void test_sessions(void)
{
        Sim sim = sim_start(SIM, ARGV("--kind", "redfish-sessions"));
        g_autofree char *uri = g_strdup_printf(
                "redfish://127.0.0.1:%d?user=lab&password=secret&tls=off&auth=session&poll_ms=1000",
                sim.port);
        for (int i = 0; i < 3; i++) {
                Lane *lane = lane_start(uri, NULL, "plug", "/tmp");
                lane_open_wait(lane, PATIENCE_MS);
                lane_power(lane, true);
                if (i == 2)
                        sim_do(&sim, "fault forgets");
                lane_power(lane, false);
                g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
                lane_stop(lane, 2000);
        }
        g_autofree char *wrong = g_strdup_printf(
                "redfish://127.0.0.1:%d?user=lab&password=wrong&tls=off&auth=session", sim.port);
        Lane *lane = lane_start(wrong, NULL, "plug", "/tmp");
        lane_wait(lane, "the refusal", lane_is_lost, "refuses the password", PATIENCE_MS);
        lane_stop(lane, 2000);
        sim_stop(&sim);
}

int main(int argc, char **argv)
{
        static const char *const args[] = {"--kind", "redfish", NULL};
        static const PlugRig rig = {
                .name = "redfish",
                .script = SIM,
                .args = args,
                .uri = "redfish://"
                       "127.0.0.1:%d?user=lab&password=secret&tls=off&settle_s=0&poll_ms=1000&timeout_ms=500",
                .wrong = "redfish://127.0.0.1:%d?user=lab&password=wrong&tls=off",
                .refused = "refuses the password",
                .foreign = "is no Redfish controller",
                .watts = 11.5,
                .another = "another Redfish controller answers at 127.0.0.1",
                .busy = true};
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        plug_rig_add(&rig);
        g_test_add_func("/redfish/words", test_words);
        g_test_add_func("/redfish/ways", test_ways);
        g_test_add_func("/redfish/sessions", test_sessions);
        return g_test_run();
}
