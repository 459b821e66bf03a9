/* What of the uplink needs no place: pauses, and a file that is read at a pace. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "host/uplink/paced.h"
#include "host/uplink/target.h"

/* Each is longer than the one before, up to ten minutes and a fifth; clips of one moment do not come back at one moment. */
static void test_pauses(void)
{
        gint64 before = 0;
        for (guint tries = 1; tries < 9; tries++) {
                gint64 pause = tb_uplink_pause_ms("a", tries);
                g_assert_cmpint(pause, >, before);
                g_assert_cmpint(pause, >=, 1000LL << tries);
                before = pause;
        }
        g_assert_cmpint(tb_uplink_pause_ms("a", 0), ==, tb_uplink_pause_ms("a", 1));
        for (guint tries = 20; tries < 200; tries++)
                g_assert_cmpint(tb_uplink_pause_ms("b", tries), <=, 12 * 60 * 1000);
        g_assert_cmpint(tb_uplink_pause_ms("20261130-210344-abc", 5), !=,
                        tb_uplink_pause_ms("20261130-210344-abd", 5));
}

static void on_progress(void *data, gint64 bytes)
{
        *(gint64 *)data += bytes;
}

static void test_paced(void)
{
        g_autofree char *path = g_build_filename(g_get_tmp_dir(), "tb-paced-XXXXXX", NULL);
        int fd = g_mkstemp(path);
        char bytes[5000];
        memset(bytes, 'x', sizeof bytes);
        g_assert_cmpint(write(fd, bytes, sizeof bytes), ==, sizeof bytes);
        close(fd);
        gint64 size, went = 0, begun_us = g_get_monotonic_time();
        g_autoptr(GInputStream) in = tb_paced_open(path, 400, on_progress, &went, &size, NULL);
        gsize n = 0;
        g_assert_true(g_input_stream_read_all(in, bytes, sizeof bytes, &n, NULL, NULL));
        g_assert_cmpint(size, ==, sizeof bytes);
        g_assert_cmpint(went, ==, sizeof bytes);
        /* 50 kB/s: what was read before the last piece had its time */
        g_assert_cmpint(g_get_monotonic_time() - begun_us, >=, (gint64)(sizeof bytes - 2500) * 20);

        /* an end that comes while it waits is heard */
        g_autoptr(GCancellable) cancel = g_cancellable_new();
        g_autoptr(GInputStream) slow = tb_paced_open(path, 1, on_progress, &went, &size, NULL);
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(g_input_stream_read(slow, bytes, 512, cancel, NULL), >, 0);
        g_cancellable_cancel(cancel);
        g_assert_cmpint(g_input_stream_read(slow, bytes, 512, cancel, &error), <, 0);
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        g_assert_null(tb_paced_open("/nowhere/at/all", 0, on_progress, &went, &size, NULL));
        g_unlink(path);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/uplink/pauses", test_pauses);
        g_test_add_func("/uplink/paced", test_paced);
        return g_test_run();
}
