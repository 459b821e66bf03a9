/* The lane on this machine. */
#include <signal.h>

#include "tests/contract/lane.h"

static bool call_sample(TbInstance *self, TbIo *io, gpointer data G_GNUC_UNUSED, GError **error)
{
        return self->lane->sensors->sample(self, io, error);
}

static void look_sane(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        const double *used = g_hash_table_lookup(seen->samples, "memory.used"),
                     *load = g_hash_table_lookup(seen->samples, "load.1m");
        g_assert_cmpfloat(*used, >, 0);
        g_assert_cmpfloat(*used, <, 100);
        g_assert_cmpfloat(*load, >=, 0);
        g_assert_true(g_hash_table_contains(seen->samples, "disk.free"));
        g_assert_true(g_hash_table_contains(seen->samples, "uptime"));
}

static void test_vitals(void)
{
        Lane *lane = lane_start("vitals://", NULL, "sensors", "/tmp");
        for (int i = 0; i < 2; i++) {
                g_autoptr(GError) error = NULL;
                lane_call(lane, call_sample, NULL, 5000, &error);
                g_assert_no_error(error);
        }
        lane_look(lane, look_sane, NULL);
        lane_stop(lane, 500);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/vitals/lane", test_vitals);
        return g_test_run();
}
