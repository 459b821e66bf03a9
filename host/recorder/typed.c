#include "host/recorder/typed.h"

#include <string.h>

#include "lib/limits_input_kept.h"

const char *const tb_typed_names[] = {"off", "keys", "all"};

#define HIDDEN "\u2022"

/* Keys that put no character anywhere: KeyboardEvent.key and .code, and X's names of the same. */
static bool is_named(const char *key)
{
        static const char *const names[] = {
                "Enter",       "Return",      "Tab",          "Escape",      "Backspace",   "BackSpace",
                "Delete",      "Insert",      "Home",         "End",         "PageUp",      "PageDown",
                "Page_Up",     "Page_Down",   "Up",           "Down",        "Left",        "Right",
                "ArrowUp",     "ArrowDown",   "ArrowLeft",    "ArrowRight",  "Shift",       "Control",
                "Alt",         "Meta",        "AltGraph",     "CapsLock",    "NumLock",     "ScrollLock",
                "ContextMenu", "Menu",        "Pause",        "PrintScreen", "Print",       "Power",
                "Sleep",       "WakeUp",      "GoHome",       "GoBack",      "BrowserBack", "BrowserHome",
                "AppSwitch",   "Shift_L",     "Shift_R",      "Control_L",   "Control_R",   "Alt_L",
                "Alt_R",       "Meta_L",      "Meta_R",       "Super_L",     "Super_R",     "ShiftLeft",
                "ShiftRight",  "ControlLeft", "ControlRight", "AltLeft",     "AltRight",    "MetaLeft",
                "MetaRight",   "NumpadEnter",
        };
        static const char *const begins[] = {"Audio", "Media", "XF86", "Launch"};
        for (guint i = 0; i < G_N_ELEMENTS(names); i++)
                if (strcmp(names[i], key) == 0)
                        return true;
        for (guint i = 0; i < G_N_ELEMENTS(begins); i++)
                if (g_str_has_prefix(key, begins[i]))
                        return true;
        return key[0] == 'F' && g_ascii_isdigit(key[1]) &&
               (!key[2] || (g_ascii_isdigit(key[2]) && !key[3])); /* F1 to F35 */
}

static bool is_hidden(const json_t *event, const char *field)
{
        const char *key = json_string_value(json_object_get(event, field));
        return key && !is_named(key);
}

static json_t *key_of(const json_t *event)
{
        json_t *out = json_copy((json_t *)event);
        if (is_hidden(event, "key") || is_hidden(event, "code")) {
                json_object_del(out, "code");
                json_object_set_new(out, "key", json_string(HIDDEN));
        }
        return out;
}

static json_t *text_of(const json_t *event, bool all)
{
        const char *text = json_string_value(json_object_get(event, "text"));
        json_t *out = json_copy((json_t *)event);
        json_object_set_new(out, "characters", json_integer(text ? (json_int_t)g_utf8_strlen(text, -1) : 0));
        if (!all)
                json_object_del(out, "text");
        return out;
}

/* A hand that moves a mouse says where it is a hundred times a second. */
static bool only_moves(TbTyped *typed, const json_t *event, gint64 t_ms)
{
        json_int_t buttons = json_integer_value(json_object_get(event, "buttons"));
        bool same = buttons == typed->buttons;
        if (same && t_ms >= typed->moved_ms && t_ms - typed->moved_ms < 1000 / TB_LIMIT_RECORD_MOVES)
                return true;
        typed->buttons = buttons;
        typed->moved_ms = t_ms;
        return false;
}

static json_t *event_of(TbTyped *typed, const json_t *event, gint64 t_ms)
{
        const char *type = json_string_value(json_object_get(event, "type"));
        bool all = typed->how == TB_TYPED_ALL;
        if (g_strcmp0(type, "pointer") == 0 && only_moves(typed, event, t_ms))
                return NULL;
        if (g_strcmp0(type, "key") == 0 && !all)
                return key_of(event);
        if (g_strcmp0(type, "text") == 0 || g_strcmp0(type, "copy") == 0)
                return text_of(event, all && strcmp(type, "text") == 0);
        return json_incref((json_t *)event);
}

/* Controls (Enter, Ctrl+C) are told, characters are not; of a long text its beginning. */
static json_t *console_text(const TbRecordingInput *input, bool all)
{
        g_autofree char *valid =
                g_utf8_make_valid(input->bytes, (gssize)MIN(input->size, TB_LIMIT_RECORD_TYPED));
        if (all)
                return json_string(valid);
        g_autoptr(GString) out = g_string_new(NULL);
        for (const char *at = valid; *at; at = g_utf8_next_char(at))
                if (g_ascii_iscntrl(*at))
                        g_string_append_c(out, *at);
                else
                        g_string_append(out, HIDDEN);
        return json_string(out->str);
}

json_t *tb_typed_line(TbTyped *typed, const TbRecordingInput *input)
{
        json_t *events = input->events ? json_array() : NULL;
        const json_t *event;
        gsize i;
        if (typed->how == TB_TYPED_OFF)
                g_clear_pointer(&events, json_decref);
        else
                json_array_foreach (input->events, i, event) {
                        json_t *kept = event_of(typed, event, input->t_ms);
                        if (kept)
                                json_array_append_new(events, kept);
                }
        if (typed->how == TB_TYPED_OFF || (events && json_array_size(events) == 0)) {
                json_decref(events);
                return NULL;
        }
        json_t *line = json_pack("{s:s, s:I, s:s, s:s?, s:s?, s:o*, s:s*}", "type", "input", "t",
                                 (json_int_t)input->t_ms, "interface", input->interface, "user", input->user,
                                 "via", input->via, "events", events, "failed", input->failed);
        if (!events) {
                json_object_set_new(line, "bytes", json_integer((json_int_t)input->size));
                json_object_set_new(line, "text", console_text(input, typed->how == TB_TYPED_ALL));
        }
        return line;
}
