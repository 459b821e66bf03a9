/* What one can do with a telescope, in its own words. */
#include <math.h>
#include <string.h>

#include "drivers/seestar/seestar_link.h"
#include "lib/clock.h"
#include "lib/sky.h"

#define ACT_MS 30000 /* a busy one answers late */
#define FASTEST 100  /* percent */
#define LEVEL 1440   /* the speed of firmware before 4.x, at its fastest */

static double number_of(json_t *params, const char *key)
{
        json_t *v = json_object_get(params, key);
        return json_is_number(v) ? json_number_value(v) : NAN;
}

/* Asks, and throws the result away. */
static bool tell(TbSeestarLink *l, TbIo *io, const char *method, json_t *params_take, GError **error)
{
        json_auto_t *params = params_take;
        json_auto_t *result = tb_seestar_ask(l, io, method, params, ACT_MS, error);
        l->changed = true;
        return result != NULL;
}

/* What it takes as begun, until its own events say more. */
static bool begun(TbSeestarLink *l, const char *what)
{
        if (!tb_seestar_is_doing(&l->state, what))
                tb_seestar_doing(&l->state, what, "start", true, NULL, tb_clock_mono_ms());
        return true;
}

static void place_of(json_t *params, double *ret_ra, double *ret_dec)
{
        *ret_ra = number_of(params, "ra_hours");
        *ret_dec = number_of(params, "dec_deg");
        if (g_strcmp0(json_string_value(json_object_get(params, "equinox")), "now") != 0)
                tb_sky_precess(ret_ra, ret_dec, tb_clock_ms(), false);
}

static bool go(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        double ra, dec;
        const char *name = json_string_value(json_object_get(params, "target"));
        json_t *filter = json_object_get(params, "filter");
        place_of(params, &ra, &dec);
        if (!json_is_true(json_object_get(params, "centre"))) {
                if (!tell(l, io, "scope_goto", json_pack("[f, f]", ra, dec), error))
                        return false;
                begun(l, "slew");
        } else {
                json_t *view = json_pack("{s:s, s:s, s:[f, f]}", "mode", "star", "target_name",
                                         name ? name : "a place", "target_ra_dec", ra, dec);
                if (filter)
                        json_object_set(view, "lp_filter", filter);
                if (!tell(l, io, "iscope_start_view", view, error))
                        return false;
                begun(l, "goto");
        }
        g_strlcpy(l->state.target, name ? name : "", sizeof l->state.target);
        l->state.target_ra = ra;
        l->state.target_dec = dec;
        return true;
}

/* Newer firmware takes a share of its fastest, older one a speed. */
static bool move_at(TbSeestarLink *l, TbIo *io, double angle, double speed, double seconds, GError **error)
{
        g_autoptr(GError) strange = NULL;
        int whole = (int)ceil(seconds), degrees = (int)lrint(angle) % 360;
        if (tell(l, io, "scope_speed_move",
                 json_pack("{s:i, s:i, s:i, s:i}", "angle", degrees, "level", speed > 0 ? 1 : 0, "dur_sec",
                           whole, "percent", (int)lrint(speed * FASTEST)),
                 &strange))
                return true;
        if (!g_error_matches(strange, TB_ERROR, TB_ERROR_DEVICE)) { /* it wants other parameters */
                g_propagate_error(error, g_steal_pointer(&strange));
                return false;
        }
        return tell(l, io, "scope_speed_move",
                    json_pack("{s:i, s:i, s:i}", "speed", (int)lrint(speed * LEVEL), "angle", degrees,
                              "dur_sec", whole),
                    error);
}

static bool move(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        return move_at(l, io, number_of(params, "angle_deg"), number_of(params, "speed"),
                       number_of(params, "duration_s"), error);
}

