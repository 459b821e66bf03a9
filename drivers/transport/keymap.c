#include "drivers/transport/keymap.h"

#include <string.h>

#include <xkbcommon/xkbcommon.h>

#include "drivers/transport/keysym.h"

/* --- life --- */
/* The modifiers that a key is, as core's bits. */
static guint8 bits_of_key(struct xkb_state *state, xkb_keycode_t code)
{
        xkb_state_update_key(state, code, XKB_KEY_DOWN);
        guint8 bits = (guint8)xkb_state_serialize_mods(state, XKB_STATE_MODS_DEPRESSED);
        xkb_state_update_key(state, code, XKB_KEY_UP);
        return bits;
}

static guint32 level0(const TbKeymap *keymap, xkb_keycode_t code)
{
        const xkb_keysym_t *symbols;
        return xkb_keymap_key_get_syms_by_level(keymap->map, code, 0, 0, &symbols) == 1 ? symbols[0] : 0;
}

/* Shift, AltGr and NumLock are where the layout has them. */
static void find_modifiers(TbKeymap *keymap)
{
        struct xkb_state *state = xkb_state_new(keymap->map);
        keymap->level3 = keymap->num = 0;
        keymap->shift_code = keymap->level3_code = 0;
        for (int code = keymap->max; code >= keymap->min; code--) {
                keymap->bits[code] = bits_of_key(state, (xkb_keycode_t)code);
                switch (level0(keymap, (xkb_keycode_t)code)) {
                case TB_KEYSYM_SHIFT: keymap->shift_code = (guint8)code; break;
                case XKB_KEY_ISO_Level3_Shift:
                        /* of a keyboard's own key, which guests know, and of the one that only X has */
                        if (!keymap->level3_code || code > 100)
                                keymap->level3_code = (guint8)code;
                        keymap->level3 = keymap->bits[code];
                        break;
                case XKB_KEY_Num_Lock: keymap->num = keymap->bits[code]; break;
                default: break;
                }
        }
        xkb_state_unref(state);
}

void tb_keymap_clear(TbKeymap *keymap)
{
        g_clear_pointer(&keymap->trial, xkb_state_unref);
        g_clear_pointer(&keymap->map, xkb_keymap_unref);
}

void tb_keymap_take(TbKeymap *keymap, struct xkb_keymap *map_take)
{
        tb_keymap_clear(keymap);
        keymap->map = map_take;
        keymap->trial = xkb_state_new(map_take);
        keymap->min = MAX((int)xkb_keymap_min_keycode(map_take), 8);
        keymap->max = MIN((int)xkb_keymap_max_keycode(map_take), 255);
        find_modifiers(keymap);
}

bool tb_keymap_load(TbKeymap *keymap, const char *layout)
{
        g_auto(GStrv) parts = g_strsplit_set(layout, "()", 3); /* "us(dvorak)" */
        const struct xkb_rule_names names = {.rules = "evdev",
                                             .model = "pc105",
                                             .layout = parts[0],
                                             .variant = parts[0] ? parts[1] : NULL};
        struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
        if (!context)
                return false;
        xkb_context_set_log_level(context, XKB_LOG_LEVEL_CRITICAL);
        struct xkb_keymap *map = xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
        xkb_context_unref(context);
        if (map)
                tb_keymap_take(keymap, map);
        return map != NULL;
}

/* --- finding --- */
/* Keysyms of one character have several numbers. */
static bool same(guint32 symbol, guint32 keysym, guint32 character)
{
        return symbol == keysym || (character && (symbol < 0xff00 || symbol > 0xffff) &&
                                    xkb_keysym_to_utf32(symbol) == character);
}

static guint32 character_of(guint32 keysym)
{
        return tb_keysym_is_character(keysym) ? xkb_keysym_to_utf32(keysym) : 0;
}

