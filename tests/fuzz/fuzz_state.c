/* State files as a killed disk, another version or an attacker left them: read, or kept aside; never lost, never a crash. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/statefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static TbStateDir *dir;
static char *path;

static void put(const uint8_t *data, size_t size)
{
        g_autofree char *file = g_build_filename(path, "s.json", NULL);
        int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        g_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
        close(fd);
}

/* The bytes are somewhere still: under the name, or under that of what was kept. */
static void check_kept(const uint8_t *data, size_t size)
{
        g_autoptr(GDir) d = g_dir_open(path, 0, NULL);
        guint kept = 0;
        for (const char *name; (name = g_dir_read_name(d));) {
                if (!g_str_has_suffix(name, ".kept"))
                        continue;
                g_autofree char *file = g_build_filename(path, name, NULL), *text = NULL;
                gsize n = 0;
                g_assert(g_file_get_contents(file, &text, &n, NULL) && n == size &&
                         memcmp(text, data, n) == 0);
                g_assert(g_unlink(file) == 0);
                kept++;
        }
        g_assert(kept == 1);
}

static void clear(void)
{
        tb_state_dir_close(dir);
        static const char *const names[] = {"s.json", "host.lock"};
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *file = g_build_filename(path, names[i], NULL);
                g_unlink(file);
        }
        g_rmdir(path);
        g_free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!dir) {
                atexit(clear);
                path = g_dir_make_tmp("tbfuzz-XXXXXX", NULL);
                dir = tb_state_dir_open(path, "host", true, NULL);
                g_assert(dir);
        }
        g_autoptr(GError) error = NULL;
        put(data, size);
        json_auto_t *value = tb_state_load(dir, "s.json", JSON_OBJECT, &error);
        g_assert((value == NULL) == (error != NULL));
        if (!value) {
                g_assert(g_utf8_validate(error->message, -1, NULL));
                check_kept(data, size);
                return 0;
        }
        g_assert(tb_state_save(dir, "s.json", value, NULL));
        json_auto_t *again = tb_state_load(dir, "s.json", JSON_OBJECT, NULL);
        g_assert(again && json_object_size(again) == json_object_size(value));
        return 0;
}
