/* Clips in a folder: whole or not there, exactly what was promised, nothing outside. */
#include "server/blob/blob.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"
#include "tests/unit/server/db_rig.h"

#define NAME "sessions/s-1/events/e-1.webm"

typedef struct Place {
        char *folder, *clips; /* owned */
        TbBlobOptions options;
        TbBlobs *blobs;
} Place;

typedef struct Said {
        bool there;
        TbBlobInfo info;
        GError *error; /* owned */
} Said;

static void on_said(const TbBlobInfo *info, const GError *error, gpointer data)
{
        Said *s = data;
        s->there = true;
        if (info)
                s->info = *info;
        s->error = error ? g_error_copy(error) : NULL;
}

static void open_place(Place *p, guint64 quota)
{
        tb_main_init(NULL);
        p->folder = g_dir_make_tmp("tb-blob-XXXXXX", NULL);
        p->clips = g_build_filename(p->folder, "clips", NULL);
        p->options = (TbBlobOptions){.folder = p->clips, .quota_bytes = quota};
        p->blobs = tb_blobs_new(&p->options);
}

static void close_place(Place *p)
{
        char *argv[] = {(char *)"rm", (char *)"-rf", p->folder, NULL};
        tb_blobs_free(p->blobs);
        tb_main_stop();
        g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
        g_free(p->folder);
        g_free(p->clips);
}

/* `text` as the body of what was promised to have `size` bytes; NULL: the client leaves. */
static Said give(Place *p, const char *name, const char *text, gint64 size)
{
        Said s = {0};
        g_autoptr(TbPipe) body = tb_pipe_new(1 << 16);
        if (!tb_blobs_put(p->blobs, name, size, body, on_said, &s, &s.error))
                return s;
        if (text) {
                g_assert_cmpint(tb_pipe_try_write(body, text, strlen(text), NULL), ==, (gssize)strlen(text));
                tb_pipe_finish(body);
        } else {
                g_autoptr(GError) left =
                        g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "the client left");
                tb_pipe_fail(body, left);
        }
        UNTIL(s.there);
        return s;
}

static char *get(Place *p, const char *name, gint64 from, gint64 n, GError **error)
{
        Said s = {0};
        g_autoptr(TbPipe) to = tb_pipe_new(1 << 16);
        g_assert_true(tb_blobs_get(p->blobs, name, NULL, from, n, to, on_said, &s, NULL));
        UNTIL(s.there);
        if (s.error) {
                g_propagate_error(error, s.error);
                return NULL;
        }
        char *text = g_malloc0((gsize)n + 1);
        g_assert_cmpint(tb_pipe_try_read(to, text, (gsize)n, NULL), ==, (gssize)n);
        return text;
}

static void put_and_get(void)
{
        Place p;
        open_place(&p, 0);
        Said s = give(&p, NAME, "hello, clip", 11);
        g_assert_no_error(s.error);
        g_assert_cmpint(s.info.size, ==, 11);
        g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_MD5, "hello, clip", -1),
                        *etag = g_strdup_printf("\"%s\"", sum);
        g_assert_cmpstr(s.info.etag, ==, etag);
        g_autofree char *all = get(&p, NAME, 0, 11, NULL), *part = get(&p, NAME, 7, 4, NULL);
        g_assert_cmpstr(all, ==, "hello, clip");
        g_assert_cmpstr(part, ==, "clip");
        g_assert_cmpuint(tb_blobs_used(p.blobs), ==, 11);
        s = give(&p, NAME, "again", 5); /* in its place */
        g_assert_no_error(s.error);
        g_assert_cmpuint(tb_blobs_used(p.blobs), ==, 5);
        /* a server that starts anew counts what is there */
        tb_blobs_free(p.blobs);
        p.blobs = tb_blobs_new(&p.options);
        UNTIL(tb_blobs_used(p.blobs) == 5);
        Said gone = {0};
        g_assert_true(tb_blobs_remove(p.blobs, NAME, on_said, &gone, NULL));
        UNTIL(gone.there);
        g_assert_no_error(gone.error);
        g_assert_cmpuint(tb_blobs_used(p.blobs), ==, 0);
        g_autoptr(GError) error = NULL;
        g_assert_null(get(&p, NAME, 0, 1, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_NOT_FOUND);
        close_place(&p);
}

static void not_as_promised(void)
{
        static const struct {
                const char *body;
                gint64 size;
                int code;
        } table[] = {{"four", 5, TB_ERROR_INVALID},
                     {"four", 3, TB_ERROR_TOO_LARGE},
                     {NULL, 4, TB_ERROR_INTERRUPTED}};
        Place p;
        open_place(&p, 0);
        for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
                Said s = give(&p, NAME, table[i].body, table[i].size);
                g_assert_error(s.error, TB_ERROR, table[i].code);
                g_clear_error(&s.error);
                g_autoptr(GError) error = NULL;
                g_assert_null(get(&p, NAME, 0, 1, &error));
                g_assert_cmpuint(tb_blobs_used(p.blobs), ==, 0);
        }
        /* nothing unfinished is left beside it either */
        g_autofree char *folder = g_build_filename(p.clips, "sessions/s-1/events", NULL);
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        g_assert_nonnull(dir);
        g_assert_null(g_dir_read_name(dir));
        close_place(&p);
}

