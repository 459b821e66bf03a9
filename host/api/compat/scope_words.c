#include "host/api/compat/scope_words.h"

#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/text.h"

#define MOVE_MS 1000 /* of a move that does not say how long */

static json_t *bad(GError **error, const char *field, const char *what)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s", what);
        return NULL;
}

static json_t *go(json_t *p, GError **error)
{
        json_t *ra = json_object_get(p, "ra"), *dec = json_object_get(p, "dec"),
               *name = json_object_get(p, "target_name"), *j2000 = json_object_get(p, "is_j2000");
        if (!json_is_number(ra) || !json_is_number(dec))
                return bad(error, "ra", "goto needs ra (hours) and dec (degrees)");
        json_t *o = json_pack("{s:O, s:O, s:s}", "ra_hours", ra, "dec_deg", dec, "equinox",
                              json_is_false(j2000) ? "now" : "j2000");
        if (json_is_string(name) && json_string_length(name) > 0)
                json_object_set(o, "target", name);
        return o;
}

static json_t *move(json_t *p, const char **op, GError **error)
{
        static const struct {
                const char *word;
                int angle;
        } words[] = {{"up", 90},    {"north", 90}, {"down", 270}, {"south", 270},
                     {"left", 180}, {"east", 180}, {"right", 0},  {"west", 0}};
        const char *direction = json_string_value(json_object_get(p, "direction"));
        json_t *ms = json_object_get(p, "duration");
        if (g_strcmp0(direction, "stop") == 0) {
                *op = "stop";
                return json_object();
        }
        for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
                if (g_strcmp0(direction, words[i].word) == 0)
                        return json_pack("{s:i, s:f}", "angle_deg", words[i].angle, "duration_s",
                                         (json_is_number(ms) ? json_number_value(ms) : MOVE_MS) / 1000);
        return bad(error, "direction", "move needs direction: up, down, left, right or stop");
}

/* One number of theirs under our name. */
static json_t *number(json_t *p, const char *theirs, const char *ours, bool whole, GError **error)
{
        json_t *v = json_object_get(p, theirs);
        if (!json_is_number(v)) {
                g_autofree char *text = g_strdup_printf("%s is missing, or no number", theirs);
                return bad(error, theirs, text);
        }
        double n = json_number_value(v);
        return whole && fabs(n) < 1e9 ? json_pack("{s:I}", ours, (json_int_t)llround(n))
                                      : json_pack("{s:f}", ours, n);
}

static json_t *enhancement(json_t *p)
{
        static const char *const names[] = {"brightness", "contrast", "saturation"};
        json_t *o = json_object(), *flat = json_object_get(p, "dbe_enable");
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
                if (json_is_number(json_object_get(p, names[i])))
                        json_object_set(o, names[i], json_object_get(p, names[i]));
        if (json_is_boolean(flat))
                json_object_set(o, "flatten", flat);
        return o;
}

json_t *tb_scope_command(const char *action, json_t *p, const char **op, GError **error)
{
        static const struct {
                const char *action, *op;
        } known[] = {{"goto", "goto"},
                     {"move", "move"},
                     {"park", "park"},
                     {"focus", "focus"},
                     {"focus_increment", "focus"},
                     {"start_imaging", "stack"},
                     {"stop_imaging", "stack"},
                     {"set_gain", "gain"},
                     {"set_exposure", "exposure"},
                     {"scenery", "view"},
                     {"set_image_enhancement", "enhance"},
                     {"get_image_enhancement", "get"}};
        *op = NULL;
        for (gsize i = 0; i < G_N_ELEMENTS(known) && !*op; i++)
                if (g_strcmp0(action, known[i].action) == 0)
                        *op = known[i].op;
        if (!*op)
                return bad(error, "action",
                           "action is one of goto, move, park, focus, focus_increment, start_imaging, "
                           "stop_imaging, set_gain, set_exposure, scenery, set_image_enhancement, "
                           "get_image_enhancement");
        if (strcmp(action, "goto") == 0)
                return go(p, error);
        if (strcmp(action, "move") == 0)
                return move(p, op, error);
        if (strcmp(action, "focus") == 0)
                return number(p, "position", "position", true, error);
        if (strcmp(action, "focus_increment") == 0)
                return number(p, "increment", "step", true, error);
        if (strcmp(action, "set_gain") == 0)
                return number(p, "gain", "gain", true, error);
        if (strcmp(action, "set_exposure") == 0)
                return number(p, "exposure", "exposure_ms", false, error);
        if (strcmp(action, "set_image_enhancement") == 0)
                return enhancement(p);
        if (strcmp(*op, "stack") == 0)
                return json_pack("{s:b}", "on", strcmp(action, "start_imaging") == 0);
        return strcmp(*op, "view") == 0 ? json_pack("{s:s}", "mode", "scenery") : json_object();
}

