#include "lib/pipe.h"

#include <string.h>

#include "lib/error.h"
#include "lib/thread.h"

#define TOTAL (1024 * 1024)

typedef struct Job {
        TbPipe *pipe;
        GMainLoop *loop;
        gsize moved;
        guint8 pattern; /* next byte expected or sent */
        bool ended;
        GError *error;
} Job;

static void fill(guint8 *buf, gsize n, guint8 *pattern)
{
        for (gsize i = 0; i < n; i++)
                buf[i] = (*pattern)++;
}

static void expect(const guint8 *buf, gsize n, guint8 *pattern)
{
        for (gsize i = 0; i < n; i++)
                g_assert_cmpuint(buf[i], ==, (*pattern)++);
}

static void worker_writes(gpointer data)
{
        Job *job = data;
        guint8 buf[777], pattern = 0;
        for (gsize left = TOTAL; left > 0;) {
                gsize n = MIN(left, sizeof buf);
                fill(buf, n, &pattern);
                g_assert_true(tb_pipe_write(job->pipe, buf, n, NULL));
                left -= n;
        }
        tb_pipe_finish(job->pipe);
}

static void main_reads(gpointer data)
{
        Job *job = data;
        guint8 buf[300];
        gssize n;
        while ((n = tb_pipe_try_read(job->pipe, buf, sizeof buf, &job->error)) > 0) {
                expect(buf, (gsize)n, &job->pattern);
                job->moved += (gsize)n;
        }
        if (n < 0)
                g_main_loop_quit(job->loop);
        job->ended = n == -1;
}

static void test_worker_to_main(void)
{
        g_autoptr(TbPipe) pipe = tb_pipe_new(1000);
        Job job = {.pipe = pipe, .loop = g_main_loop_new(NULL, FALSE)};
        tb_pipe_on_ready(pipe, main_reads, &job);
        main_reads(&job);
        TbThread *thread = tb_thread_start("writer", worker_writes, &job);
        g_main_loop_run(job.loop);
        tb_thread_join(thread);
        g_assert_true(job.ended);
        g_assert_cmpuint(job.moved, ==, TOTAL);
        g_main_loop_unref(job.loop);
}

static void worker_reads(gpointer data)
{
        Job *job = data;
        guint8 buf[301], pattern = 0;
        gssize n;
        while ((n = tb_pipe_read(job->pipe, buf, sizeof buf, &job->error)) > 0) {
                expect(buf, (gsize)n, &pattern);
                g_atomic_pointer_add(&job->moved, n);
        }
        job->ended = n == 0;
}

typedef struct Source {
        Job *job;
        guint8 buf[999];
        gsize at, size, left;
} Source;

static void main_writes(gpointer data)
{
        Source *s = data;
        for (;;) {
                if (s->at == s->size) {
                        s->at = 0;
                        s->size = MIN(s->left, sizeof s->buf);
                        s->left -= s->size;
                        fill(s->buf, s->size, &s->job->pattern);
                }
                if (s->size == 0) {
                        tb_pipe_finish(s->job->pipe);
                        g_main_loop_quit(s->job->loop);
                        return;
                }
                gssize n = tb_pipe_try_write(s->job->pipe, s->buf + s->at, s->size - s->at, NULL);
                g_assert_cmpint(n, >=, 0);
                s->at += (gsize)n;
                if (s->at < s->size)
                        return;
        }
}

static void test_main_to_worker(void)
{
        g_autoptr(TbPipe) pipe = tb_pipe_new(512);
        Job job = {.pipe = pipe, .loop = g_main_loop_new(NULL, FALSE)};
        Source source = {.job = &job, .left = TOTAL};
        tb_pipe_on_ready(pipe, main_writes, &source);
        main_writes(&source);
        TbThread *thread = tb_thread_start("reader", worker_reads, &job);
        g_main_loop_run(job.loop);
        tb_thread_join(thread);
        g_assert_true(job.ended);
        g_assert_cmpuint(job.moved, ==, TOTAL);
        g_main_loop_unref(job.loop);
}

static void test_fail_wakes_worker(void)
{
        g_autoptr(TbPipe) pipe = tb_pipe_new(16);
        Job job = {.pipe = pipe};
        g_autoptr(GError) gone = g_error_new_literal(TB_ERROR, TB_ERROR_GONE, "the client left");
        TbThread *thread = tb_thread_start("reader", worker_reads, &job);
        g_assert_cmpint(tb_pipe_try_write(pipe, "\0\1\2", 3, NULL), ==, 3);
        tb_pipe_fail(pipe, gone);
        tb_thread_join(thread);
        g_assert_false(job.ended);
        g_assert_error(job.error, TB_ERROR, TB_ERROR_GONE);
        g_clear_error(&job.error);
        g_assert_cmpint(tb_pipe_try_write(pipe, "x", 1, &job.error), ==, -2);
        g_assert_error(job.error, TB_ERROR, TB_ERROR_GONE);
        g_clear_error(&job.error);
        g_assert_false(tb_pipe_write(pipe, "x", 1, &job.error));
        g_clear_error(&job.error);
}

static void test_ends(void)
{
        g_autoptr(TbPipe) pipe = tb_pipe_new(4);
        g_autoptr(GError) error = NULL;
        guint8 buf[8];
        g_assert_cmpint(tb_pipe_try_read(pipe, buf, sizeof buf, NULL), ==, 0);
        g_assert_cmpint(tb_pipe_try_write(pipe, "abcdef", 6, NULL), ==, 4);
        g_assert_cmpint(tb_pipe_try_write(pipe, "e", 1, NULL), ==, 0);
        tb_pipe_finish(pipe);
        g_assert_cmpint(tb_pipe_try_write(pipe, "e", 1, &error), ==, -2);
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
        g_assert_cmpint(tb_pipe_try_read(pipe, buf, sizeof buf, NULL), ==,
                        4); /* what was written before the end still comes */
        g_assert_cmpmem(buf, 4, "abcd", 4);
        g_assert_cmpint(tb_pipe_try_read(pipe, buf, sizeof buf, NULL), ==, -1);
        tb_pipe_fail(pipe, error); /* the first end counts */
        g_assert_cmpint(tb_pipe_try_read(pipe, buf, sizeof buf, NULL), ==, -1);
        g_assert_cmpint(tb_pipe_read(pipe, buf, sizeof buf, NULL), ==, 0);
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        g_test_add_func("/pipe/worker-to-main", test_worker_to_main);
        g_test_add_func("/pipe/main-to-worker", test_main_to_worker);
        g_test_add_func("/pipe/fail-wakes-worker", test_fail_wakes_worker);
        g_test_add_func("/pipe/ends", test_ends);
        int rc = g_test_run();
        tb_main_stop();
        return rc;
}
