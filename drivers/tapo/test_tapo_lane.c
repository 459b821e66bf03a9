/* The tapo driver against the simulated plug of tests/sim/plugs/tapo-sim.mjs. */
#include <signal.h>
#include <string.h>

#include "tests/contract/plug_rig.h"

#define SIM "tests/sim/plugs/tapo-sim.mjs"
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PATIENCE_MS 20000

static Lane *attach(const Sim *sim, const char *query)
{
        g_autofree char *uri =
                g_strdup_printf("tapo://127.0.0.1:%d?%spoll_ms=1000&timeout_ms=500", sim->port, query);
        return lane_start(uri, NULL, "plug", "/tmp");
}

static void is_state(Sim *sim, const char *expected)
{
        g_autofree char *state = sim_ask(sim, "state");
        if (!strstr(state, expected))
                g_error("%s is not %s", state, expected);
}

static void refused(const char *const *args, const char *query, const char *words)
{
        Sim sim = sim_start(SIM, args);
        Lane *lane = attach(&sim, query);
        lane_wait(lane, "refusal", lane_is_lost, words, PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

/* What is wrong is said with what mends it, and never asked of securePassthrough where KLAP has answered. */
static void test_words(void)
{
        static const char account[] = "user=user%40example.com&password=secret&",
                          upper[] = "user=User%40example.com&password=secret&";
        refused(ARGV("--way", "closed"), account, "Third-Party Compatibility");
        refused(ARGV("--way", "v1"), upper, "refuses the user and the password");
        refused(ARGV("--way", "passthrough"), upper, "refuses the user and the password");
        refused(ARGV("--way", "v2"), "user=user%40example.com&password=secret&output=1&",
                "has one output, and no 1");
        refused(ARGV("--outputs", "3"), "user=user%40example.com&password=secret&output=3&",
                "there is no output 3");
}

/* The account of the environment; a device that forgets its sessions, and one that stumbles, is asked in a new one. */
static void test_sessions(gconstpointer way)
{
        Sim sim = sim_start(SIM, ARGV("--way", way, "--meter", "new"));
        Lane *lane = attach(&sim, "");
        lane_open_wait(lane, PATIENCE_MS);
        sim_do(&sim, "fault forgetful 1");
        lane_power(lane, true);
        is_state(&sim, "[true]");
        sim_do(&sim, "fault stumbles 1");
        lane_power(lane, false);
        is_state(&sim, "[false]");
        lane_power(lane, true);
        TbPowerState state = plug_rig_get(lane);
        g_assert_cmpfloat(state.watts, ==, 11.5);
        g_assert_cmpfloat_with_epsilon(state.volts, 121.405, 1e-9);
        g_assert_cmpfloat_with_epsilon(state.amps, 0.096, 1e-9);
        g_assert_cmpfloat(state.energy_wh, ==, 16);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

static void test_strip(void)
{
        Sim sim = sim_start(SIM, ARGV("--outputs", "3", "--meter", "none"));
        Lane *second = attach(&sim, "user=user%40example.com&password=secret&output=1&"),
             *third = attach(&sim, "user=user%40example.com&password=secret&output=2&");
        lane_open_wait(second, PATIENCE_MS);
        lane_open_wait(third, PATIENCE_MS);
        lane_power(second, true);
        is_state(&sim, "[false,true,false]");
        lane_power(third, true);
        lane_power(second, false);
        is_state(&sim, "[false,false,true]");
        g_assert_true(isnan(plug_rig_get(third).watts));
        lane_stop(second, 1000);
        lane_stop(third, 1000);
        sim_stop(&sim);
}

int main(int argc, char **argv)
{
        static const char *const args[] = {"--way", "v2", NULL}, *const old[] = {"--way", "passthrough2",
                                                                                 NULL};
        static const PlugRig rigs[] = {
                {.name = "tapo",
                 .script = SIM,
                 .args = args,
                 .uri = "tapo://"
                        "127.0.0.1:%d?user=user%40example.com&password=secret&poll_ms=1000&timeout_ms=500",
                 .wrong = "tapo://127.0.0.1:%d?user=user%40example.com&password=wrong",
                 .refused = "refuses the user and the password",
                 .foreign = "is no Tapo",
                 .watts = 11.5,
                 .another = "another Tapo P110 answers at 127.0.0.1",
                 .busy = true},
                {.name = "tapo-passthrough",
                 .script = SIM,
                 .args = old,
                 .uri = "tapo://"
                        "127.0.0.1:%d?user=user%40example.com&password=secret&poll_ms=1000&timeout_ms=500",
                 .wrong = "tapo://127.0.0.1:%d?user=user%40example.com&password=wrong",
                 .refused = "refuses the user and the password",
                 .watts = 11.5,
                 .again = true}};
        g_setenv("TAPO_USERNAME", "user@example.com", TRUE);
        g_setenv("TAPO_PASSWORD", "secret", TRUE);
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        for (guint i = 0; i < G_N_ELEMENTS(rigs); i++)
                plug_rig_add(&rigs[i]);
        g_test_add_func("/tapo/words", test_words);
        g_test_add_data_func("/tapo/sessions/v1", "v1", test_sessions);
        g_test_add_data_func("/tapo/sessions/passthrough", "passthrough", test_sessions);
        g_test_add_func("/tapo/strip", test_strip);
        return g_test_run();
}
