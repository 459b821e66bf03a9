/* What a telescope says of itself, kept: events as they come, and the answers that tell more. */
#include <math.h>
#include <string.h>

#include "drivers/seestar/seestar_proto.h"
#include "lib/text.h"

void tb_seestar_state_init(TbSeestarState *s)
{
        *s = (TbSeestarState){.ra_hours = NAN,
                              .dec_deg = NAN,
                              .alt_deg = NAN,
                              .az_deg = NAN,
                              .tracking = -1,
                              .closed = -1,
                              .temperature = NAN,
                              .battery = NAN,
                              .disk_used = NAN,
                              .focus = NAN,
                              .gain = NAN,
                              .live_ms = NAN,
                              .stack_ms = NAN,
                              .brightness = NAN,
                              .contrast = NAN,
                              .saturation = NAN,
                              .flatten = -1,
                              .target_ra = NAN,
                              .target_dec = NAN,
                              .stacked = -1,
                              .dropped = -1};
}

/* --- one field each: what is not there, or is nothing like it, changes nothing --- */
static void take_number(json_t *o, const char *key, double min, double max, double *into)
{
        json_t *v = json_object_get(o, key);
        if (json_is_number(v) && json_number_value(v) >= min && json_number_value(v) <= max)
                *into = json_number_value(v);
}

static void take_bool(json_t *o, const char *key, int *into)
{
        json_t *v = json_object_get(o, key);
        if (json_is_boolean(v))
                *into = json_is_true(v);
}

static void take_text(json_t *o, const char *key, char *into, gsize size)
{
        json_t *v = json_object_get(o, key);
        if (!json_is_string(v))
                return;
        g_autofree char *fit = tb_text_cut(json_string_value(v), size - 1);
        g_strlcpy(into, fit, size);
}

static bool take_pair(json_t *list, double max_first, double min_second, double max_second, double *first,
                      double *second)
{
        json_t *a = json_array_get(list, 0), *b = json_array_get(list, 1);
        if (!json_is_number(a) || !json_is_number(b))
                return false;
        double x = json_number_value(a), y = json_number_value(b);
        if (!(x >= -max_first && x <= max_first && y >= min_second && y <= max_second))
                return false;
        *first = x;
        *second = y;
        return true;
}

static void take_status(TbSeestarState *s, json_t *o)
{
        take_number(o, "temp", -100, 200, &s->temperature);
        take_number(o, "battery_capacity", 0, 100, &s->battery);
}

void tb_seestar_take_setting(TbSeestarState *s, json_t *o)
{
        json_t *exposure = json_object_get(o, "exp_ms"), *stack = json_object_get(o, "stack");
        take_number(exposure, "continuous", 0, 1e7, &s->live_ms);
        take_number(exposure, "stack_l", 0, 1e7, &s->stack_ms);
        take_number(stack, "brightness", -1, 1, &s->brightness);
        take_number(stack, "contrast", -1, 1, &s->contrast);
        take_number(stack, "saturation", -1, 1, &s->saturation);
        take_bool(stack, "dbe_enable", &s->flatten);
        take_bool(stack, "dbe", &s->flatten); /* firmware 4.70 */
}

void tb_seestar_take_device(TbSeestarState *s, json_t *o)
{
        json_t *device = json_object_get(o, "device"), *mount = json_object_get(o, "mount"),
               *storage = json_array_get(json_object_get(json_object_get(o, "storage"), "storage_volume"), 0);
        double firmware = s->firmware;
        take_number(device, "firmware_ver_int", 0, 1e6, &firmware);
        s->firmware = (int)firmware;
        take_text(device, "firmware_ver_string", s->version, sizeof s->version);
        take_text(device, "product_model", s->model, sizeof s->model);
        take_text(device, "sn", s->serial, sizeof s->serial);
        take_bool(mount, "close", &s->closed);
        take_bool(mount, "tracking", &s->tracking);
        take_number(json_object_get(o, "focuser"), "step", 0, 1e6, &s->focus);
        take_number(storage, "used_percent", 0, 100, &s->disk_used);
        take_status(s, json_object_get(o, "pi_status"));
        tb_seestar_take_setting(s, json_object_get(o, "setting"));
}

bool tb_seestar_take_place(TbSeestarState *s, json_t *o)
{
        double ra = NAN, dec = NAN;
        take_number(o, "ra", 0, 24, &ra);
        take_number(o, "dec", -90, 90, &dec);
        if ((isnan(ra) || isnan(dec)) && !take_pair(o, 24, -90, 90, &ra, &dec))
                return false;
        s->ra_hours = ra;
        s->dec_deg = dec;
        return true;
}

