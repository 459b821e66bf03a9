/*
 * Telescopes and other mounts. What takes long (a goto, a stack, an autofocus) is begun here and answered when the device has taken
 * it: a stop must get through meanwhile. How far it is, is told as `mount.state` on the bus, and is what GET answers.
 */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/sky.h"

#define ACT_MS 40000 /* a busy telescope answers late */

static bool exec_get(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        c->result = instance->lane->mount->get(instance, io, error);
        return c->result != NULL;
}

static void get(TbCommand *c)
{
        tb_command_dispatch(c, exec_get, NULL);
}

static bool exec_act(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        const TbMountOps *ops = instance->lane->mount;
        json_t *answer = NULL;
        if (!TB_STEP(c, ops->act, instance, io, (TbMountAction)GPOINTER_TO_INT(c->scratch), c->params,
                     &answer, error))
                return false;
        c->result = answer ? json_pack("{s:o}", "result", answer) : ops->get(instance, io, error);
        return c->result != NULL;
}

static void act(TbCommand *c, TbMountAction action)
{
        c->scratch = GINT_TO_POINTER(action);
        tb_command_dispatch(c, exec_act, NULL);
}

/* "ra" as people write it becomes "ra_hours", or the number is there already. */
static bool resolve(json_t *params, const char *text, const char *number, bool ra, GError **error)
{
        json_t *said = json_object_get(params, text), *is = json_object_get(params, number);
        double value = 0;
        if ((said != NULL) == (is != NULL)) {
                tb_error_set_field(error, TB_ERROR_INVALID, said ? text : number,
                                   said ? "say %s or %s, one of them"
                                        : "say where: %s (a number) or %s (\"5h35m17s\", \"-5:23:28\")",
                                   number, text);
                return false;
        }
        if (is)
                return true;
        if (!tb_sky_parse(json_string_value(said), ra, &value, error))
                return false;
        json_object_set_new(params, number, json_real(value));
        json_object_del(params, text);
        return true;
}

static void act_at(TbCommand *c, TbMountAction action)
{
        GError *error = NULL;
        if (resolve(c->params, "ra", "ra_hours", true, &error) &&
            resolve(c->params, "dec", "dec_deg", false, &error))
                act(c, action);
        else
                tb_command_fail(c, error, NULL);
}

static void go(TbCommand *c)
{
        act_at(c, TB_MOUNT_GOTO);
}
static void set_place(TbCommand *c)
{
        act_at(c, TB_MOUNT_SYNC);
}
static void move(TbCommand *c)
{
        act(c, TB_MOUNT_MOVE);
}
static void stop(TbCommand *c)
{
        act(c, TB_MOUNT_STOP);
}
static void park(TbCommand *c)
{
        act(c, TB_MOUNT_PARK);
}
static void track(TbCommand *c)
{
        act(c, TB_MOUNT_TRACK);
}
static void exposure(TbCommand *c)
{
        act(c, TB_MOUNT_EXPOSURE);
}
static void gain(TbCommand *c)
{
        act(c, TB_MOUNT_GAIN);
}
static void view(TbCommand *c)
{
        act(c, TB_MOUNT_VIEW);
}
static void stack(TbCommand *c)
{
        act(c, TB_MOUNT_STACK);
}
static void ask(TbCommand *c)
{
        act(c, TB_MOUNT_ASK);
}

/* One of several fields. */
static bool says_one(TbCommand *c, const char *const *fields, bool several)
{
        guint n = 0;
        g_autofree char *all = g_strjoinv(", ", (char **)fields);
        for (const char *const *field = fields; *field; field++)
                n += json_object_get(c->params, *field) != NULL;
        if (n == 1 || (several && n > 1))
                return true;
        GError *error = NULL;
        tb_error_set_field(&error, TB_ERROR_INVALID, fields[0], "say %s of: %s",
                           several ? "one or more" : "one", all);
        tb_command_fail(c, error, NULL);
        return false;
}

