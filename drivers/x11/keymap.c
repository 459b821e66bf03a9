/* Which keycode types which keysym. Characters that the layout lacks borrow a keycode that types nothing. */
#include <stdlib.h>
#include <string.h>

#include "drivers/x11/x11.h"

bool tb_x11_keymap_load(TbX11Conn *x, TbX11Keymap *map)
{
        const xcb_setup_t *setup = xcb_get_setup(x->c);
        map->min = setup->min_keycode;
        map->max = setup->max_keycode;
        xcb_get_keyboard_mapping_reply_t *r = xcb_get_keyboard_mapping_reply(
                x->c,
                xcb_get_keyboard_mapping(x->c, (xcb_keycode_t)map->min, (uint8_t)(map->max - map->min + 1)),
                NULL);
        if (!r)
                return false;
        map->per_code = r->keysyms_per_keycode;
        int n = xcb_get_keyboard_mapping_keysyms_length(r);
        g_free(map->symbols);
        map->symbols = g_new0(guint32, (gsize)((map->max - map->min + 1) * map->per_code));
        memcpy(map->symbols, xcb_get_keyboard_mapping_keysyms(r),
               sizeof(guint32) * (gsize)MIN(n, (map->max - map->min + 1) * map->per_code));
        free(r);
        if (map->n_spare > 0 || map->per_code == 0) /* the spare ones stay ours */
                return true;
        for (int code = map->max; code >= map->min && map->n_spare < TB_X11_SPARE; code--) {
                const guint32 *at = map->symbols + (code - map->min) * map->per_code;
                bool empty = true;
                for (int i = 0; i < map->per_code; i++)
                        empty = empty && at[i] == 0;
                if (empty)
                        map->spare[map->n_spare++] = (guint8)code;
        }
        return true;
}

static void set_code(TbX11Conn *x, TbX11Keymap *map, guint8 code, guint32 keysym)
{
        /* both levels, so that Shift does not matter */
        const guint32 pair[2] = {keysym, keysym};
        xcb_change_keyboard_mapping(x->c, 1, code, 2, pair);
        guint32 *at = map->symbols + (code - map->min) * map->per_code;
        for (int i = 0; i < map->per_code && i < 2; i++)
                at[i] = keysym;
}

void tb_x11_keymap_clear(TbX11Conn *x, TbX11Keymap *map)
{
        if (x->c && map->symbols)
                for (guint i = 0; i < map->n_spare; i++)
                        if (map->lent[i])
                                set_code(x, map, map->spare[i], 0);
        g_free(map->symbols);
        *map = (TbX11Keymap){0};
}

guint8 tb_x11_keymap_find(TbX11Conn *x, TbX11Keymap *map, guint32 keysym, bool *ret_shift, bool *ret_lent)
{
        *ret_shift = *ret_lent = false;
        for (int level = 0; level < 2 && level < map->per_code; level++)
                for (int code = map->min; code <= map->max; code++)
                        if (map->symbols[(code - map->min) * map->per_code + level] == keysym) {
                                *ret_shift = level == 1;
                                return (guint8)code;
                        }
        /* A layout may give a letter on the first level only; its capital is on the same key then. */
        if (map->n_spare == 0)
                return 0;
        guint i = map->next_spare++ % map->n_spare;
        map->lent[i] = keysym;
        set_code(x, map, map->spare[i], keysym);
        *ret_lent = true;
        return map->spare[i];
}
