#include "lib/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

static int pretended;       /* 0: as many as the system says */
static void (*giver)(void); /* NULL: nobody */

/* Asked each time: an administrator may change it while we run (prlimit). */
static int all(void)
{
        struct rlimit limit;
        if (pretended > 0)
                return pretended;
        return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (int)MIN(limit.rlim_cur, (rlim_t)TB_LIMIT_DESCRIPTORS)
                                                     : TB_LIMIT_DESCRIPTORS;
}

static int ceiling(int n)
{
        return n - MIN(n / 4, TB_LIMIT_DESCRIPTORS_KEPT);
}

void tb_descriptors_standard(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        open("/dev/null",
                             fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest number is free */
}

void tb_descriptors_init(void)
{
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* else it stays as it is */
}

guint tb_descriptors_for_connections(void)
{
        return (guint)all() / 2;
}

bool tb_descriptors_allow(int fd)
{
        return fd < ceiling(all());
}

bool tb_descriptors_allow_device(int fd)
{
        int n = all(), end = ceiling(n) - MIN(n / 16, TB_LIMIT_DESCRIPTORS_KEPT / 4);
        if (fd >= end)
                return false;
        /* a hole among those that are taken is no room: is there any where the last ones are? */
        int next = fcntl(fd, F_DUPFD_CLOEXEC, end);
        if (next >= 0)
                close(next);
        return next >= 0 && n - next > MIN(n / 8, TB_LIMIT_DESCRIPTORS_SPARE);
}

bool tb_descriptors_are_few(int fd)
{
        int end = ceiling(all());
        /* as many come in one turn, before what is given back is closed */
        return fd < 0 || fd >= end - MAX(end / 8, MIN(end / 4, TB_LIMIT_DESCRIPTORS_SPARE));
}

bool tb_descriptors_next_are_few(void)
{
        int fd = open("/", O_PATH | O_CLOEXEC); /* no descriptor of ours is sure to be there to be copied */
        bool few = tb_descriptors_are_few(fd);
        if (fd >= 0)
                close(fd);
        return few;
}

void tb_descriptors_ask(void)
{
        if (giver)
                giver();
}

void tb_descriptors_set_giver(void (*give)(void))
{
        giver = give;
}

void tb_descriptors_pretend(guint n)
{
        pretended = (int)MIN(n, TB_LIMIT_DESCRIPTORS);
}

/* --- low numbers, for what waits by select() --- */
static struct {
        TbMutex lock;
        int null;               /* what a number that nobody has refers to; 0: nothing is kept */
        bool kept[FD_SETSIZE];  /* is ours for good */
        bool taken[FD_SETSIZE]; /* and somebody has it */
} low = {.lock = TB_MUTEX_INIT};

void tb_descriptors_keep_low(guint n)
{
        int fd = all() > FD_SETSIZE ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

        if (fd < 0)
                return;
        tb_mutex_lock(&low.lock);
        low.null = fd;
        for (guint i = 0; i < n; i++) {
                int next = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (next < 0)
                        break;
                if (next >= FD_SETSIZE) {
                        close(next);
                        break;
                }
                low.kept[next] = true;
        }
        tb_mutex_unlock(&low.lock);
}

/* One that is free becomes `fd`; -1: none. */
static int put_low(int fd)
{
        int place = -1;

        tb_mutex_lock(&low.lock);
        for (int i = 0; i < FD_SETSIZE && place < 0; i++)
                if (low.kept[i] && !low.taken[i] && dup3(fd, i, O_CLOEXEC) == i) {
                        low.taken[i] = true;
                        place = i;
                }
        tb_mutex_unlock(&low.lock);
        return place;
}

int tb_descriptors_low_take(int fd, GError **error)
{
        if (fd < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "no descriptor: %s", g_strerror(errno));
                return -1;
        }
        if (fd < FD_SETSIZE)
                return fd;
        int place = put_low(fd);
        close(fd);
        if (place < 0)
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "no descriptor below %d is left: too many devices of this sort are attached",
                             FD_SETSIZE);
        return place;
}

void tb_descriptors_low_close(int fd)
{
        if (fd < 0)
                return;
        tb_mutex_lock(&low.lock);
        bool kept = fd < FD_SETSIZE && low.kept[fd];
        if (kept) { /* closes what it was, and the number stays ours */
                dup3(low.null, fd, O_CLOEXEC);
                low.taken[fd] = false;
        }
        tb_mutex_unlock(&low.lock);
        if (!kept)
                close(fd);
}
