/*
 * The shelly driver against the simulated plug (tests/sim/shelly, on node's HTTP server), in every way of
 * asking for a password, and with what goes wrong with plugs. That the simulator's digest is RFC 7616's is
 * curl's word.
 */
#include <gio/gio.h>
#include <signal.h>
#include <string.h>

#include "drivers/transport/transport.h"
#include "tests/contract/lane.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PATIENCE_MS 20000

typedef struct Plug {
        TbIo io;
        TbChild *sim;
        int port;
} Plug;

static Plug plug_start(const char *gen, const char *auth, int port)
{
        Plug plug = {0};
        g_autoptr(GError) error = NULL;
        g_autofree char *number = g_strdup_printf("%d", port);
        tb_io_init_plain(&plug.io);
        plug.sim = tb_child_spawn(ARGV("node", "tests/sim/shelly/shelly-sim.mjs", "--control", "--gen", gen,
                                       "--auth", auth, "--port", number),
                                  NULL, NULL, TB_CHILD_STDIN | TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        g_autofree char *line =
                tb_transport_read_line(tb_child_stdout(plug.sim), &plug.io, 100, PATIENCE_MS, &error);
        g_assert_no_error(error);
        g_assert_true(g_str_has_prefix(line, "listening "));
        plug.port = atoi(line + strlen("listening "));
        return plug;
}

static void plug_stop(Plug *plug)
{
        tb_child_free(plug->sim, 0);
        tb_io_clear_plain(&plug->io);
}

static char *plug_ask(Plug *plug, const char *line)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strconcat(line, "\n", NULL);
        tb_transport_write(tb_child_stdin(plug->sim), &plug->io, text, strlen(text), PATIENCE_MS, &error);
        g_assert_no_error(error);
        char *answer =
                tb_transport_read_line(tb_child_stdout(plug->sim), &plug->io, 1000, PATIENCE_MS, &error);
        g_assert_no_error(error);
        return answer;
}

static void plug_do(Plug *plug, const char *line)
{
        g_autofree char *answer = plug_ask(plug, line);
        g_assert_cmpstr(answer, ==, "ok");
}

static void plug_is(Plug *plug, const char *outputs)
{
        g_autofree char *state = plug_ask(plug, "state");
        g_assert_nonnull(strstr(state, outputs));
}

static Lane *attach(const Plug *plug, const char *query)
{
        g_autofree char *uri = g_strdup_printf("shelly://127.0.0.1:%d%s", plug->port, query);
        return lane_start(uri, NULL, "plug", "/tmp");
}

/* --- calls --- */
static bool call_set(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->set(self, io, *(const bool *)data, error);
}

static bool call_get(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->get(self, io, data, error);
}

static bool call_sample(TbInstance *self, TbIo *io, gpointer data G_GNUC_UNUSED, GError **error)
{
        return self->lane->sensors->sample(self, io, error);
}

static const bool on = true;

static void set_fails(Lane *lane, TbErrorCode code, const char *words)
{
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(lane, call_set, &on, PATIENCE_MS, &error));
        g_assert_error(error, TB_ERROR, (int)code);
        g_assert_nonnull(strstr(error->message, words));
}

static bool is_lost(const LaneSeen *seen, gpointer data)
{
        return !seen->open && seen->lost && strstr(seen->lost, data);
}

static bool is_on(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->powers > 0 && seen->power.observed == TB_POWER_ON;
}

static bool opened_twice(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open && seen->opened >= 2;
}

static void look_samples(const LaneSeen *seen, gpointer data)
{
        for (const char *const *name = data; *name; name++)
                if (!g_hash_table_contains(seen->samples, *name))
                        g_error("no sample of %s", *name);
}

/* --- every generation and every way to ask for a password --- */
typedef struct Way {
        const char *gen, *auth, *query;
} Way;

