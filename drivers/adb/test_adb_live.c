/* Shell, files, sensors, input, video and log against the real adb server and the simulated phone */
#include <sys/stat.h>

#include "drivers/adb/test_bench.h"

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/thread.h"

static TbInstance *ops;

/* --- shell --- */

static void test_shell(void)
{
        g_autofree char *out = NULL, *err = NULL, *out2 = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(run(ops, "echo out; echo err >&2; exit 7", NULL, 0, &out, &err, &error), ==, 7);
        g_assert_cmpstr(out, ==, "out\n");
        g_assert_cmpstr(err, ==, "err\n");
        g_assert_cmpint(run(ops, "getprop ro.product.model", NULL, 0, &out2, NULL, &error), ==, 0);
        g_assert_cmpstr(out2, ==, "Testbed Simulated Phone\n");
        g_assert_cmpint(run(ops, "", NULL, 0, NULL, NULL, &error), ==, -1);
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
}

/* More in both directions than any buffer on the way holds. */
static void test_shell_stdin(void)
{
        gsize size = 3 * 1024 * 1024;
        g_autofree char *input = g_strnfill(size, 'x'), *out = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(run(ops, "cat", input, size, &out, NULL, &error), ==, 0);
        g_assert_cmpstr(out, ==, input);
        g_assert_cmpint(run(ops, "exit 3", input, size, NULL, NULL, &error), ==, 3); /* nobody reads it */
        g_assert_no_error(error);
}

static void test_shell_argv(void)
{
        char all[256];
        const char *argv[] = {"printf", "%s|%s|%s", all, "", "a 'b' $c", NULL};
        TbShellRequest request = {.argv = argv};
        g_autoptr(GByteArray) out = g_byte_array_new(), err = g_byte_array_new();
        TbShellResult result = {.out = out, .err = err};
        g_autoptr(GError) error = NULL;

        for (int i = 0; i < 255; i++)
                all[i] = (char)(i + 1);
        all[255] = '\0';
        g_assert_true(ops->lane->shell->run(ops, &bench.io, &request, &result, &error));
        g_autofree char *expected = g_strdup_printf("%s||a 'b' $c", all);
        g_assert_cmpmem(out->data, out->len, expected, strlen(expected));
}

static void test_shell_limits(void)
{
        g_autofree char *exact = g_strdup_printf("head -c %d /dev/zero", TB_LIMIT_SHELL_OUTPUT);
        g_autofree char *more = g_strdup_printf("head -c %d /dev/zero", TB_LIMIT_SHELL_OUTPUT + 1);
        g_autofree char *too_long = g_strnfill(70000, 'x');
        g_autoptr(GError) error = NULL, error2 = NULL, error3 = NULL;

        g_assert_cmpint(run(ops, exact, NULL, 0, NULL, NULL, &error), ==, 0);
        g_assert_cmpint(run(ops, more, NULL, 0, NULL, NULL, &error), ==, -1);
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
        g_assert_cmpint(run(ops, too_long, NULL, 0, NULL, NULL, &error2), ==, -1);
        g_assert_error(error2, TB_ERROR, TB_ERROR_TOO_LARGE);
        bench.io.deadline_us = g_get_monotonic_time() + 300 * 1000;
        g_assert_cmpint(run(ops, "sleep 100", NULL, 0, NULL, NULL, &error3), ==, -1);
        bench.io.deadline_us = G_MAXINT64;
        g_assert_error(error3, TB_ERROR, TB_ERROR_TIMEOUT);
}

/* --- files --- */

static bool put_file(const char *path, guint32 mode, GByteArray *bytes, GError **error)
{
        Feed feed = {tb_pipe_new(65536), bytes, false};
        TbThread *thread = tb_thread_start("feed", feed_run, &feed);
        bool ok = ops->lane->files->write(ops, &bench.io, path, mode, feed.pipe, error);

        if (!ok)
                tb_pipe_fail(feed.pipe, *error);
        tb_thread_join(thread);
        tb_pipe_unref(feed.pipe);
        return ok;
}

static bool get_file(const char *path, GByteArray *bytes, GError **error)
{
        Feed feed = {tb_pipe_new(65536), bytes, true};
        TbThread *thread = tb_thread_start("feed", feed_run, &feed);
        bool ok = ops->lane->files->read(ops, &bench.io, path, feed.pipe, error);

        if (ok)
                tb_pipe_finish(feed.pipe);
        else
                tb_pipe_fail(feed.pipe, *error);
        tb_thread_join(thread);
        tb_pipe_unref(feed.pipe);
        return ok;
}

