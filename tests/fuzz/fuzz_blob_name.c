/* Names of clips: what is accepted stays below the folder, on any path library's word. */
#include <stdint.h>
#include <string.h>

#include "server/blob/blob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *name = g_strndup((const char *)data, size);
        if (!tb_blob_name_valid(name))
                return 0;
        g_autofree char *path = g_canonicalize_filename(name, "/clips"),
                        *plain = g_strconcat("/clips/", name, NULL);
        g_assert_cmpstr(path, ==, plain);
        return 0;
}
