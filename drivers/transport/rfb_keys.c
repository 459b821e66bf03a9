/*
 * Keys of a VNC session. Most servers take keysyms and find the key themselves; a machine's (QEMU) takes the places of keys,
 * and what they type is a matter of the layout that the machine was told: `keymap` is that one here.
 */
#include "drivers/transport/keysym.h"
#include "drivers/transport/rfb_private.h"

#define PLACE (1u << 30) /* no keysym has this bit */

enum { LED_NUM = 2, LED_CAPS = 4 };

static bool tell(TbRfb *rfb, TbIo *io, guint32 keysym, guint8 code, bool down, GError **error)
{
        guint xt = code > 8 ? tb_keysym_xt_of_evdev(code - 8u) : 0;
        rfbBool sent = xt && SupportsClient2Server(rfb->client, rfbQemuEvent)
                               ? SendExtendedKeyEvent(rfb->client, keysym, xt, down)
                               : SendKeyEvent(rfb->client, keysym, down);
        if (!sent)
                return tb_rfb_fail(rfb, io, "cannot send a key", error);
        return rfb->o.key_delay_ms == 0 || tb_io_sleep(io, rfb->o.key_delay_ms, error);
}

/* --- what is held --- */
static const struct {
        guint32 keysym;
        guint bits;
} modifiers[] = {
        {XK_Shift_L, TB_KEYMAP_SHIFT},     {XK_Shift_R, TB_KEYMAP_SHIFT}, {XK_Control_L, TB_KEYMAP_CONTROL},
        {XK_Control_R, TB_KEYMAP_CONTROL}, {XK_Alt_L, TB_KEYMAP_ALT},     {XK_Alt_R, TB_KEYMAP_ALT},
        {XK_Super_L, TB_KEYMAP_META},      {XK_Super_R, TB_KEYMAP_META},  {XK_Meta_L, TB_KEYMAP_ALT},
        {XK_Meta_R, TB_KEYMAP_ALT},        {XK_ISO_Level3_Shift, 0},
};

static guint bits_of(const TbRfb *rfb, guint i)
{
        return modifiers[i].bits ? modifiers[i].bits : rfb->keymap.map ? rfb->keymap.level3 : 128;
}

static guint held_mods(const TbRfb *rfb)
{
        guint mods = 0;
        GHashTableIter iter;
        gpointer key, code;
        g_hash_table_iter_init(&iter, rfb->down);
        while (g_hash_table_iter_next(&iter, &key, &code))
                mods |= rfb->keymap.bits[GPOINTER_TO_UINT(code)];
        for (guint i = 0; i < G_N_ELEMENTS(modifiers); i++)
                if (g_hash_table_contains(rfb->down, GUINT_TO_POINTER(modifiers[i].keysym)))
                        mods |= bits_of(rfb, i);
        return mods;
}

static guint locked_mods(const TbRfb *rfb)
{
        return (rfb->leds & LED_CAPS ? TB_KEYMAP_LOCK : 0u) | (rfb->leds & LED_NUM ? rfb->keymap.num : 0u);
}

/* Keysyms that are lifted for one character, and one that is pressed for it. */
static bool turn(TbRfb *rfb, TbIo *io, guint off, guint on, bool back, GError **error)
{
        for (guint i = 0; i < G_N_ELEMENTS(modifiers); i++) {
                gpointer code = NULL;
                guint32 keysym = modifiers[i].keysym;
                if (off & bits_of(rfb, i) &&
                    g_hash_table_lookup_extended(rfb->down, GUINT_TO_POINTER(keysym), NULL, &code) &&
                    !tell(rfb, io, keysym, (guint8)GPOINTER_TO_UINT(code), back, error))
                        return false;
        }
        if (on & TB_KEYMAP_SHIFT && !tell(rfb, io, XK_Shift_L, rfb->keymap.shift_code, !back, error))
                return false;
        return !rfb->keymap.map || !(on & rfb->keymap.level3) ||
               tell(rfb, io, XK_ISO_Level3_Shift, rfb->keymap.level3_code, !back, error);
}

