/* Console history: ring, segments, restart, holes, a full disk, limits. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/core/console/history_private.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/thread.h"
#include "tests/unit/core/fake.h"
#include "tests/unit/core/histories.h"

static guint line_length = 97;

/* Byte at an offset, so that any read can be checked against where it claims to be. */
static guint8 byte_at(guint64 offset)
{
        return offset % line_length == line_length - 1 ? '\n' : (guint8)(33 + offset * 31 % 89);
}

static void append(TbHistory *h, gsize size)
{
        g_autofree guint8 *data = g_malloc(size);
        guint64 from = tb_history_end(h);
        for (gsize i = 0; i < size; i++)
                data[i] = byte_at(from + i);
        tb_history_append(h, data, size);
        g_assert_true(tb_history_flush(h, 60000));
}

static void moved(gpointer user)
{
        ++*(guint *)user;
}

static guint64 check_all(TbHistory *h, guint64 from, gsize step)
{
        g_autofree guint8 *buf = g_malloc(step);
        guint64 at, seen = 0;
        guint moves = 0;
        TbHistoryReader *r = tb_history_reader_new(h, (gint64)from, moved, &moves);
        for (gsize n;;) {
                guint before = moves;
                n = tb_history_reader_read(r, buf, step, &at);
                if (n == 0 && !tb_history_reader_waits(r))
                        break;
                while (n == 0 && moves == before)
                        g_main_context_iteration(NULL, TRUE);
                for (gsize i = 0; i < n; i++)
                        g_assert_cmpint(buf[i], ==, byte_at(at + i));
                seen += n;
                if (n > 0)
                        tb_history_reader_seek(r, (gint64)(at + n));
        }
        g_assert_cmpint(tb_history_reader_place(r), ==, (gint64)tb_history_end(h));
        tb_history_reader_free(r);
        return seen;
}

static bool broken(TbHistory *h)
{
        g_autofree char *error = tb_history_error(h);
        return error != NULL;
}

static char *new_dir(void)
{
        return g_dir_make_tmp("tbhistory-XXXXXX", NULL);
}

static void remove_dir(char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        for (const char *name; dir && (name = g_dir_read_name(dir));) {
                g_autofree char *file = g_build_filename(path, name, NULL);
                g_remove(file); /* a folder, too */
        }
        g_rmdir(path);
        g_free(path);
}

static guint files_in(const char *path)
{
        guint n = 0;
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        while (g_dir_read_name(dir))
                n++;
        return n;
}

static guint64 bytes_in(const char *path)
{
        guint64 total = 0;
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir));) {
                g_autofree char *file = g_build_filename(path, name, NULL);
                GStatBuf st;
                g_assert_cmpint(g_stat(file, &st), ==, 0);
                total += (guint64)st.st_size;
        }
        return total;
}

static void test_restart(void)
{
        char *dir = new_dir();
        guint64 end = 0;
        for (int run = 0; run < 4; run++) {
                TbHistory *h = histories_open(dir, 0);
                g_assert_false(broken(h));
                g_assert_cmpuint(tb_history_end(h), ==, end);
                append(h, 1000 + (gsize)run);
                if (run == 2) { /* more than the ring, in odd pieces, over several segments */
                        while (tb_history_end(h) < 3 * TB_LIMIT_HISTORY_SEGMENT)
                                append(h, 7919);
                }
                end = tb_history_end(h);
                g_assert_cmpuint(check_all(h, 0, 4096), ==, end);
                g_assert_cmpuint(check_all(h, end - 10, 3), ==, 10);
                histories_close(h);
        }
        TbHistory *h = histories_open(dir, 0); /* nothing said in this run */
        g_assert_cmpuint(check_all(h, 0, 65536), ==, end);
        histories_close(h);
        guint before = files_in(dir);
        h = histories_open(dir, 0);
        histories_close(h);
        g_assert_cmpuint(files_in(dir), ==, before);
        remove_dir(dir);
}