/* All of it is tried; what the telescope was not doing, it may refuse to stop. */
static bool stop(TbSeestarLink *l, TbIo *io, GError **error)
{
        gint64 now_ms = tb_clock_mono_ms();
        if (!move_at(l, io, 0, 0, 1, error))
                return false;
        if (tb_seestar_is_doing(&l->state, "goto")) {
                if (!tell(l, io, "iscope_stop_view", json_pack("{s:s}", "stage", "AutoGoto"), error))
                        return false;
                tb_seestar_doing(&l->state, "goto", "cancel", false, NULL, now_ms);
        }
        if (tb_seestar_is_doing(&l->state, "autofocus")) {
                if (!tell(l, io, "stop_auto_focuse", NULL, error))
                        return false;
                tb_seestar_doing(&l->state, "autofocus", "cancel", false, NULL, now_ms);
        }
        if (tb_seestar_is_doing(&l->state, "slew"))
                tb_seestar_doing(&l->state, "slew", "cancel", false, NULL, now_ms);
        return true;
}

static bool focus(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        json_t *automatic = json_object_get(params, "auto");
        double position = number_of(params, "position"), step = number_of(params, "step");
        if (automatic) {
                if (!json_is_true(automatic))
                        return tell(l, io, "stop_auto_focuse", NULL, error);
                return tell(l, io, "start_auto_focuse", NULL, error) && begun(l, "autofocus");
        }
        if (isnan(position)) {
                json_auto_t *now = tb_seestar_ask(l, io, "get_focuser_position", NULL, ACT_MS, error);
                if (!now)
                        return false;
                if (!json_is_number(now)) {
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "the telescope does not say where its focuser is");
                        return false;
                }
                position = MAX(json_number_value(now) + step, 0);
        }
        if (!tell(l, io, "move_focuser", json_pack("{s:i, s:b}", "step", (int)position, "ret_step", 1),
                  error))
                return false;
        l->state.focus = position;
        return true;
}

static void put_known(json_t *o, const char *key, double value)
{
        if (isfinite(value))
                json_object_set_new(
                        o, key, value == floor(value) ? json_integer((json_int_t)value) : json_real(value));
}

static bool exposure(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        double ms = number_of(params, "exposure_ms");
        bool stack = g_strcmp0(json_string_value(json_object_get(params, "of")), "stack") == 0;
        json_t *both = json_object(); /* an old one takes an object as a whole: what is left out is lost */
        put_known(both, "stack_l", stack ? ms : l->state.stack_ms);
        put_known(both, "continuous", stack ? l->state.live_ms : ms);
        if (!tell(l, io, "set_setting", json_pack("{s:o}", "exp_ms", both), error))
                return false;
        *(stack ? &l->state.stack_ms : &l->state.live_ms) = ms;
        return true;
}

static bool gain(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        if (!tell(l, io, "set_control_value", json_pack("[s, O]", "gain", json_object_get(params, "gain")),
                  error))
                return false;
        l->state.gain = number_of(params, "gain");
        return true;
}

static bool view(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        const char *mode = json_string_value(json_object_get(params, "mode")),
                   *target = json_string_value(json_object_get(params, "target"));
        json_t *filter = json_object_get(params, "filter");
        if (strcmp(mode, "none") == 0) {
                if (!tell(l, io, "iscope_stop_view", NULL, error))
                        return false;
                l->state.mode[0] = '\0';
                return true;
        }
        bool near = strcmp(mode, "sun") == 0 || strcmp(mode, "moon") == 0 || strcmp(mode, "planet") == 0;
        json_t *o = json_pack("{s:s}", "mode", near ? "solar_sys" : mode);
        if (near)
                json_object_set_new(o, "target_type", json_string(mode));
        if (target || near)
                json_object_set_new(o, "target_name", json_string(target ? target : mode));
        if (filter)
                json_object_set(o, "lp_filter", filter);
        if (!tell(l, io, "iscope_start_view", o, error))
                return false;
        g_strlcpy(l->state.mode, near ? "solar_sys" : mode, sizeof l->state.mode);
        return true;
}

