/* The display's own keymap. What it lacks borrows a keycode that types nothing. */
#include <xkbcommon/xkbcommon-x11.h>

#include "drivers/x11/x11.h"

static bool is_empty(struct xkb_keymap *map, xkb_keycode_t code)
{
        for (xkb_layout_index_t layout = 0; layout < xkb_keymap_num_layouts_for_key(map, code); layout++)
                for (xkb_level_index_t level = 0; level < xkb_keymap_num_levels_for_key(map, code, layout);
                     level++) {
                        const xkb_keysym_t *symbols;
                        if (xkb_keymap_key_get_syms_by_level(map, code, layout, level, &symbols) > 0)
                                return false;
                }
        return true;
}

static guint32 level0(struct xkb_keymap *map, xkb_keycode_t code)
{
        const xkb_keysym_t *symbols;
        return xkb_keymap_key_get_syms_by_level(map, code, 0, 0, &symbols) == 1 ? symbols[0] : 0;
}

/* What is lent stays lent as long as the layout still has it there. */
static void find_spare(TbX11Keymap *map)
{
        map->n_spare = 0;
        for (int code = map->k.max; code >= map->k.min; code--) {
                bool ours = map->lent[code] && level0(map->k.map, (xkb_keycode_t)code) == map->lent[code];
                if (!ours)
                        map->lent[code] = 0;
                if (map->n_spare < TB_X11_SPARE && (ours || is_empty(map->k.map, (xkb_keycode_t)code)))
                        map->spare[map->n_spare++] = (guint8)code;
        }
}

bool tb_x11_keymap_load(TbX11Conn *x, TbX11Keymap *map)
{
        struct xkb_context *context =
                xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES | XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
        int32_t device = xkb_x11_get_core_keyboard_device_id(x->c);
        struct xkb_keymap *read =
                context && device >= 0
                        ? xkb_x11_keymap_new_from_device(context, x->c, device, XKB_KEYMAP_COMPILE_NO_FLAGS)
                        : NULL;
        xkb_context_unref(context);
        if (!read)
                return false;
        tb_keymap_take(&map->k, read);
        map->k.skip = map->lent;
        find_spare(map);
        return true;
}

/* Both levels, so that Shift does not matter. */
static void set_code(TbX11Conn *x, guint8 code, guint32 keysym)
{
        const guint32 pair[2] = {keysym, keysym};
        xcb_change_keyboard_mapping(x->c, 1, code, 2, pair);
}

void tb_x11_keymap_clear(TbX11Conn *x, TbX11Keymap *map)
{
        for (int code = 0; x->c && code < 256; code++)
                if (map->lent[code])
                        set_code(x, (guint8)code, 0);
        tb_keymap_clear(&map->k);
        *map = (TbX11Keymap){0};
}

bool tb_x11_keymap_is_own_change(const TbX11Keymap *map, guint first, guint n)
{
        for (guint code = first; code < first + n; code++)
                if (code > 255 || !map->lent[code])
                        return false;
        return n > 0;
}

guint8 tb_x11_keymap_find(TbX11Keymap *map, guint group, guint32 keysym, guint mods, guint *ret_mods)
{
        /* programs apply CapsLock to what is lent */
        bool cased = xkb_keysym_to_upper(keysym) != keysym || xkb_keysym_to_lower(keysym) != keysym;
        for (guint i = 0; i < map->n_spare; i++)
                if (map->lent[map->spare[i]] == keysym) {
                        *ret_mods = cased ? mods & ~(guint)TB_KEYMAP_LOCK : mods;
                        return map->spare[i];
                }
        return tb_keymap_find(&map->k, group, keysym, mods, true, ret_mods);
}

guint8 tb_x11_keymap_lend(TbX11Conn *x, TbX11Keymap *map, guint32 keysym)
{
        if (map->n_spare == 0)
                return 0;
        guint8 code = map->spare[map->next_spare++ % map->n_spare];
        map->lent[code] = keysym;
        set_code(x, code, keysym);
        return code;
}
