/* input: key, text, pointer, tap, swipe, scroll. Coordinates are pixels of the video. */
#include <string.h>

#include "host/core/input/made.h"
#include "host/core/input/release.h"
#include "host/core/ops/clipboard.h"
#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"

typedef struct Batch {
        TbInput *events; /* their strings are the params' */
        guint n;
        TbHolds *holds; /* ref */
        char *who;      /* owned */
        guint refused;  /* events that could not be made */
        guint first;    /* of them */
} Batch;

static void batch_free(gpointer p)
{
        Batch *b = p;
        tb_holds_unref(b->holds);
        g_free(b->who);
        g_free(b->events);
        g_free(b);
}

static const TbParam key_params[] = {
        {.name = "type", .type = TB_PARAM_STRING, .required = true},
        {.name = "key",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "KeyboardEvent.key, or X's name of a keysym"},
        {.name = "code",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 32,
         .help = "KeyboardEvent.code: the key at that place, whatever is printed on it"},
        {.name = "action",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("press", "down", "up"),
         .fallback = "\"press\""},
        TB_PARAM_END,
};
static const TbParam text_params[] = {
        {.name = "type", .type = TB_PARAM_STRING, .required = true},
        {.name = "text", .type = TB_PARAM_STRING, .required = true, .max = TB_LIMIT_INPUT_TEXT},
        TB_PARAM_END,
};
#define PIXEL(field_)                                                                                        \
        {                                                                                                    \
                .name = field_, .type = TB_PARAM_NUMBER, .required = true, .min = -1,                        \
                .max = TB_LIMIT_VIDEO_SIDE, .unit = "px"                                                     \
        }
static const TbParam pointer_params[] = {
        {.name = "type", .type = TB_PARAM_STRING, .required = true},
        PIXEL("x"),
        PIXEL("y"),
        {.name = "buttons",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 31,
         .fallback = "0",
         .help = "mask: 1 left, 2 right, 4 middle, 8 back, 16 forward"},
        TB_PARAM_END,
};
static const TbParam tap_params[] = {
        {.name = "type", .type = TB_PARAM_STRING, .required = true},
        PIXEL("x"),
        PIXEL("y"),
        TB_PARAM_END,
};
static const TbParam swipe_params[] = {
        {.name = "type", .type = TB_PARAM_STRING, .required = true},
        PIXEL("x1"),
        PIXEL("y1"),
        PIXEL("x2"),
        PIXEL("y2"),
        {.name = "ms",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TB_LIMIT_SWIPE_MS,
         .fallback = "300",
         .unit = "ms"},
        TB_PARAM_END,
};
static const TbParam scroll_params[] = {
        {.name = "type", .type = TB_PARAM_STRING, .required = true},
        PIXEL("x"),
        PIXEL("y"),
        {.name = "dx",
         .type = TB_PARAM_NUMBER,
         .min = -100,
         .max = 100,
         .fallback = "0",
         .help = "wheel clicks"},
        {.name = "dy",
         .type = TB_PARAM_NUMBER,
         .min = -100,
         .max = 100,
         .fallback = "0",
         .help = "wheel clicks, down is positive"},
        TB_PARAM_END,
};

static const struct {
        const char *name;
        TbInputType type;
        const TbParam *params;
} types[] = {
        {"key", TB_INPUT_KEY, key_params},
        {"text", TB_INPUT_TEXT, text_params},
        {"pointer", TB_INPUT_POINTER, pointer_params},
        {"tap", TB_INPUT_TAP, tap_params},
        {"swipe", TB_INPUT_SWIPE, swipe_params},
        {"scroll", TB_INPUT_SCROLL, scroll_params},
};

static double number(json_t *o, const char *name)
{
        return json_number_value(json_object_get(o, name));
}

static void one_line_end(json_t *valid)
{
        const char *text = json_string_value(json_object_get(valid, "text"));
        g_autofree char *plain = tb_made_line_ends(text);
        if (plain)
                json_object_set_new(valid, "text", json_string(plain));
}