static bool has(const TbKeymap *keymap, xkb_keycode_t code, guint group, guint32 keysym, guint32 character,
                xkb_level_index_t levels)
{
        xkb_layout_index_t layouts = xkb_keymap_num_layouts_for_key(keymap->map, code);
        if (layouts == 0 || (keymap->skip && keymap->skip[code]))
                return false;
        xkb_level_index_t n = xkb_keymap_num_levels_for_key(keymap->map, code, group % layouts);
        for (xkb_level_index_t level = 0; level < MIN(n, levels); level++) {
                const xkb_keysym_t *symbols;
                if (xkb_keymap_key_get_syms_by_level(keymap->map, code, group % layouts, level, &symbols) ==
                            1 &&
                    same(symbols[0], keysym, character))
                        return true;
        }
        return false;
}

guint8 tb_keymap_plain(TbKeymap *keymap, guint group, guint32 keysym)
{
        guint32 character = character_of(keysym);
        for (int code = keymap->min; code <= keymap->max; code++)
                if (has(keymap, (xkb_keycode_t)code, group, keysym, character, 1))
                        return (guint8)code;
        return 0;
}

guint8 tb_keymap_find(TbKeymap *keymap, guint group, guint32 keysym, guint mods, bool locks, guint *ret_mods)
{
        const guint shift = keymap->shift_code ? TB_KEYMAP_SHIFT : 0,
                    altgr = keymap->level3_code ? keymap->level3 : 0, lock = TB_KEYMAP_LOCK,
                    num = keymap->num;
        /* the cheapest first: keys that are pressed as well, then locks that are off for a moment */
        const guint flips[] = {0,    shift,        altgr,        shift | altgr,
                               lock, lock | shift, lock | altgr, lock | shift | altgr,
                               num,  num | shift};
        guint32 character = character_of(keysym);
        guint cheapest = locks ? G_N_ELEMENTS(flips) : 4;
        guint8 best = 0;
        for (int code = keymap->min; code <= keymap->max && cheapest > 0; code++) {
                if (!has(keymap, (xkb_keycode_t)code, group, keysym, character, 64))
                        continue;
                for (guint i = 0; i < cheapest; i++) {
                        xkb_state_update_mask(keymap->trial, mods ^ flips[i], 0, 0, 0, 0, group);
                        if (!same(xkb_state_key_get_one_sym(keymap->trial, (xkb_keycode_t)code), keysym,
                                  character))
                                continue;
                        best = (guint8)code;
                        cheapest = i;
                        *ret_mods = mods ^ flips[i];
                }
        }
        return best;
}

guint32 tb_keymap_keysym(const TbKeymap *keymap, guint8 code)
{
        return keymap->map ? level0(keymap, code) : 0;
}

static const struct {
        gunichar mark, alone; /* what it combines with a letter to; what it makes with a blank */
        guint32 dead;
} dead_keys[] = {
        {0x300, '`', XKB_KEY_dead_grave},      {0x301, 0xb4, XKB_KEY_dead_acute},
        {0x302, '^', XKB_KEY_dead_circumflex}, {0x303, '~', XKB_KEY_dead_tilde},
        {0x308, 0xa8, XKB_KEY_dead_diaeresis}, {0x30a, 0xb0, XKB_KEY_dead_abovering},
        {0x327, 0xb8, XKB_KEY_dead_cedilla},   {0x30c, 0x2c7, XKB_KEY_dead_caron},
};

bool tb_keymap_compose(gunichar c, guint32 *ret_dead, guint32 *ret_base)
{
        gunichar base = 0, mark = 0;
        bool split = g_unichar_decompose(c, &base, &mark) && mark;
        for (guint i = 0; i < G_N_ELEMENTS(dead_keys); i++) {
                if (split ? dead_keys[i].mark != mark : dead_keys[i].alone != c)
                        continue;
                *ret_dead = dead_keys[i].dead;
                *ret_base = tb_keysym_of_char(split ? base : ' ');
                return true;
        }
        return false;
}

char *tb_keymap_name(guint32 keysym)
{
        char name[64] = "?", text[8] = "";
        if (tb_keysym_is_character(keysym) && xkb_keysym_to_utf8(keysym, text, sizeof text) > 1)
                return g_strdup_printf("%s (U+%04X)", text, xkb_keysym_to_utf32(keysym));
        xkb_keysym_get_name(keysym, name, sizeof name);
        return g_strdup(name);
}
