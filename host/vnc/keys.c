#include "host/vnc/keys.h"

#include <stdlib.h>
#include <string.h>

#include <xkbcommon/xkbcommon.h>

#include "host/vnc/places.h"

typedef struct Name {
        guint32 keysym;
        const char *key;
} Name;

/* What browsers have a name for, and one only. Sorted by keysym (there is a test). */
static const Name names[] = {
        {0xfe03, "AltGraph"},  /* ISO_Level3_Shift */
        {0xfe08, "GroupNext"}, /* ISO_Next_Group */
        {0xff08, "Backspace"},
        {0xff09, "Tab"},
        {0xff0b, "Clear"},
        {0xff0d, "Enter"},
        {0xff13, "Pause"},
        {0xff14, "ScrollLock"},
        {0xff1b, "Escape"},
        {0xff20, "Compose"}, /* Multi_key */
        {0xff50, "Home"},
        {0xff51, "ArrowLeft"},
        {0xff52, "ArrowUp"},
        {0xff53, "ArrowRight"},
        {0xff54, "ArrowDown"},
        {0xff55, "PageUp"},
        {0xff56, "PageDown"},
        {0xff57, "End"},
        {0xff60, "Select"},
        {0xff61, "PrintScreen"},
        {0xff62, "Execute"},
        {0xff63, "Insert"},
        {0xff65, "Undo"},
        {0xff66, "Redo"},
        {0xff67, "ContextMenu"},
        {0xff68, "Find"},
        {0xff69, "Cancel"},
        {0xff6a, "Help"},
        {0xff7f, "NumLock"},
        {0xffe1, "Shift"},
        {0xffe3, "Control"},
        {0xffe5, "CapsLock"},
        {0xffe7, "Meta"},
        {0xffe8, "Meta"},
        {0xffe9, "Alt"},
        {0xffeb, "Meta"}, /* Super_L: the Windows key */
        {0xffed, "Hyper"},
        {0xffee, "Hyper"},
        {0xffff, "Delete"},
        {0x1008ff11, "AudioVolumeDown"},
        {0x1008ff12, "AudioVolumeMute"},
        {0x1008ff13, "AudioVolumeUp"},
        {0x1008ff14, "MediaPlayPause"},
        {0x1008ff15, "MediaStop"},
        {0x1008ff16, "MediaTrackPrevious"},
        {0x1008ff17, "MediaTrackNext"},
        {0x1008ff18, "BrowserHome"},
        {0x1008ff1b, "BrowserSearch"},
        {0x1008ff26, "BrowserBack"},
        {0x1008ff27, "BrowserForward"},
        {0x1008ff29, "BrowserRefresh"},
        {0x1008ff2a, "Power"}, /* XF86PowerOff */
        {0x1008ff2f, "Standby"},
};

#define KEY_F1 0xffbe
#define KEY_F24 0xffd5

static int compare(const void *key, const void *name)
{
        guint32 a = *(const guint32 *)key, b = ((const Name *)name)->keysym;
        return a < b ? -1 : a > b;
}

char *tb_vnc_key_name(guint32 keysym)
{
        if (keysym >= KEY_F1 && keysym <= KEY_F24)
                return g_strdup_printf("F%u", keysym - KEY_F1 + 1);
        const Name *name = bsearch(&keysym, names, G_N_ELEMENTS(names), sizeof names[0], compare);
        if (name)
                return g_strdup(name->key);
        /* letters, digits, Unicode keysyms and the older ones of other scripts */
        char text[64];
        int size = xkb_keysym_to_utf8(keysym, text, sizeof text); /* with the NUL */
        if (size > 1 && !g_ascii_iscntrl(text[0]) && (keysym < 0xff00 || keysym > 0xffff))
                return g_strdup(text);
        /* the keypad, right modifiers, dead keys, the keys of other keyboards: X's names */
        if (keysym == 0 || keysym >> 24 == 1 || xkb_keysym_get_name(keysym, text, sizeof text) <= 0 ||
            g_str_has_prefix(text, "0x"))
                return NULL;
        return g_strdup(text);
}

static void append_key(const TbVncInput *event, json_t *into)
{
        g_autofree char *key = tb_vnc_key_name(event->keysym);
        const char *code = key ? NULL : tb_vnc_place_code(event->place);
        if (code)
                json_array_append_new(into, json_pack("{s:s, s:s, s:s}", "type", "key", "code", code,
                                                      "action", event->down ? "down" : "up"));
        if (key)
                json_array_append_new(into, json_pack("{s:s, s:s, s:s}", "type", "key", "key", key, "action",
                                                      event->down ? "down" : "up"));
}

