/* The seestar driver against the simulated telescope of tests/sim/seestar: each dialect, pictures, and what goes wrong. */
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <string.h>

#include "lib/limits.h"
#include "tests/contract/lane.h"
#include "tests/contract/sim.h"

#define SIM "tests/sim/seestar/seestar-sim.mjs"
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PATIENCE_MS 20000

typedef struct Rig {
        Sim sim;
        Lane *lane;
} Rig;

static Rig rig_start(const char *lane, const char *firmware, const char *more)
{
        Rig rig = {.sim = sim_start(SIM, ARGV("--firmware", firmware))};
        g_autofree char *imaging = sim_ask(&rig.sim, "imaging"),
                        *uri = g_strdup_printf("seestar://127.0.0.1:%d?imaging_port=%s%s", rig.sim.port,
                                               imaging, more);
        rig.lane = lane_start(uri, NULL, lane, "/tmp");
        return rig;
}

static void rig_stop(Rig *rig)
{
        lane_stop(rig->lane, 2000);
        sim_stop(&rig->sim);
}

typedef struct Act {
        TbMountAction action;
        json_t *params;
        json_t **ret;
} Act;

static bool call_act(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        const Act *act = data;
        return self->lane->mount->act(self, io, act->action, act->params, act->ret, error);
}

static bool act(Rig *rig, TbMountAction action, const char *params, json_t **ret, GError **error)
{
        json_auto_t *o = json_loads(params, 0, NULL);
        g_assert_nonnull(o);
        const Act call = {action, o, ret};
        return lane_call(rig->lane, call_act, &call, PATIENCE_MS, error);
}

static void acts(Rig *rig, TbMountAction action, const char *params)
{
        g_autoptr(GError) error = NULL;
        act(rig, action, params, NULL, &error);
        g_assert_no_error(error);
}

/* What it was asked since the last time has this in it. */
static void assert_asked(Rig *rig, const char *words)
{
        g_autofree char *state = sim_ask(&rig->sim, "state");
        if (!strstr(state, words))
                g_error("the telescope was asked %s, and not %s", state, words);
}

static bool has_event(const LaneSeen *seen, gpointer words)
{
        return strstr(seen->events->str, words) != NULL;
}