static bool tap(TbRfb *rfb, TbIo *io, guint32 keysym, guint8 code, guint now, guint mods, GError **error)
{
        guint off = now & ~mods, on = mods & ~now;
        return turn(rfb, io, off, on, false, error) && tell(rfb, io, keysym, code, true, error) &&
               tell(rfb, io, keysym, code, false, error) && turn(rfb, io, off, on, true, error);
}

/* --- by the machine's layout --- */
typedef struct Stroke {
        guint8 code;
        guint32 keysym;
        guint mods;
} Stroke;

static bool cannot(TbRfb *rfb, guint32 keysym, GError **error)
{
        g_autofree char *name = tb_keymap_name(keysym);
        tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, "key",
                           "%s: the machine's keyboard layout (%s) has no %s: nothing was typed for it",
                           rfb->peer, rfb->layout, name);
        return false;
}

static bool find_stroke(TbRfb *rfb, guint32 keysym, guint mods, Stroke *ret)
{
        *ret = (Stroke){.keysym = keysym, .mods = mods};
        ret->code = tb_keymap_find(&rfb->keymap, 0, keysym, mods, false, &ret->mods);
        return ret->code && tb_keysym_xt_of_evdev(ret->code - 8u);
}

/* The strokes of one key: a key of the keypad may be a digit of the upper row, a letter a dead key and another one. */
static bool find(TbRfb *rfb, guint32 keysym, bool exact, guint held, Stroke ret[2], guint *ret_n,
                 GError **error)
{
        bool character = tb_keysym_is_character(keysym), command = !exact && held & TB_KEYMAP_SHORTCUT;
        guint now = held | locked_mods(rfb);
        *ret_n = 1;
        if (!character || (command && tb_keysym_lower(keysym) != tb_keysym_upper(keysym))) {
                ret[0] = (Stroke){tb_keymap_plain(&rfb->keymap, 0, tb_keysym_lower(keysym)), keysym, now};
                if (ret[0].code && tb_keysym_xt_of_evdev(ret[0].code - 8u))
                        return true;
        }
        guint wanted = command ? now : now & ~(guint)TB_KEYMAP_SHORTCUT, none = wanted & locked_mods(rfb);
        if (find_stroke(rfb, keysym, wanted, ret) || find_stroke(rfb, keysym, none, ret))
                return true;
        gunichar c = tb_keysym_to_char(keysym);
        if (c && !character) /* the keypad's, with NumLock off */
                return find_stroke(rfb, tb_keysym_of_char(c), none, ret) || cannot(rfb, keysym, error);
        guint32 dead, base;
        *ret_n = 2;
        return (c && tb_keymap_compose(c, &dead, &base) && find_stroke(rfb, dead, none, &ret[0]) &&
                find_stroke(rfb, base, none, &ret[1])) ||
               cannot(rfb, keysym, error);
}

static bool press_place(TbRfb *rfb, TbIo *io, guint32 keysym, bool hold, bool exact, GError **error)
{
        Stroke strokes[2];
        guint n, held = held_mods(rfb), now = held | locked_mods(rfb);
        if (!find(rfb, keysym, exact, held, strokes, &n, error))
                return false;
        if (n == 1 && hold && strokes[0].mods == now) {
                g_hash_table_insert(rfb->down, GUINT_TO_POINTER(keysym),
                                    GUINT_TO_POINTER((guint)strokes[0].code));
                return tell(rfb, io, keysym, strokes[0].code, true, error);
        }
        for (guint i = 0; i < n; i++)
                if (!tap(rfb, io, strokes[i].keysym, strokes[i].code, now, strokes[i].mods, error))
                        return false;
        return true;
}

