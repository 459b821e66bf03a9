#include "lib/http/route.h"

#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/http/guard.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/rate.h"

static void test_match(void)
{
        static const struct {
                const char *pattern, *path;
                bool match;
                const char *arg, *value; /* still encoded */
        } rows[] = {
                {"/", "/", true, NULL, NULL},
                {"/", "/a", false, NULL, NULL},
                {"/a", "/a", true, NULL, NULL},
                {"/a", "/a/", false, NULL, NULL},
                {"/a", "/A", false, NULL, NULL},
                {"/a", "/ab", false, NULL, NULL},
                {"/a/{id}", "/a/b", true, "id", "b"},
                {"/a/{id}", "/a/", false, NULL, NULL},
                {"/a/{id}", "/a/b/c", false, NULL, NULL},
                {"/a/{id}", "/a/b%2Fc", true, "id", "b%2Fc"},
                {"/a/{id}/c", "/a/b/c", true, "id", "b"},
                {"/a/{id}/c", "/a/b/d", false, NULL, NULL},
                {"/a/{id}/{rest...}", "/a/b/c/d", true, "rest", "c/d"},
                {"/a/{id}/{rest...}", "/a/b/", true, "rest", ""},
                {"/a/{id}/{rest...}", "/a/b", false, NULL, NULL},
                {"/a/{id}/{rest...}", "/a//b", false, NULL, NULL},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                TbPath pattern, path;
                gsize size = 0;
                g_assert_true(tb_path_compile(rows[i].pattern, &pattern));
                g_assert_true(tb_path_split(rows[i].path, &path));
                if (tb_path_match(&pattern, &path) != rows[i].match)
                        g_error("%s %s", rows[i].pattern, rows[i].path);
                if (!rows[i].arg)
                        continue;
                const char *value = tb_path_arg(&pattern, &path, rows[i].arg, &size);
                g_assert_cmpmem(value, size, rows[i].value, strlen(rows[i].value));
                g_assert_null(tb_path_arg(&pattern, &path, "nope", &size));
        }
        TbPath path;
        g_assert_false(tb_path_split("a", &path));
        g_assert_false(tb_path_compile("/{rest...}/a", &path));
}

static void test_many_segments(void)
{
        TbPath pattern, tail, path;
        g_autoptr(GString) text = g_string_new(NULL);
        tb_path_compile("/{a}", &pattern);
        tb_path_compile("/{a...}", &tail);
        for (guint i = 0; i < TB_PATH_SEGMENTS + 1; i++)
                g_string_append(text, "/x");
        g_assert_true(tb_path_split(text->str, &path));
        g_assert_cmpuint(path.n, ==, TB_PATH_SEGMENTS);
        g_assert_false(tb_path_match(&pattern, &path));
        g_assert_true(tb_path_match(&tail, &path)); /* a file may lie deep */
        gsize size;
        g_assert_true(tb_path_arg(&tail, &path, "a", &size) == text->str + 1);
        g_assert_cmpuint(size, ==, text->len - 1);
}

static void test_decode(void)
{
        static const struct {
                const char *in, *out;
                bool plus;
        } rows[] = {
                {"abc", "abc", false}, {"a%20b", "a b", false},       {"a+b", "a+b", false},
                {"a+b", "a b", true},  {"%C3%A4", "\xc3\xa4", false}, {"", "", false},
                {"%", NULL, false},    {"%2", NULL, false},           {"%zz", NULL, false},
                {"%00", NULL, false},  {"%1b", NULL, false},          {"%7f", NULL, false},
                {"%C3", NULL, false},  {"\xff", NULL, false},         {"%0a", "\n", false},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *out = tb_percent_decode(rows[i].in, strlen(rows[i].in), rows[i].plus);
                g_assert_cmpstr(out, ==, rows[i].out);
        }
}

static void test_query(void)
{
        static const struct {
                const char *in, *out;
        } rows[] = {
                {NULL, "{}"},
                {"", "{}"},
                {"a=1", "{\"a\":\"1\"}"},
                {"a=1&b=x+y%26", "{\"a\":\"1\",\"b\":\"x y&\"}"},
                {"a", "{\"a\":\"\"}"},
                {"a=b=c", "{\"a\":\"b=c\"}"},
                {"&&a=1&", "{\"a\":\"1\"}"},
                {"access_token=x&a=1", "{\"a\":\"1\"}"},
                {"a=1&a=2", NULL},
                {"a=%", NULL},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *out = tb_query_parse(rows[i].in, &error),
                            *want = rows[i].out ? json_loads(rows[i].out, 0, NULL) : NULL;
                g_assert_true((out == NULL) == (want == NULL) && (error != NULL) == (out == NULL));
                g_assert_true(!want || json_equal(out, want));
        }
        g_autofree char *token = tb_query_value("a=1&access_token=x%2Dy", "access_token");
        g_assert_cmpstr(token, ==, "x-y");
        g_assert_null(tb_query_value("xaccess_token=1", "access_token"));
        g_assert_null(tb_query_value(NULL, "a"));
        g_autoptr(GString) many = g_string_new(NULL);
        for (guint i = 0; i < 65; i++) {
                g_autoptr(GError) error = NULL;
                g_string_append_printf(many, "&k%u=1", i);
                json_auto_t *out = tb_query_parse(many->str, &error);
                g_assert_true((out != NULL) == (i < 64)); /* limit + 1 */
        }
}

