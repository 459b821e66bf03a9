#include "lib/http/http.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "tests/unit/lib/http_rig.h"

static char *folder;

static void put(const char *name, const char *text)
{
        g_autofree char *path = g_build_filename(folder, name, NULL), *dir = g_path_get_dirname(path);
        g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void make_files(void)
{
        folder = g_dir_make_tmp("static-XXXXXX", NULL);
        put("web/index.html", "<p>index");
        put("web/app/main.js", "js");
        put("web/app/main.js.gz", "gzipped");
        put("web/app/both.js", "plain");
        put("web/app/both.js.gz", "gzipped");
        put("web/app/both.js.br", "brotli");
        put("web/sub/index.html", "sub");
        put("web/empty.css", "");
        put("web/.hidden", "no");
        put("web/a b.txt", "space");
        put("modules/@x/term/lib.mjs", "vendor");
        put("secret.txt", "no");
        g_autofree char *link = g_build_filename(folder, "web/out", NULL),
                        *odd = g_build_filename(folder, "web/pipe", NULL);
        g_assert_cmpint(symlink("../secret.txt", link), ==, 0);
        g_assert_cmpint(mkfifo(odd, 0600), ==, 0);
}

static void remove_tree(const char *path)
{
        if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK) && g_file_test(path, G_FILE_TEST_IS_DIR)) {
                g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
                for (const char *name; (name = g_dir_read_name(dir));) {
                        g_autofree char *child = g_build_filename(path, name, NULL);
                        remove_tree(child);
                }
        }
        g_remove(path);
}

#define H " HTTP/1.1\r\nHost: localhost\r\n"

static const struct {
        const char *request;
        int status;
        const char *has;
} rows[] = {
        {"GET /" H "\r\n", 200, "<p>index"},
        {"GET /" H "\r\n", 200, "Content-Type: text/html; charset=utf-8"},
        {"GET /" H "\r\n", 200, "X-Content-Type-Options: nosniff"},
        {"GET /" H "\r\n", 200, "frame-ancestors 'self'"},
        {"GET /" H "\r\n", 200, "connect-src 'self' ws://localhost wss://localhost;"},
        {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, "connect-src 'self'; object-src"},
        {"GET /" H "\r\n", 200, "Referrer-Policy: no-referrer"},
        {"HEAD /" H "\r\n", 200, "Content-Length: 8"},
        {"GET /app/main.js" H "\r\n", 200, "text/javascript"},
        {"GET /app/main.js?v=1" H "\r\n", 200, "js"},
        {"GET /app/main.js" H "Accept-Encoding: br, gzip\r\n\r\n", 200, "Content-Encoding: gzip"},
        {"GET /app/main.js" H "Accept-Encoding: gzip\r\n\r\n", 200, "gzipped"},
        {"GET /app/both.js" H "\r\n", 200, "plain"},
        {"GET /app/both.js" H "\r\n", 200, "Vary: Accept-Encoding"},
        {"GET /app/both.js" H "Accept-Encoding: gzip, br\r\n\r\n", 200, "Content-Encoding: br"},
        {"GET /app/both.js" H "Accept-Encoding: gzip, br;q=0\r\n\r\n", 200, "gzipped"},
        {"GET /app/both.js" H "Accept-Encoding: gzip;q=0.0, br; q=0\r\n\r\n", 200, "plain"},
        {"GET /app/both.js" H "Accept-Encoding: *\r\n\r\n", 200, "brotli"},
        {"GET /app/both.js" H "Accept-Encoding: *;q=0\r\n\r\n", 200, "plain"},
        {"GET /app/both.js" H "Accept-Encoding: brotli, x-gzip\r\n\r\n", 200, "plain"},
        {"GET /app/both.js" H "Accept-Encoding: GZIP\r\n\r\n", 200, "gzipped"},
        {"GET /app/main.js" H "Accept-Encoding: br\r\n\r\n", 200, "js"},
        {"GET /sub" H "\r\n", 301, "Location: ./sub/"},
        {"GET /sub/" H "\r\n", 200, "sub"},
        {"GET /app/" H "\r\n", 404, NULL},
        {"GET /empty.css" H "\r\n", 200, "text/css"},
        {"GET /a%20b.txt" H "\r\n", 200, "space"},
        {"GET /vendor/term/lib.mjs" H "\r\n", 200, "vendor"},
        {"GET /vendor/term/../../secret.txt" H "\r\n", 404, NULL},
        {"GET /../secret.txt" H "\r\n", 404, NULL},
        {"GET /%2e%2e/secret.txt" H "\r\n", 404, NULL},
        {"GET /app/%2e%2e%2f%2e%2e%2fsecret.txt" H "\r\n", 404, NULL},
        {"GET /app/..%5c..%5csecret.txt" H "\r\n", 404, NULL},
        {"GET /app//main.js" H "\r\n", 404, NULL},
        {"GET /.hidden" H "\r\n", 404, NULL},
        {"GET /out" H "\r\n", 404, NULL},  /* a link that leads out */
        {"GET /pipe" H "\r\n", 404, NULL}, /* opening it must not block */
        {"GET /app/main.js%00.txt" H "\r\n", 404, NULL},
        {"GET /nothing" H "\r\n", 404, "application/problem+json"},
        {"POST /app/main.js" H "\r\n", 404, NULL},
};