/* --- by keysyms: the server finds the key --- */
static bool press_keysym(TbRfb *rfb, TbIo *io, guint32 keysym, bool hold, bool exact, GError **error)
{
        guint now = held_mods(rfb), mods = now;
        bool character = tb_keysym_is_character(keysym);
        if (character && !exact && now & TB_KEYMAP_SHORTCUT)
                keysym = tb_keysym_lower(keysym);
        else if (character)
                mods = now & ~(guint)TB_KEYMAP_SHORTCUT & ~128u;
        if (keysym > ' ' && keysym < 0x7f &&
            !(mods & TB_KEYMAP_SHORTCUT)) /* servers that work by scancodes need to see it */
                mods = tb_keysym_needs_shift(keysym) ? mods | TB_KEYMAP_SHIFT
                                                     : mods & ~(guint)TB_KEYMAP_SHIFT;
        if (mods != now || !hold)
                return tap(rfb, io, keysym, 0, now, mods, error);
        g_hash_table_insert(rfb->down, GUINT_TO_POINTER(keysym), NULL);
        return tell(rfb, io, keysym, 0, true, error);
}

static bool lift(TbRfb *rfb, TbIo *io, guint32 keysym, GError **error)
{
        const guint32 names[] = {keysym, tb_keysym_lower(keysym),
                                 tb_keysym_upper(keysym)}; /* Shift came up in between */
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                gpointer code;
                if (g_hash_table_steal_extended(rfb->down, GUINT_TO_POINTER(names[i]), NULL, &code))
                        return tell(rfb, io, names[i] & ~PLACE, (guint8)GPOINTER_TO_UINT(code), false, error);
        }
        return true;
}

bool tb_rfb_keys_key(TbRfb *rfb, TbIo *io, guint32 keysym, TbKeyAction action, bool exact, GError **error)
{
        if (action == TB_KEY_UP)
                return lift(rfb, io, keysym, error);
        return (rfb->keymap.map ? press_place : press_keysym)(rfb, io, keysym, action == TB_KEY_DOWN, exact,
                                                              error);
}

bool tb_rfb_keys_code(TbRfb *rfb, TbIo *io, const char *place, TbKeyAction action, GError **error)
{
        guint evdev = tb_keysym_evdev_of_code(place), xt = tb_keysym_xt_of_evdev(evdev);
        gpointer id = GUINT_TO_POINTER(PLACE | evdev);
        if (xt == 0 || !SupportsClient2Server(rfb->client, rfbQemuEvent)) {
                tb_error_set_field(error, xt ? TB_ERROR_UNPROCESSABLE : TB_ERROR_INVALID, "code",
                                   xt ? "%s: this VNC server takes no places of keys, \"%s\" cannot be told: "
                                        "give \"key\""
                                      : "%s: unknown place \"%s\": use the names of KeyboardEvent.code",
                                   rfb->peer, place);
                return false;
        }
        guint8 code = (guint8)(evdev + 8);
        guint32 keysym = tb_keymap_keysym(&rfb->keymap, code);
        if (action == TB_KEY_UP && !g_hash_table_remove(rfb->down, id))
                return true;
        if (action == TB_KEY_DOWN)
                g_hash_table_insert(rfb->down, id, GUINT_TO_POINTER((guint)code));
        return (action == TB_KEY_UP || tell(rfb, io, keysym, code, true, error)) &&
               (action == TB_KEY_DOWN || tell(rfb, io, keysym, code, false, error));
}

bool tb_rfb_keys_text(TbRfb *rfb, TbIo *io, const char *text, GError **error)
{
        Stroke ignored[2];
        guint n;
        for (const char *p = text; rfb->keymap.map && *p; p = g_utf8_next_char(p)) /* all of it or nothing */
                if (!find(rfb, tb_keysym_of_char(g_utf8_get_char(p)), true, 0, ignored, &n, error))
                        return false;
        for (const char *p = text; *p; p = g_utf8_next_char(p)) {
                guint32 keysym = tb_keysym_of_char(g_utf8_get_char(p));
                if (keysym && !tb_rfb_keys_key(rfb, io, keysym, TB_KEY_PRESS, true, error))
                        return false;
        }
        return true;
}
