/*
 * The snmp driver against net-snmp's snmpd, in v1, v2c and v3, whose outlets are tests/sim/pdu/outlets.sh. snmpget agrees
 * on what was switched. What an honest agent never answers is tests/sim/pdu/agent-sim.mjs's.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/contract/plug_rig.h"

#define PATIENCE_MS 20000
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define APC ".1.3.6.1.4.1.318.1.1.4.4.2.1.3"
#define AGENT "tests/sim/pdu/agent-sim.mjs"
#define OF_AGENT                                                                                             \
        "snmp://127.0.0.1:%d?version=2c&oid=" APC ".*&on_value=1&off_value=2&poll_ms=1000&timeout_ms=500"
#define V3 "version=3&user=lab&auth_password=authentic1&privacy_password=private12"

typedef struct Agent {
        TbIo io;
        TbChild *child;
        char *folder; /* owned */
        int port;
} Agent;

static void put(const Agent *a, const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(a->folder, name, NULL);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void run_agent(Agent *a, const char *engine)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *cwd = g_get_current_dir();
        g_autofree char *conf =
                g_strdup_printf("agentaddress udp:127.0.0.1:%d\n"
                                "rocommunity public\nrwcommunity private\n"
                                "createUser lab SHA authentic1 AES private12\nrwuser lab priv\n"
                                "engineID %s\n"
                                "pass " APC " /bin/sh %s/tests/sim/pdu/outlets.sh " APC " %s\n",
                                a->port, engine, cwd, a->folder);
        g_autofree char *path = g_build_filename(a->folder, "snmpd.conf", NULL);
        put(a, "snmpd.conf", conf);
        g_setenv("SNMP_PERSISTENT_DIR", a->folder, TRUE);
        a->child = tb_child_spawn(ARGV("snmpd", "-f", "-Le", "-C", "-c", path), NULL, NULL, TB_CHILD_STDERR,
                                  &error);
        g_assert_no_error(error);
        for (;;) { /* "NET-SNMP version 5.9.3" is said when it listens */
                g_autofree char *line =
                        tb_transport_read_line(tb_child_stderr(a->child), &a->io, 1000, PATIENCE_MS, &error);
                g_assert_no_error(error);
                if (strstr(line, "NET-SNMP version"))
                        return;
        }
}

static Agent begin(void)
{
        Agent a = {.folder = g_dir_make_tmp("tb-snmp-XXXXXX", NULL), .port = sim_free_port(SOCK_DGRAM)};
        tb_io_init_plain(&a.io);
        for (int i = 1; i <= 8; i++) {
                g_autofree char *name = g_strdup_printf("%d", i);
                put(&a, name, "2\n");
        }
        run_agent(&a, "one");
        return a;
}

static void end(Agent *a)
{
        tb_child_free(a->child, 0);
        tb_io_clear_plain(&a->io);
        g_autoptr(GDir) dir = g_dir_open(a->folder, 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir));) {
                g_autofree char *path = g_build_filename(a->folder, name, NULL);
                g_unlink(path);
        }
        g_rmdir(a->folder);
        g_free(a->folder);
}

static Lane *attach(const Agent *a, const char *query)
{
        g_autofree char *uri = g_strdup_printf("snmp://127.0.0.1:%d?poll_ms=1000&timeout_ms=500&model=apc&%s",
                                               a->port, query);
        return lane_start(uri, NULL, "plug", "/tmp");
}

static char *snmpget(Agent *a, const char *oid)
{
        g_autofree char *peer = g_strdup_printf("127.0.0.1:%d", a->port);
        g_autoptr(GByteArray) out = NULL;
        g_autoptr(GError) error = NULL;
        int status = -1;
        tb_child_run(&a->io, ARGV("snmpget", "-m", "", "-Oqv", "-v2c", "-cpublic", peer, oid), NULL, 0, 65536,
                     PATIENCE_MS, &status, &out, NULL, &error);
        g_assert_no_error(error);
        return g_strstrip(g_strndup((const char *)out->data, out->len));
}

static void test_versions(void)
{
        static const char *const queries[] = {"outlet=3&version=1", "outlet=3&version=2c", "outlet=3&" V3};
        Agent a = begin();
        for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
                Lane *lane = attach(&a, queries[i]);
                lane_open_wait(lane, PATIENCE_MS);
                g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
                lane_power(lane, true);
                g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
                g_autofree char *seen = snmpget(&a, APC ".3"), *other = snmpget(&a, APC ".4");
                g_assert_cmpstr(seen, ==, "1");
                g_assert_cmpstr(other, ==, "2");
                lane_power(lane, false);
                g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
                lane_stop(lane, 1000);
        }
        end(&a);
}