static void test_way(gconstpointer data)
{
        const Way *way = data;
        Plug plug = plug_start(way->gen, way->auth, 0);
        Lane *lane = attach(&plug, way->query);
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        plug_do(&plug, "load 11.5");
        for (int round = 0; round < 3; round++) { /* counts of a nonce rise */
                lane_power(lane, true);
                plug_is(&plug, "[true]");
                TbPowerState state = {0};
                g_autoptr(GError) error = NULL;
                lane_call(lane, call_get, &state, PATIENCE_MS, &error);
                g_assert_no_error(error);
                g_assert_cmpint(state.observed, ==, TB_POWER_ON);
                g_assert_cmpfloat(state.watts, ==, 11.5);
                g_assert_cmpfloat_with_epsilon(state.energy_wh, 7258.589, 0.01);
                g_assert_true(way->gen[0] == '1' ? isnan(state.volts) && isnan(state.amps)
                                                 : state.volts == 227.9 && state.amps == 0.05);
                lane_power(lane, false);
                plug_is(&plug, "[false]");
        }
        g_autoptr(GError) error = NULL;
        lane_call(lane, call_sample, NULL, PATIENCE_MS, &error);
        g_assert_no_error(error);
        lane_look(lane, look_samples, ARGV("power.watts", "power.energy", "temperature"));
        if (way->gen[0] == '2')
                lane_look(lane, look_samples, ARGV("power.volts", "power.amps"));
        lane_stop(lane, 500);
        plug_stop(&plug);
}