static void focus(TbCommand *c)
{
        static const char *const fields[] = {"position", "step", "auto", NULL};
        if (says_one(c, fields, false))
                act(c, TB_MOUNT_FOCUS);
}

static void enhance(TbCommand *c)
{
        static const char *const fields[] = {"brightness", "contrast", "saturation", "flatten", NULL};
        if (says_one(c, fields, true))
                act(c, TB_MOUNT_ENHANCE);
}

#define PLACE                                                                                                \
        {.name = "ra_hours",                                                                                 \
         .type = TB_PARAM_NUMBER,                                                                            \
         .min = 0,                                                                                           \
         .max = 23.999999999,                                                                                \
         .unit = "h",                                                                                        \
         .help = "right ascension"},                                                                         \
                {.name = "dec_deg",                                                                          \
                 .type = TB_PARAM_NUMBER,                                                                    \
                 .min = -90,                                                                                 \
                 .max = 90,                                                                                  \
                 .unit = "deg",                                                                              \
                 .help = "declination"},                                                                     \
                {.name = "ra",                                                                               \
                 .type = TB_PARAM_STRING,                                                                    \
                 .min = 1,                                                                                   \
                 .max = TB_LIMIT_SKY_TEXT,                                                                   \
                 .help = "instead of ra_hours, as people write it: 5h35m17s, 5:35:17, 83.82deg"},            \
                {.name = "dec",                                                                              \
                 .type = TB_PARAM_STRING,                                                                    \
                 .min = 1,                                                                                   \
                 .max = TB_LIMIT_SKY_TEXT,                                                                   \
                 .help = "instead of dec_deg: -5d23m28s, -5:23:28"},                                         \
        {                                                                                                    \
                .name = "equinox", .type = TB_PARAM_ENUM, .choices = TB_CHOICES("j2000", "now"),             \
                .fallback = "\"j2000\"", .help = "which the place is of; catalogues have j2000"              \
        }

static const TbParam goto_params[] = {
        PLACE,
        {.name = "target",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_LABEL,
         .help = "its name: M 42"},
        {.name = "centre",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "look where it points, and bring the target to the middle; false: slew alone"},
        {.name = "filter", .type = TB_PARAM_BOOL, .help = "through the light pollution filter"},
        TB_PARAM_END,
};
static const TbParam sync_params[] = {PLACE, TB_PARAM_END};
static const TbParam move_params[] = {
        {.name = "angle_deg",
         .type = TB_PARAM_NUMBER,
         .required = true,
         .min = 0,
         .max = 360,
         .unit = "deg",
         .help = "where to, as the sky lies on its picture: 0 right (west), 90 up (north), 180 left (east), "
                 "270 down (south)"},
        {.name = "speed",
         .type = TB_PARAM_NUMBER,
         .min = 0.01,
         .max = 1,
         .fallback = "0.5",
         .help = "of the fastest that it can"},
        {.name = "duration_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = TB_LIMIT_MOUNT_MOVE_S,
         .fallback = "1",
         .unit = "s",
         .help = "it stops by itself then; say it again to go on"},
        TB_PARAM_END,
};
static const TbParam track_params[] = {
        {.name = "on", .type = TB_PARAM_BOOL, .required = true, .help = "follow the stars"},
        TB_PARAM_END,
};
static const TbParam focus_params[] = {
        {.name = "position",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 100000,
         .help = "of the focuser, in its steps"},
        {.name = "step", .type = TB_PARAM_INT, .min = -10000, .max = 10000, .help = "from where it is"},
        {.name = "auto", .type = TB_PARAM_BOOL, .help = "begin to find it by the stars; false: give that up"},
        TB_PARAM_END,
};
static const TbParam exposure_params[] = {
        {.name = "exposure_ms",
         .type = TB_PARAM_NUMBER,
         .required = true,
         .min = 0.01,
         .max = TB_LIMIT_MOUNT_EXPOSURE_MS,
         .unit = "ms",
         .help = "of one picture"},
        {.name = "of",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("live", "stack"),
         .fallback = "\"live\"",
         .help = "the live view, or the pictures that are stacked"},
        TB_PARAM_END,
};
static const TbParam gain_params[] = {
        {.name = "gain",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = 600,
         .help = "of the sensor"},
        TB_PARAM_END,
};
static const TbParam view_params[] = {
        {.name = "mode",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("star", "sun", "moon", "planet", "scenery", "none"),
         .help = "what is looked at; none: stop looking"},
        {.name = "target",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_LABEL,
         .help = "a planet's name"},
        {.name = "filter", .type = TB_PARAM_BOOL, .help = "through the light pollution filter"},
        TB_PARAM_END,
};
static const TbParam stack_params[] = {
        {.name = "on", .type = TB_PARAM_BOOL, .required = true, .help = "add pictures up; false: stop"},
        {.name = "restart",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "from the first picture; false: go on with what there is"},
        TB_PARAM_END,
};
#define LEVEL(n, h)                                                                                          \
        {                                                                                                    \
                .name = n, .type = TB_PARAM_NUMBER, .min = -1, .max = 1, .help = h                           \
        }