/* `valid` keeps the strings alive. */
static void fill(TbInput *in, TbInputType type, json_t *valid)
{
        *in = (TbInput){.type = type, .x = number(valid, "x"), .y = number(valid, "y")};
        switch (type) {
        case TB_INPUT_KEY: {
                const char *action = json_string_value(json_object_get(valid, "action"));
                in->text = json_string_value(json_object_get(valid, "key"));
                in->code = json_string_value(json_object_get(valid, "code"));
                in->action = strcmp(action, "down") == 0 ? TB_KEY_DOWN
                             : strcmp(action, "up") == 0 ? TB_KEY_UP
                                                         : TB_KEY_PRESS;
                break;
        }
        case TB_INPUT_TEXT:
                one_line_end(valid);
                in->text = json_string_value(json_object_get(valid, "text"));
                break;
        case TB_INPUT_POINTER:
                in->buttons = (int)json_integer_value(json_object_get(valid, "buttons"));
                break;
        case TB_INPUT_TAP: break;
        case TB_INPUT_SWIPE:
                in->x = number(valid, "x1");
                in->y = number(valid, "y1");
                in->x2 = number(valid, "x2");
                in->y2 = number(valid, "y2");
                in->ms = (int)json_integer_value(json_object_get(valid, "ms"));
                break;
        case TB_INPUT_SCROLL:
                in->x2 = number(valid, "dx");
                in->y2 = number(valid, "dy");
                break;
        }
}

static json_t *validate_one(json_t *event, size_t i, TbInputType *ret_type, GError **error)
{
        const char *name = json_string_value(json_object_get(event, "type"));
        for (guint k = 0; name && k < G_N_ELEMENTS(types); k++) {
                if (strcmp(types[k].name, name) != 0)
                        continue;
                *ret_type = types[k].type;
                GError *inner = NULL;
                json_t *valid = tb_params_validate(types[k].params, event, &inner);
                if (valid && types[k].type == TB_INPUT_KEY && !json_object_get(valid, "key") &&
                    !json_object_get(valid, "code")) {
                        g_clear_pointer(&valid, json_decref);
                        tb_error_set_field(&inner, TB_ERROR_INVALID, "key", "key or code is missing");
                }
                if (inner) {
                        g_autofree char *field = g_strdup_printf(
                                "[%zu].%s", i, tb_error_field(inner) ? tb_error_field(inner) : "type");
                        tb_error_set_field(error, TB_ERROR_INVALID, field, "event %zu: %s", i,
                                           tb_error_detail(inner));
                        g_error_free(inner);
                }
                return valid;
        }
        tb_error_set_field(error, TB_ERROR_INVALID, "type",
                           "event %zu: \"type\" must be key, text, pointer, tap, swipe or scroll", i);
        return NULL;
}

/* One event that cannot be made costs only itself. */
static bool costs_itself(const GError *error)
{
        static const TbErrorCode codes[] = {TB_ERROR_INVALID, TB_ERROR_UNPROCESSABLE, TB_ERROR_UNSUPPORTED,
                                            TB_ERROR_BUSY, TB_ERROR_LIMIT};
        for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
                if (g_error_matches(error, TB_ERROR, (int)codes[i]))
                        return true;
        return false;
}

static void refuse_event(Batch *b, guint i, GError *why_take, GError **first)
{
        if (b->refused++ == 0) {
                b->first = i;
                *first = why_take;
        } else {
                g_error_free(why_take);
        }
}

typedef struct Seen {       /* what the device is to see of a batch */
        GArray *events;     /* TbInput */
        GArray *of;         /* guint: which event of the batch each is of */
        GPtrArray *strings; /* owned; of events that are not the batch's own */
} Seen;

