#include "lib/descriptors.h"

#include <sys/resource.h>

#include "lib/limits.h"

static int ceiling = G_MAXINT; /* set once, before other threads are there */

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
        rlim_t all = MIN(limit.rlim_cur, (rlim_t)G_MAXINT);
        ceiling = (int)(all - MIN(all / 4, (rlim_t)TB_LIMIT_DESCRIPTORS_KEPT));
}

bool tb_descriptors_allow(int fd)
{
        return fd < ceiling;
}
