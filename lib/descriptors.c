#include "lib/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/limits.h"

static int ceiling = G_MAXINT; /* set once, before other threads are there */
static void (*giver)(void);    /* NULL: nobody */

static void set_ceiling(rlim_t all)
{
        all = MIN(all, (rlim_t)G_MAXINT);
        ceiling = (int)(all - MIN(all / 4, (rlim_t)TB_LIMIT_DESCRIPTORS_KEPT));
}

void tb_descriptors_init(void)
{
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
                return;
        if (limit.rlim_cur < limit.rlim_max) {
                struct rlimit more = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
                if (setrlimit(RLIMIT_NOFILE, &more) == 0)
                        limit = more;
        }
        set_ceiling(limit.rlim_cur);
}

bool tb_descriptors_allow(int fd)
{
        return fd < ceiling;
}

bool tb_descriptors_are_few(int fd)
{
        return fd < 0 || fd >= ceiling - ceiling / 8;
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

void tb_descriptors_pretend(guint all)
{
        set_ceiling(all > 0 ? all : RLIM_INFINITY);
}