static bool stack(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        if (!json_is_true(json_object_get(params, "on")))
                return tell(l, io, "iscope_stop_view", json_pack("{s:s}", "stage", "Stack"), error);
        return tell(l, io, "iscope_start_stack",
                    json_pack("{s:b}", "restart", json_is_true(json_object_get(params, "restart"))), error) &&
               begun(l, "stack");
}

static bool enhance(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        const TbSeestarState *s = &l->state;
        const struct {
                const char *name;
                double is;
        } levels[] = {
                {"brightness", s->brightness}, {"contrast", s->contrast}, {"saturation", s->saturation}};
        json_t *o = json_object(), *flat = json_object_get(params, "flatten");
        for (gsize i = 0; i < G_N_ELEMENTS(levels); i++) {
                double wanted = number_of(params, levels[i].name);
                put_known(o, levels[i].name, isnan(wanted) ? levels[i].is : wanted);
        }
        if (flat || s->flatten >= 0)
                json_object_set_new(o, "dbe_enable", flat ? json_incref(flat) : json_boolean(s->flatten));
        json_auto_t *setting = json_pack("{s:o}", "stack", o);
        if (!tell(l, io, "set_setting", json_incref(setting), error))
                return false;
        tb_seestar_take_setting(&l->state, setting);
        return true;
}

static bool ask(TbSeestarLink *l, TbIo *io, json_t *params, json_t **ret, GError **error)
{
        *ret = tb_seestar_ask(l, io, json_string_value(json_object_get(params, "method")),
                              json_object_get(params, "params"), ACT_MS, error);
        return *ret != NULL;
}

static bool sync_place(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        double ra, dec;
        place_of(params, &ra, &dec);
        if (!tell(l, io, "scope_sync", json_pack("[f, f]", ra, dec), error))
                return false;
        l->state.ra_hours = ra;
        l->state.dec_deg = dec;
        return true;
}

static bool track(TbSeestarLink *l, TbIo *io, json_t *params, GError **error)
{
        json_t *on = json_object_get(params, "on");
        if (!tell(l, io, "scope_set_track_state", json_incref(on), error))
                return false;
        l->state.tracking = json_is_true(on);
        return true;
}

static bool act_on(TbSeestarLink *l, TbIo *io, TbMountAction action, json_t *params, json_t **ret,
                   GError **error)
{
        switch (action) {
        case TB_MOUNT_GOTO: return go(l, io, params, error);
        case TB_MOUNT_MOVE: return move(l, io, params, error);
        case TB_MOUNT_STOP: return stop(l, io, error);
        case TB_MOUNT_PARK: return tell(l, io, "scope_park", NULL, error) && begun(l, "park");
        case TB_MOUNT_TRACK: return track(l, io, params, error);
        case TB_MOUNT_SYNC: return sync_place(l, io, params, error);
        case TB_MOUNT_FOCUS: return focus(l, io, params, error);
        case TB_MOUNT_EXPOSURE: return exposure(l, io, params, error);
        case TB_MOUNT_GAIN: return gain(l, io, params, error);
        case TB_MOUNT_VIEW: return view(l, io, params, error);
        case TB_MOUNT_STACK: return stack(l, io, params, error);
        case TB_MOUNT_ENHANCE: return enhance(l, io, params, error);
        case TB_MOUNT_ASK: return ask(l, io, params, ret, error);
        case TB_MOUNT_ACTIONS: break;
        }
        tb_set_error(error, TB_ERROR_UNSUPPORTED, "a Seestar has no such thing");
        return false;
}

static bool act(TbInstance *self, TbIo *io, TbMountAction action, json_t *params, json_t **ret,
                GError **error)
{
        TbSeestarLink *l = (TbSeestarLink *)self;
        bool fine = act_on(l, io, action, params, ret, error);
        tb_seestar_tell(l, true);
        return fine;
}

static json_t *get(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        return tb_seestar_json(&((TbSeestarLink *)self)->state, tb_clock_mono_ms());
}

const TbMountOps tb_seestar_mount = {.get = get, .act = act};