/* All that one can do, in the words of each firmware. */
static void test_verbs(gconstpointer firmware)
{
        Rig rig = rig_start("control", firmware, "");
        const bool old = strcmp(firmware, "2470") == 0;
        lane_open_wait(rig.lane, PATIENCE_MS);
        sim_do(&rig.sim, "fault none");
        assert_asked(&rig, "get_device_state");
        acts(&rig, TB_MOUNT_GOTO,
             "{\"ra_hours\":8.691287,\"dec_deg\":19.514885,\"equinox\":\"now\",\"target\":\"M44\",\"centre\":"
             "true}");
        lane_wait(rig.lane, "the goto's end", has_event,
                  "\"what\":\"goto\",\"state\":\"complete\",\"under_way\":false", PATIENCE_MS);
        assert_asked(&rig, "\"target_name\":\"M44\",\"target_ra_dec\":[8.691287,19.514885]");
        acts(&rig, TB_MOUNT_GOTO, "{\"ra_hours\":5.5,\"dec_deg\":-5.4,\"equinox\":\"now\",\"centre\":false}");
        assert_asked(&rig, "\"place\":[5.5,-5.4]");
        acts(&rig, TB_MOUNT_MOVE, "{\"angle_deg\":90,\"speed\":0.5,\"duration_s\":1.5}");
        assert_asked(&rig, old ? "\"speed\":720,\"angle\":90,\"dur_sec\":2"
                               : "\"angle\":90,\"level\":1,\"dur_sec\":2,\"percent\":50");
        acts(&rig, TB_MOUNT_STOP, "{}");
        assert_asked(&rig, old ? "\"speed\":0," : "\"level\":0,\"dur_sec\":1,\"percent\":0");
        acts(&rig, TB_MOUNT_TRACK, "{\"on\":true}");
        acts(&rig, TB_MOUNT_SYNC, "{\"ra_hours\":1,\"dec_deg\":2,\"equinox\":\"now\"}");
        acts(&rig, TB_MOUNT_FOCUS, "{\"step\":-17}");
        assert_asked(&rig, "\"focus\":1500");
        acts(&rig, TB_MOUNT_FOCUS, "{\"position\":1600}");
        acts(&rig, TB_MOUNT_FOCUS, "{\"auto\":true}");
        acts(&rig, TB_MOUNT_STOP, "{}");
        assert_asked(&rig, "stop_auto_focuse");
        acts(&rig, TB_MOUNT_EXPOSURE, "{\"exposure_ms\":20000,\"of\":\"stack\"}");
        assert_asked(&rig, "\"exp_ms\":{\"stack_l\":20000,\"continuous\":500}");
        acts(&rig, TB_MOUNT_GAIN, "{\"gain\":120}");
        assert_asked(&rig, "\"gain\":120");
        acts(&rig, TB_MOUNT_VIEW, "{\"mode\":\"moon\"}");
        assert_asked(&rig, "\"mode\":\"solar_sys\",\"target_type\":\"moon\",\"target_name\":\"moon\"");
        acts(&rig, TB_MOUNT_VIEW, "{\"mode\":\"scenery\"}");
        acts(&rig, TB_MOUNT_STACK, "{\"on\":true,\"restart\":true}");
        g_autoptr(GError) twice = NULL;
        g_assert_false(act(&rig, TB_MOUNT_STACK, "{\"on\":true,\"restart\":true}", NULL, &twice));
        g_assert_error(twice, TB_ERROR, TB_ERROR_BUSY);
        acts(&rig, TB_MOUNT_STACK, "{\"on\":false}");
        acts(&rig, TB_MOUNT_ENHANCE, "{\"contrast\":0.5,\"flatten\":true}");
        assert_asked(&rig, "\"stack\":{\"contrast\":0.5,\"dbe_enable\":true}");
        acts(&rig, TB_MOUNT_PARK, "{}");
        acts(&rig, TB_MOUNT_VIEW, "{\"mode\":\"none\"}");
        json_t *answer = NULL;
        g_autoptr(GError) error = NULL, unknown = NULL;
        g_assert_true(act(&rig, TB_MOUNT_ASK, "{\"method\":\"get_focuser_position\"}", &answer, &error));
        g_assert_cmpint(json_integer_value(answer), ==, 1600);
        json_decref(answer);
        g_assert_false(act(&rig, TB_MOUNT_ASK, "{\"method\":\"no_such\"}", &answer, &unknown));
        g_assert_error(unknown, TB_ERROR, TB_ERROR_UNSUPPORTED);
        rig_stop(&rig);
}

/* A catalogue's place is told as it stands today. */
static void test_equinox(void)
{
        Rig rig = rig_start("control", "2670", "");
        lane_open_wait(rig.lane, PATIENCE_MS);
        acts(&rig, TB_MOUNT_SYNC, "{\"ra_hours\":8.6733,\"dec_deg\":19.6667,\"equinox\":\"j2000\"}");
        g_autofree char *state = sim_ask(&rig.sim, "state");
        json_auto_t *o = json_loads(state, 0, NULL);
        json_t *place = json_object_get(o, "place");
        g_assert_cmpfloat_with_epsilon(json_number_value(json_array_get(place, 0)), 8.70,
                                       0.02); /* 25 to 50 years on */
        g_assert_cmpfloat(json_number_value(json_array_get(place, 1)), <, 19.6);
        rig_stop(&rig);
}

/* On a busy machine it has been tried again, in vain, before we look. */
static bool is_off(const LaneSeen *seen, gpointer refused)
{
        static char off[] = "switched off";
        return lane_is_lost(seen, off) || lane_is_lost(seen, refused);
}

