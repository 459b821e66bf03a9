/* A file of master keys, and what is said to be a sealed key: nothing of it ends the program, and what was not sealed does not open. */
#include <stdint.h>
#include <string.h>

#include "server/recordings/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autofree char *text = g_strndup((const char *)data, size);
        g_autoptr(GError) error = NULL;
        TbSealKeys *keys = tb_seal_keys_parse(text, &error);
        guint8 key[TB_SEAL_KEY], out[4096];
        g_assert_true((keys != NULL) == (error == NULL));
        if (keys) {
                g_autofree char *wrapped = tb_seal_key_new(keys, "r", key, NULL);
                guint8 same[TB_SEAL_KEY];
                g_assert_true(tb_seal_key_open(keys, tb_seal_keys_id(keys), "r", wrapped, same, NULL));
                g_assert_false(tb_seal_key_open(keys, tb_seal_keys_id(keys), "r", text, same, NULL));
        } else {
                memset(key, 1, sizeof key);
        }
        if (size < sizeof out)
                g_assert_false(tb_seal_open(key, &(TbSealPlace){"r", "t", 0}, data, size, out, NULL));
        tb_seal_keys_free(keys);
        return 0;
}
