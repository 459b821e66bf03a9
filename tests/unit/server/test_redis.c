/* The client of Redis, against the real one: killed, stopped, started again. */
#include "server/cluster/redis.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits_cluster.h"
#include "lib/limits_redis.h"
#include "lib/net.h"
#include "lib/thread.h"
#include "server/cluster/beats.h"
#include "tests/unit/server/until.h"

#define SOON_MS 5000 /* what takes no time: only a test that hangs comes near it */

typedef struct Told {
        guint n, changes;
        char *text; /* owned; of the last answer */
        gint64 number;
        GError *error;
} Told;

static struct {
        GPid pid;
        guint16 port;
        char *url, *folder; /* owned */
} real;

static void start_real(const char *password)
{
        g_autofree char *port = g_strdup_printf("%u", real.port);
        const char *argv[] = {"setpriv", "--pdeathsig", "KILL",          "redis-server", "--port",
                              port,      "--bind",      "127.0.0.1",     "--save",       "",
                              "--dir",   real.folder,   "--requirepass", password,       NULL};
        g_autoptr(GError) error = NULL;
        g_spawn_async(NULL, (char **)argv, NULL,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                      NULL, &real.pid, &error);
        g_assert_no_error(error);
}

static void kill_real(void)
{
        kill(real.pid, SIGKILL);
        waitpid(real.pid, NULL, 0);
        real.pid = 0;
}

static void on_redis(gpointer data)
{
        ((Told *)data)->changes++;
}

static void on_done(const TbRedisReply *reply, const GError *error, gpointer data)
{
        Told *told = data;
        told->n++;
        g_clear_error(&told->error);
        g_free(told->text);
        told->error = error ? g_error_copy(error) : NULL;
        told->text = reply ? g_strdup(tb_redis_text(reply, NULL)) : NULL;
        told->number = reply ? tb_redis_int(reply) : -1;
        if (reply && tb_redis_count(reply) == 2 && tb_redis_is_nil(tb_redis_at(reply, 0)))
                told->text = g_strdup(tb_redis_text(tb_redis_at(reply, 1), NULL));
}

static void on_heard(const char *channel G_GNUC_UNUSED, const char *bytes, gsize size, gpointer data)
{
        Told *told = data;
        told->n++;
        g_free(told->text);
        told->text = g_strndup(bytes, size);
}

static void told_clear(Told *told)
{
        g_free(told->text);
        g_clear_error(&told->error);
        *told = (Told){0};
}

static TbRedis *client(Told *told)
{
        g_autoptr(GError) error = NULL;
        TbRedis *redis = tb_redis_new(real.url, on_redis, told, &error);
        g_assert_no_error(error);
        return redis;
}

