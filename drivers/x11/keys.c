/* Keys by the XTEST extension: a character arrives as that character, whatever modifiers and locks are on. */
#include <stdlib.h>
#include <string.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>
#include <xkbcommon/xkbcommon.h>

#include "drivers/transport/keysym.h"
#include "drivers/x11/x11.h"

/* A program that learns of a new keycode asks the server for the layout when it sees the key: a lent keycode
 * must keep its meaning that long. */
#define LENT_MS 20

/* --- what is down and on --- */
static void read_state(TbX11Input *in, xcb_xkb_get_state_cookie_t cookie)
{
        xcb_xkb_get_state_reply_t *state = xcb_xkb_get_state_reply(in->x.c, cookie, NULL);
        if (state) {
                in->base_mods = state->baseMods;
                in->latched = state->latchedMods;
                in->locked = state->lockedMods;
                in->group = state->group;
        }
        in->stale = false;
        free(state);
}

static void refresh(TbX11Input *in)
{
        if (in->stale)
                read_state(in, xcb_xkb_get_state(in->x.c, XCB_XKB_ID_USE_CORE_KBD));
}

static bool is_down(const xcb_query_keymap_reply_t *keys, guint code)
{
        return keys->keys[code / 8] & 1 << code % 8;
}

static void sync_buttons(TbX11Input *in, guint mask, bool all)
{
        static const struct {
                int bit;
                guint mask;
                guint8 button;
        } rows[] = {{1, XCB_BUTTON_MASK_1, 1}, {4, XCB_BUTTON_MASK_2, 2}, {2, XCB_BUTTON_MASK_3, 3}};
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
                if (!(mask & rows[i].mask))
                        in->buttons &= ~rows[i].bit;
                else if (all)
                        tb_x11_input_fake(in, XCB_BUTTON_RELEASE, rows[i].button, 0, 0);
        }
}

void tb_x11_keys_sync(TbX11Input *in, bool all)
{
        xcb_connection_t *c = in->x.c;
        xcb_xkb_get_state_cookie_t state = xcb_xkb_get_state(c, XCB_XKB_ID_USE_CORE_KBD);
        xcb_query_keymap_cookie_t keymap = xcb_query_keymap(c);
        xcb_query_pointer_cookie_t pointer = xcb_query_pointer(c, in->x.screen->root);
        read_state(in, state);
        xcb_query_keymap_reply_t *keys = xcb_query_keymap_reply(c, keymap, NULL);
        for (guint code = 8; keys && code < 256; code++) {
                if (!is_down(keys, code)) {
                        in->held[code] = false;
                } else if (all) {
                        tb_x11_input_fake(in, XCB_KEY_RELEASE, (guint8)code, 0, 0);
                        in->stale = true;
                }
        }
        free(keys);
        xcb_query_pointer_reply_t *p = xcb_query_pointer_reply(c, pointer, NULL);
        if (p)
                sync_buttons(in, p->mask, all);
        free(p);
}

/* --- one key --- */
static void key(TbX11Input *in, guint8 code, bool down)
{
        tb_x11_input_fake(in, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, code, 0, 0);
        in->held[code] = down;
        in->stale = in->stale || in->map.k.bits[code];
}

static void set_locks(TbX11Input *in, guint mask, guint locks)
{
        if (mask)
                xcb_xkb_latch_lock_state(in->x.c, XCB_XKB_ID_USE_CORE_KBD, (uint8_t)mask, (uint8_t)locks, 0,
                                         0, (uint8_t)mask, 0, 0);
}

/* What was changed for one character, to be put back. */
typedef struct Tweak {
        guint8 pressed[2], lifted[8];
        guint n_pressed, n_lifted;
        guint locks, mask; /* the locks that were changed, and as they were */
} Tweak;

static void tweak(TbX11Input *in, guint mods, Tweak *t)
{
        guint now = in->base_mods | in->latched | in->locked, off = now & ~mods, on = mods & ~now;
        t->mask = off & (in->locked | in->latched);
        t->locks = in->locked;
        for (guint code = 8; code < 256 && off & in->base_mods; code++)
                if (in->held[code] && in->map.k.bits[code] & off && t->n_lifted < G_N_ELEMENTS(t->lifted)) {
                        t->lifted[t->n_lifted++] = (guint8)code;
                        tb_x11_input_fake(in, XCB_KEY_RELEASE, (guint8)code, 0, 0);
                }
        const struct {
                guint bit;
                guint8 code;
        } keys[] = {{TB_KEYMAP_SHIFT, in->map.k.shift_code}, {in->map.k.level3, in->map.k.level3_code}};
        for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
                if (!(on & keys[i].bit) || !keys[i].code)
                        continue;
                t->pressed[t->n_pressed++] = keys[i].code;
                tb_x11_input_fake(in, XCB_KEY_PRESS, keys[i].code, 0, 0);
                on &= ~keys[i].bit;
        }
        t->mask |= on & (TB_KEYMAP_LOCK | in->map.k.num);
        set_locks(in, t->mask, mods & t->mask);
}

static void put_back(TbX11Input *in, const Tweak *t)
{
        set_locks(in, t->mask, t->locks & t->mask);
        for (guint i = t->n_pressed; i-- > 0;)
                tb_x11_input_fake(in, XCB_KEY_RELEASE, t->pressed[i], 0, 0);
        for (guint i = t->n_lifted; i-- > 0;)
                tb_x11_input_fake(in, XCB_KEY_PRESS, t->lifted[i], 0, 0);
}

