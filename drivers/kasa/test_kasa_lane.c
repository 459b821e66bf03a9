/* The kasa driver against the simulated plug of tests/sim/plugs/kasa-sim.mjs. */
#include <signal.h>
#include <string.h>

#include "tests/contract/plug_rig.h"

#define SIM "tests/sim/plugs/kasa-sim.mjs"
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PATIENCE_MS 20000

static Lane *attach(const Sim *sim, int output)
{
        g_autofree char *uri = g_strdup_printf("kasa://127.0.0.1:%d?output=%d&poll_ms=1000&timeout_ms=500",
                                               sim->port, output);
        return lane_start(uri, NULL, "plug", "/tmp");
}

static void is_state(Sim *sim, const char *expected)
{
        g_autofree char *state = sim_ask(sim, "state");
        if (!strstr(state, expected))
                g_error("%s is not %s", state, expected);
}

/* One outlet of a strip is switched, the others stay; both ways of numbering them. */
static void test_strip(void)
{
        for (int round = 0; round < 2; round++) {
                Sim sim = sim_start(SIM, round ? ARGV("--outputs", "3", "--short") : ARGV("--outputs", "3"));
                Lane *second = attach(&sim, 1), *third = attach(&sim, 2);
                lane_open_wait(second, PATIENCE_MS);
                lane_open_wait(third, PATIENCE_MS);
                lane_power(second, true);
                is_state(&sim, "[false,true,false]");
                lane_power(third, true);
                lane_power(second, false);
                is_state(&sim, "[false,false,true]");
                g_assert_cmpint(lane_observed(second), ==, TB_POWER_OFF);
                TbPowerState state = plug_rig_get(third);
                g_assert_cmpfloat(state.watts, ==, 11.5);
                g_assert_cmpfloat_with_epsilon(state.volts, 122.414, 1e-9);
                g_assert_cmpfloat_with_epsilon(state.amps, 0.048, 1e-9);
                g_assert_cmpfloat(state.energy_wh, ==, 1279);
                lane_stop(second, 1000);
                lane_stop(third, 1000);
                Lane *none = attach(&sim, 3);
                lane_wait(none, "refusal", lane_is_lost, "there is no output 3", PATIENCE_MS);
                lane_stop(none, 1000);
                sim_stop(&sim);
        }
}

/* Without a meter nothing is measured; a connection that breaks is tried once more. */
static void test_words(void)
{
        Sim sim = sim_start(SIM, ARGV("--bare"));
        Lane *lane = attach(&sim, 0);
        lane_open_wait(lane, PATIENCE_MS);
        TbPowerState state = plug_rig_get(lane);
        g_assert_true(isnan(state.watts) && isnan(state.volts) && isnan(state.energy_wh));
        sim_do(&sim, "fault busy 1");
        lane_power(lane, true);
        is_state(&sim, "[true]");
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

/* Newer firmware has closed the old way: who attaches it so is told the other. */
static void test_newer(void)
{
        Sim sim = sim_start(SIM, ARGV("--klap"));
        Lane *lane = attach(&sim, 0);
        lane_wait(lane, "the refusal", lane_is_lost, "protocol=klap", PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

int main(int argc, char **argv)
{
        static const char *const klap[] = {"--klap", NULL};
        static const PlugRig
                rig = {.name = "kasa",
                       .script = SIM,
                       .uri = "kasa://127.0.0.1:%d?poll_ms=1000&timeout_ms=500",
                       .foreign = "is no Kasa",
                       .another = "another Kasa HS110(US) answers at 127.0.0.1",
                       .watts = 11.5},
                newer = {.name = "kasa-klap",
                         .script = SIM,
                         .args = klap,
                         .uri = "kasa://127.0.0.1:%d?protocol=klap&user=user%40example.com&password=secret&"
                                "poll_ms=1000&timeout_ms=500",
                         .wrong = "kasa://127.0.0.1:%d?protocol=klap&user=user%40example.com&password=wrong",
                         .refused = "refuses the user and the password",
                         .watts = 11.5,
                         .again = true};
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        plug_rig_add(&rig);
        plug_rig_add(&newer);
        g_test_add_func("/kasa/strip", test_strip);
        g_test_add_func("/kasa/words", test_words);
        g_test_add_func("/kasa/newer", test_newer);
        return g_test_run();
}