static void test_faults(void)
{
        static const struct {
                const char *fault, *words;
        } rows[] = {{"garbage", "does not speak as a telescope"}, {"long", "a line of more than"}};
        Rig rig = rig_start("control", "2670", "");
        lane_open_wait(rig.lane, PATIENCE_MS);
        sim_do(&rig.sim, "fault master");
        g_autoptr(GError) error = NULL;
        g_assert_false(act(&rig, TB_MOUNT_PARK, "{}", NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_nonnull(strstr(error->message, "another program its master"));
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *order = g_strconcat("fault ", rows[i].fault, NULL);
                sim_do(&rig.sim, order);
                lane_wait(rig.lane, rows[i].fault, lane_is_lost, rows[i].words, PATIENCE_MS);
                sim_do(&rig.sim, "fault none");
                lane_open_wait(rig.lane, PATIENCE_MS);
        }
        /* off in the middle of a goto, and on again: known in words, and found by itself */
        acts(&rig, TB_MOUNT_GOTO,
             "{\"ra_hours\":1,\"dec_deg\":2,\"equinox\":\"now\",\"centre\":true,\"target\":\"x\"}");
        sim_do(&rig.sim, "off");
        lane_wait(rig.lane, "it is off", is_off, "refused", PATIENCE_MS);
        sim_do(&rig.sim, "on");
        lane_open_wait(rig.lane, PATIENCE_MS);
        acts(&rig, TB_MOUNT_TRACK, "{\"on\":false}");
        rig_stop(&rig);
}

/* Silence for TB_LIMIT_SEESTAR_SILENT_MS, although it is asked all the time. */
static void test_silent(void)
{
        Rig rig = rig_start("control", "2670", "");
        lane_open_wait(rig.lane, PATIENCE_MS);
        gint64 begin = g_get_monotonic_time();
        sim_do(&rig.sim, "fault half");
        lane_wait(rig.lane, "silence", lane_is_lost, "has been silent",
                  TB_LIMIT_SEESTAR_SILENT_MS + PATIENCE_MS);
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, (TB_LIMIT_SEESTAR_SILENT_MS - 4000) * 1000);
        rig_stop(&rig);
}

/* What happens a hundred times a second is told every TB_LIMIT_MOUNT_TELL_MS. */
static void count_states(const LaneSeen *seen, gpointer data)
{
        guint *n = *(guint **)data;
        for (const char *p = seen->events->str; (p = strstr(p, "mount.state ")); p++)
                (*n)++;
}

static void test_tells(void)
{
        Rig rig = rig_start("control", "2670", "");
        lane_open_wait(rig.lane, PATIENCE_MS);
        lane_forget(rig.lane);
        gint64 begin = g_get_monotonic_time();
        for (int i = 0; i < 400; i++)
                sim_do(&rig.sim, "event {\"Event\":\"PiStatus\",\"temp\":20}");
        sim_do(&rig.sim, "event {\"Event\":\"PiStatus\",\"temp\":77}");
        lane_wait(rig.lane, "the last one", has_event, "\"temperature\":77", PATIENCE_MS);
        guint n = 0, *count = &n;
        lane_look(rig.lane, count_states, &count);
        g_assert_cmpint(n, <=, (g_get_monotonic_time() - begin) / 1000 / TB_LIMIT_MOUNT_TELL_MS + 2);
        rig_stop(&rig);
}

/* --- pictures --- */
static guint brightness(Rig *rig)
{
        return lane_pixel(rig->lane, 80, 60) >> 8 & 0xff;
}

/* Whoever streams is told the number of those who do. */
static void wait_stream(Rig *rig)
{
        sim_do(&rig->sim, "wait-stream");
}

static void test_pictures(void)
{
        Rig rig = rig_start("picture", "2670", "");
        const TbRect size = {0, 0, 160, 120}, other = {0, 0, 64, 32};
        lane_open_wait(rig.lane, PATIENCE_MS);
        sim_do(&rig.sim, "picture bayer"); /* nobody looks */
        lane_video(rig.lane, 30);
        wait_stream(&rig);
        assert_asked(&rig, "begin_streaming");
        sim_do(&rig.sim, "picture tiny");
        sim_do(&rig.sim, "picture bayer 160 120 50");
        lane_wait(rig.lane, "a picture", lane_has_size, &size, PATIENCE_MS);
        g_assert_cmpuint(brightness(&rig), >, 200);
        sim_do(&rig.sim, "picture stored 64 32 50");
        lane_wait(rig.lane, "a stack", lane_has_size, &other, PATIENCE_MS);
        sim_do(&rig.sim, "picture bayer 160 120 50"); /* the new stack has the screen */
        sim_do(&rig.sim, "picture rgb 160 120 60");
        lane_wait(rig.lane, "another stack", lane_has_size, &size, PATIENCE_MS);
        lane_video(rig.lane, 0);
        rig_stop(&rig);
}

static bool has_fault(const LaneSeen *seen, gpointer words)
{
        return seen->fault && strstr(seen->fault, words);
}

