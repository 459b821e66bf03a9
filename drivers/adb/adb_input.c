#include "drivers/adb/adb_input.h"

#include <math.h>
#include <string.h>

#include "drivers/transport/keysym.h"
#include "lib/limits.h"

#define SCROLL_MS 150
#define SLOP 10 /* pixels; a press that moves less is a tap */

enum { MOD_SHIFT = 1, MOD_CTRL = 2, MOD_ALT = 4, MOD_META = 8 };

static const struct {
        const char *key, *code;
        guint bit;
} modifiers[] = {
        {"Shift", "59", MOD_SHIFT},  {"Control", "113", MOD_CTRL}, {"Alt", "57", MOD_ALT},
        {"AltGraph", "58", MOD_ALT}, {"Meta", "117", MOD_META},    {"OS", "117", MOD_META},
};

/* The keys of a US keyboard that type something, in the order of their codes: for keycombination. */
static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz,. `-=[]\\;'/";
static const char shifted[] = ")!@#$%^&*(ABCDEFGHIJKLMNOPQRSTUVWXYZ<> ~_+{}|:\"?";
static const guint8 codes[] = {7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 29, 30, 31, 32, 33, 34,
                               35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50,
                               51, 52, 53, 54, 55, 56, 62, 68, 69, 70, 71, 72, 73, 74, 75, 76};

char *tb_adb_quote(const char *text)
{
        GString *out = g_string_new("'");

        for (const char *c = text; *c != '\0'; c++)
                if (*c == '\'')
                        g_string_append(out, "'\\''");
                else
                        g_string_append_c(out, *c);
        g_string_append_c(out, '\'');
        return g_string_free(out, FALSE);
}

char *tb_adb_quote_argv(const char *const *argv)
{
        GString *out = g_string_new(NULL);

        for (guint i = 0; argv[i] != NULL; i++) {
                g_autofree char *word = tb_adb_quote(argv[i]);

                g_string_append_printf(out, "%s%s", i > 0 ? " " : "", word);
        }
        return g_string_free(out, FALSE);
}

/* --- building --- */

typedef struct {
        TbAdbInput state;
        GPtrArray *out;               /* owned strings */
        GArray *starts;               /* guint: the event that each begins with */
        GString *text;                /* typed and not told yet */
        GString *events;              /* key codes not told yet */
        guint at, text_at, events_at; /* the event at hand, and those that began the two above */
} Build;

static void add(Build *b, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(Build *b, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        g_ptr_array_add(b->out, g_strdup_vprintf(format, args));
        va_end(args);
        g_array_append_val(b->starts, b->at);
}

/* `input text` reads "%s" as a blank; a literal "%s" must therefore be typed by two commands. */
static void flush_text(Build *b)
{
        g_autoptr(GString) word = g_string_new(NULL);
        const guint at = b->at;

        b->at = b->text_at;
        for (gsize i = 0; i < b->text->len; i++) {
                char c = b->text->str[i];

                if (c == ' ')
                        g_string_append(word, "%s");
                else
                        g_string_append_c(word, c);
                if (i + 1 == b->text->len || (c == '%' && b->text->str[i + 1] == 's')) {
                        g_autofree char *quoted = tb_adb_quote(word->str);

                        add(b, "input text %s", quoted);
                        g_string_truncate(word, 0);
                }
        }
        g_string_truncate(b->text, 0);
        b->at = at;
}

static void flush_keys(Build *b)
{
        const guint at = b->at;

        b->at = b->events_at;
        if (b->events->len > 0)
                add(b, "input keyevent%s", b->events->str);
        g_string_truncate(b->events, 0);
        b->at = at;
}

static void flush(Build *b)
{
        flush_text(b);
        flush_keys(b);
}

static void press(Build *b, const char *code)
{
        flush_text(b);
        /* a name may be one that this Android has not: it costs only itself */
        const bool named = g_str_has_prefix(code, "KEYCODE_");
        if (named)
                flush_keys(b);
        if (b->state.modifiers == 0) {
                if (b->events->len == 0)
                        b->events_at = b->at;
                g_string_append_printf(b->events, " %s", code);
                if (named)
                        flush_keys(b);
                return;
        }
        flush_keys(b);
        g_autoptr(GString) line = g_string_new("input keycombination");
        for (guint i = 0; i < G_N_ELEMENTS(modifiers); i++)
                if (strcmp(modifiers[i].key, "AltGraph") != 0 && strcmp(modifiers[i].key, "OS") != 0 &&
                    (b->state.modifiers & modifiers[i].bit) != 0)
                        g_string_append_printf(line, " %s", modifiers[i].code);
        g_string_append_printf(line, " %s", code);
        add(b, "%s", line->str);
}

static bool can_type(gunichar c, const char *field, GError **error)
{
        char text[7] = "";

        if (c == '\n' || c == '\r' || c == '\t' || (c >= 0x20 && c <= 0x7e))
                return true;
        g_unichar_to_utf8(c, text);
        tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, field,
                           "Android's `input text` types printable ASCII only, not %s (U+%04X)",
                           c < 0x20 ? "a control character" : text, (guint)c);
        return false;
}

static void type_char(Build *b, gunichar c)
{
        if (c == '\n' || c == '\r') {
                press(b, "66");
        } else if (c == '\t') {
                press(b, "61");
        } else {
                flush_keys(b);
                if (b->text->len == 0)
                        b->text_at = b->at;
                g_string_append_c(b->text, (char)c);
        }
}

static bool add_text(Build *b, const char *text, GError **error)
{
        if (text == NULL || strlen(text) > TB_LIMIT_INPUT_TEXT || !g_utf8_validate(text, -1, NULL)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "text", "must be UTF-8 of at most %d bytes",
                                   TB_LIMIT_INPUT_TEXT);
                return false;
        }
        for (const char *c = text; *c != '\0'; c = g_utf8_next_char(c)) /* all of it or nothing */
                if (!can_type(g_utf8_get_char(c), "text", error))
                        return false;
        for (const char *c = text; *c != '\0'; c = g_utf8_next_char(c))
                type_char(b, g_utf8_get_char(c));
        return true;
}

static bool press_character(Build *b, gunichar c, GError **error)
{
        const char *at = c < 0x7f ? strchr(plain, (int)c) : NULL;

        if (at == NULL && c < 0x7f && (at = strchr(shifted, (int)c)) != NULL)
                at = plain + (at - shifted);
        if (at == NULL || *at == '\0') {
                char text[7] = "";

                g_unichar_to_utf8(c, text);
                tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, "key", "Android has no key for %s (U+%04X)",
                                   text, (guint)c);
                return false;
        }
        g_autofree char *code = g_strdup_printf("%u", codes[at - plain]);
        press(b, code);
        return true;
}

static bool add_character(Build *b, gunichar c, bool exact, GError **error)
{
        if (!exact && (b->state.modifiers & ~(guint)MOD_SHIFT) != 0)
                return press_character(b, c, error);
        if (!can_type(c, "key", error)) /* the browser has applied Shift already */
                return false;
        type_char(b, c);
        return true;
}

static bool add_key(Build *b, const TbInput *e, GError **error)
{
        const char *code, *key;
        char plain_key[8], place[2];

        if (e->code == NULL && (e->text == NULL || *e->text == '\0' || !g_utf8_validate(e->text, -1, NULL))) {
                tb_error_set_field(error, TB_ERROR_INVALID, "key",
                                   "must be the name of a key, as in KeyboardEvent.key");
                return false;
        }
        key = e->code != NULL ? tb_adb_key_at(e->code, place) : tb_keysym_plain_key(e->text, plain_key);
        for (guint i = 0; i < G_N_ELEMENTS(modifiers); i++) {
                if (strcmp(modifiers[i].key, key) != 0)
                        continue;
                if (e->action == TB_KEY_PRESS)
                        press(b, modifiers[i].code);
                else if (e->action == TB_KEY_DOWN)
                        b->state.modifiers |= modifiers[i].bit;
                else
                        b->state.modifiers &= ~modifiers[i].bit;
                return true;
        }
        code = tb_adb_keycode(key);
        if (code == NULL && g_utf8_strlen(key, -1) != 1) {
                g_autofree char *name = g_utf8_make_valid(key, (gssize)MIN(strlen(key), (gsize)60));

                tb_error_set_field(error, TB_ERROR_INVALID, e->code != NULL ? "code" : "key",
                                   "Android has no key for \"%s\"", name);
                return false;
        }
        if (e->action == TB_KEY_UP)
                return true;
        if (code != NULL && strcmp(key, " ") != 0) {
                press(b, code);
                return true;
        }
        if (e->code != NULL)
                return press_character(b, g_utf8_get_char(key), error);
        return add_character(b, g_utf8_get_char(key), e->exact, error);
}

static bool check_point(double x, double y, const char *field_x, const char *field_y, GError **error)
{
        if (x >= 0 && x < TB_LIMIT_VIDEO_SIDE && y >= 0 && y < TB_LIMIT_VIDEO_SIDE)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, x >= 0 && x < TB_LIMIT_VIDEO_SIDE ? field_y : field_x,
                           "(%g, %g) is not a pixel of the screen", x, y);
        return false;
}

static void add_swipe(Build *b, double x1, double y1, double x2, double y2, int ms)
{
        flush(b);
        add(b, "input swipe %ld %ld %ld %ld %d", lround(x1), lround(y1), lround(x2), lround(y2), ms);
}

static void add_motion(Build *b, const char *what, const TbInput *e)
{
        if (!b->state.no_motion)
                add(b, "input motionevent %s %ld %ld", what, lround(e->x), lround(e->y));
}

/* What a press was, told at its end. */
static void end_press(Build *b, const TbInput *e, gint64 now_ms)
{
        TbAdbInput *s = &b->state;

        if (!s->no_motion)
                add_motion(b, "UP", e);
        else if (hypot(e->x - s->down_x, e->y - s->down_y) < SLOP && now_ms - s->down_ms < 400)
                add(b, "input tap %ld %ld", lround(e->x), lround(e->y));
        else
                add_swipe(b, s->down_x, s->down_y, e->x, e->y,
                          (int)CLAMP(now_ms - s->down_ms, 50, TB_LIMIT_SWIPE_MS));
}

/* `next` is the event behind it: of a row of moves only the last is worth a command. */
static void add_pointer(Build *b, const TbInput *e, const TbInput *next, gint64 now_ms)
{
        TbAdbInput *s = &b->state;
        int pressed = e->buttons & ~s->buttons;

        flush(b);
        if ((pressed & 1) != 0) {
                s->down_x = e->x;
                s->down_y = e->y;
                s->down_ms = now_ms;
                add_motion(b, "DOWN", e);
        } else if ((s->buttons & 1) != 0 && (e->buttons & 1) == 0) {
                end_press(b, e, now_ms);
        } else if ((e->buttons & 1) != 0 && (e->x != s->x || e->y != s->y)) {
                if (next == NULL || next->type != TB_INPUT_POINTER || next->buttons != e->buttons)
                        add_motion(b, "MOVE", e);
        }
        if ((pressed & 2) != 0)
                press(b, "4");
        if ((pressed & 4) != 0)
                press(b, "3");
        s->buttons = e->buttons;
        s->x = e->x;
        s->y = e->y;
}

/* One click of the wheel moves a tenth of the screen: the finger goes against the wheel. */
static void add_scroll(Build *b, const TbInput *e)
{
        double step_x = b->state.width > 0 ? b->state.width / 10.0 : 100,
               step_y = b->state.height > 0 ? b->state.height / 10.0 : 100;
        double most_x = b->state.width > 0 ? b->state.width - 2 : TB_LIMIT_VIDEO_SIDE - 1;
        double most_y = b->state.height > 0 ? b->state.height - 2 : TB_LIMIT_VIDEO_SIDE - 1;

        if (e->x2 != 0 || e->y2 != 0)
                add_swipe(b, e->x, e->y, CLAMP(e->x - e->x2 * step_x, 1, MAX(most_x, 1)),
                          CLAMP(e->y - e->y2 * step_y, 1, MAX(most_y, 1)), SCROLL_MS);
}

static bool add_event(Build *b, const TbInput *e, const TbInput *next, gint64 now_ms, GError **error)
{
        switch (e->type) {
        case TB_INPUT_KEY: return add_key(b, e, error);
        case TB_INPUT_TEXT: return add_text(b, e->text, error);
        case TB_INPUT_POINTER:
                if (!check_point(e->x, e->y, "x", "y", error))
                        return false;
                add_pointer(b, e, next, now_ms);
                return true;
        case TB_INPUT_TAP:
                if (!check_point(e->x, e->y, "x", "y", error))
                        return false;
                flush(b);
                add(b, "input tap %ld %ld", lround(e->x), lround(e->y));
                return true;
        case TB_INPUT_SWIPE:
                if (!check_point(e->x, e->y, "x1", "y1", error) ||
                    !check_point(e->x2, e->y2, "x2", "y2", error))
                        return false;
                add_swipe(b, e->x, e->y, e->x2, e->y2, CLAMP(e->ms, 1, TB_LIMIT_SWIPE_MS));
                return true;
        case TB_INPUT_SCROLL:
                if (!check_point(e->x, e->y, "x", "y", error))
                        return false;
                if (!isfinite(e->x2) || !isfinite(e->y2)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "dy", "must be a number of wheel clicks");
                        return false;
                }
                add_scroll(b, e);
                return true;
        }
        tb_error_set_field(error, TB_ERROR_INVALID, "type", "unknown input event");
        return false;
}

bool tb_adb_input_commands(TbAdbInput *state, const TbInput *events, guint n, gint64 now_ms,
                           GPtrArray *ret_commands, GArray *ret_starts, guint *ret_done, GError **error)
{
        g_autoptr(GString) text = g_string_new(NULL), codes_line = g_string_new(NULL);
        Build b = {.state = *state,
                   .out = ret_commands,
                   .starts = ret_starts,
                   .text = text,
                   .events = codes_line};
        bool ok = true;

        for (*ret_done = 0; ok && *ret_done < n; *ret_done += ok) {
                b.at = *ret_done;
                ok = add_event(&b, &events[*ret_done], *ret_done + 1 < n ? &events[*ret_done + 1] : NULL,
                               now_ms, error);
        }
        flush(&b);
        *state = b.state;
        return ok;
}