static void seen_clear(Seen *seen)
{
        g_clear_pointer(&seen->events, g_array_unref);
        g_clear_pointer(&seen->of, g_array_unref);
        g_clear_pointer(&seen->strings, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Seen, seen_clear)

static void look(Batch *b, Seen *seen, GError **first)
{
        *seen = (Seen){g_array_new(FALSE, FALSE, sizeof(TbInput)), g_array_new(FALSE, FALSE, sizeof(guint)),
                       g_ptr_array_new_with_free_func(g_free)};
        for (guint i = 0; i < b->n; i++) {
                GError *why = NULL;
                if (!tb_holds_apply(b->holds, b->who, &b->events[i], seen->events, seen->strings, &why))
                        refuse_event(b, i, why, first);
                else if (seen->events->len > seen->of->len)
                        g_array_append_val(seen->of, i);
        }
}

static bool send_from(TbCommand *c, TbInstance *instance, TbIo *io, const Seen *seen, guint at,
                      guint *ret_done, GError **error)
{
        const TbInput *events = &g_array_index(seen->events, TbInput, at);
        return TB_STEP(c, instance->lane->input->send, instance, io, events, seen->events->len - at, ret_done,
                       error);
}

static bool exec_send(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        Batch *b = c->scratch;
        g_autoptr(GError) first = NULL;
        g_auto(Seen) seen = {0};
        c->sent_ms = tb_clock_ms();
        tb_release_sweep(b->holds, instance, io);
        look(b, &seen, &first);
        for (guint at = 0; at < seen.events->len; at++) {
                GError *why = NULL;
                guint done = 0;
                if (send_from(c, instance, io, &seen, at, &done, &why))
                        break;
                if (!costs_itself(why)) {
                        g_propagate_error(error, why);
                        return false;
                }
                at = MIN(at + done, seen.events->len - 1);
                guint bad = g_array_index(seen.of, guint, at);
                tb_holds_refused(b->holds, b->who, &b->events[bad]);
                refuse_event(b, bad, why, &first);
        }
        if (!first)
                return true;
        if (b->n > 1)
                tb_error_prefix(&first, "event %u%s: ", b->first,
                                b->n > b->refused ? " (what could be sent of the others was)" : "");
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
}

static void settle(TbCommand *c)
{
        const Batch *b = c->scratch;
        tb_command_tell_input(c, c->params, NULL, 0);
        if (c->iface && !c->actor.who)
                tb_release_linger(c->iface, b->who);
}

/* An array, as REST sends it, or {"events": [...]}. */
static void send(TbCommand *c)
{
        GError *error = NULL;
        json_t *list = json_is_object(c->params) ? json_object_get(c->params, "events") : c->params;
        gsize n = json_array_size(list);
        if (!json_is_array(list) || n == 0)
                tb_error_set_field(&error, TB_ERROR_INVALID, "events",
                                   "an array of 1 to %d input events is expected", TB_LIMIT_INPUT_EVENTS);
        else if (n > TB_LIMIT_INPUT_EVENTS)
                tb_error_set_field(&error, TB_ERROR_TOO_LARGE, "events",
                                   "%zu events: one call takes %d at most", n, TB_LIMIT_INPUT_EVENTS);
        json_t *kept = json_array();
        Batch *b = g_new0(Batch, 1);
        b->events = g_new0(TbInput, n + 1);
        for (gsize i = 0; !error && i < n; i++) {
                TbInputType type = TB_INPUT_KEY;
                json_t *valid = validate_one(json_array_get(list, i), i, &type, &error);
                if (!valid)
                        break;
                fill(&b->events[b->n++], type, valid);
                json_array_append_new(kept, valid);
        }
        json_decref(c->params);
        c->params = kept; /* the events borrow its strings */
        b->holds = tb_holds_ref(c->iface->holds);
        b->who = c->actor.who ? g_strdup(c->actor.who) : g_strdup_printf("rest:%s", c->actor.user);
        c->scratch = b;
        c->scratch_free = batch_free;
        c->settle = settle;
        if (error) {
                tb_command_fail(c, error, NULL);
                return;
        }
        if (!c->actor.who)
                tb_release_resume(c->iface, b->who);
        tb_command_dispatch(c, exec_send, NULL);
}

const TbVerbRun tb_input_verbs[] = {
        {.verb = {.kind = TB_KIND_INPUT,
                  .op = "send",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL | TB_VERB_QUIET | TB_VERB_FINISHES,
                  .timeout_ms = 30000,
                  .method = "POST",
                  .path = "",
                  .summary = "Keys, text, pointer, tap, swipe, scroll: an array of events, in pixels of the "
                             "video",
                  .answers = "204; 422"},
         .start = send},
        {.verb = {.kind = TB_KIND_INPUT,
                  .op = "clipboard",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL | TB_VERB_QUIET,
                  .timeout_ms = 10000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "/clipboard",
                  .http = TB_VERB_SPECIAL,
                  .summary = "The text that was copied last, on the device or into it",
                  .answers = "200 text/plain; 204"},
         .start = tb_clipboard_get},
        {.verb = {.kind = TB_KIND_INPUT,
                  .op = "copy",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL | TB_VERB_QUIET, /* what was copied is in no audit trail */
                  .timeout_ms = 10000,
                  .params = tb_clipboard_params,
                  .method = "PUT",
                  .path = "/clipboard",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Put a text into the device's clipboard",
                  .answers = "204; 422"},
         .start = tb_clipboard_set},
        {.verb = {.op = NULL}},
};