static void test_lines(void)
{
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        gint64 before = tb_clock_ms();
        tb_history_append(h, "one\r\ntw", 7);
        tb_history_append(h, "o\n\nbad \xff end\npart", 17);
        g_assert_true(tb_history_flush(h, 60000));
        guint64 next;
        json_auto_t *lines = histories_lines(h, 0, 10, &next);
        static const char *const expected[] = {"one", "two", "", "bad \xef\xbf\xbd end", "part"};
        static const int offsets[] = {0, 5, 9, 10, 20};
        g_assert_cmpuint(json_array_size(lines), ==, G_N_ELEMENTS(expected));
        for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
                json_t *line = json_array_get(lines, i);
                g_assert_cmpstr(json_string_value(json_object_get(line, "text")), ==, expected[i]);
                g_assert_cmpint(json_integer_value(json_object_get(line, "offset")), ==, offsets[i]);
                g_assert_cmpint(json_integer_value(json_object_get(line, "t")), >=, before);
        }
        g_assert_cmpuint(next, ==, tb_history_end(h));
        for (guint i = 0; i < G_N_ELEMENTS(expected); i++) /* only the last one has not ended */
                g_assert_cmpint(json_is_true(json_object_get(json_array_get(lines, i), "more")), ==, i == 4);
        json_auto_t *two = histories_lines(h, 5, 2, &next);
        g_assert_cmpuint(json_array_size(two), ==, 2);
        g_assert_cmpuint(next, ==, 10);
        histories_close(h);
        h = histories_open(dir, 0); /* the same from disk */
        json_auto_t *again = histories_lines(h, 0, 10, &next);
        g_assert_true(json_equal(lines, again));
        histories_close(h);
        remove_dir(dir);
}

/* TB_LIMIT_LOG_BYTES of one look: the last line begins below it; what is no UTF-8 counts as what is said for it, three bytes each. */
static void test_bytes_of_lines(void)
{
        enum { LINE = 3000 };
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        guint64 next = 0;
        char line[LINE + 1];
        const guint fit[] = {(TB_LIMIT_LOG_BYTES + LINE - 1) / LINE,
                             (TB_LIMIT_LOG_BYTES + 3 * LINE - 1) / (3 * LINE)};
        for (guint odd = 0; odd <= 1; odd++) {
                guint64 from = tb_history_end(h);
                memset(line, odd ? 0xff : 'x', LINE);
                line[LINE] = '\n';
                for (guint i = 0; i <= fit[odd]; i++) {
                        tb_history_append(h, line, sizeof line);
                        g_assert_true(tb_history_flush(h, 60000));
                }
                json_auto_t *lines = histories_lines(h, from, TB_LIMIT_LOG_LINES, &next);
                g_assert_cmpuint(json_array_size(lines), ==, fit[odd]);
                g_assert_cmpuint(next, ==, from + fit[odd] * sizeof line);
        }
        histories_close(h);
        remove_dir(dir);
}

/* Whoever asks again from where he was told to gets every byte once: an unfinished line, a lone CR, a line that is longer than a
 * piece, and one that is longer than all that is in memory. */
static void test_polling(void)
{
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        g_autoptr(GString) said = g_string_new(NULL), seen = g_string_new(NULL);
        guint64 next = 0;
        g_autofree char *l = g_strnfill(TB_LIMIT_LINE - 1, 'L'), *huge = g_strnfill(700 * 1024, 'h');
        const char *const parts[] = {"login: ", "root\n",  "10 %\r", "20 %\r", "done\rX", "\n\n",
                                     l,         "L",       "\n",     huge,     huge,      huge,
                                     "end\n",   "a\rb\nc", "\n",     l,        "L\n",     "=> "};
        for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
                tb_history_append(h, parts[i], strlen(parts[i]));
                g_assert_true(tb_history_flush(h, 60000));
                g_string_append(said, parts[i]);
                for (guint64 from = G_MAXUINT64; from != next;) {
                        from = next;
                        json_auto_t *lines = histories_lines(h, from, 10, &next);
                        size_t n;
                        json_t *line;
                        json_array_foreach (lines, n, line)
                                g_string_append_printf(seen, "%s%s",
                                                       json_string_value(json_object_get(line, "text")),
                                                       json_object_get(line, "more") ? "" : "\n");
                }
                g_assert_cmpuint(next, ==, tb_history_end(h));
        }
        g_assert_cmpuint(seen->len, ==, said->len);
        g_assert_true(strcmp(seen->str, said->str) == 0);
        histories_close(h);
        remove_dir(dir);
}

