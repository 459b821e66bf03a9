/* A console's history as a crash, a full disk or another program left it: two bytes say how much of the input
 * is the index, the rest is the log. It must open, be read within its bounds, and go on. */
#include <glib/gstdio.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"
#include "tests/unit/core/histories.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *dir;

static void empty_dir(void)
{
        g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
        for (const char *name; d && (name = g_dir_read_name(d));) {
                g_autofree char *file = g_build_filename(dir, name, NULL);
                g_unlink(file);
        }
}

static void remove_dir(void)
{
        empty_dir();
        g_rmdir(dir);
}

static void put(const char *name, const uint8_t *data, gsize size)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_assert_true(g_file_set_contents_full(path, (const char *)data, (gssize)size,
                                               G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

static void look(TbHistory *h)
{
        guint64 start = tb_history_start(h), end = tb_history_end(h), next = 0, at;
        char buf[512];
        g_assert_cmpuint(start, <=, end);
        for (guint64 from = start; from < end;) {
                gsize n = histories_read(h, from, buf, sizeof buf, &at);
                g_assert_true(n <= sizeof buf && at >= from && at + n <= end);
                if (n == 0)
                        break;
                from = at + n;
        }
        json_auto_t *lines = histories_lines(h, 0, 100, &next);
        g_assert_cmpuint(json_array_size(lines), <=, 100);
        g_assert_cmpuint(next, <=, end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!dir) {
                tb_log_init(TB_LOG_ERROR, false);
                tb_main_init(NULL);
                dir = g_dir_make_tmp("tbfuzz-XXXXXX", NULL);
                g_assert_nonnull(dir);
                atexit(remove_dir);
        }
        if (size < 2)
                return 0;
        gsize index = MIN((gsize)(data[0] << 8 | data[1]), size - 2);
        empty_dir();
        put("00000000000000000000.idx", data + 2, index);
        put("00000000000000000000.log", data + 2 + index, size - 2 - index);
        TbHistory *h = histories_open(dir, 0);
        look(h);
        guint64 end = tb_history_end(h);
        tb_history_append(h, "more\n", 5);
        g_assert_cmpuint(tb_history_end(h), ==, end + 5);
        look(h);
        histories_close(h);
        h = histories_open(dir, 0);
        look(h);
        histories_close(h);
        return 0;
}
