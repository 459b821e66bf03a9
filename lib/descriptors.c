#include "lib/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/limits.h"

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