static void test_files(void)
{
        static const char path[] = "/sdcard/Download/it's a $(file)",
                          other[] = "/sdcard/Download/-its `new` name";
        g_autoptr(GByteArray) bytes = g_byte_array_new(), back = g_byte_array_new();
        g_autoptr(GError) error = NULL, gone = NULL, there = NULL;
        json_t *list = json_array(), *entry = NULL;
        TbFileInfo info;
        size_t i;

        for (guint32 n = 0; n < 1300000; n++)
                g_byte_array_append(bytes, (guint8 *)&n, 4);
        g_assert_true(put_file(path, 0640, bytes, &error));
        g_assert_true(ops->lane->files->stat(ops, &bench.io, path, &info, &error));
        g_assert_false(info.directory);
        g_assert_cmpint(info.size, ==, bytes->len);
        g_assert_cmpuint(info.mode, ==, 0640);
        g_assert_cmpint(ABS(info.mtime_ms - tb_clock_ms()), <, 60000);
        g_assert_true(get_file(path, back, &error));
        g_assert_cmpmem(back->data, back->len, bytes->data, bytes->len);
        g_assert_true(ops->lane->files->list(ops, &bench.io, "/sdcard/Download", list, &error));
        json_array_foreach (list, i, entry)
                if (strcmp(json_string_value(json_object_get(entry, "name")), "it's a $(file)") == 0)
                        break;
        g_assert_cmpint(json_integer_value(json_object_get(entry, "size")), ==, bytes->len);
        g_assert_cmpuint(json_array_size(list), ==, 1); /* without . and .. */
        json_decref(list);
        g_assert_true(ops->lane->files->rename(ops, &bench.io, path, other, &error));
        g_assert_false(ops->lane->files->stat(ops, &bench.io, path, &info, &gone));
        g_assert_error(gone, TB_ERROR, TB_ERROR_NOT_FOUND);
        g_assert_true(put_file(path, 0640, bytes, &error));
        g_assert_false(ops->lane->files->rename(ops, &bench.io, path, other, &there));
        g_assert_error(there, TB_ERROR, TB_ERROR_BUSY);
        g_assert_cmpstr(tb_error_field(there), ==, "to");
        g_assert_true(ops->lane->files->remove(ops, &bench.io, other, false, &error));
        g_assert_true(ops->lane->files->remove(ops, &bench.io, path, true, &error));
        g_assert_false(ops->lane->files->stat(ops, &bench.io, path, &info, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_NOT_FOUND);
        g_assert_cmpstr(tb_error_field(error), ==, "path");
}

/* TB_LIMIT_FOLDER_ENTRIES are listed, whenever "." and ".." come among them; with one more the folder is refused in words. */
static void test_files_many(void)
{
        g_autofree char *folder = g_build_filename(bench.dir, "phone", "sdcard", "many", NULL);

        g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
        for (guint i = 0; i <= TB_LIMIT_FOLDER_ENTRIES; i++) {
                g_autofree char *path = g_strdup_printf("%s/%u", folder, i);
                g_autoptr(GError) error = NULL;
                json_t *list = json_array();

                g_assert_cmpint(mknod(path, S_IFREG | 0644, 0), ==, 0);
                if (i + 1 >= TB_LIMIT_FOLDER_ENTRIES) {
                        bool all = ops->lane->files->list(ops, &bench.io, "/sdcard/many", list, &error);

                        g_assert_cmpint(all, ==, i < TB_LIMIT_FOLDER_ENTRIES);
                        if (all)
                                g_assert_cmpuint(json_array_size(list), ==, TB_LIMIT_FOLDER_ENTRIES);
                        else
                                g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
                        g_assert_cmpstr(error ? tb_error_field(error) : "path", ==, "path");
                }
                json_decref(list);
        }
}

static void test_files_errors(void)
{
        g_autofree char *longest = g_strnfill(1025, 'x');
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        g_autoptr(GError) a = NULL, b = NULL, c = NULL, d = NULL, e = NULL, f = NULL, g = NULL, h = NULL;
        json_t *list = json_array();
        TbFileInfo info;

        longest[0] = '/';
        g_assert_false(get_file("/sdcard/no/such", bytes, &a));
        g_assert_error(a, TB_ERROR, TB_ERROR_NOT_FOUND);
        g_assert_false(ops->lane->files->list(ops, &bench.io, "/proc/version", list, &b));
        g_assert_error(b, TB_ERROR, TB_ERROR_INVALID);
        g_assert_false(put_file("/sdcard", 0, bytes, &c));
        g_assert_error(c, TB_ERROR, TB_ERROR_INVALID);
        g_assert_false(put_file("/proc/nowhere", 0, bytes, &d));
        g_assert_nonnull(d);
        g_assert_false(ops->lane->files->stat(ops, &bench.io, "relative", &info, &e));
        g_assert_error(e, TB_ERROR, TB_ERROR_INVALID);
        g_assert_false(ops->lane->files->stat(ops, &bench.io, longest, &info, &f));
        g_assert_error(f, TB_ERROR, TB_ERROR_INVALID);
        g_assert_false(ops->lane->files->remove(ops, &bench.io, "/sdcard/DCIM", false, &g)); /* not empty */
        g_assert_error(g, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_false(ops->lane->files->rename(ops, &bench.io, "/sdcard/no", "/sdcard/yes", &h));
        g_assert_error(h, TB_ERROR, TB_ERROR_NOT_FOUND);
        json_decref(list);
}

static json_t *entry_of(const char *folder, const char *name)
{
        json_t *list = json_array(), *entry, *found = NULL;
        g_autoptr(GError) error = NULL;
        size_t i;

        g_assert_true(ops->lane->files->list(ops, &bench.io, folder, list, &error));
        json_array_foreach (list, i, entry)
                if (strcmp(json_string_value(json_object_get(entry, "name")), name) == 0)
                        found = json_incref(entry);
        json_decref(list);
        return found;
}

/* As phones of Android 8 and later and those before, which know neither stat_v2 nor ls_v2 (the simulated one answers both). */
static void test_files_odd(void)
{
        TbAdbTarget *target = &((TbAdbLane *)ops)->target;
        guint features = target->features;
        g_autofree char *card = g_build_filename(bench.dir, "phone", "sdcard", "odd", NULL),
                        *folder = g_build_filename(card, "folder", NULL),
                        *link = g_build_filename(card, "link", NULL),
                        *latin = g_build_filename(card, "lat\xe9in.txt", NULL),
                        *big = g_build_filename(card, "big.bin", NULL);
        const gint64 size = (4LL << 30) + 7;

        g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
        g_assert_cmpint(symlink("/sdcard/odd/folder", link), ==, 0);
        g_assert_true(g_file_set_contents(latin, "x", 1, NULL));
        g_assert_cmpint(mknod(big, S_IFREG | 0644, 0), ==, 0);
        g_assert_cmpint(truncate(big, size), ==, 0);
        for (int old = 0; old < 2; old++) {
                g_autoptr(GByteArray) bytes = g_byte_array_new();
                g_autoptr(GError) error = NULL;
                json_t *is_link = entry_of("/sdcard/odd", "link"),
                       *is_big = entry_of("/sdcard/odd", "big.bin"),
                       *is_latin = entry_of("/sdcard/odd", "lat\xef\xbf\xbdin.txt");
                TbFileInfo info;

                g_assert_true(json_is_true(json_object_get(is_link, "directory")));
                g_assert_cmpint(json_integer_value(json_object_get(is_big, "size")), ==, size);
                g_assert_nonnull(is_latin);
                g_assert_true(ops->lane->files->stat(ops, &bench.io, "/sdcard/odd/link", &info, &error));
                g_assert_true(info.directory);
                g_assert_true(ops->lane->files->stat(ops, &bench.io, "/sdcard/odd/big.bin", &info, &error));
                g_assert_cmpint(info.size, ==, size);
                g_assert_true(get_file("/sdcard/odd/lat\xef\xbf\xbdin.txt", bytes, &error));
                g_assert_cmpmem(bytes->data, bytes->len, "x", 1);
                json_decref(is_link);
                json_decref(is_big);
                json_decref(is_latin);
                target->features = features & ~(guint)(TB_ADB_STAT_V2 | TB_ADB_LS_V2);
        }
        target->features = features;
        g_autofree char *twin = g_build_filename(card, "lat\xe8in.txt", NULL);
        g_autoptr(GError) several = NULL, error = NULL;
        g_autoptr(GByteArray) none = g_byte_array_new();
        g_assert_true(g_file_set_contents(twin, "y", 1, NULL));
        g_assert_false(get_file("/sdcard/odd/lat\xef\xbf\xbdin.txt", none, &several));
        g_assert_error(several, TB_ERROR, TB_ERROR_INVALID);
        g_assert_true(ops->lane->files->remove(ops, &bench.io, "/sdcard/odd/link", false, &error));
        g_assert_true(g_file_test(folder, G_FILE_TEST_IS_DIR));
        g_assert_true(ops->lane->files->remove(ops, &bench.io, "/sdcard/odd", true, &error));
}

/* An upload whose client goes away leaves nothing on the phone. */
static void test_files_broken_off(void)
{
        g_autoptr(TbPipe) pipe = tb_pipe_new(65536);
        g_autoptr(GError) why = g_error_new(TB_ERROR, TB_ERROR_INTERRUPTED, "the client went away"),
                          error = NULL, missing = NULL;
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
        TbFileInfo info;

        g_assert_true(tb_pipe_write(pipe, "half", 4, NULL));
        tb_pipe_fail(pipe, why);
        g_assert_false(ops->lane->files->write(ops, &bench.io, "/sdcard/half", 0, pipe, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
        while (ops->lane->files->stat(ops, &bench.io, "/sdcard/half", &info, &missing)) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                tb_io_sleep(&bench.io, 20, NULL);
        }
        g_assert_error(missing, TB_ERROR, TB_ERROR_NOT_FOUND);
}

/* --- sensors --- */

static double sensor(const char *stream)
{
        const double *value = g_hash_table_lookup(told.samples, stream);

        g_assert_nonnull(value);
        return *value;
}

static void test_facts(void)
{
        const char *serial = json_string_value(json_object_get(told.facts, "serial"));

        g_assert_cmpstr(json_string_value(json_object_get(told.facts, "model")), ==,
                        "Testbed Simulated Phone");
        g_assert_cmpstr(json_string_value(json_object_get(told.facts, "android")), ==, "13");
        g_assert_nonnull(serial);
}

static void test_sensors(void)
{
        g_autoptr(GError) error = NULL;

        phone("battery level 42");
        phone("thermal skin 33.3");
        g_assert_true(ops->lane->sensors->sample(ops, &bench.io, &error));
        g_assert_cmpfloat_with_epsilon(sensor("battery.level"), 42, 1e-9);
        g_assert_cmpfloat_with_epsilon(sensor("battery.temperature"), 28.4, 1e-9);
        g_assert_cmpfloat_with_epsilon(sensor("battery.voltage"), 4.123, 1e-9);
        g_assert_cmpfloat_with_epsilon(sensor("battery.current"), -0.231, 1e-9);
        g_assert_cmpfloat_with_epsilon(sensor("battery.power"), -0.231 * 4.123, 1e-9);
        g_assert_cmpfloat_with_epsilon(sensor("battery.plugged"), 1, 1e-9);
        g_assert_cmpfloat_with_epsilon(sensor("thermal.skin"), 33.3, 1e-9);
        g_assert_cmpfloat_with_epsilon(sensor("thermal.cpu"), 41.5, 1e-9);
        phone("battery reset");
}

/* --- screen and input --- */

static TbInstance *screen, *input;

static guint pixel(int x, int y)
{
        const guint8 *p = told.frame->plane[0] + (gsize)y * (gsize)told.frame->stride[0] + 4 * (gsize)x;

        return (guint)(p[0] << 16 | p[1] << 8 | p[2]);
}

/* Pumps until a picture has that colour there. */
static void see(int x, int y, guint colour)
{
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
        g_autoptr(GError) error = NULL;

        while (told.frame == NULL || pixel(x, y) != colour) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                bool ok = screen->lane->pump(screen, &bench.io, &error);
                g_assert_no_error(error);
                g_assert_true(ok);
        }
}

static void send_events(const TbInput *events, guint n)
{
        g_autoptr(GError) error = NULL;
        guint done;
        bool ok = input->lane->input->send(input, &bench.io, events, n, &done, &error);

        g_assert_no_error(error);
        g_assert_true(ok);
}

#define SEND(...) send_events((TbInput[]){__VA_ARGS__}, sizeof((TbInput[]){__VA_ARGS__}) / sizeof(TbInput))

static void test_screen(void)
{
        g_autoptr(GError) error = NULL;

        phone("clock 12:00");
        g_assert_true(ops->lane->apps->start(ops, &bench.io, "com.testbed.demo", &error));
        g_assert_true(screen->lane->video->start(screen, &bench.io, 30, &error));
        see(35, 245, 0x7a1f1f);
        g_assert_cmpint(told.frame->width, ==, 540);
        g_assert_cmpint(told.frame->height, ==, 1170);
        g_assert_cmpint(told.frame->format, ==, TB_PIXEL_RGBX);
        SEND({.type = TB_INPUT_TAP, .x = 100, .y = 290});
        see(35, 245, 0xe53935);
        g_assert_cmpuint(told.frame->n_damage, ==, 1); /* the button, and nothing else */
        g_assert_cmpint(told.frame->damage[0].x, >=, 30);
        g_assert_cmpint(told.frame->damage[0].y, >=, 240);
        g_assert_cmpint(told.frame->damage[0].x + told.frame->damage[0].width, <=, 180);
        g_assert_cmpint(told.frame->damage[0].y + told.frame->damage[0].height, <=, 340);
        SEND({.type = TB_INPUT_SCROLL, .x = 270, .y = 900, .y2 = 3}); /* 351 pixels: row 4 comes to the top */
        see(2, 432, 0x263238);
        see(2, 500, 0x37474f);
}

/* An unchanged screen is looked at, not passed on. */
static void test_screen_still(void)
{
        g_autoptr(GError) error = NULL;
        gint64 until = g_get_monotonic_time() + 700 * 1000;
        guint before = told.frames;

        while (g_get_monotonic_time() < until)
                g_assert_true(screen->lane->pump(screen, &bench.io, &error));
        g_assert_cmpuint(told.frames, ==, before);
}

static void test_screen_off(void)
{
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
        g_autoptr(GError) error = NULL;

        SEND({.type = TB_INPUT_KEY, .text = "Power"});
        while (told.no_signal == NULL) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                g_assert_true(screen->lane->pump(screen, &bench.io, &error));
        }
        g_assert_nonnull(strstr(told.no_signal, "screen is off"));
        SEND({.type = TB_INPUT_KEY, .text = "WakeUp"});
        g_clear_pointer(&told.frame, tb_frame_unref);
        see(35, 245, 0xe53935);
}

static void test_input_text(void)
{
        guint done;
        static const char typed[] =
                "it's $HOME; 100%s `id` \"q\" \\ | & <> * ? [] {} ~ ! # ^ ( ) = + , . / :;@_-";
        g_autofree char *state = NULL, *escaped = g_strescape(typed, NULL),
                        *wanted = g_strdup_printf("\"text\":\"%s\"", escaped), *after = NULL;
        g_autoptr(GError) error = NULL;

        SEND({.type = TB_INPUT_TAP, .x = 100, .y = 170}, {.type = TB_INPUT_TEXT, .text = typed});
        state = control("state");
        g_assert_nonnull(strstr(state, wanted));
        SEND({.type = TB_INPUT_KEY, .text = "Control", .action = TB_KEY_DOWN},
             {.type = TB_INPUT_KEY, .text = "a"},
             {.type = TB_INPUT_KEY, .text = "Control", .action = TB_KEY_UP},
             {.type = TB_INPUT_KEY, .text = "O"}, {.type = TB_INPUT_KEY, .text = "k"},
             {.type = TB_INPUT_KEY, .text = "x"}, {.type = TB_INPUT_KEY, .text = "Backspace"},
             {.type = TB_INPUT_KEY, .text = "!"}, {.type = TB_INPUT_KEY, .text = "Enter"});
        after = control("state");
        g_assert_nonnull(strstr(after, "\"entered\":\"Ok!\""));
        g_assert_nonnull(strstr(after, "\"text\":\"\""));
        g_assert_false(input->lane->input->send(
                input, &bench.io, &(TbInput){.type = TB_INPUT_KEY, .text = "KEYCODE_NIX"}, 1, &done, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_nonnull(strstr(error->message, "KEYCODE_NIX"));

        /* it costs only itself: what was before it is done, what is behind it can be sent */
        const TbInput row[] = {{.type = TB_INPUT_KEY, .text = "u"},
                               {.type = TB_INPUT_KEY, .text = "KEYCODE_NIX"},
                               {.type = TB_INPUT_KEY, .text = "v"},
                               {.type = TB_INPUT_KEY, .text = "Enter"}};
        g_autoptr(GError) first = NULL;
        g_autofree char *both = NULL;
        g_assert_false(input->lane->input->send(input, &bench.io, row, 4, &done, &first));
        g_assert_error(first, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_cmpuint(done, ==, 1);
        g_assert_true(input->lane->input->send(input, &bench.io, row + 2, 2, &done, NULL));
        both = control("state");
        g_assert_nonnull(strstr(both, "\"entered\":\"uv\""));
}

static void test_input_drag(void)
{
        g_autofree char *state = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(ops->lane->apps->start(ops, &bench.io, "com.testbed.paint", &error));
        SEND({.type = TB_INPUT_POINTER, .x = 100, .y = 300, .buttons = 1},
             {.type = TB_INPUT_POINTER, .x = 400, .y = 300, .buttons = 1});
        SEND({.type = TB_INPUT_POINTER, .x = 400, .y = 600, .buttons = 1},
             {.type = TB_INPUT_POINTER, .x = 400, .y = 600});
        see(250, 300, 0xd81b60);
        see(400, 450, 0xd81b60);
        see(250, 450, 0xfafafa);
        SEND({.type = TB_INPUT_POINTER, .x = 1, .y = 1, .buttons = 2},
             {.type = TB_INPUT_POINTER, .x = 1, .y = 1});
        state = control("state");
        g_assert_nonnull(strstr(state, "\"app\":\"com.testbed.launcher\"")); /* right button = Back */
        screen->lane->video->stop(screen, &bench.io);
}

/* --- log --- */

static guint lines_with(const char *text)
{
        guint n = 0;

        for (guint i = 0; i < told.lines->len; i++)
                n += strstr(g_ptr_array_index(told.lines, i), text) != NULL;
        return n;
}

static void wait_for_line(TbInstance *log, const char *text)
{
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
        g_autoptr(GError) error = NULL;

        while (lines_with(text) == 0) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                g_assert_true(log->lane->pump(log, &bench.io, &error));
        }
}

/* Closing and opening again (a cable that was out) neither loses nor repeats a line. */
static void test_log(void)
{
        TbInstance *log = lane_new("log", bench.serial);

        lane_open(log);
        phone("log Tag first line");
        wait_for_line(log, "Tag     : first line");
        lane_close(log);
        phone("log Tag second line");
        phone("log Tag third line");
        lane_open(log);
        wait_for_line(log, "third line");
        g_assert_cmpuint(lines_with("Tag     : first line"), ==, 1);
        g_assert_cmpuint(lines_with("second line"), ==, 1);
        g_assert_cmpuint(lines_with("third line"), ==, 1);
        g_assert_cmpuint(lines_with("beginning of"), ==, 0);
        lane_free(log);
}

int main(int argc, char **argv)
{
        int rc;

        g_test_init(&argc, &argv, NULL);
        bench_start();
        start_server();
        start_phone(0);
        told_init();
        ops = lane_new("ops", bench.serial);
        screen = lane_new("screen", bench.serial);
        input = lane_new("input", bench.serial);
        lane_open(ops);
        lane_open(screen);
        lane_open(input);
        g_test_add_func("/adb/live/shell", test_shell);
        g_test_add_func("/adb/live/shell-stdin", test_shell_stdin);
        g_test_add_func("/adb/live/shell-argv", test_shell_argv);
        g_test_add_func("/adb/live/shell-limits", test_shell_limits);
        g_test_add_func("/adb/live/files", test_files);
        g_test_add_func("/adb/live/files-many", test_files_many);
        g_test_add_func("/adb/live/files-errors", test_files_errors);
        g_test_add_func("/adb/live/files-odd", test_files_odd);
        g_test_add_func("/adb/live/files-broken-off", test_files_broken_off);
        g_test_add_func("/adb/live/facts", test_facts);
        g_test_add_func("/adb/live/sensors", test_sensors);
        g_test_add_func("/adb/live/screen", test_screen);
        g_test_add_func("/adb/live/screen-still", test_screen_still);
        g_test_add_func("/adb/live/screen-off", test_screen_off);
        g_test_add_func("/adb/live/input-text", test_input_text);
        g_test_add_func("/adb/live/input-drag", test_input_drag);
        g_test_add_func("/adb/live/log", test_log);
        rc = g_test_run();
        lane_free(ops);
        lane_free(screen);
        lane_free(input);
        told_clear();
        bench_stop();
        return rc;
}