static void test_table(void)
{
        Rig rig;
        rig_start(&rig, NULL, NULL, NULL);
        g_autofree char *web = g_build_filename(folder, "web", NULL);
        g_assert_true(tb_http_add_static(rig.http, "/", web, "{\"term\":\"../modules/@x/term\"}", NULL));
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(Answer) a = rig_ask(&rig, rows[i].request);
                if (a->status != rows[i].status ||
                    (rows[i].has && !strstr(a->headers, rows[i].has) && !strstr(a->body, rows[i].has)))
                        g_error("%s -> %s%s", rows[i].request, a->headers, a->body);
                g_assert_null(strstr(a->body, "no\n"));
        }
        rig_stop(&rig);
}

/* What is made at one time has as many ETags as codings. */
static void test_etag_of_codings(void)
{
        Rig rig;
        rig_start(&rig, NULL, NULL, NULL);
        g_autofree char *web = g_build_filename(folder, "web", NULL);
        g_assert_true(tb_http_add_static(rig.http, "/", web, NULL, NULL));
        const char *const accept[] = {"", "Accept-Encoding: gzip\r\n", "Accept-Encoding: br\r\n"};
        g_autoptr(GHashTable) tags = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(accept); i++) {
                g_autofree char *ask = g_strconcat("GET /app/both.js" H, accept[i], "\r\n", NULL);
                g_autoptr(Answer) a = rig_ask(&rig, ask);
                const char *at = strstr(a->headers, "ETag: \"");
                g_assert_nonnull(at);
                g_hash_table_add(tags, g_strndup(at + 6, strcspn(at + 6, "\r")));
        }
        g_assert_cmpuint(g_hash_table_size(tags), ==, 3);
        rig_stop(&rig);
}

static void test_etag(void)
{
        Rig rig;
        rig_start(&rig, NULL, NULL, NULL);
        g_autofree char *web = g_build_filename(folder, "web", NULL);
        g_assert_true(tb_http_add_static(rig.http, "/", web, NULL, NULL));
        g_autoptr(Answer) first = rig_ask(&rig, "GET /app/main.js" H "\r\n");
        g_autofree char *tag = g_strdup(answer_header(first, "ETag"));
        g_autofree char *same =
                g_strdup_printf("GET /app/main.js" H "If-None-Match: \"x\", W/%s\r\n\r\n", tag);
        g_autofree char *other = g_strdup("GET /app/main.js" H "If-None-Match: \"x\"\r\n\r\n");
        g_autoptr(Answer) second = rig_ask(&rig, same), third = rig_ask(&rig, other);
        g_assert_cmpint(second->status, ==, 304);
        g_assert_cmpint(third->status, ==, 200);
        put("web/app/main.js", "newer");
        g_autoptr(Answer) fourth = rig_ask(&rig, same);
        g_assert_cmpint(fourth->status, ==, 200);
        g_assert_cmpstr(fourth->body, ==, "newer");
        rig_stop(&rig);
}

static guint descriptors(void)
{
        guint n = 0;
        g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
        while (g_dir_read_name(dir))
                n++;
        return n;
}

/* TB_LIMIT_HTTP_PAGES: what is kept in memory holds no descriptor while nobody reads it; one byte more is served from its file. */
static void test_kept(void)
{
        static const char ask[] = "GET /large.bin" H "\r\n";
        g_autofree char *web = g_build_filename(folder, "web", NULL),
                        *path = g_build_filename(web, "large.bin", NULL);
        for (guint more = 0; more <= 1; more++) {
                Rig rig;
                rig_start(&rig, NULL, NULL, NULL);
                g_assert_true(tb_http_add_static(rig.http, "/", web, NULL, NULL));
                put("web/large.bin", "");
                g_assert_cmpint(truncate(path, TB_LIMIT_HTTP_PAGES + more), ==, 0);
                Client c = rig_connect(&rig);
                for (guint i = 0; i < 20; i++)
                        rig_turn(-1);
                guint before = descriptors();
                rig_send(&c, ask, strlen(ask));
                for (guint i = 0; i < 50; i++)
                        rig_turn(-1);
                g_assert_cmpuint(descriptors(), ==, before + more);
                g_autoptr(Answer) a = rig_answer(&c);
                g_assert_cmpint(a->status, ==, 200);
                g_assert_cmpuint(a->size, ==, TB_LIMIT_HTTP_PAGES + more);
                rig_close(&c);
                rig_stop(&rig);
        }
        g_unlink(path);
}

static void test_errors(void)
{
        Rig rig;
        g_autoptr(GError) error = NULL;
        rig_start(&rig, NULL, NULL, NULL);
        g_assert_false(tb_http_add_static(rig.http, "/", "/nonexistent", NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_NOT_FOUND);
        g_clear_error(&error);
        g_assert_false(tb_http_add_static(rig.http, "/", folder, "{\"x\":1}", &error));
        g_clear_error(&error);
        g_assert_false(tb_http_add_static(rig.http, "/", folder, "{", &error));
        rig_stop(&rig);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_log_init(TB_LOG_ERROR, false);
        tb_main_init(NULL);
        make_files();
        g_test_add_func("/static/table", test_table);
        g_test_add_func("/static/etag", test_etag);
        g_test_add_func("/static/etag-of-codings", test_etag_of_codings);
        g_test_add_func("/static/kept", test_kept);
        g_test_add_func("/static/errors", test_errors);
        int rc = g_test_run();
        remove_tree(folder);
        g_free(folder);
        tb_main_stop();
        return rc;
}
