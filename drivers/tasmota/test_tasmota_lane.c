/* The tasmota driver against the simulated plug of tests/sim/plugs/. */
#include <signal.h>
#include <string.h>

#include "tests/contract/plug_rig.h"

#define SIM "tests/sim/plugs/plugs-sim.mjs"
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PATIENCE_MS 20000

/* An output that it has not; another plug at the address, which was never silent. */
static void test_looks(void)
{
        Sim sim = sim_start(SIM, ARGV("--kind", "tasmota", "--outputs", "2"));
        g_autofree char *uri =
                g_strdup_printf("tasmota://127.0.0.1:%d?password=secret&output=2&poll_ms=1000", sim.port);
        Lane *lane = lane_start(uri, NULL, "plug", "/tmp");
        lane_wait(lane, "refusal", lane_is_lost, "there is no output 2", PATIENCE_MS);
        lane_stop(lane, 1000);
        g_autofree char *second = g_strdup_printf(
                "tasmota://127.0.0.1:%d?password=secret&output=1&poll_ms=1000&timeout_ms=500", sim.port);
        lane = lane_start(second, NULL, "plug", "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        lane_power(lane, true);
        g_autofree char *state = sim_ask(&sim, "state");
        g_assert_nonnull(strstr(state, "[false,true]"));
        sim_do(&sim, "fault another"); /* nobody switches: the looks find it */
        lane_wait(lane, "the other one", lane_is_lost, "another Tasmota answers at 127.0.0.1", PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

int main(int argc, char **argv)
{
        static const char *const args[] = {"--kind", "tasmota", NULL};
        static const PlugRig rig = {
                .name = "tasmota",
                .script = SIM,
                .args = args,
                .uri = "tasmota://127.0.0.1:%d?password=secret&poll_ms=1000&timeout_ms=500",
                .wrong = "tasmota://127.0.0.1:%d?password=wrong",
                .refused = "refuses the password",
                .foreign = "is no Tasmota",
                .watts = 11.5,
                .another = "another Tasmota answers at 127.0.0.1",
                .busy = true};
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        plug_rig_add(&rig);
        g_test_add_func("/tasmota/looks", test_looks);
        return g_test_run();
}
