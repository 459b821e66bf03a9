/* The lane against the simulator (tests/sim/template). */
#include <signal.h>
#include <string.h>

#include "tests/contract/lane.h"
#include "tests/contract/sim.h"

#define PATIENCE_MS 20000

static Lane *attach(const Sim *sim)
{
        g_autofree char *uri = g_strdup_printf("template://127.0.0.1:%d", sim->port);
        return lane_start(uri, NULL, NULL, "/tmp");
}

static void test_power(void)
{
        Sim sim = sim_start("tests/sim/template/template-sim.mjs", NULL);
        Lane *lane = attach(&sim);
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        g_autofree char *state = sim_ask(&sim, "state");
        g_assert_nonnull(strstr(state, "true"));
        lane_power(lane, false);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_stop(lane, 500);
        sim_stop(&sim);
}

static bool call_set(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->set(self, io, *(const bool *)data, error);
}

static void test_garbage(void)
{
        Sim sim = sim_start("tests/sim/template/template-sim.mjs", NULL);
        Lane *lane = attach(&sim);
        lane_open_wait(lane, PATIENCE_MS);
        sim_do(&sim, "fault garbage");
        const bool on = true;
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(lane, call_set, &on, PATIENCE_MS, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        lane_stop(lane, 500);
        sim_stop(&sim);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/template/power", test_power);
        g_test_add_func("/template/garbage", test_garbage);
        return g_test_run();
}