static const TbParam enhance_params[] = {
        LEVEL("brightness", "of stacked pictures; 0: as they are"),
        LEVEL("contrast", "of stacked pictures; 0: as they are"),
        LEVEL("saturation", "of stacked pictures; 0: as they are"),
        {.name = "flatten", .type = TB_PARAM_BOOL, .help = "take the background's slope out of them"},
        TB_PARAM_END,
};
static const TbParam ask_params[] = {
        {.name = "method",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "of the device's own protocol: get_view_state"},
        {.name = "params", .type = TB_PARAM_ANY, .help = "as that method takes them"},
        TB_PARAM_END,
};

#define ROW(op_, params_, start_, summary_)                                                                  \
        {                                                                                                    \
                .verb = {.kind = TB_KIND_MOUNT,                                                              \
                         .op = op_,                                                                          \
                         .role = TB_ROLE_OPERATOR,                                                           \
                         .flags = TB_VERB_CONTROL,                                                           \
                         .timeout_ms = ACT_MS,                                                               \
                         .params = params_,                                                                  \
                         .method = "POST",                                                                   \
                         .path = "/" op_,                                                                    \
                         .summary = summary_,                                                                \
                         .answers = "200 application/json Mount; 422"},                                      \
                .start = start_                                                                              \
        }

const TbVerbRun tb_mount_verbs[] = {
        {.verb = {.kind = TB_KIND_MOUNT,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_JOINS,
                  .timeout_ms = ACT_MS,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .summary = "Where it points (equinox of today), what it looks at, focus, exposure, gain, "
                             "and what "
                             "is under way",
                  .answers = "200 application/json Mount"},
         .start = get},
        ROW("goto", goto_params, go, "Point at a place in the sky; answers when it has begun"),
        ROW("move", move_params, move, "Move by hand for a moment"),
        ROW("stop", tb_no_params, stop, "Stop moving: by hand, a goto, an autofocus"),
        ROW("park", tb_no_params, park, "Fold up, or into its resting place; answers when it has begun"),
        ROW("track", track_params, track, "Follow the stars, or do not"),
        ROW("sync", sync_params, set_place, "Tell it where it points"),
        ROW("focus", focus_params, focus, "Move the focuser, or begin an autofocus"),
        ROW("exposure", exposure_params, exposure, "How long one picture is exposed"),
        ROW("gain", gain_params, gain, "Gain of the sensor"),
        ROW("view", view_params, view, "What to look at: stars, sun, moon, planets, scenery"),
        ROW("stack", stack_params, stack, "Add pictures up, or stop"),
        ROW("enhance", enhance_params, enhance, "How stacked pictures are shown"),
        ROW("ask", ask_params, ask,
            "Anything of the device's own protocol: {method, params}, answered {result}"),
        {.verb = {.op = NULL}},
};