static guint64 found(TbHistory *h, guint tail, gint64 since_ms)
{
        TbHistoryReader *r = tb_history_reader_new(h, 0, histories_ready, NULL);
        json_t *lines;
        guint64 next;
        tb_history_reader_wish(r, &(TbHistoryWish){.tail = tail, .since_ms = since_ms});
        while (!(lines = tb_history_reader_lines(r, 1, &next)))
                g_main_context_iteration(NULL, TRUE);
        tb_history_reader_free(r);
        guint64 at =
                json_array_size(lines)
                        ? (guint64)json_integer_value(json_object_get(json_array_get(lines, 0), "offset"))
                        : next;
        json_decref(lines);
        return at;
}

/* The last lines, and those since a time, from memory and from the disk. */
static void test_wishes(void)
{
        enum { LINES = 60000, LINE = 40 };
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        gint64 before = tb_clock_ms(), half = 0;
        for (guint i = 0; i < LINES; i++) {
                g_autofree char *line = g_strdup_printf("%0*u\n", LINE - 1, i);
                tb_history_append(h, line, LINE);
                if (i == LINES / 2) {
                        g_assert_true(tb_history_flush(h, 60000));
                        for (gint64 now = tb_clock_ms(); (half = tb_clock_ms()) <= now + 1;)
                                g_thread_yield();
                }
                if (i % 5000 == 0)
                        g_assert_true(tb_history_flush(h, 60000));
        }
        g_assert_true(tb_history_flush(h, 60000));
        for (guint again = 0; again < 2; again++) {
                g_assert_cmpuint(found(h, 1, 0), ==, (LINES - 1) * LINE);
                g_assert_cmpuint(found(h, 7, 0), ==, (LINES - 7) * LINE);
                g_assert_cmpuint(found(h, 55000, 0), ==, (LINES - 55000) * LINE);
                g_assert_cmpuint(found(h, LINES + 1, 0), ==, 0);
                g_assert_cmpuint(found(h, 0, before), ==, 0);
                g_assert_cmpuint(found(h, 0, half), ==, (LINES / 2 + 1) * LINE);
                g_assert_cmpuint(found(h, 0, tb_clock_ms() + 1000), ==, LINES * LINE);
                histories_close(h);
                h = histories_open(dir, 0);
        }
        histories_close(h);
        remove_dir(dir);
}

/* A small history keeps the most of what it may have. */
static void test_small_keeps_most(void)
{
        char *dir = new_dir();
        const guint64 limit = 4 << 20;
        TbHistory *h = histories_open(dir, limit);
        while (tb_history_end(h) < 4 * limit) {
                append(h, 65536);
                guint64 kept = tb_history_end(h) - tb_history_start(h);
                g_assert_cmpuint(kept, >=, MIN(tb_history_end(h), limit / 2));
        }
        histories_close(h);
        remove_dir(dir);
}

static void test_oldest_goes(void)
{
        char *dir = new_dir();
        const guint64 limit = 2 * TB_LIMIT_HISTORY_SEGMENT;
        TbHistory *h = histories_open(dir, limit);
        while (tb_history_end(h) < 5 * (guint64)TB_LIMIT_HISTORY_SEGMENT)
                append(h, 65536);
        guint64 start = tb_history_start(h);
        g_assert_cmpuint(start, >, 0);
        g_assert_cmpuint(tb_history_end(h) - start, <=, limit);
        g_assert_cmpuint(check_all(h, 0, 65536), ==,
                         tb_history_end(h) - start); /* asking for what is gone begins where it is not */
        histories_close(h);
        remove_dir(dir);
}