static void test_two_outputs(void)
{
        Plug plug = {0};
        g_autoptr(GError) error = NULL;
        tb_io_init_plain(&plug.io);
        plug.sim =
                tb_child_spawn(ARGV("node", "tests/sim/shelly/shelly-sim.mjs", "--control", "--outputs", "2"),
                               NULL, NULL, TB_CHILD_STDIN | TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        g_autofree char *line =
                tb_transport_read_line(tb_child_stdout(plug.sim), &plug.io, 100, PATIENCE_MS, &error);
        plug.port = atoi(line + strlen("listening "));
        Lane *lane = attach(&plug, "?output=1");
        lane_open_wait(lane, PATIENCE_MS);
        lane_power(lane, true);
        plug_is(&plug, "[false,true]");
        lane_stop(lane, 500);
        lane = attach(&plug, "?output=2");
        lane_wait(lane, "refusal", is_lost, "has it an output 2", PATIENCE_MS);
        lane_stop(lane, 500);
        plug_stop(&plug);
}

/* --- passwords --- */
static void test_wrong_password(gconstpointer data)
{
        const Way *way = data;
        Plug plug = plug_start(way->gen, way->auth, 0);
        Lane *lane = attach(&plug, "?password=wrong");
        lane_wait(lane, "refusal", is_lost, "refuses the password", PATIENCE_MS);
        lane_stop(lane, 500);
        lane = attach(&plug, "");
        lane_wait(lane, "wish", is_lost, "wants the password", PATIENCE_MS);
        lane_stop(lane, 500);
        plug_is(&plug, "[false]");
        plug_stop(&plug);
}

/* A plug whose nonces live for one request only: a new challenge each time. */
static void test_short_nonce(gconstpointer data)
{
        const Way *way = data;
        Plug plug = plug_start(way->gen, way->auth, 0);
        plug_do(&plug, "fault nonce");
        Lane *lane = attach(&plug, way->query);
        lane_open_wait(lane, PATIENCE_MS);
        lane_power(lane, true);
        lane_power(lane, false);
        lane_power(lane, true);
        plug_is(&plug, "[true]");
        lane_stop(lane, 500);
        plug_stop(&plug);
}

static char *curl(Plug *plug, const char *user, const char *target)
{
        g_autofree char *url = g_strdup_printf("http://127.0.0.1:%d%s", plug->port, target);
        g_autoptr(GByteArray) out = NULL;
        g_autoptr(GError) error = NULL;
        int status = -1;
        tb_child_run(&plug->io,
                     ARGV("curl", "-s", "--noproxy", "*", "--digest", "-u", user, "-w", "%{http_code}", url),
                     NULL, 0, 65536, PATIENCE_MS, &status, &out, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(status, ==, 0);
        return g_strndup((const char *)out->data, out->len);
}

static void test_curl_agrees(void)
{
        Plug plug = plug_start("2", "digest", 0);
        g_autofree char *right = curl(&plug, "admin:secret", "/rpc/Switch.Set?id=0&on=true");
        g_assert_true(g_str_has_suffix(right, "200") && strstr(right, "was_on"));
        plug_is(&plug, "[true]");
        g_autofree char *wrong = curl(&plug, "admin:wrong", "/rpc/Switch.Set?id=0&on=false");
        g_assert_true(g_str_has_suffix(wrong, "401"));
        plug_is(&plug, "[true]");
        Lane *lane = attach(&plug, "?password=secret"); /* and so does the driver, with the same plug */
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        lane_stop(lane, 500);
        plug_stop(&plug);
}

/* --- what goes wrong --- */
static void test_button(gconstpointer data)
{
        const Way *way = data;
        Plug plug = plug_start(way->gen, way->auth, 0);
        Lane *lane = attach(&plug, "?password=secret&poll_ms=1000");
        lane_open_wait(lane, PATIENCE_MS);
        plug_do(&plug, "press");
        lane_wait(lane, "the button", is_on, NULL, PATIENCE_MS);
        lane_stop(lane, 500);
        plug_stop(&plug);
}

static void test_errors(gconstpointer data)
{
        const Way *way = data;
        Plug plug = plug_start(way->gen, way->auth, 0);
        Lane *lane = attach(&plug, way->query);
        lane_open_wait(lane, PATIENCE_MS);
        plug_do(&plug, "fault error");
        set_fails(lane, TB_ERROR_DEVICE, "with status 500: Internal error");
        plug_do(&plug, "fault garbage");
        set_fails(lane, TB_ERROR_DEVICE, "is no Shelly");
        plug_do(&plug, "fault huge");
        set_fails(lane, TB_ERROR_DEVICE, "longer than 65536 bytes");
        plug_do(&plug, "fault refuse");
        set_fails(lane, TB_ERROR_UNPROCESSABLE, way->gen[0] == '1' ? "too much power" : "Overpower detected");
        plug_do(&plug, "fault stuck");
        lane_power(lane, true); /* acknowledged; what is observed is the truth, and core tells the user */
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        plug_do(&plug, "fault none");
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        lane_stop(lane, 500);
        plug_stop(&plug);
}

/* A small device has room for one connection, says so, and is asked once more; one that goes on saying it is busy,
 * not gone. */
static void test_busy(void)
{
        Plug plug = plug_start("2", "digest", 0);
        Lane *lane = attach(&plug, "?password=secret&poll_ms=1000");
        lane_open_wait(lane, PATIENCE_MS);
        plug_do(&plug, "fault busy-once");
        lane_power(lane, true);
        plug_is(&plug, "[true]");
        plug_do(&plug, "fault busy");
        set_fails(lane, TB_ERROR_BUSY, "is busy (status 503): try again in a moment");
        plug_do(&plug, "fault none");
        lane_power(lane, false);
        lane_stop(lane, 500);
        plug_stop(&plug);
}

static void test_redirect(void)
{
        Plug plug = plug_start("1", "basic", 0);
        Lane *lane = attach(&plug, "?password=secret");
        lane_open_wait(lane, PATIENCE_MS);
        plug_do(&plug, "fault redirect");
        set_fails(lane, TB_ERROR_DEVICE, "sends us elsewhere (status 302 for /relay/0)");
        lane_stop(lane, 500);
        plug_stop(&plug);
}

/* The address has another plug now: that one is not switched in place of ours. */
static void test_another(void)
{
        Plug plug = plug_start("2", "none", 0);
        Lane *lane = attach(&plug, "?poll_ms=1000&timeout_ms=500");
        lane_open_wait(lane, PATIENCE_MS);
        plug_do(&plug, "fault another");
        set_fails(lane, TB_ERROR_DEVICE, "another Shelly SNPL-00112EU answers at 127.0.0.1");
        plug_is(&plug, "[false]");
        lane_wait(lane, "the other one", is_lost, "another Shelly", PATIENCE_MS);
        plug_do(&plug, "fault none");
        lane_wait(lane, "its return", opened_twice, NULL, PATIENCE_MS);
        lane_stop(lane, 500);
        plug_stop(&plug);
}

/* One challenge for all requests: the nonce is kept and its count rises. */
static void test_one_challenge(void)
{
        Plug plug = plug_start("2", "digest", 0);
        Lane *lane = attach(&plug, "?password=secret");
        lane_open_wait(lane, PATIENCE_MS);
        for (int i = 0; i < 4; i++)
                lane_power(lane, i % 2);
        g_autofree char *state = plug_ask(&plug, "state");
        g_assert_nonnull(strstr(state, "\"challenges\":1}"));
        lane_stop(lane, 500);
        plug_stop(&plug);
}

static void test_silent(void)
{
        Plug plug = plug_start("2", "none", 0);
        Lane *lane = attach(&plug, "?poll_ms=1000&timeout_ms=500");
        lane_open_wait(lane, PATIENCE_MS);
        plug_do(&plug, "fault silent");
        set_fails(lane, TB_ERROR_TIMEOUT, "no answer in time");
        lane_wait(lane, "silence", is_lost, "no Shelly answers at 127.0.0.1",
                  2 * PATIENCE_MS); /* two polls are missed, then it is looked for */
        plug_do(&plug, "fault none");
        lane_wait(lane, "its return", opened_twice, NULL, PATIENCE_MS);
        plug_do(&plug, "fault silent");
        lane_stop(lane, 500); /* in the middle of a poll or before it */
        plug_stop(&plug);
}

static void test_gone(void)
{
        Plug plug = plug_start("1", "none", 0);
        Lane *lane = attach(&plug, "?poll_ms=1000&timeout_ms=500");
        lane_open_wait(lane, PATIENCE_MS);
        int port = plug.port;
        plug_stop(&plug); /* pulled out of the wall */
        g_autoptr(GError) error = NULL;
        TbPowerState state;
        g_assert_false(lane_call(lane, call_get, &state, PATIENCE_MS, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        lane_wait(lane, "loss", is_lost, "has it power and network", PATIENCE_MS);
        plug = plug_start("1", "none", port);
        lane_wait(lane, "its return", opened_twice, NULL, PATIENCE_MS);
        lane_power(lane, true);
        plug_is(&plug, "[true]");
        lane_stop(lane, 500);
        plug_stop(&plug);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        static const Way ways[] = {{"1", "none", ""},
                                   {"1", "basic", "?password=secret"},
                                   {"2", "none", "?password=not-needed"},
                                   {"2", "digest", "?password=secret"}};
        for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
                g_autofree char *name = g_strdup_printf("/shelly/gen%s/%s", ways[i].gen, ways[i].auth);
                g_test_add_data_func(name, &ways[i], test_way);
        }
        g_test_add_func("/shelly/two-outputs", test_two_outputs);
        g_test_add_data_func("/shelly/wrong-password/basic", &ways[1], test_wrong_password);
        g_test_add_data_func("/shelly/wrong-password/digest", &ways[3], test_wrong_password);
        g_test_add_data_func("/shelly/short-nonce/digest", &ways[3], test_short_nonce);
        g_test_add_func("/shelly/curl-agrees", test_curl_agrees);
        g_test_add_data_func("/shelly/button/gen1", &ways[0], test_button);
        g_test_add_data_func("/shelly/button/gen2", &ways[3], test_button);
        g_test_add_data_func("/shelly/errors/gen1", &ways[1], test_errors);
        g_test_add_data_func("/shelly/errors/gen2", &ways[2], test_errors);
        g_test_add_func("/shelly/busy", test_busy);
        g_test_add_func("/shelly/redirect", test_redirect);
        g_test_add_func("/shelly/another", test_another);
        g_test_add_func("/shelly/one-challenge", test_one_challenge);
        g_test_add_func("/shelly/silent", test_silent);
        g_test_add_func("/shelly/gone", test_gone);
        return g_test_run();
}
