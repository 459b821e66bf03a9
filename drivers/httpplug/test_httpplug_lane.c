/* The httpplug driver as labs write it down for three makers' devices, against tests/sim/plugs/. */
#include <signal.h>
#include <string.h>

#include "tests/contract/plug_rig.h"

#define SIM "tests/sim/plugs/plugs-sim.mjs"
#define PATIENCE_MS 20000
#define TIMES "&poll_ms=1000&timeout_ms=500"
#define NETIO(secret)                                                                                        \
        "http://127.0.0.1:%d?on=/"                                                                           \
        "netio.json&on_body=%7B%22Outputs%22:[%7B%22ID%22:{number},%22Action%22:1%7D]"                       \
        "%7D&off=/netio.json&off_body=%7B%22Outputs%22:[%7B%22ID%22:{number},%22Action%22:0%7D]%7D"          \
        "&state=/netio.json&pointer=/Outputs/*/State&watts=/Outputs/*/Load&user=admin&password=" secret      \
                TIMES
#define DLI                                                                                                  \
        "http://127.0.0.1:%d?on=PUT%20/restapi/relay/outlets/%3D{output}/state/&on_body=value%3Dtrue&"       \
        "off=PUT%20/restapi/relay/outlets/%3D{output}/state/&off_body=value%3Dfalse&"                        \
        "content_type=application/x-www-form-urlencoded&header=X-CSRF:%20x&"                                 \
        "state=/restapi/relay/outlets/%3D{output}/state/" TIMES
#define GUDE                                                                                                 \
        "http://127.0.0.1:%d?on=/ov.html?cmd=1%26p={number}%26s=1&off=/ov.html?cmd=1%26p={number}%26s=0&"    \
        "state=/ov.html&regex=Power%20Port%201,([01])" TIMES

/* Nothing is known of a state that cannot be read, whatever was commanded. */
static void test_unknown(void)
{
        Sim sim = sim_start(SIM, (const char *const[]){"--kind", "gude", NULL});
        g_autofree char *uri =
                g_strdup_printf("http://127.0.0.1:%d?on=/ov.html?cmd=1%%26p=1%%26s=1&off=/ov.html", sim.port);
        Lane *lane = lane_start(uri, NULL, "plug", "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_UNKNOWN);
        g_autofree char *state = sim_ask(&sim, "state");
        g_assert_nonnull(strstr(state, "[true]"));
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

int main(int argc, char **argv)
{
        static const char *const netio[] = {"--kind", "netio", NULL}, *const dli[] = {"--kind", "dli", NULL},
                                 *const gude[] = {"--kind", "gude", NULL};
        static const PlugRig rigs[] = {
                {.name = "httpplug/netio",
                 .script = SIM,
                 .args = netio,
                 .uri = NETIO("secret"),
                 .wrong = NETIO("wrong"),
                 .refused = "refuses the password",
                 .watts = 11.5,
                 .busy = true},
                {.name = "httpplug/dli", .script = SIM, .args = dli, .uri = DLI, .watts = NAN, .again = true},
                {.name = "httpplug/gude",
                 .script = SIM,
                 .args = gude,
                 .uri = GUDE,
                 .watts = NAN,
                 .again = true}};
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        for (guint i = 0; i < G_N_ELEMENTS(rigs); i++)
                plug_rig_add(&rigs[i]);
        g_test_add_func("/httpplug/unknown", test_unknown);
        return g_test_run();
}