/* The whole limit is used, and not a byte more: the first one beyond it costs the oldest segment. */
static void test_limit(void)
{
        char *dir = new_dir();
        const guint64 place = 16; /* of the only line */
        line_length = G_MAXUINT;
        TbHistory *h = histories_open(dir, 0);
        while (tb_history_end(h) < TB_LIMIT_HISTORY - 65536)
                append(h, 65536);
        append(h, TB_LIMIT_HISTORY - place - tb_history_end(h));
        g_assert_cmpuint(bytes_in(dir), ==, TB_LIMIT_HISTORY);
        g_assert_cmpuint(tb_history_start(h), ==, 0);
        append(h, 1); /* limit + 1 */
        guint64 start = tb_history_start(h);
        g_assert_cmpuint(start, >=, TB_LIMIT_HISTORY_SEGMENT - place);
        g_assert_cmpuint(start, <, TB_LIMIT_HISTORY_SEGMENT + 65536);
        g_assert_cmpuint(bytes_in(dir), ==, TB_LIMIT_HISTORY - place + 1 - start);
        g_assert_cmpuint(tb_history_end(h), ==, TB_LIMIT_HISTORY - place + 1);
        g_assert_cmpuint(check_all(h, 0, 65536), ==, tb_history_end(h) - start);
        histories_close(h);
        const guint64 lower = 2 * TB_LIMIT_HISTORY_SEGMENT; /* it was set lower in between */
        h = histories_open(dir, lower);
        g_assert_cmpuint(tb_history_start(h), ==, start);
        append(h, 1);
        g_assert_cmpuint(bytes_in(dir), <=, lower);
        g_assert_cmpuint(tb_history_start(h), >, start);
        g_assert_cmpuint(check_all(h, start, 65536), ==, tb_history_end(h) - tb_history_start(h));
        histories_close(h);
        line_length = 97;
        remove_dir(dir);
}

/* Nothing but ends of lines: the place of each takes more room than the line. */
static void test_limit_of_lines(void)
{
        char *dir = new_dir();
        const guint64 limit = 2 * TB_LIMIT_HISTORY_SEGMENT;
        line_length = 1;
        TbHistory *h = histories_open(dir, limit);
        while (tb_history_end(h) < 2 * 1024 * 1024) {
                append(h, 8192);
                g_assert_cmpuint(bytes_in(dir), <=, limit);
        }
        g_assert_cmpuint(tb_history_start(h), >, 0);
        guint64 next, start = tb_history_start(h);
        json_auto_t *lines = histories_lines(h, 0, 2, &next);
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(lines, 0), "offset")), ==, start);
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(lines, 1), "offset")), ==,
                        start + 1);
        histories_close(h);
        line_length = 97;
        remove_dir(dir);
}

static void put_file(const char *dir, const char *name, gsize size)
{
        g_autofree char *path = g_build_filename(dir, name, NULL), *text = g_strnfill(size, 'x');
        g_assert_true(g_file_set_contents(path, text, (gssize)size, NULL));
}

