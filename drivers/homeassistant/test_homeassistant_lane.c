/* The homeassistant driver against the simulated API of tests/sim/plugs/. */
#include <signal.h>

#include "tests/contract/plug_rig.h"

#define SIM "tests/sim/plugs/plugs-sim.mjs"
#define PATIENCE_MS 20000

static const char *const args[] = {"--kind", "homeassistant", NULL};

static Lane *attach(const Sim *sim, const char *entity)
{
        g_autofree char *uri =
                g_strdup_printf("homeassistant://127.0.0.1:%d?entity=%s&token=secret", sim->port, entity);
        return lane_start(uri, NULL, "plug", "/tmp");
}

static void test_words(void)
{
        Sim sim = sim_start(SIM, args);
        Lane *lane = attach(&sim, "switch.desk2");
        lane_wait(lane, "refusal", lane_is_lost, "Correct \"entity\"", PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_do(&sim, "fault away");
        lane = attach(&sim, "switch.desk");
        lane_wait(lane, "refusal", lane_is_lost, "Home Assistant does not reach it", PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

int main(int argc, char **argv)
{
        static const PlugRig rig = {
                .name = "homeassistant",
                .script = SIM,
                .args = args,
                .uri = "homeassistant://"
                       "127.0.0.1:%d?entity=switch.desk&token=secret&poll_ms=1000&timeout_ms=500",
                .wrong = "homeassistant://127.0.0.1:%d?entity=switch.desk&token=wrong",
                .refused = "refuses the token: correct \"token\" of this attachment",
                .foreign = "is no Home Assistant",
                .watts = 11.5,
                .busy = true};
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        plug_rig_add(&rig);
        g_test_add_func("/homeassistant/words", test_words);
        return g_test_run();
}