/* The stack is asked for, and nothing else is looked at. */
static void test_stacked(void)
{
        Rig rig = rig_start("picture", "2670", "&picture=stacked");
        lane_open_wait(rig.lane, PATIENCE_MS);
        lane_video(rig.lane, 30);
        Rig control = {.sim = rig.sim};
        g_autofree char *uri = g_strdup_printf("seestar://127.0.0.1:%d", rig.sim.port);
        control.lane = lane_start(uri, NULL, "control", "/tmp");
        lane_open_wait(control.lane, PATIENCE_MS);
        acts(&control, TB_MOUNT_STACK, "{\"on\":true,\"restart\":true}");
        lane_wait_frames(rig.lane, 1, PATIENCE_MS); /* at the next look */
        lane_stop(control.lane, 2000);
        rig_stop(&rig);
}

static void test_picture_faults(void)
{
        Rig rig = rig_start("picture", "2670", "&picture=live");
        const TbRect size = {0, 0, 160, 120};
        lane_open_wait(rig.lane, PATIENCE_MS);
        lane_video(rig.lane, 30);
        wait_stream(&rig);
        sim_do(&rig.sim, "picture odd");
        lane_wait(rig.lane, "a form that is not known", has_fault, "a form that is not known", PATIENCE_MS);
        sim_do(&rig.sim, "picture bayer");
        lane_wait(rig.lane, "it goes on", lane_has_size, &size, PATIENCE_MS);
        sim_do(&rig.sim, "picture lie");
        lane_wait_dark(rig.lane, "does not send pictures", PATIENCE_MS);
        lane_open_wait(rig.lane, PATIENCE_MS);
        wait_stream(&rig);
        sim_do(&rig.sim, "picture half");
        sim_do(&rig.sim, "off");
        lane_wait_dark(rig.lane, "", PATIENCE_MS);
        sim_do(&rig.sim, "on");
        lane_open_wait(rig.lane, PATIENCE_MS);
        wait_stream(&rig); /* by itself */
        lane_forget(rig.lane);
        sim_do(&rig.sim, "picture bayer");
        lane_wait_frames(rig.lane, 1, PATIENCE_MS);
        rig_stop(&rig);
}

/* Firmware 7.18: who has the key is let in, who has another one is told, and older firmware does not mind. */
static char *key_file(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        EVP_PKEY *key = EVP_RSA_gen(2048);
        FILE *file = fopen(path, "we");
        g_assert_true(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
        fclose(file);
        EVP_PKEY_free(key);
        return g_steal_pointer(&path);
}

static void test_signed(void)
{
        g_autofree char *dir = g_dir_make_tmp("tb-seestar-XXXXXX", NULL), *mine = key_file(dir, "mine"),
                        *other = key_file(dir, "other"), *none = g_build_filename(dir, "none", NULL);
        g_autofree char *uri = NULL;
        Sim sim = sim_start(SIM, ARGV("--firmware", "2718", "--key", mine));
        const struct {
                const char *key, *words;
        } rows[] = {{mine, NULL}, {other, "does not accept the signature"}, {none, "cannot be read"}};
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                uri = (g_free(uri),
                       g_strdup_printf("seestar://127.0.0.1:%d?picture=none&key=%s", sim.port, rows[i].key));
                Lane *lane = lane_start(uri, NULL, "control", "/tmp");
                if (rows[i].words)
                        lane_wait(lane, "the refusal", lane_is_lost, (gpointer)rows[i].words, PATIENCE_MS);
                else
                        lane_open_wait(lane, PATIENCE_MS);
                lane_stop(lane, 2000);
        }
        sim_stop(&sim);
        sim = sim_start(SIM, ARGV("--firmware", "2670"));
        uri = (g_free(uri), g_strdup_printf("seestar://127.0.0.1:%d?picture=none&key=%s", sim.port, mine));
        Lane *lane = lane_start(uri, NULL, "control", "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        lane_stop(lane, 2000);
        sim_stop(&sim);
        g_unlink(mine);
        g_unlink(other);
        g_rmdir(dir);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_data_func("/seestar/verbs/4.70", "2470", test_verbs);
        g_test_add_data_func("/seestar/verbs/6.70", "2670", test_verbs);
        g_test_add_data_func("/seestar/verbs/7.06", "2706", test_verbs);
        g_test_add_func("/seestar/equinox", test_equinox);
        g_test_add_func("/seestar/faults", test_faults);
        g_test_add_func("/seestar/silent", test_silent);
        g_test_add_func("/seestar/tells", test_tells);
        g_test_add_func("/seestar/pictures", test_pictures);
        g_test_add_func("/seestar/stacked", test_stacked);
        g_test_add_func("/seestar/picture-faults", test_picture_faults);
        g_test_add_func("/seestar/signed", test_signed);
        return g_test_run();
}