static bool is_there(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* What is called like a segment and is none: the offsets that users see do not come from it, and it is not lost. */
static void test_strange_files(void)
{
        g_autofree char *at_limit =
                g_strdup_printf("%020" G_GINT64_FORMAT ".log", (gint64)TB_LIMIT_HISTORY_OFFSET - 100);
        g_autofree char *above =
                g_strdup_printf("%020" G_GINT64_FORMAT ".log", (gint64)TB_LIMIT_HISTORY_OFFSET - 99);
        static const char *const never[] = {"09223372036854775806.log", "09223372036854775807.log",
                                            "18446744073709551615.log", "99999999999999999999.log",
                                            "00000000000000000005.log" /* within the first segment */};
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        append(h, 5000);
        histories_close(h);
        guint before = files_in(dir);
        for (guint i = 0; i < G_N_ELEMENTS(never); i++)
                put_file(dir, never[i], 100);
        put_file(dir, "09223372036854775806.idx", 16);
        put_file(dir, above, 100);
        g_autofree char *folder = g_build_filename(dir, "00000000000000000009.log", NULL);
        g_autofree char *link = g_build_filename(dir, "00000000000000000008.log", NULL);
        g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
        g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
        guint with = files_in(dir);
        for (int run = 0; run < 2; run++) {
                h = histories_open(dir, 0);
                g_assert_cmpuint(tb_history_end(h), ==, 5000);
                g_assert_cmpuint(check_all(h, 0, 4096), ==, 5000);
                histories_close(h);
                g_assert_cmpuint(files_in(dir), ==, with); /* nothing is lost, nothing more is made */
        }
        for (guint i = 0; i < G_N_ELEMENTS(never); i++)
                g_assert_false(is_there(dir, never[i]));
        g_assert_false(is_there(dir, "09223372036854775806.idx"));
        g_assert_false(is_there(dir, above));
        g_assert_cmpuint(with - before, ==, G_N_ELEMENTS(never) + 4);

        put_file(dir, at_limit, 100); /* as far as a console may get: it goes on from there */
        h = histories_open(dir, 0);
        g_assert_cmpuint(tb_history_end(h), ==, TB_LIMIT_HISTORY_OFFSET);
        append(h, 10);
        g_assert_cmpuint(tb_history_end(h), ==, TB_LIMIT_HISTORY_OFFSET + 10);
        histories_close(h);
        remove_dir(dir);
}

/* Nothing but a plain file is opened: a pipe would keep who opens it for ever, a link leads elsewhere. */
static void test_no_files(void)
{
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        append(h, 5000);
        histories_close(h);
        g_autofree char *idx = g_build_filename(dir, "00000000000000000000.idx", NULL);
        g_autofree char *next = g_build_filename(dir, "00000000000000005000.idx", NULL);
        g_autofree char *log = g_build_filename(dir, "00000000000000005000.log", NULL);
        g_assert_cmpint(g_unlink(idx), ==, 0);
        g_assert_cmpint(mkfifo(idx, 0600), ==, 0);
        g_assert_cmpint(mkfifo(next, 0600), ==, 0);
        g_assert_cmpint(mkfifo(log, 0600), ==, 0);
        h = histories_open(dir, 0);
        g_assert_false(broken(h));
        g_assert_cmpuint(tb_history_end(h), ==, 5000);
        append(h, 100);
        g_assert_cmpuint(check_all(h, 0, 4096), ==, 5100);
        histories_close(h);
        /* one that comes while it is open */
        h = histories_open(dir, 0);
        g_autofree char *now = g_build_filename(dir, "00000000000000005100.idx", NULL);
        append(h, 100);
        g_assert_cmpint(g_unlink(now), ==, 0);
        g_assert_cmpint(mkfifo(now, 0600), ==, 0);
        guint64 after;
        json_auto_t *lines = histories_lines(h, 0, 1000, &after);
        g_assert_cmpuint(after, ==, 5200);
        g_assert_cmpuint(check_all(h, 0, 4096), ==, 5200);
        histories_close(h);
        remove_dir(dir);
}

/* What comes before the folder was looked at gets its place behind what stands there. */
static void test_early(void)
{
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        append(h, TB_HISTORY_RING - 1000);
        histories_close(h);
        guint ready = 0;
        h = tb_history_open(dir, 0);
        tb_history_append(h, "early\n", 6);
        TbHistoryReader *now = tb_history_reader_new(h, TB_HISTORY_NOW, moved, &ready);
        TbHistoryReader *tail = tb_history_reader_new(h, -106, moved, &ready);
        tb_history_append(h, "late\n", 5);
        char buf[200];
        guint64 at = 0;
        gsize n = 0;
        while ((n = tb_history_reader_read(now, buf, sizeof buf, &at)) == 0)
                g_main_context_iteration(NULL, TRUE);
        if (at == TB_HISTORY_RING - 1000) { /* it was open before the reader was there */
                g_assert_cmpuint(n, ==, 11);
        } else {
                g_assert_cmpuint(at, ==, TB_HISTORY_RING - 1000 + 6);
                g_assert_cmpmem(buf, n, "late\n", 5);
        }
        while ((n = tb_history_reader_read(tail, buf, sizeof buf, &at)) == 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_cmpint(buf[0], ==, byte_at(at)); /* of the run before */
        tb_history_reader_free(now);
        tb_history_reader_free(tail);
        g_assert_cmpuint(tb_history_end(h), ==, TB_HISTORY_RING - 1000 + 11);
        g_assert_true(tb_history_flush(h, 60000));
        guint64 next;
        json_auto_t *lines = histories_lines(h, TB_HISTORY_RING - 1000, 10, &next);
        g_assert_cmpuint(json_array_size(lines), ==, 2);
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(lines, 1), "text")), ==, "late");
        histories_close(h);
        h = histories_open(dir, 0);
        n = histories_read(h, TB_HISTORY_RING - 1000, buf, sizeof buf, &at);
        g_assert_cmpmem(buf, n, "early\nlate\n", 11);
        histories_close(h);
        remove_dir(dir);
}

