/* The lane against the simulated supply of tests/sim/scpi/. */
#include <signal.h>
#include <string.h>

#include "tests/contract/lane.h"
#include "tests/contract/sim.h"

#define PATIENCE_MS 20000
#define SUPPLY                                                                                               \
        "{\"output\":\"OUTP\",\"poll_ms\":1000,\"streams\":[{\"stream\":\"set\",\"query\":\"VOLT?\","        \
        "\"unit\":\"mV\",\"scale\":1000},{\"stream\":\"rail\",\"query\":\"MEAS:ALL?\",\"unit\":\"V\"},"      \
        "{\"stream\":\"load\",\"query\":\"MEAS:ALL?\",\"index\":1,\"unit\":\"A\"}%s]}"

typedef struct Ask {
        const char *query;
        char *reply;
} Ask;

static bool do_query(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        Ask *a = data;
        return self->lane->instrument->query(self, io, a->query, &a->reply, error);
}

static void replies(Lane *lane, const char *query, const char *wanted)
{
        g_autoptr(GError) error = NULL;
        Ask a = {query, NULL};
        lane_call(lane, do_query, &a, PATIENCE_MS, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(a.reply, ==, wanted);
        g_free(a.reply);
}

static void fails(Lane *lane, const char *query, int timeout_ms, TbErrorCode code, const char *words)
{
        g_autoptr(GError) error = NULL;
        Ask a = {query, NULL};
        g_assert_false(lane_call(lane, do_query, &a, timeout_ms, &error));
        g_assert_error(error, TB_ERROR, (int)code);
        if (!strstr(error->message, words))
                g_error("\"%s\" is not in \"%s\"", words, error->message);
}

static bool opened(const LaneSeen *seen, gpointer times)
{
        return seen->open && seen->opened >= (guint)GPOINTER_TO_INT(times);
}

static bool is_on(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->powers > 0 && seen->power.observed == TB_POWER_ON;
}

static Lane *attach(Sim *sim, const char *text, const char *name)
{
        g_autofree char *uri = g_strdup_printf("scpi://127.0.0.1:%d", sim->port);
        json_t *params = json_loads(text, 0, NULL);
        g_assert_nonnull(params);
        Lane *lane = lane_start(uri, params, name, "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        return lane;
}

static void test_ask(void)
{
        Sim sim = sim_start("tests/sim/scpi/scpi-sim.mjs", NULL);
        Lane *lane = attach(&sim, "{}", "instrument");
        replies(lane, "*IDN?", "TESTBED SIMULATOR,PSU-1,SIM0001,1.0");
        replies(lane, "VOLT 12", NULL);
        replies(lane, "VOLT?", "+1.20000000E+01");
        replies(lane, "OUTP ON;MEAS:VOLT?;OUTP?", "+1.20000000E+01;1");
        replies(lane, "HCOP:DATA?", "data:application/octet-stream;base64,ACwKO/8=");
        replies(lane, "CAL:TEXT?", "a\nb,c");
        fails(lane, "VOLT 99", PATIENCE_MS, TB_ERROR_DEVICE, "refused \"VOLT 99\": Data out of range (-222)");
        fails(lane, "VOLTS?", 400, TB_ERROR_DEVICE, "refused \"VOLTS?\": Undefined header (-113)");
        fails(lane, "VOLT?\nVOLT?", PATIENCE_MS, TB_ERROR_INVALID, "one message");
        replies(lane, "VOLT?", "+1.20000000E+01"); /* in step, on the same connection */
        lane_wait(lane, "one connection", opened, GINT_TO_POINTER(1), PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

/* An answer after its time belongs to nobody: the next question has its own. */
static void test_out_of_step(void)
{
        Sim sim = sim_start("tests/sim/scpi/scpi-sim.mjs", NULL);
        Lane *lane = attach(&sim, "{\"timeout_ms\":1000}", "instrument");
        sim_do(&sim, "fault late");
        fails(lane, "*IDN?", 200, TB_ERROR_TIMEOUT, "no answer to \"*IDN?\" in time");
        lane_wait(lane, "the second connection", opened, GINT_TO_POINTER(2), PATIENCE_MS);
        replies(lane, "VOLT?", "+5.00000000E+00");
        sim_do(&sim, "fault endless");
        fails(lane, "VOLT?", PATIENCE_MS, TB_ERROR_DEVICE, "a block of unknown length");
        sim_do(&sim, "fault huge");
        lane_wait(lane, "no identity", lane_is_lost, "more than 1 MiB", PATIENCE_MS);
        sim_do(&sim, "fault garbage");
        lane_wait(lane, "no instrument", lane_is_lost, "is it an instrument that speaks SCPI?", PATIENCE_MS);
        sim_do(&sim, "fault another");
        lane_wait(lane, "the other one", lane_is_lost, "another instrument answers at scpi://127.0.0.1",
                  PATIENCE_MS);
        sim_do(&sim, "fault none");
        lane_wait(lane, "its return", opened, GINT_TO_POINTER(3), PATIENCE_MS);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

static void look_values(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        static const struct {
                const char *stream;
                double value;
        } wanted[] = {{"set", 5000}, {"rail", 5}, {"load", 0.5}};
        for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
                const double *value = g_hash_table_lookup(seen->samples, wanted[i].stream);
                g_assert_nonnull(value);
                g_assert_cmpfloat_with_epsilon(*value, wanted[i].value, 1e-9);
        }
        g_assert_null(g_hash_table_lookup(seen->samples, "none"));
}

static void test_supply(void)
{
        g_autoptr(GError) error = NULL;
        Sim sim = sim_start("tests/sim/scpi/scpi-sim.mjs", NULL);
        g_autofree char *well = g_strdup_printf(SUPPLY, ""),
                        *more = g_strdup_printf(SUPPLY,
                                                ",{\"stream\":\"none\",\"query\":\"MEAS:ALL?\",\"index\":2}");
        Lane *lane = attach(&sim, well, "supply");
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        g_assert_true(lane_sample(lane, PATIENCE_MS, &error));
        lane_look(lane, look_values, NULL);
        sim_do(&sim, "fault stuck");
        lane_power(lane, false);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON); /* what is read, not what was said */
        sim_do(&sim, "fault none");
        lane_power(lane, false);
        lane_forget(lane);
        sim_do(&sim, "press");
        lane_wait(lane, "the button", is_on, NULL, PATIENCE_MS);
        sim_do(&sim, "drop");
        lane_wait(lane, "a new connection", opened, GINT_TO_POINTER(2), PATIENCE_MS);
        lane_stop(lane, 1000);
        lane = attach(&sim, more, "supply"); /* SCPI's "not a number" is none; the others are told */
        g_assert_false(lane_sample(lane, PATIENCE_MS, &error));
        g_assert_nonnull(strstr(error->message, "stream none: \"MEAS:ALL?\" answers"));
        lane_look(lane, look_values, NULL);
        lane_stop(lane, 1000);
        sim_stop(&sim);
}

static void test_check(void)
{
        static const struct {
                const char *params, *field;
        } rows[] = {{"{\"streams\":[{\"stream\":\"a\"}]}", "streams"},
                    {"{\"streams\":[{\"stream\":\"a\",\"query\":\"VOLT 5\"}]}", "streams"},
                    {"{\"streams\":[{\"stream\":\"a\",\"query\":\"VOLT?\\n\"}]}", "streams"},
                    {"{\"output\":\"OUTP ON\\nVOLT\"}", "output"},
                    {"{\"channel\":\"CH1\"}", "channel"}};
        const TbDriver *driver = tb_driver_find("scpi");
        g_autoptr(TbUri) uri = tb_uri_parse("scpi://10.0.0.7:5025", NULL);
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *params = json_loads(rows[i].params, 0, NULL);
                g_assert_false(driver->check(uri, params, &error));
                g_assert_cmpstr(tb_error_field(error), ==, rows[i].field);
        }
        static const struct {
                const char *uri, *field;
        } places[] = {{"scpi://1-1.4", NULL},      {"scpi://?usb=0957:1796,serial=MY1", NULL},
                      {"scpi://?usb=0957", "usb"}, {"scpi://10.0.0.7:5025?usb=0957:1796", "uri"},
                      {"scpi://1-1.4/dev", "uri"}, {"scpi://10.0.0.7", "uri"}};
        for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TbUri) place = tb_uri_parse(places[i].uri, NULL);
                json_auto_t *params = tb_params_validate_text(driver->params, place->query, NULL);
                bool ok = driver->check(place, params, &error);
                g_assert_cmpstr(ok ? NULL : tb_error_field(error), ==, places[i].field);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/scpi-lane/ask", test_ask);
        g_test_add_func("/scpi-lane/out-of-step", test_out_of_step);
        g_test_add_func("/scpi-lane/supply", test_supply);
        g_test_add_func("/scpi-lane/check", test_check);
        return g_test_run();
}