/* RFB: 1 left, 2 middle, 4 right, 128 back, 256 forward; MouseEvent.buttons: 1 left, 2 right, 4 middle, 8 back, 16
 * forward. */
static int dom_buttons(int mask)
{
        return (mask & 1) | (mask & 2 ? 4 : 0) | (mask & 4 ? 2 : 0) | (mask & 128 ? 8 : 0) |
               (mask & 256 ? 16 : 0);
}

static void append_pointer(TbVncInputState *state, const TbVncInput *event, json_t *into)
{
        static const struct {
                int bit, dx, dy;
        } wheel[] = {{8, 0, -1}, {16, 0, 1}, {32, -1, 0}, {64, 1, 0}};
        int pressed = event->mask & ~state->mask;
        bool scrolled = false;
        for (guint i = 0; i < G_N_ELEMENTS(wheel); i++) {
                if (!(pressed & wheel[i].bit))
                        continue;
                json_array_append_new(into,
                                      json_pack("{s:s, s:i, s:i, s:i, s:i}", "type", "scroll", "x", event->x,
                                                "y", event->y, "dx", wheel[i].dx, "dy", wheel[i].dy));
                scrolled = true;
        }
        /* the release of a wheel "button" says nothing new */
        bool wheel_only =
                (event->mask ^ state->mask) & 0x78 && dom_buttons(event->mask) == dom_buttons(state->mask);
        if (!scrolled && !wheel_only)
                json_array_append_new(into,
                                      json_pack("{s:s, s:i, s:i, s:i}", "type", "pointer", "x", event->x, "y",
                                                event->y, "buttons", dom_buttons(event->mask)));
        state->mask = event->mask;
}

void tb_vnc_input_json(TbVncInputState *state, const TbVncInput *events, guint n, json_t *into)
{
        for (guint i = 0; i < n; i++) {
                if (events[i].key)
                        append_key(&events[i], into);
                else
                        append_pointer(state, &events[i], into);
        }
}

/* --- what waits --- */
#define MAX_CLICKS 100 /* of a wheel, in one event */

static const char *type_of(json_t *event)
{
        return json_string_value(json_object_get(event, "type"));
}

static bool moves_only(json_t *last, json_t *event)
{
        return strcmp(type_of(last), "pointer") == 0 && strcmp(type_of(event), "pointer") == 0 &&
               json_equal(json_object_get(last, "buttons"), json_object_get(event, "buttons"));
}

static void add(json_t *into, json_t *event, const char *field)
{
        json_object_set_new(into, field,
                            json_integer(json_integer_value(json_object_get(into, field)) +
                                         json_integer_value(json_object_get(event, field))));
}

static int clicks(json_t *event)
{
        return (int)(ABS(json_integer_value(json_object_get(event, "dx"))) +
                     ABS(json_integer_value(json_object_get(event, "dy"))));
}

/* The wheel at one place, in one direction: one event of several clicks. */
static bool scrolls_on(json_t *last, json_t *event)
{
        return strcmp(type_of(last), "scroll") == 0 && strcmp(type_of(event), "scroll") == 0 &&
               json_equal(json_object_get(last, "x"), json_object_get(event, "x")) &&
               json_equal(json_object_get(last, "y"), json_object_get(event, "y")) &&
               clicks(last) < MAX_CLICKS &&
               json_integer_value(json_object_get(last, "dx")) *
                               json_integer_value(json_object_get(event, "dx")) >=
                       0 &&
               json_integer_value(json_object_get(last, "dy")) *
                               json_integer_value(json_object_get(event, "dy")) >=
                       0;
}

void tb_vnc_input_queue(json_t *pending, json_t *event)
{
        size_t n = json_array_size(pending);
        json_t *last = n ? json_array_get(pending, n - 1) : NULL;
        if (last && moves_only(last, event)) {
                json_array_set(pending, n - 1, event);
        } else if (last && scrolls_on(last, event)) {
                add(last, event, "dx");
                add(last, event, "dy");
        } else {
                json_array_append(pending, event);
        }
}

json_t *tb_vnc_input_take(json_t *pending, guint most)
{
        json_t *taken = json_array();
        size_t n = MIN(json_array_size(pending), (size_t)most);
        for (size_t i = 0; i < n; i++)
                json_array_append(taken, json_array_get(pending, i));
        json_t *rest = json_array();
        for (size_t i = n; i < json_array_size(pending); i++)
                json_array_append(rest, json_array_get(pending, i));
        json_array_clear(pending);
        json_array_extend(pending, rest);
        json_decref(rest);
        return taken;
}
