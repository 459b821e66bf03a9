/* input: key, text, pointer, tap, swipe, scroll. Coordinates are pixels of the video. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"

typedef struct Batch {
        TbInput *events;
        guint n;
} Batch;

static void batch_free(gpointer p)
{
        Batch *b = p;
        g_free(b->events);
        g_free(b);
}

static const TbParam key_params[] = {
        {.name = "type", .type = TB_PARAM_STRING, .required = true},
        {.name = "key",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = 64,
         .help = "KeyboardEvent.key"},
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
         .help = "mask: 1 left, 2 right, 4 middle"},
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

/* `valid` keeps the strings alive. */
static void fill(TbInput *in, TbInputType type, json_t *valid)
{
        *in = (TbInput){.type = type, .x = number(valid, "x"), .y = number(valid, "y")};
        switch (type) {
        case TB_INPUT_KEY: {
                const char *action = json_string_value(json_object_get(valid, "action"));
                in->text = json_string_value(json_object_get(valid, "key"));
                in->action = strcmp(action, "down") == 0 ? TB_KEY_DOWN
                             : strcmp(action, "up") == 0 ? TB_KEY_UP
                                                         : TB_KEY_PRESS;
                break;
        }
        case TB_INPUT_TEXT: in->text = json_string_value(json_object_get(valid, "text")); break;
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

static bool exec_send(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        const Batch *b = c->scratch;
        return TB_STEP(c, instance->lane->input->send, instance, io, b->events, b->n, error);
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
        c->scratch = b;
        c->scratch_free = batch_free;
        if (error)
                tb_command_fail(c, error, NULL);
        else
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
                  .answers = "200 application/json"},
         .start = send},
        {.verb = {.op = NULL}},
};