bool tb_seestar_take_horizon(TbSeestarState *s, json_t *o)
{
        return take_pair(o, 90, -360, 360, &s->alt_deg, &s->az_deg);
}

/* --- what it does --- */
static const struct {
        const char *event, *name;
} words[] = {
        {"AutoGoto", "goto"},
        {"ScopeGoto", "slew"},
        {"PlateSolve", "solve"},
        {"AutoFocus", "autofocus"},
        {"Stack", "stack"},
        {"ContinuousExposure", "live"},
        {"DarkLibrary", "darks"},
        {"ScopeHome", "park"},
        {"3PPA", "polar-align"},
        {"PolarAlign", "polar-align"},
        {"Initialise", "initialise"},
        {"WheelMove", "filter"},
        {"FocuserMove", "focuser"},
        {"ScopeMoveToHorizon", "open"},
        {"View", "view"},
};

static bool is_under_way(const char *state)
{
        static const char *const going[] = {"start",       "working",        "solving",
                                            "downloading", "frame_complete", NULL};
        return g_strv_contains(going, state);
}

void tb_seestar_doing(TbSeestarState *s, const char *name, const char *word, bool under_way,
                      const char *error, gint64 now_ms)
{
        TbSeestarDoing *d = NULL;
        for (guint i = 0; i < s->n_doings && !d; i++)
                if (strcmp(s->doings[i].name, name) == 0)
                        d = &s->doings[i];
        if (!d && s->n_doings < TB_LIMIT_SEESTAR_DOINGS)
                d = &s->doings[s->n_doings++];
        for (guint i = 0; i < s->n_doings && !d; i++) /* the first that is over makes room */
                if (!s->doings[i].under_way)
                        d = &s->doings[i];
        if (!d)
                return;
        if (!(d->under_way && under_way && strcmp(d->name, name) == 0))
                d->since_ms = now_ms;
        g_strlcpy(d->name, name, sizeof d->name);
        g_strlcpy(d->state, word, sizeof d->state);
        d->under_way = under_way;
        g_strlcpy(d->error, error ? error : "", sizeof d->error);
}

bool tb_seestar_is_doing(const TbSeestarState *s, const char *name)
{
        for (guint i = 0; i < s->n_doings; i++)
                if (strcmp(s->doings[i].name, name) == 0)
                        return s->doings[i].under_way;
        return false;
}

static void hear_doing(TbSeestarState *s, const char *event, json_t *o, gint64 now_ms)
{
        char name[24] = "", state[16] = "", error[128] = "";
        for (gsize i = 0; i < G_N_ELEMENTS(words) && !*name; i++)
                if (strcmp(words[i].event, event) == 0)
                        g_strlcpy(name, words[i].name, sizeof name);
        if (!*name) {
                g_autofree char *fit = tb_text_cut(event, sizeof name - 1);
                g_strlcpy(name, fit, sizeof name);
        }
        take_text(o, "state", state, sizeof state);
        if (!*state)
                return;
        if (strcmp(state, "fail") == 0)
                take_text(o, "error", error, sizeof error);
        tb_seestar_doing(s, name, state, is_under_way(state), error, now_ms);
}

/* The view is over: what it was about, too. */
static void end_view(TbSeestarState *s, gint64 now_ms)
{
        static const char *const inside[] = {"goto", "live", "stack", "solve", "autofocus"};
        s->mode[0] = s->stage[0] = '\0';
        for (gsize i = 0; i < G_N_ELEMENTS(inside); i++)
                if (tb_seestar_is_doing(s, inside[i]))
                        tb_seestar_doing(s, inside[i], "cancel", false, NULL, now_ms);
}

static void hear_view(TbSeestarState *s, json_t *o, gint64 now_ms)
{
        char state[16] = "";
        take_text(o, "state", state, sizeof state);
        take_text(o, "mode", s->mode, sizeof s->mode);
        take_text(o, "stage", s->stage, sizeof s->stage);
        take_text(o, "target_name", s->target, sizeof s->target);
        take_pair(json_object_get(o, "target_ra_dec"), 24, -90, 90, &s->target_ra, &s->target_dec);
        take_number(o, "gain", 0, 10000, &s->gain);
        if (*state && !is_under_way(state))
                end_view(s, now_ms);
}

void tb_seestar_take_view(TbSeestarState *s, json_t *result, gint64 now_ms)
{
        json_t *view = json_object_get(result, "View"), *value;
        const char *key;
        if (!view)
                return;
        hear_view(s, view, now_ms);
        json_object_foreach (view, key, value)
                if (json_is_object(value))
                        hear_doing(s, key, value, now_ms);
}

