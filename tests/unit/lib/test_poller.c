#include "lib/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS 200

typedef struct End {
        int ours, theirs;
        TbPollerEntry *entry;
        guint calls;
        struct End *victim; /* removed when this one is called */
} End;

static End ends[PAIRS];

static void open_end(TbPoller *poller, End *end, TbPollerCall call)
{
        int pair[2];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), ==, 0);
        *end = (End){.ours = pair[0], .theirs = pair[1]};
        end->entry = tb_poller_add(poller, end->ours, EPOLLIN, call, end);
}

static void close_end(End *end)
{
        tb_poller_remove(g_steal_pointer(&end->entry));
        close(end->ours);
        close(end->theirs);
}

static void drain(uint32_t events, gpointer data)
{
        End *end = data;
        char byte;
        g_assert_true(events & EPOLLIN);
        g_assert_cmpint(read(end->ours, &byte, 1), ==, 1);
        end->calls++;
        if (end->victim) {
                tb_poller_remove(g_steal_pointer(&end->victim->entry));
                g_assert_cmpuint(end->victim->calls, ==, 0);
        }
}

static void test_many(void)
{
        TbPoller *poller = tb_poller_new(NULL);
        for (guint i = 0; i < PAIRS; i++) {
                open_end(poller, &ends[i], drain);
                g_assert_cmpint(write(ends[i].theirs, "x", 1), ==, 1);
        }
        for (guint i = 0; i < 8; i++)
                g_main_context_iteration(NULL, FALSE);
        for (guint i = 0; i < PAIRS; i++) {
                g_assert_cmpuint(ends[i].calls, ==, 1);
                close_end(&ends[i]);
        }
        tb_poller_free(poller);
}

static void test_remove_other_in_batch(void)
{
        TbPoller *poller = tb_poller_new(NULL);
        for (guint i = 0; i < 2; i++)
                open_end(poller, &ends[i], drain);
        ends[0].victim = &ends[1]; /* whichever comes first removes the other; it must never be called */
        ends[1].victim = &ends[0];
        for (guint i = 0; i < 2; i++)
                g_assert_cmpint(write(ends[i].theirs, "x", 1), ==, 1);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_assert_cmpuint(ends[0].calls + ends[1].calls, ==, 1);
        for (guint i = 0; i < 2; i++)
                close_end(&ends[i]);
        tb_poller_free(poller);
}

static void remove_self(uint32_t events G_GNUC_UNUSED, gpointer data)
{
        End *end = data;
        end->calls++;
        tb_poller_remove(g_steal_pointer(&end->entry));
}

static void test_remove_self(void)
{
        TbPoller *poller = tb_poller_new(NULL);
        open_end(poller, &ends[0], remove_self);
        g_assert_cmpint(write(ends[0].theirs, "xx", 2), ==, 2);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_assert_cmpuint(ends[0].calls, ==, 1);
        close_end(&ends[0]);
        tb_poller_free(poller);
}

static void on_write(uint32_t events, gpointer data)
{
        End *end = data;
        g_assert_true(events & EPOLLOUT);
        end->calls++;
        tb_poller_change(end->entry, EPOLLIN);
}

static void test_change(void)
{
        TbPoller *poller = tb_poller_new(NULL);
        open_end(poller, &ends[0], on_write);
        g_assert_false(g_main_context_iteration(NULL, FALSE));
        tb_poller_change(ends[0].entry, EPOLLOUT);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_assert_cmpuint(ends[0].calls, ==, 1);
        close_end(&ends[0]);
        tb_poller_free(poller);
}

/* A regular file stands for a kernel without room: epoll refuses both. */
static void test_no_room(void)
{
        TbPoller *poller = tb_poller_new(NULL);
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        g_assert_null(tb_poller_add(poller, fd, EPOLLIN, drain, NULL));
        g_assert_cmpint(errno, ==, EPERM);
        close(fd);
        tb_poller_free(poller);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/poller/many", test_many);
        g_test_add_func("/poller/remove-other-in-batch", test_remove_other_in_batch);
        g_test_add_func("/poller/remove-self", test_remove_self);
        g_test_add_func("/poller/change", test_change);
        g_test_add_func("/poller/no-room", test_no_room);
        return g_test_run();
}