static void never(gpointer user G_GNUC_UNUSED)
{
        g_assert_not_reached();
}

/* Whoever leaves does so whatever is under way: an opening, a read. */
static void test_leaving(void)
{
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        while (tb_history_end(h) < 3 * TB_HISTORY_RING)
                append(h, 65536);
        histories_close(h);
        for (int round = 0; round < 20; round++) {
                h = tb_history_open(dir, 0);
                TbHistoryReader *r = tb_history_reader_new(h, 0, never, NULL);
                char buf[100];
                guint64 at, next;
                tb_history_reader_read(r, buf, sizeof buf, &at);
                tb_history_close(h);
                tb_history_reader_free(r);
                h = tb_history_open(dir, 0); /* the same one, or the next */
                g_assert_true(tb_history_flush(h, 60000));
                TbHistoryReader *some[4];
                for (guint i = 0; i < G_N_ELEMENTS(some); i++) {
                        some[i] = tb_history_reader_new(h, 0, never, NULL);
                        g_assert_cmpuint(tb_history_reader_read(some[i], buf, sizeof buf, &at), ==, 0);
                        g_assert_true(tb_history_reader_waits(some[i]));
                        g_assert_null(tb_history_reader_lines(some[i], 10, &next)); /* one look at a time */
                }
                for (guint i = 0; i < G_N_ELEMENTS(some); i++)
                        tb_history_reader_free(some[i]);
                tb_history_close(h);
                histories_settle();
        }
        tb_histories_stop();
        histories_settle();
        h = histories_open(dir, 0);
        g_assert_cmpuint(check_all(h, 0, 65536), ==, 3 * TB_HISTORY_RING);
        histories_close(h);
        remove_dir(dir);
}

/* Main does not get at the disk, whoever calls. */
static void test_main_may_not(void)
{
        if (!g_test_subprocess()) {
                g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
                g_test_trap_assert_failed();
                g_test_trap_assert_stderr("*tb_is_main*");
                return;
        }
        TbHistory *h = histories_open(new_dir(), 0);
        char byte;
        guint64 at;
        tb_history_read(h, 0, &byte, 1, &at);
}

static void test_no_disk(void)
{
        TbHistory *h = histories_open("/proc/nowhere/history", 0);
        g_assert_true(broken(h));
        append(h, 2 * TB_HISTORY_RING + 5);
        g_assert_cmpuint(tb_history_end(h) - tb_history_start(h), ==, TB_HISTORY_RING);
        g_assert_cmpuint(check_all(h, 0, 1000), ==, TB_HISTORY_RING);
        histories_close(h);
}

