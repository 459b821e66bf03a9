#include "lib/uuid.h"

#include <glib.h>
#include <sys/random.h>

char *tb_uuid(void)
{
        guint8 b[16];
        g_assert(getrandom(b, sizeof b, 0) == sizeof b);
        b[6] = (guint8)((b[6] & 0x0f) | 0x40); /* version 4 */
        b[8] = (guint8)((b[8] & 0x3f) | 0x80); /* the variant of the RFC */
        return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                               b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                               b[13], b[14], b[15]);
}