static void ask(TbRedis *redis, Told *told, const char *const *words, guint deadline_ms)
{
        guint before = told->n;
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_redis_do(redis, words, deadline_ms, on_done, told, &error));
        g_assert_no_error(error);
        UNTIL(told->n > before);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_urls(void)
{
        static const char *const good[] = {"redis://h", "redis://h:1/0", "redis://:p@h",
                                           "redis://u:p%40w@[::1]:7/15", "redis://h/"};
        static const char *const bad[] = {"",
                                          "redis",
                                          "http://h",
                                          "redis://",
                                          "redis://h/x",
                                          "redis://h/-1",
                                          "redis://h?a=secret",
                                          "rediss://h",
                                          "redis://h:0"};
        for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
                g_assert_true(tb_redis_url_check(good[i], NULL));
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(tb_redis_url_check(bad[i], &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_assert_null(strstr(error->message, "secret"));
        }
        g_assert_null(tb_redis_new("redis://", NULL, NULL, NULL));
}

static void test_commands(void)
{
        Told told = {0};
        g_autoptr(GError) error = NULL;
        TbRedis *redis = client(&told);
        g_assert_cmpint(tb_redis_state(redis), ==, TB_REDIS_CONNECTING);
        g_assert_null(strstr(tb_redis_name(redis), "pass"));
        g_assert_false(tb_redis_do(redis, WORDS("PING"), SOON_MS, on_done, &told, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_clear_error(&error);
        UNTIL(tb_redis_state(redis) == TB_REDIS_RUNNING);
        g_assert_cmpstr(tb_redis_reason(redis), ==, "");
        ask(redis, &told, WORDS("SET", "key", "a b\r\nc"), SOON_MS);
        g_assert_cmpstr(told.text, ==, "OK");
        ask(redis, &told, WORDS("GET", "key"), SOON_MS);
        g_assert_cmpstr(told.text, ==, "a b\r\nc");
        ask(redis, &told, WORDS("MGET", "none", "key"), SOON_MS);
        g_assert_cmpstr(told.text, ==, "a b\r\nc");
        ask(redis, &told, WORDS("INCRBY", "n", "41"), SOON_MS);
        g_assert_cmpint(told.number, ==, 41);
        ask(redis, &told, WORDS("INCR", "key"), SOON_MS);
        g_assert_error(told.error, TB_ERROR, TB_ERROR_INVALID);
        g_autoptr(GBytes) word = g_bytes_new_static("SET", 3), key = g_bytes_new_static("b", 1),
                          value = g_bytes_new_static("x\0y", 3);
        GBytes *const words[] = {word, key, value};
        g_assert_true(tb_redis_do_bytes(redis, words, 3, SOON_MS, NULL, NULL, NULL));
        ask(redis, &told, WORDS("STRLEN", "b"), SOON_MS);
        g_assert_cmpint(told.number, ==, 3);
        g_assert_false(tb_redis_do(redis, WORDS("PING"), TB_LIMIT_REDIS_CALL_MS + 1, NULL, NULL, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        tb_redis_do(redis, WORDS("PING"), SOON_MS, on_done, &told, NULL);
        guint before = told.n;
        tb_redis_free(redis); /* its callback does not run */
        g_assert_cmpuint(told.n, ==, before);
        told_clear(&told);
}

static void test_channels(void)
{
        Told told = {0}, heard = {0}, other = {0};
        g_autoptr(GError) error = NULL;
        TbRedis *redis = client(&told);
        g_assert_true(tb_redis_hear(redis, "one", on_heard, &heard, NULL));
        g_assert_false(tb_redis_hear(redis, "one", on_heard, &heard, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_BUSY);
        g_clear_error(&error);
        UNTIL(tb_redis_state(redis) == TB_REDIS_RUNNING && tb_redis_heard_since(redis) > 0);
        ask(redis, &told, WORDS("PUBLISH", "one", "hello"), SOON_MS);
        g_assert_cmpint(told.number, ==, 1);
        UNTIL(heard.n == 1);
        g_assert_cmpstr(heard.text, ==, "hello");
        g_assert_true(tb_redis_hear(redis, "two", on_heard, &other, NULL));
        UNTIL(tb_redis_heard_since(redis) > 0);
        tb_redis_unhear(redis, "one");
        for (told.number = 1; told.number > 0;)
                ask(redis, &told, WORDS("PUBLISH", "one", "nobody"), SOON_MS);
        ask(redis, &told, WORDS("PUBLISH", "two", "still"), SOON_MS);
        UNTIL(other.n == 1);
        g_assert_cmpuint(heard.n, ==, 1);
        for (guint i = 1; i < TB_LIMIT_REDIS_CHANNELS; i++) {
                g_autofree char *name = g_strdup_printf("c%u", i);
                g_assert_true(tb_redis_hear(redis, name, on_heard, &other, NULL));
        }
        g_assert_false(tb_redis_hear(redis, "one-more", on_heard, &other, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        tb_redis_free(redis);
        told_clear(&told);
        told_clear(&heard);
        told_clear(&other);
}

static void test_killed(void)
{
        Told told = {0}, heard = {0};
        TbRedis *redis = client(&told);
        g_autoptr(GError) error = NULL;
        tb_redis_hear(redis, "one", on_heard, &heard, NULL);
        UNTIL(tb_redis_heard_since(redis) > 0);
        gint64 since = tb_redis_heard_since(redis);
        kill(real.pid, SIGSTOP); /* it hangs */
        g_assert_true(tb_redis_do(redis, WORDS("PING"), 100, on_done, &told, NULL));
        g_assert_true(tb_redis_do(redis, WORDS("PING"), SOON_MS, NULL, NULL, NULL));
        UNTIL(told.n == 1);
        g_assert_error(told.error, TB_ERROR, TB_ERROR_TIMEOUT);
        g_assert_cmpint(tb_redis_state(redis), ==, TB_REDIS_FAILING);
        g_assert_nonnull(strstr(tb_redis_reason(redis), "not answered in time"));
        kill_real();
        UNTIL(tb_redis_heard_since(redis) == 0 && strstr(tb_redis_reason(redis), "refused"));
        g_assert_false(tb_redis_do(redis, WORDS("PING"), SOON_MS, on_done, &told, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        start_real("pass");
        UNTIL(tb_redis_state(redis) == TB_REDIS_RUNNING && tb_redis_heard_since(redis) > 0);
        g_assert_cmpint(tb_redis_heard_since(redis), >, since); /* what was said between is not known */
        ask(redis, &told, WORDS("PUBLISH", "one", "again"), SOON_MS);
        UNTIL(heard.n == 1);
        kill_real(); /* with a command on its way */
        tb_redis_do(redis, WORDS("GET", "x"), SOON_MS, on_done, &told, NULL);
        UNTIL(told.error);
        g_assert_error(told.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        g_autoptr(GString) metrics = g_string_new("");
        tb_redis_metrics(metrics, redis);
        g_assert_nonnull(strstr(metrics->str, "testbed_redis_up 0"));
        g_assert_null(strstr(metrics->str, "pass"));
        tb_redis_free(redis);
        told_clear(&told);
        told_clear(&heard);
        start_real("pass");
}

static void test_refused(void)
{
        g_autofree char *url = g_strdup_printf("redis://:wrong@localhost:%u", real.port);
        TbRedis *redis = tb_redis_new(url, NULL, NULL, NULL);
        UNTIL(tb_redis_state(redis) == TB_REDIS_FAILING && strstr(tb_redis_reason(redis), "refuses us"));
        g_assert_null(strstr(tb_redis_reason(redis), "wrong"));
        tb_redis_free(redis);
        redis = tb_redis_new("redis://no-such-name.invalid", NULL, NULL, NULL);
        tb_redis_free(redis); /* while its address is looked for */
        g_main_context_iteration(NULL, FALSE);
}

/* Servers hear of each other, of one that has the database at once, and of so many. */
static void test_beats(void)
{
        Told told = {0};
        TbRedis *here = client(&told), *there = client(&told);
        guint took = told.changes;
        TbBeats *a = tb_beats_new(here, "a", NULL, NULL), *b = tb_beats_new(there, "b", on_redis, &told);
        UNTIL(tb_redis_heard_since(here) > 0 && tb_redis_heard_since(there) > 0);
        UNTIL(tb_beats_count(a) == 2 && tb_beats_count(b) == 2);
        took = told.changes;
        tb_beats_set(a, true, 7);
        UNTIL(told.changes == took + 1);
        g_assert_true(tb_beats_leader_is_there(b));
        g_assert_false(tb_beats_leader_is_there(a));
        g_autoptr(GString) metrics = g_string_new("");
        tb_beats_metrics(metrics, b);
        g_assert_nonnull(strstr(metrics->str, "testbed_server_clients{server=\"a\"} 7"));
        ask(here, &told, WORDS("PUBLISH", "testbed:servers", "no JSON"), SOON_MS);
        for (guint i = 0; i < TB_LIMIT_BEATS + 2; i++) {
                g_autofree char *text = g_strdup_printf("{\"server\":\"x%u\"}", i);
                ask(here, &told, WORDS("PUBLISH", "testbed:servers", text), SOON_MS);
        }
        UNTIL(tb_beats_count(b) == 1 + TB_LIMIT_BEATS);
        tb_beats_free(a); /* it says nothing more: TB_LIMIT_BEAT_FRESH_MS */
        UNTIL(!tb_beats_leader_is_there(b));
        tb_beats_free(b);
        tb_redis_free(here);
        tb_redis_free(there);
        told_clear(&told);
}

static void test_bounds(void)
{
        Told told = {0};
        g_autoptr(GError) error = NULL;
        TbRedis *redis = client(&told);
        UNTIL(tb_redis_state(redis) == TB_REDIS_RUNNING);
        for (guint i = 0; i < TB_LIMIT_REDIS_CALLS; i++)
                g_assert_true(tb_redis_do(redis, WORDS("PING"), SOON_MS, on_done, &told, NULL));
        g_assert_false(tb_redis_do(redis, WORDS("PING"), SOON_MS, on_done, &told, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        g_clear_error(&error);
        UNTIL(told.n == TB_LIMIT_REDIS_CALLS);
        g_autofree char *large = g_strnfill(TB_LIMIT_REDIS_BYTES, 'x');
        g_assert_false(tb_redis_do(redis, WORDS("SET", "large", large), SOON_MS, on_done, &told, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        g_autofree char *end = g_strdup_printf("%d", TB_LIMIT_REDIS_ANSWER + 65536);
        ask(redis, &told, WORDS("SETRANGE", "large", end, "x"), SOON_MS);
        ask(redis, &told, WORDS("GET", "large"), SOON_MS);
        g_assert_error(told.error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        UNTIL(tb_redis_state(redis) == TB_REDIS_RUNNING); /* and goes on */
        tb_redis_free(redis);
        told_clear(&told);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        int fd = tb_listen("127.0.0.1", 0, NULL, &real.port, NULL);
        close(fd);
        real.folder = g_dir_make_tmp("testbed-redis-XXXXXX", NULL);
        real.url = g_strdup_printf("redis://:pass@127.0.0.1:%u/3", real.port);
        start_real("pass");
        g_test_add_func("/redis/urls", test_urls);
        g_test_add_func("/redis/commands", test_commands);
        g_test_add_func("/redis/channels", test_channels);
        g_test_add_func("/redis/killed", test_killed);
        g_test_add_func("/redis/refused", test_refused);
        g_test_add_func("/redis/bounds", test_bounds);
        g_test_add_func("/redis/beats", test_beats);
        int failed = g_test_run();
        kill_real();
        g_rmdir(real.folder);
        g_free(real.folder);
        g_free(real.url);
        tb_main_stop();
        return failed;
}
