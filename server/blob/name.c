/* What a clip may be called: it becomes a path of a folder, and a part of an address. */
#include <string.h>

#include "server/blob/blob.h"

#define NAME_MAX_BYTES 512
#define SEGMENT_MAX_BYTES 200

bool tb_blob_name_valid(const char *name)
{
        gsize size = strlen(name);
        if (size == 0 || size > NAME_MAX_BYTES || !g_utf8_validate(name, (gssize)size, NULL))
                return false;
        for (const char *p = name; *p; p++)
                if ((guchar)*p < ' ' || *p == 0x7f || *p == '\\')
                        return false;
        for (const char *at = name;;) {
                gsize n = strcspn(at, "/");
                if (n == 0 || n > SEGMENT_MAX_BYTES || *at == '.')
                        return false;
                if (!at[n])
                        return true;
                at += n + 1;
        }
}
