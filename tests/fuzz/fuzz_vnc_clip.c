#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "host/vnc/clip.h"
#include "lib/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a viewer says that it copied. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = tb_vnc_clip_inflate(data, size);
        g_assert(!text || (g_utf8_validate(text, -1, NULL) && strlen(text) <= TB_LIMIT_CLIPBOARD));
        g_autofree char *latin1 = tb_vnc_clip_of_latin1(data, size);
        g_assert(g_utf8_validate(latin1, -1, NULL));
        return 0;
}
