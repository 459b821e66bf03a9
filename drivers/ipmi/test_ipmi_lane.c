/* The ipmi driver and ipmitool against OpenIPMI's simulated controller (ipmi_sim, Debian's openipmi). */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/transport/transport.h"
#include "tests/contract/plug_rig.h"

#define PATIENCE_MS 20000
#define USER "user=lab&password=geheim&"

typedef struct Bmc {
        TbIo io;
        TbChild *child; /* owned; NULL: it is off */
        char *dir;
        int port;
} Bmc;

static void put(const Bmc *b, const char *name, const char *content, int mode)
{
        g_autofree char *path = g_build_filename(b->dir, name, NULL);
        g_assert_true(g_file_set_contents(path, content, -1, NULL));
        g_assert_cmpint(g_chmod(path, mode), ==, 0);
}

static void bmc_start(Bmc *b, const char *guid)
{
        g_autofree char *
                lan = g_strdup_printf(
                       "name \"sim\"\nset_working_mc 0x20\nstartlan 1\n addr 127.0.0.1 %d\n priv_limit "
                       "admin\n"
                       " allowed_auths_admin none md5\n allowed_auths_operator none md5\n guid %s\nendlan\n"
                       "chassis_control \"%s/chassis\"\nuser 2 true \"lab\" \"geheim\" operator 10 none "
                       "md5\n",
                       b->port, guid, b->dir),
               *chassis = g_strdup_printf("#!/bin/sh\ncd %s\nop=$1\nshift\nwhile [ $# -gt 0 ]; do\n"
                                          "  [ $op = get ] && echo \"$1:$(cat power)\" && shift && continue\n"
                                          "  [ -e stuck ] || echo $2 >power\n  shift 2\ndone\n",
                                          b->dir);
        put(b, "lan.conf", lan, 0600);
        put(b, "chassis", chassis, 0700);
        put(b, "cmd.emu",
            "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable "
            "0x20\n",
            0600);
        g_autofree char *conf = g_build_filename(b->dir, "lan.conf", NULL),
                        *commands = g_build_filename(b->dir, "cmd.emu", NULL);
        const char *const argv[] = {"ipmi_sim", "-c", conf, "-f", commands, "-s", b->dir, "-n", NULL};
        g_autoptr(GError) error = NULL;
        b->child = tb_child_spawn(argv, NULL, b->dir, 0, &error);
        g_assert_no_error(error);
}

static Bmc bmc_new(void)
{
        Bmc b = {.dir = g_dir_make_tmp("tbipmi-XXXXXX", NULL), .port = sim_free_port(SOCK_DGRAM)};
        tb_io_init_plain(&b.io);
        put(&b, "power", "0\n", 0600);
        bmc_start(&b, "a123456789abcdefa123456789abcdef");
        return b;
}

static void bmc_stop(Bmc *b)
{
        tb_child_free(g_steal_pointer(&b->child), 200);
}

static void bmc_free(Bmc *b)
{
        const char *const argv[] = {"rm", "-rf", b->dir, NULL};
        int status;
        bmc_stop(b);
        g_assert_true(tb_child_run(&b->io, argv, NULL, 0, 1000, PATIENCE_MS, &status, NULL, NULL, NULL));
        tb_io_clear_plain(&b->io);
        g_free(b->dir);
}

static Lane *attach(const Bmc *b, const char *query)
{
        g_autofree char *uri =
                g_strdup_printf("ipmi://127.0.0.1:%d?%spoll_ms=1000&timeout_ms=1000", b->port, query);
        return lane_start(uri, NULL, "plug", "/tmp");
}

static void test_switch(void)
{
        Bmc b = bmc_new();
        Lane *lane = attach(&b, USER);
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_power(lane, true);
        TbPowerState state = plug_rig_get(lane);
        g_assert_cmpint(state.observed, ==, TB_POWER_ON);
        g_assert_true(isnan(state.watts)); /* it knows no DCMI */
        put(&b, "stuck", "", 0600);
        lane_power(lane, false); /* acknowledged; what is observed is the truth */
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        bmc_stop(&b);
        lane_wait(lane, "silence", lane_is_lost, "no BMC answers at 127.0.0.1", 2 * PATIENCE_MS);
        bmc_start(&b, "b123456789abcdefa123456789abcdef");
        lane_wait(lane, "the other one", lane_is_lost, "another BMC answers at 127.0.0.1", PATIENCE_MS);
        lane_stop(lane, 1000);
        bmc_free(&b);
}

static void test_words(void)
{
        static const char *const queries[] = {"user=lab&password=wrong&", "user=nobody&password=geheim&"};
        Bmc b = bmc_new();
        for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
                Lane *lane = attach(&b, queries[i]);
                lane_wait(lane, "refusal", lane_is_lost, "refuses the user or the password", PATIENCE_MS);
                lane_stop(lane, 1000);
        }
        bmc_free(&b);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/ipmi/switch", test_switch);
        g_test_add_func("/ipmi/words", test_words);
        return g_test_run();
}