static void quota(void)
{
        Place p;
        open_place(&p, 10);
        Said s = give(&p, NAME, "123456", 6);
        g_assert_no_error(s.error);
        s = give(&p, "sessions/s-1/events/e-2.webm", "12345", 5);
        g_assert_error(s.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_clear_error(&s.error);
        s = give(&p, "sessions/s-1/events/e-2.webm", "1234", 4);
        g_assert_no_error(s.error);
        close_place(&p);
}

static void links_and_leftovers(void)
{
        Place p;
        open_place(&p, 0);
        g_autofree char *outside = g_build_filename(p.folder, "outside", NULL),
                        *sessions = g_build_filename(p.clips, "sessions", NULL),
                        *left = g_build_filename(p.clips, "sessions/.part-1-1", NULL),
                        *clip = g_build_filename(p.folder, "outside/e.webm", NULL);
        g_mkdir_with_parents(outside, 0700);
        g_mkdir_with_parents(sessions, 0700);
        g_assert_true(g_file_set_contents(clip, "secret", -1, NULL));
        g_autofree char *link = g_build_filename(sessions, "s", NULL);
        g_assert_cmpint(symlink(outside, link), ==, 0);
        Said s = give(&p, "sessions/s/e.webm", "mine", 4);
        g_assert_error(s.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_clear_error(&s.error);
        g_autoptr(GError) error = NULL;
        g_assert_null(get(&p, "sessions/s/e.webm", 0, 6, &error));
        g_assert_nonnull(error);
        /* what a server that was killed has left unfinished goes at the next start */
        g_assert_true(g_file_set_contents(left, "half", -1, NULL));
        tb_blobs_free(p.blobs);
        p.blobs = tb_blobs_new(&p.options);
        s = give(&p, NAME, "x", 1); /* waits for the look at what is there */
        g_assert_no_error(s.error);
        g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
        close_place(&p);
}

static void names(void)
{
        static const char *const good[] = {NAME, "a", "a/b", "sessions/\xc3\xa4/e"};
        static const char *const bad[] = {"",          "/a",   "a/",   "a//b", "..",   "a/../b", "a/./b",
                                          "a/.part-1", "a\\b", "a\nb", "\x7f", "\xff", "a/..",   "../a"};
        g_autofree char *segment = g_strnfill(200, 'x'), *longer = g_strnfill(201, 'x');
        g_autofree char *whole = g_strdup_printf("%s/%s/%.110s", segment, segment, segment),
                        *more = g_strdup_printf("%s/%s/%.111s", segment, segment, segment);
        for (guint i = 0; i < G_N_ELEMENTS(good); i++)
                g_assert_true(tb_blob_name_valid(good[i]));
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_blob_name_valid(bad[i]));
        g_assert_true(tb_blob_name_valid(segment) && !tb_blob_name_valid(longer));
        g_assert_cmpuint(strlen(whole), ==, 512);
        g_assert_true(tb_blob_name_valid(whole) && !tb_blob_name_valid(more));
}

static void on_names(char **names_take, const GError *error, gpointer data)
{
        g_assert_no_error(error);
        *(char ***)data = names_take;
}

static char **list(Place *p, const char *after, gint64 from_ms, gint64 to_ms)
{
        char **names = NULL;
        g_assert_true(tb_blobs_list(p->blobs, after, from_ms, to_ms, TB_LIMIT_CLIPS_SWEPT, on_names, &names));
        UNTIL(names != NULL);
        return names;
}

/* TB_LIMIT_CLIPS_SWEPT: so many, in their order, and the rest after them. */
static void listed(void)
{
        Place p;
        open_place(&p, 0);
        g_auto(GStrv) none = list(&p, NULL, 0, G_MAXINT64);
        g_assert_null(none[0]);
        g_autofree char *folder = g_build_filename(p.clips, "s", NULL);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        for (guint i = 0; i <= TB_LIMIT_CLIPS_SWEPT; i++) {
                g_autofree char *file = g_strdup_printf("%s/n%04u.webm", folder, i);
                g_assert_true(g_file_set_contents(file, "x", 1, NULL));
        }
        g_autofree char *part = g_strconcat(folder, "/.part-1", NULL);
        g_assert_true(g_file_set_contents(part, "x", 1, NULL));
        g_auto(GStrv) first = list(&p, NULL, 0, G_MAXINT64);
        g_assert_cmpuint(g_strv_length(first), ==, TB_LIMIT_CLIPS_SWEPT);
        g_assert_cmpstr(first[0], ==, "s/n0000.webm");
        g_assert_cmpstr(first[499], ==, "s/n0499.webm");
        g_auto(GStrv) rest = list(&p, first[499], 0, G_MAXINT64);
        g_assert_cmpuint(g_strv_length(rest), ==, 1);
        g_assert_cmpstr(rest[0], ==, "s/n0500.webm");
        g_auto(GStrv) old = list(&p, NULL, 0, 1000);
        g_assert_null(old[0]);
        close_place(&p);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/blob/put-and-get", put_and_get);
        g_test_add_func("/blob/not-as-promised", not_as_promised);
        g_test_add_func("/blob/quota", quota);
        g_test_add_func("/blob/links-and-leftovers", links_and_leftovers);
        g_test_add_func("/blob/listed", listed);
        g_test_add_func("/blob/names", names);
        return g_test_run();
}