static void test_refusals(void)
{
        static const struct {
                const char *query, *words;
        } lost[] = {{"outlet=9", "no such outlet"},
                    {"outlet=9&version=2c", "no such outlet"},
                    {"community=wrong", "a wrong community"},
                    {"version=3&user=nobody&auth_password=authentic1", "does not know this user"},
                    {"version=3&user=lab&auth_password=authentic1", "does not show its outlets"},
                    {"version=3&user=lab&auth_password=wrong-one", "refuses the password"}};
        Agent a = begin();
        for (guint i = 0; i < G_N_ELEMENTS(lost); i++) {
                Lane *lane = attach(&a, lost[i].query);
                lane_wait(lane, "refusal", lane_is_lost, lost[i].words, PATIENCE_MS);
                lane_stop(lane, 3000);
        }
        Lane *lane = attach(&a, "community=public&version=2c");
        lane_open_wait(lane, PATIENCE_MS);
        plug_rig_fails(lane, TB_ERROR_UNPROCESSABLE, "lets us read only");
        lane_stop(lane, 1000);
        end(&a);
}

static bool is_away(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return !seen->open && seen->lost;
}

static bool opened_again(const LaneSeen *seen, gpointer times)
{
        return seen->open && seen->opened >= *(const guint *)times;
}

/* It does not follow, is silent, is started again (its clock of v3 too), and is another one. */
static void test_faults(gconstpointer query)
{
        static const guint twice = 2, thrice = 3;
        Agent a = begin();
        Lane *lane = attach(&a, query);
        lane_open_wait(lane, PATIENCE_MS);
        put(&a, "stuck", "");
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        g_autofree char *stuck = g_build_filename(a.folder, "stuck", NULL);
        g_unlink(stuck);
        lane_power(lane, true);
        kill(tb_child_pid(a.child), SIGSTOP);
        lane_wait(lane, "silence", is_away, NULL, PATIENCE_MS);
        kill(tb_child_pid(a.child), SIGCONT);
        lane_wait(lane, "its return", opened_again, &twice, PATIENCE_MS);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        tb_child_free(a.child, 0);
        run_agent(&a, "one");
        lane_power(lane, false); /* whether or not the poll has seen it */
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        tb_child_free(a.child, 0);
        lane_wait(lane, "its end", is_away, NULL, PATIENCE_MS);
        run_agent(&a, "two");
        lane_wait(lane, "the other one", lane_is_lost, "another PDU answers", PATIENCE_MS);
        tb_child_free(a.child, 0);
        run_agent(&a, "one");
        lane_wait(lane, "its return", opened_again, &thrice, PATIENCE_MS);
        lane_stop(lane, 3000);
        end(&a);
}

/* What no honest agent answers: it is said what is wrong with it, or it is not heard, and nothing that was not asked for is taken for
 * the state. */
static void test_lies(void)
{
        static const struct {
                const char *fault, *words; /* NULL: no fault, what is heard twice or late changes nothing */
                TbErrorCode code;
        } lies[] = {{"object", "answers for another object", TB_ERROR_DEVICE},
                    {"text", "is no number", TB_ERROR_DEVICE},
                    {"huge", "is no number", TB_ERROR_DEVICE},
                    {"number", "no answer in time", TB_ERROR_TIMEOUT},
                    {"garbage", "no answer in time", TB_ERROR_TIMEOUT},
                    {"twice", NULL, 0},
                    {"late", NULL, 0}};
        Sim sim = sim_start(AGENT, NULL);
        g_autofree char *uri = g_strdup_printf(OF_AGENT, sim.port);
        for (guint i = 0; i < G_N_ELEMENTS(lies); i++) {
                g_autofree char *fault = g_strconcat("fault ", lies[i].fault, NULL);
                Lane *lane = lane_start(uri, NULL, "plug", "/tmp");
                lane_open_wait(lane, PATIENCE_MS);
                sim_do(&sim, fault);
                if (lies[i].words)
                        plug_rig_get_fails(lane, lies[i].code, lies[i].words);
                for (int n = 0; !lies[i].words && n < 4; n++) {
                        lane_power(lane, n % 2 == 0);
                        g_assert_cmpint(lane_observed(lane), ==, n % 2 ? TB_POWER_OFF : TB_POWER_ON);
                }
                sim_do(&sim, "fault none");
                g_assert_cmpint(plug_rig_get(lane).observed, ==, TB_POWER_OFF);
                lane_stop(lane, 3000);
        }
        sim_stop(&sim);
}

int main(int argc, char **argv)
{
        static const PlugRig rig = {.name = "snmp",
                                    .script = AGENT,
                                    .uri = OF_AGENT,
                                    .watts = NAN,
                                    .another = "another PDU answers at 127.0.0.1",
                                    .again = true};
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        plug_rig_add(&rig);
        g_test_add_func("/snmp/lies", test_lies);
        g_test_add_func("/snmp/versions", test_versions);
        g_test_add_func("/snmp/refusals", test_refusals);
        g_test_add_data_func("/snmp/faults/v2c", "version=2c", test_faults);
        g_test_add_data_func("/snmp/faults/v3", V3, test_faults);
        return g_test_run();
}