static void test_full_disk(void)
{
        char *dir = new_dir();
        TbHistory *h = histories_open(dir, 0);
        append(h, 100000);
        g_assert_false(broken(h));
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit old, small = {.rlim_cur = 120000, .rlim_max = RLIM_INFINITY};
        getrlimit(RLIMIT_FSIZE, &old);
        small.rlim_max = old.rlim_max;
        setrlimit(RLIMIT_FSIZE, &small);
        append(h, 50000); /* only a part of it fits: none of it counts as written */
        g_assert_true(broken(h));
        append(h, 50000);
        setrlimit(RLIMIT_FSIZE, &old);
        g_assert_cmpuint(check_all(h, 0, 4096), ==, 200000); /* readers miss nothing while it is in memory */
        histories_close(h);
        h = histories_open(dir, 0); /* what is on the disk is whole, and in its place */
        g_assert_cmpuint(tb_history_end(h), ==, 100000);
        g_assert_cmpuint(check_all(h, 0, 4096), ==, 100000);
        histories_close(h);
        remove_dir(dir);
}

static void on_change(gpointer user)
{
        ++*(guint *)user;
}

/* No thread can be had: said once, nothing is lost that the ring holds, and written when there is one. In a process of its
 * own, because root's threads have no limit. */
static void test_no_thread(void)
{
        if (!g_test_subprocess()) {
                g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
                g_test_trap_assert_passed();
                return;
        }
        char *dir = new_dir();
        /* by its own path nobody may not reach it: what is above may be root's */
        if (g_chmod(dir, 0777) < 0 || chdir(dir) < 0 || (getuid() == 0 && setuid(65534) < 0))
                g_error("cannot become nobody");
        TbHistory *h = histories_open(".", 0);
        tb_histories_stop(); /* its thread, which is wanted again with the first byte */
        guint told = 0;
        tb_history_on_change(h, on_change, &told);
        struct rlimit old, none = {.rlim_cur = 1};
        getrlimit(RLIMIT_NPROC, &old);
        none.rlim_max = old.rlim_max;
        setrlimit(RLIMIT_NPROC, &none);
        append(h, 5000);
        append(h, 5000);
        histories_settle();
        g_assert_cmpuint(told, ==, 1);
        g_autofree char *why = tb_history_error(h);
        g_assert_nonnull(strstr(why, "thread"));
        g_assert_false(tb_history_behind(h));
        g_assert_cmpuint(check_all(h, 0, 1000), ==, 10000);
        setrlimit(RLIMIT_NPROC, &old);
        h->retry_us = 0;
        append(h, 5000);
        g_assert_false(broken(h));
        histories_close(h);
        h = histories_open(".", 0);
        g_assert_cmpuint(check_all(h, 0, 4096), ==, 15000);
        histories_close(h);
        remove_dir(dir);
        _exit(0); /* the search for leaks would look at a process that was root's */
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/history/restart", test_restart);
        g_test_add_func("/history/polling", test_polling);
        g_test_add_func("/history/wishes", test_wishes);
        g_test_add_func("/history/small", test_small_keeps_most);
        g_test_add_func("/history/lines", test_lines);
        g_test_add_func("/history/bytes-of-lines", test_bytes_of_lines);
        g_test_add_func("/history/oldest-goes", test_oldest_goes);
        g_test_add_func("/history/limit", test_limit);
        g_test_add_func("/history/limit-of-lines", test_limit_of_lines);
        g_test_add_func("/history/strange-files", test_strange_files);
        g_test_add_func("/history/no-files", test_no_files);
        g_test_add_func("/history/early", test_early);
        g_test_add_func("/history/leaving", test_leaving);
        g_test_add_func("/history/main-may-not", test_main_may_not);
        g_test_add_func("/history/no-disk", test_no_disk);
        g_test_add_func("/history/full-disk", test_full_disk);
        g_test_add_func("/history/no-thread", test_no_thread);
        int rc = g_test_run();
        tb_main_stop();
        tb_histories_stop();
        return rc;
}