static json_t *get(json_t *o, const char *key)
{
        json_t *v = json_object_get(o, key);
        return v ? v : json_null();
}

json_t *tb_scope_status(json_t *s, bool connected, gint64 now_ms)
{
        json_t *focus = json_object_get(s, "focus"), *target = json_object_get(s, "target"),
               *stack = json_object_get(s, "stack");
        json_t *o = json_pack("{s:f, s:b, s:O, s:O, s:O, s:O, s:O, s:O, s:O, s:O, s:O}", "timestamp",
                              (double)now_ms / 1000, "is_connected", connected, "ra", get(s, "ra_hours"),
                              "dec", get(s, "dec_deg"), "alt", get(s, "alt_deg"), "az", get(s, "az_deg"),
                              "temp", get(s, "temperature"), "battery_capacity", get(s, "battery"), "gain",
                              get(s, "gain"), "focus_position", get(focus, "position"), "target_name",
                              get(target, "name"));
        json_object_set(o, "stacked_frame", get(stack, "frames"));
        json_object_set(o, "dropped_frame", get(stack, "dropped"));
        json_object_set(o, "mode", get(s, "view"));
        json_object_set(o, "stage", get(s, "stage"));
        json_object_set(o, "is_tracking", get(s, "tracking"));
        json_object_set(o, "is_parked", get(s, "parked"));
        json_object_set(o, "serial_number", get(s, "serial"));
        json_object_set(o, "product_model", get(s, "model"));
        json_object_set(o, "image_enhancement", get(s, "enhance"));
        return o;
}

char *tb_scope_fragment(json_t *o, GError **error)
{
        const char *candidate = json_string_value(json_object_get(o, "candidate")),
                   *ufrag = json_string_value(json_object_get(o, "usernameFragment")),
                   *mid = json_string_value(json_object_get(o, "sdpMid"));
        if (!candidate || strpbrk(candidate, "\r\n") || (mid && strpbrk(mid, "\r\n")) ||
            (ufrag && strpbrk(ufrag, "\r\n"))) {
                bad(error, "candidate", "candidate is a line of SDP: candidate:…");
                return NULL;
        }
        GString *s = g_string_new(NULL);
        if (ufrag && *ufrag)
                g_string_append_printf(s, "a=ice-ufrag:%s\r\n", ufrag);
        g_string_append_printf(s, "m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%s\r\n", mid && *mid ? mid : "0");
        if (*candidate)
                g_string_append_printf(s, "a=%s\r\n", candidate);
        else
                g_string_append(s, "a=end-of-candidates\r\n");
        return g_string_free(s, FALSE);
}

json_t *tb_scope_message(const char *id, const char *type, const char *telescope, json_t *payload_take)
{
        g_autofree char *made = id ? NULL : tb_random_token(12);
        return json_pack("{s:s, s:s, s:s?, s:f, s:o}", "id", id ? id : made, "type", type, "telescope_id",
                         telescope, "timestamp", (double)tb_clock_ms() / 1000, "payload", payload_take);
}
