#include "tests/contract/plug_rig.h"

#include <string.h>

#define PATIENCE_MS 20000

typedef struct Bench {
        Sim sim;
        Lane *lane;
} Bench;

static Lane *attach(const Sim *sim, const char *format)
{
        g_auto(GStrv) parts = g_strsplit(format, "%d", 2);
        g_autofree char *uri = g_strdup_printf("%s%d%s", parts[0], sim->port, parts[1]);
        return lane_start(uri, NULL, "plug", "/tmp");
}

static Bench begin(const PlugRig *rig)
{
        Bench b = {.sim = sim_start(rig->script, rig->args)};
        b.lane = attach(&b.sim, rig->uri);
        lane_open_wait(b.lane, PATIENCE_MS);
        return b;
}

static void end(Bench *b)
{
        lane_stop(b->lane, 1000);
        sim_stop(&b->sim);
}

static bool call_set(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->set(self, io, *(const bool *)data, error);
}

static bool call_get(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->get(self, io, data, error);
}

static void call_fails(Lane *lane, LaneCall call, gconstpointer data, TbErrorCode code, const char *words)
{
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(lane, call, data, PATIENCE_MS, &error));
        if (!strstr(error->message, words))
                g_error("\"%s\" does not say \"%s\"", error->message, words);
        g_assert_error(error, TB_ERROR, (int)code);
}

void plug_rig_fails(Lane *lane, TbErrorCode code, const char *words)
{
        static const bool on = true;
        call_fails(lane, call_set, &on, code, words);
}

void plug_rig_get_fails(Lane *lane, TbErrorCode code, const char *words)
{
        TbPowerState untouched = {0};
        call_fails(lane, call_get, &untouched, code, words);
}

TbPowerState plug_rig_get(Lane *lane)
{
        TbPowerState state = {0};
        g_autoptr(GError) error = NULL;
        lane_call(lane, call_get, &state, PATIENCE_MS, &error);
        g_assert_no_error(error);
        return state;
}

/* --- tests --- */
static bool is_on(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->powers > 0 && seen->power.observed == TB_POWER_ON;
}

static bool opened_twice(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open && seen->opened >= 2;
}

static bool is_away(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return !seen->open && seen->lost;
}

static void test_switch(gconstpointer data)
{
        const PlugRig *rig = data;
        Bench b = begin(rig);
        g_assert_cmpint(lane_observed(b.lane), ==, TB_POWER_OFF);
        for (int round = 0; round < 2; round++) {
                lane_power(b.lane, true);
                TbPowerState state = plug_rig_get(b.lane);
                g_assert_cmpint(state.observed, ==, TB_POWER_ON);
                g_assert_true(isnan(rig->watts) ? isnan(state.watts) : state.watts == rig->watts);
                g_autofree char *is = sim_ask(&b.sim, "state");
                g_assert_nonnull(strstr(is, "[true"));
                lane_power(b.lane, false);
                g_assert_cmpint(lane_observed(b.lane), ==, TB_POWER_OFF);
        }
        sim_do(&b.sim, "press"); /* somebody at the device */
        lane_wait(b.lane, "the button", is_on, NULL, PATIENCE_MS);
        end(&b);
}

static void test_wrong(gconstpointer data)
{
        const PlugRig *rig = data;
        Bench b = {.sim = sim_start(rig->script, rig->args)};
        b.lane = attach(&b.sim, rig->wrong);
        lane_wait(b.lane, "refusal", lane_is_lost, rig->refused, PATIENCE_MS);
        end(&b);
}

static void test_faults(gconstpointer data)
{
        const PlugRig *rig = data;
        Bench b = begin(rig);
        if (rig->foreign) {
                sim_do(&b.sim, "fault garbage");
                plug_rig_fails(b.lane, TB_ERROR_DEVICE, rig->foreign);
        }
        sim_do(&b.sim, "fault stuck");
        lane_power(b.lane, true); /* acknowledged; what is observed is the truth */
        g_assert_cmpint(lane_observed(b.lane), ==, TB_POWER_OFF);
        if (rig->busy) {
                sim_do(&b.sim, "fault busy 3");
                lane_power(b.lane, true);
        }
        sim_do(&b.sim, "fault none");
        lane_power(b.lane, true);
        g_assert_cmpint(lane_observed(b.lane), ==, TB_POWER_ON);
        sim_do(&b.sim, "fault silent");
        plug_rig_fails(b.lane, TB_ERROR_TIMEOUT, "no answer in time");
        lane_wait(b.lane, "silence", is_away, NULL, 2 * PATIENCE_MS);
        sim_do(&b.sim, "fault none");
        lane_wait(b.lane, "its return", opened_twice, NULL, PATIENCE_MS);
        g_assert_cmpint(lane_observed(b.lane), ==, TB_POWER_ON);
        end(&b);
}

/* Another one has taken the address, and was never silent: nothing is switched, and a look ends the lane until the first is back. */
static void test_another(gconstpointer data)
{
        const PlugRig *rig = data;
        Bench b = begin(rig);
        sim_do(&b.sim, "fault another");
        plug_rig_fails(b.lane, TB_ERROR_DEVICE, rig->another);
        g_autofree char *is = sim_ask(&b.sim, "state");
        g_assert_null(strstr(is, "true"));
        lane_wait(b.lane, "the look", lane_is_lost, (gpointer)rig->another, PATIENCE_MS);
        sim_do(&b.sim, "fault none");
        lane_wait(b.lane, "its return", opened_twice, NULL, PATIENCE_MS);
        lane_power(b.lane, true);
        end(&b);
}

void plug_rig_add(const PlugRig *rig)
{
        const struct {
                const char *name;
                GTestDataFunc run;
        } tests[] = {{"switch", test_switch},
                     {"wrong-secret", test_wrong},
                     {"faults", test_faults},
                     {"another", test_another}};
        for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strdup_printf("/%s/%s", rig->name, tests[i].name);
                if (tests[i].run == test_switch || (tests[i].run == test_wrong     ? rig->wrong != NULL
                                                    : tests[i].run == test_another ? rig->another != NULL
                                                                                   : !rig->again))
                        g_test_add_data_func(path, rig, tests[i].run);
        }
}
