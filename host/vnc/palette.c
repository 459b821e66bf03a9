#include "host/vnc/palette.h"

#include <string.h>

void tb_vnc_palette_clear(TbVncPalette *palette)
{
        palette->n = 0;
        memset(palette->slot, 0xff, sizeof palette->slot);
}
