/*
 * Replays corpus files through LLVMFuzzerTestOneInput without libFuzzer: any compiler, part of the normal
 * tests. Arguments are files or folders. Each input is an exact-size heap copy, so that AddressSanitizer sees
 * a read of one byte too many; each is also replayed cut at the half.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static guint replayed;

static void replay_bytes(const char *bytes, gsize size)
{
        uint8_t *copy = g_malloc(MAX(size, 1));
        memcpy(copy, bytes, size);
        uint8_t *exact = size ? g_realloc(copy, size) : copy;
        LLVMFuzzerTestOneInput(exact, size);
        g_free(exact);
}

static bool replay(const char *path)
{
        if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
                g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
                bool ok = dir != NULL;
                for (const char *name; ok && (name = g_dir_read_name(dir));) {
                        g_autofree char *child = g_build_filename(path, name, NULL);
                        ok = replay(child);
                }
                return ok;
        }
        g_autofree char *bytes = NULL;
        gsize size;
        g_autoptr(GError) error = NULL;
        if (!g_file_get_contents(path, &bytes, &size, &error)) {
                fprintf(stderr, "%s\n", error->message);
                return false;
        }
        replay_bytes(bytes, size);
        replay_bytes(bytes, size / 2);
        replayed++;
        return true;
}

int main(int argc, char **argv)
{
        bool ok = argc > 1;
        for (int i = 1; ok && i < argc; i++)
                ok = replay(argv[i]);
        printf("%u inputs replayed\n", replayed);
        return ok && replayed > 0 ? 0 : 1;
}
