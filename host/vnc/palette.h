#pragma once
/* The colours of an area, while they are few. Pure; any thread. */
#include <glib.h>
#include <stdbool.h>

#define TB_VNC_PALETTE 256
#define TB_VNC_PALETTE_SLOTS 1024 /* a power of two */

typedef struct TbVncPalette {
        int n;
        guint32 colour[TB_VNC_PALETTE]; /* in the order in which they came */
        gint16 slot[TB_VNC_PALETTE_SLOTS];
        guint32 last; /* of what was looked up last */
        int last_index;
} TbVncPalette;

void tb_vnc_palette_clear(TbVncPalette *palette);

/* Its index; -1: it is not there, and there are `most` already. Adds it else. */
static inline int tb_vnc_palette_index(TbVncPalette *palette, guint32 colour, int most)
{
        if (palette->n > 0 && palette->last == colour)
                return palette->last_index;
        guint i = (colour * 2654435761u) >> 22; /* as many bits as there are slots */
        while (palette->slot[i] >= 0 && palette->colour[palette->slot[i]] != colour)
                i = (i + 1) & (TB_VNC_PALETTE_SLOTS - 1);
        if (palette->slot[i] < 0) {
                if (palette->n >= most)
                        return -1;
                palette->colour[palette->n] = colour;
                palette->slot[i] = (gint16)palette->n++;
        }
        palette->last = colour;
        return palette->last_index = palette->slot[i];
}