bool tb_seestar_hear(TbSeestarState *s, json_t *o, gint64 now_ms)
{
        const char *event = json_string_value(json_object_get(o, "Event"));
        double n = NAN;
        if (!event)
                return false;
        if (strcmp(event, "PiStatus") == 0) {
                take_status(s, o);
        } else if (strcmp(event, "Setting") == 0) {
                tb_seestar_take_setting(s, o);
        } else if (strcmp(event, "DiskSpace") == 0) {
                take_number(o, "used_percent", 0, 100, &s->disk_used);
        } else if (strcmp(event, "ScopeTrack") == 0) {
                take_bool(o, "tracking", &s->tracking);
        } else if (strcmp(event, "View") == 0) {
                hear_view(s, o, now_ms);
        } else if (strcmp(event, "Exposure") == 0) { /* one of the thousands below "live" and "stack" */
                take_number(o, "gain", 0, 10000, &s->gain);
        } else if (strcmp(event, "Annotate") == 0 || strcmp(event, "Alert") == 0) {
                return false; /* told as they are */
        } else {
                if (strcmp(event, "Stack") == 0) {
                        take_number(o, "stacked_frame", 0, 1e9, &n);
                        s->stacked = isnan(n) ? s->stacked : (gint64)n;
                        n = NAN;
                        take_number(o, "dropped_frame", 0, 1e9, &n);
                        s->dropped = isnan(n) ? s->dropped : (gint64)n;
                } else if (strcmp(event, "AutoGoto") == 0) {
                        take_text(o, "target_name", s->target, sizeof s->target);
                        take_pair(json_object_get(o, "target_ra_dec"), 24, -90, 90, &s->target_ra,
                                  &s->target_dec);
                } else if (strcmp(event, "FocuserMove") == 0) {
                        take_number(o, "position", 0, 1e6, &s->focus);
                } else if (strcmp(event, "PlateSolve") == 0) {
                        tb_seestar_take_place(s, json_object_get(o, "ra_dec"));
                }
                hear_doing(s, event, o, now_ms);
        }
        return true;
}

/* --- as it is told --- */
static void put(json_t *o, const char *key, double value)
{
        json_object_set_new(o, key, isfinite(value) ? json_real(value) : json_null());
}

static void put_bool(json_t *o, const char *key, int value)
{
        json_object_set_new(o, key, value < 0 ? json_null() : json_boolean(value));
}

static void put_text(json_t *o, const char *key, const char *text)
{
        json_object_set_new(o, key, *text ? json_string(text) : json_null());
}

json_t *tb_seestar_json(const TbSeestarState *s, gint64 now_ms)
{
        json_t *o = json_object(), *focus = json_object(), *exposure = json_object(),
               *enhance = json_object(), *target = json_object(), *doings = json_array();
        put_text(o, "model", s->model);
        put_text(o, "serial", s->serial);
        put_text(o, "firmware", s->version);
        put(o, "ra_hours", s->ra_hours);
        put(o, "dec_deg", s->dec_deg);
        put(o, "alt_deg", s->alt_deg);
        put(o, "az_deg", s->az_deg);
        put_bool(o, "tracking", s->tracking);
        put_bool(o, "parked", s->closed);
        put_text(o, "view", s->mode);
        put_text(o, "stage", s->stage);
        put_text(target, "name", s->target);
        put(target, "ra_hours", s->target_ra);
        put(target, "dec_deg", s->target_dec);
        json_object_set_new(o, "target", target);
        put(focus, "position", s->focus);
        json_object_set_new(o, "focus", focus);
        put(exposure, "live_ms", s->live_ms);
        put(exposure, "stack_ms", s->stack_ms);
        json_object_set_new(o, "exposure", exposure);
        put(o, "gain", s->gain);
        put(enhance, "brightness", s->brightness);
        put(enhance, "contrast", s->contrast);
        put(enhance, "saturation", s->saturation);
        put_bool(enhance, "flatten", s->flatten);
        json_object_set_new(o, "enhance", enhance);
        if (s->stacked >= 0)
                json_object_set_new(o, "stack",
                                    json_pack("{s:I, s:I}", "frames", (json_int_t)s->stacked, "dropped",
                                              (json_int_t)MAX(s->dropped, 0)));
        put(o, "temperature", s->temperature);
        put(o, "battery", s->battery);
        put(o, "disk_used", s->disk_used);
        for (guint i = 0; i < s->n_doings; i++) {
                const TbSeestarDoing *d = &s->doings[i];
                json_t *one =
                        json_pack("{s:s, s:s, s:b, s:f}", "what", d->name, "state", d->state, "under_way",
                                  d->under_way, "for_s", (double)(now_ms - d->since_ms) / 1000);
                if (*d->error)
                        json_object_set_new(one, "error", json_string(d->error));
                json_array_append_new(doings, one);
        }
        json_object_set_new(o, "doings", doings);
        return o;
}