/* --- keysyms --- */
static guint8 lend(TbX11Input *in, TbIo *io, guint32 keysym, GError **error)
{
        guint8 code = tb_x11_keymap_lend(&in->x, &in->map, keysym);
        if (code == 0) {
                g_autofree char *name = tb_keymap_name(keysym);
                tb_set_error(
                        error, TB_ERROR_UNPROCESSABLE,
                        "display %s: its keyboard layout has no %s, and no keycode is free: load a layout "
                        "that has it",
                        in->x.name, name);
                return 0;
        }
        xcb_flush(in->x.c);
        return tb_io_sleep(io, LENT_MS, error) ? code : 0;
}

static bool is_keypad(guint32 keysym)
{
        return keysym >= XKB_KEY_KP_Space && keysym <= XKB_KEY_KP_Equal;
}

/* A command: the letter's key, with the modifiers as they are. Else the key that types just this. */
static guint8 find(TbX11Input *in, TbIo *io, guint32 keysym, bool exact, guint *ret_mods, GError **error)
{
        guint now = in->base_mods | in->latched | in->locked;
        bool character = tb_keysym_is_character(keysym), command = !exact && now & TB_KEYMAP_SHORTCUT;
        guint8 code = 0;
        *ret_mods = now;
        if (command && character)
                keysym = xkb_keysym_to_lower(keysym);
        if (!character || (command && xkb_keysym_to_upper(keysym) != keysym))
                code = tb_keymap_plain(&in->map.k, in->group, keysym);
        if (code && !is_keypad(keysym)) /* what those are is a matter of NumLock */
                return code;
        guint wanted = command ? now : now & ~(guint)TB_KEYMAP_SHORTCUT;
        code = tb_x11_keymap_find(&in->map, in->group, keysym, character ? wanted : now, ret_mods);
        /* a key of its own is better than Shift and another one: programs see what was meant */
        if (code && (character || *ret_mods == now))
                return code;
        code = lend(in, io, keysym, error);
        *ret_mods = character ? wanted & ~(guint)TB_KEYMAP_LOCK : now;
        return code;
}

static void lift(TbX11Input *in, guint32 keysym)
{
        gpointer code = g_hash_table_lookup(in->down, GUINT_TO_POINTER(keysym));
        if (!code) { /* Shift came up in between */
                guint32 other = xkb_keysym_to_lower(keysym) != keysym ? xkb_keysym_to_lower(keysym)
                                                                      : xkb_keysym_to_upper(keysym);
                code = g_hash_table_lookup(in->down, GUINT_TO_POINTER(other));
                keysym = code ? other : keysym;
        }
        if (!code)
                return;
        g_hash_table_remove(in->down, GUINT_TO_POINTER(keysym));
        if (in->held[GPOINTER_TO_UINT(code)])
                key(in, (guint8)GPOINTER_TO_UINT(code), false);
}

bool tb_x11_keys_key(TbX11Input *in, TbIo *io, guint32 keysym, TbKeyAction action, bool exact, GError **error)
{
        if (action == TB_KEY_UP) {
                lift(in, keysym);
                return true;
        }
        refresh(in);
        guint now = in->base_mods | in->latched | in->locked, mods = now;
        guint8 code = find(in, io, keysym, exact, &mods, error);
        if (!code)
                return false;
        if (mods != now) { /* it cannot be held: what the modifiers make of it holds for this moment only */
                Tweak t = {0};
                tweak(in, mods, &t);
                key(in, code, true);
                key(in, code, false);
                put_back(in, &t);
                return true;
        }
        key(in, code, true);
        if (action == TB_KEY_PRESS)
                key(in, code, false);
        else
                g_hash_table_insert(in->down, GUINT_TO_POINTER(keysym), GUINT_TO_POINTER((guint)code));
        return true;
}

bool tb_x11_keys_code(TbX11Input *in, const char *place, TbKeyAction action, GError **error)
{
        guint evdev = tb_keysym_evdev_of_code(place), code = evdev + 8;
        if (evdev == 0 || code > (guint)in->map.k.max) {
                tb_error_set_field(error, TB_ERROR_INVALID, "code",
                                   "unknown place \"%s\": use the names of KeyboardEvent.code", place);
                return false;
        }
        if (action != TB_KEY_UP)
                key(in, (guint8)code, true);
        if (action != TB_KEY_DOWN && in->held[code])
                key(in, (guint8)code, false);
        return true;
}

bool tb_x11_keys_text(TbX11Input *in, TbIo *io, const char *text, GError **error)
{
        for (const char *p = text; *p && in->map.n_spare == 0; p = g_utf8_next_char(p)) {
                guint mods;
                guint32 keysym = tb_keysym_of_char(g_utf8_get_char(p));
                if (!tb_x11_keymap_find(&in->map, in->group, keysym, 0, &mods) &&
                    !lend(in, io, keysym, error))
                        return false;
        }
        for (const char *p = text; *p; p = g_utf8_next_char(p)) {
                guint32 keysym = tb_keysym_of_char(g_utf8_get_char(p));
                if (keysym && !tb_x11_keys_key(in, io, keysym, TB_KEY_PRESS, true, error))
                        return false;
        }
        return true;
}