static void test_host(void)
{
        static const char *const hosts[] = {"bench.example", NULL};
        static const struct {
                const char *host;
                bool on_loopback, on_any;
        } rows[] = {
                {"localhost", true, true},
                {"localhost:6109", true, true},
                {"LOCALHOST.", true, true},
                {"x.localhost", true, true},
                {"127.0.0.1", true, true},
                {"127.9.9.9:1", true, true},
                {"[::1]", true, true},
                {"[::1]:80", true, true},
                {"bench.example", true, true},
                {"Bench.Example:80", true, true},
                {"192.0.2.7", true, true},
                {"192.0.2.8", false, true},
                {"[2001:db8::1]:80", false, true},
                {"machine", false, true},
                {"machine.local", false, true},
                {"machine.evil.example", false, false},
                {"evil.example", false, false},
                {"localhost.evil.example", false, false},
                {"127.0.0.1.evil.example", false, false},
                {"127.1", false, false},
                {"2130706433", false, false},
                {"", false, false},
                {":80", false, false},
                {"localhost:", false, false},
                {"localhost:99999", false, false},
                {"localhost:80x", false, false},
                {"[::1", false, false},
                {"[localhost]", false, false},
                {"a b", false, false},
                {"localhost@evil", false, false},
                {NULL, false, false},
        };
        TbGuard loopback = {.loopback = true, .address = "127.0.0.1", .machine = "machine", .hosts = hosts};
        TbGuard any = {.address = "0.0.0.0", .machine = "machine", .hosts = hosts};
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                if (tb_guard_host(&loopback, rows[i].host, "192.0.2.7") != rows[i].on_loopback ||
                    tb_guard_host(&any, rows[i].host, "192.0.2.7") != rows[i].on_any)
                        g_error("%s", rows[i].host);
        }
}

static void test_origin(void)
{
        static const char *const origins[] = {"https://front.example", NULL};
        static const struct {
                const char *origin, *site, *host;
                bool allowed;
        } rows[] = {
                {NULL, NULL, "h:1", true},
                {NULL, "none", "h:1", true},
                {NULL, "same-origin", "h:1", true},
                {NULL, "same-site", "h:1", false},
                {NULL, "cross-site", "h:1", false},
                {NULL, "garbage", "h:1", false},
                {"http://h:1", NULL, "h:1", true},
                {"https://h:1", NULL, "h:1", true},
                {"http://h", NULL, "h:1", false},
                {"http://h:1.evil", NULL, "h:1", false},
                {"http://evil/h:1", NULL, "h:1", false},
                {"null", NULL, "h:1", false},
                {"", NULL, "h:1", false},
                {"http://", NULL, "", false},
                {"ftp://h:1", NULL, "h:1", false},
                {"http://h:1", "cross-site", "h:1", false},
                {"https://front.example", "cross-site", "h:1", true},
                {"http://front.example", "cross-site", "h:1", false},
        };
        TbGuard guard = {.loopback = true, .origins = origins};
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                if (tb_guard_unsafe(&guard, rows[i].origin, rows[i].site, rows[i].host) != rows[i].allowed)
                        g_error("row %zu", i);
}

static void test_rate(void)
{
        TbBucket bucket = {0};
        double wait = 0;
        for (guint i = 0; i < 3; i++)
                g_assert_true(tb_bucket_take(&bucket, 1, 3, 1, 1000000, NULL));
        g_assert_false(tb_bucket_take(&bucket, 1, 3, 1, 1000000, &wait)); /* limit + 1 */
        g_assert_cmpfloat_with_epsilon(wait, 1, 1e-9);
        g_assert_true(tb_bucket_take(&bucket, 1, 3, 1, 2000000, NULL));
        g_assert_false(
                tb_bucket_take(&bucket, 1, 3, 1, 1500000, NULL)); /* a clock that goes back gives nothing */

        TbRates *rates = tb_rates_new(1, 1);
        for (guint i = 0; i < 5000; i++) {
                g_autofree char *key = g_strdup_printf("10.0.%u.%u", i / 256, i % 256);
                g_assert_true(tb_rates_take(rates, key, 1, 1000000 + (gint64)i * 10000, NULL));
        }
        g_assert_cmpuint(tb_rates_size(rates), <, 2100); /* full ones were forgotten */
        tb_rates_free(rates);
}

static void test_json(void)
{
        static const struct {
                const char *in, *error;
        } rows[] = {
                {"{\"a\":[1,2,{\"b\":\"]]]]{{{\"}]}", NULL},
                {"3", NULL},
                {"", "the body is empty; JSON is expected"},
                {"{\"a\":1,\"a\":2}", "not JSON"},
                {"{} x", "not JSON"},
                {"\"\xff\"", "not JSON"},
                {"{\"a\":\"\\u0000\"}", "not JSON"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *v = tb_json_parse(rows[i].in, strlen(rows[i].in), &error);
                g_assert_true((v == NULL) == (rows[i].error != NULL));
                if (error)
                        g_assert_true(g_str_has_prefix(error->message, rows[i].error) &&
                                      g_utf8_validate(error->message, -1, NULL));
        }
}

/* What jansson refuses to make is told from a message, and nothing is written for it. */
static void test_no_json(void)
{
        gsize size = 7;
        json_auto_t *bad = json_pack("{s:s}", "path", "/a?\xff");
        g_autofree char *text = tb_json_text(bad, &size);
        g_assert_null(bad);
        g_assert_null(text);
        g_assert_cmpuint(size, ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/json/none", test_no_json);
        g_test_add_func("/route/match", test_match);
        g_test_add_func("/route/many-segments", test_many_segments);
        g_test_add_func("/route/decode", test_decode);
        g_test_add_func("/route/query", test_query);
        g_test_add_func("/guard/host", test_host);
        g_test_add_func("/guard/origin", test_origin);
        g_test_add_func("/rate/buckets", test_rate);
        g_test_add_func("/json/parse", test_json);
        return g_test_run();
}
