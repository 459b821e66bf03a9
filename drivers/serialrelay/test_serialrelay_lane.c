/* The lane against boards that are a process of their own on a pty (tests/sim/serialrelay/). */
#include <signal.h>
#include <string.h>

#include "drivers/transport/transport.h"
#include "tests/contract/lane.h"

#define PATIENCE_MS 20000

typedef struct Board {
        TbIo io;
        TbChild *child;
        char *tty; /* owned */
} Board;

static char *hear(Board *b)
{
        g_autoptr(GError) error = NULL;
        char *line = tb_transport_read_line(tb_child_stdout(b->child), &b->io, 200, PATIENCE_MS, &error);
        g_assert_no_error(error);
        return line;
}

static Board plug(const char *kind)
{
        Board b = {.tty = NULL};
        g_autoptr(GError) error = NULL;
        const char *const argv[] = {"/usr/bin/python3", "tests/sim/serialrelay/board.py", kind, NULL};
        tb_io_init_plain(&b.io);
        b.child = tb_child_spawn(argv, NULL, NULL, TB_CHILD_STDIN | TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        b.tty = hear(&b);
        return b;
}

static void unplug(Board *b)
{
        tb_child_free(b->child, 0);
        tb_io_clear_plain(&b->io);
        g_free(b->tty);
}

static void tell(Board *b, const char *line, const char *answer)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strconcat(line, "\n", NULL);
        tb_transport_write(tb_child_stdin(b->child), &b->io, text, strlen(text), PATIENCE_MS, &error);
        g_assert_no_error(error);
        g_autofree char *got = hear(b);
        g_assert_cmpstr(got, ==, answer);
}

static Lane *attach(Board *b, const char *text, int relay)
{
        g_autofree char *uri = g_strdup_printf("serialrelay://%s", b->tty);
        json_t *params = json_loads(text, 0, NULL);
        g_assert_nonnull(params);
        json_object_set_new(params, "relay", json_integer(relay));
        Lane *lane = lane_start(uri, params, NULL, "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        return lane;
}

static void switches(const char *kind, const char *board, int relay)
{
        Board b = plug(kind);
        g_autofree char *alone = g_strdup_printf("%d", relay);
        Lane *lane = attach(&b, board, relay);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_power(lane, true);
        tell(&b, "relays", alone);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        tell(&b, "chatter", "ok"); /* unasked, and of before: it is no answer */
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        tell(&b, "stuck", "ok"); /* takes it, and does not switch */
        lane_power(lane, false);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        tell(&b, "free", "ok");
        lane_power(lane, false);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        tell(&b, "relays", "");
        lane_stop(lane, 1000);
        unplug(&b);
}

static void test_boards(void)
{
        switches("lcus", "{\"board\":\"lcus\",\"readback\":true}", 3);
        switches("numato", "{\"board\":\"numato\"}", 11);
        switches("kmtronic", "{\"board\":\"kmtronic\"}", 2);
        switches("kmtronic4", "{\"board\":\"kmtronic4\"}", 4);
        switches("numato",
                 "{\"board\":\"custom\",\"on\":\"relay on {relay}\\\\r\",\"off\":\"relay off {relay}\\\\r\","
                 "\"query\":\"relay read {relay}\\\\r\",\"reply\":\"read "
                 "{relay}\\\\s+(\\\\w+)\\\\s\",\"on_value\":\"on\","
                 "\"off_value\":\"off\"}",
                 5);
}

static void test_no_answer(void)
{
        Board b = plug("lcus-dumb");
        Lane *lane = attach(&b, "{\"board\":\"lcus\"}", 1), *inverted;
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_UNKNOWN);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_UNKNOWN); /* never what was commanded */
        tell(&b, "relays", "1");
        inverted = attach(&b, "{\"board\":\"lcus\",\"inverted\":true}", 2);
        lane_power(inverted, false);
        tell(&b, "relays", "1 2");
        lane_stop(inverted, 1000);
        lane_stop(lane, 1000);
        g_autofree char *uri = g_strdup_printf("serialrelay://%s", b.tty);
        lane = lane_start(
                uri,
                json_pack("{s:s,s:i,s:b,s:i}", "board", "lcus", "relay", 1, "readback", 1, "timeout_ms", 100),
                NULL, "/tmp");
        lane_wait(lane, "the reason", lane_is_lost, "wants readback=false", PATIENCE_MS);
        lane_stop(lane, 1000);
        unplug(&b);
}

/* Four devices on one board: one line, and each relay is one's own. */
static void test_shared(void)
{
        Board b = plug("kmtronic4");
        static const char board[] = "{\"board\":\"kmtronic4\",\"poll_ms\":1000}";
        Lane *lanes[4];
        for (int i = 0; i < 4; i++)
                lanes[i] = attach(&b, board, i + 1);
        lane_power(lanes[0], true);
        lane_power(lanes[2], true);
        for (int i = 0; i < 4; i++)
                g_assert_cmpint(lane_observed(lanes[i]), ==, i % 2 ? TB_POWER_OFF : TB_POWER_ON);
        g_autofree char *uri = g_strdup_printf("serialrelay://%s", b.tty);
        Lane *rival = lane_start(uri, json_pack("{s:s,s:i}", "board", "kmtronic4", "relay", 3), NULL, "/tmp");
        lane_wait(rival, "the owner's name", lane_is_lost, "relay 3 of", PATIENCE_MS);
        lane_stop(rival, 1000);
        rival = lane_start(uri, json_pack("{s:s,s:i,s:i}", "board", "kmtronic4", "relay", 2, "baud", 19200),
                           NULL, "/tmp");
        lane_stop(lanes[1], 1000);
        lane_wait(rival, "the line's settings", lane_is_lost, "9600", PATIENCE_MS);
        lane_stop(rival, 1000);
        lanes[1] = attach(&b, board, 2);
        tb_child_free(g_steal_pointer(&b.child), 0); /* pulled */
        for (int i = 0; i < 4; i++) {
                lane_wait(lanes[i], "the loss", lane_is_lost, b.tty, PATIENCE_MS);
                lane_stop(lanes[i], 1000);
        }
        unplug(&b);
}

static bool do_get(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->get(self, io, data, error);
}

static void test_mute(void)
{
        Board b = plug("numato");
        Lane *lane = attach(&b, "{\"board\":\"numato\",\"timeout_ms\":100}", 0);
        g_autoptr(GError) error = NULL;
        TbPowerState state;
        tell(&b, "mute", "ok");
        g_assert_false(lane_call(lane, do_get, &state, PATIENCE_MS, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        tell(&b, "speak", "ok");
        lane_power(lane, true); /* the line stayed */
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        lane_stop(lane, 1000);
        unplug(&b);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/serialrelay-lane/boards", test_boards);
        g_test_add_func("/serialrelay-lane/no-answer", test_no_answer);
        g_test_add_func("/serialrelay-lane/shared", test_shared);
        g_test_add_func("/serialrelay-lane/mute", test_mute);
        return g_test_run();
}
