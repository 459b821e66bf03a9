#include "lib/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/error.h"
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

bool tb_descriptors_room(guint n, const char *what, GError **error)
{
        int got[TB_LIMIT_DESCRIPTORS_ASKED];
        guint have = 0;
        g_assert(n <= G_N_ELEMENTS(got));
        int one = open("/dev/null", O_RDONLY | O_CLOEXEC);
        while (one >= 0 && have < n) { /* no call tells how many are left, but one: taking them */
                got[have] = have ? fcntl(one, F_DUPFD_CLOEXEC, 0) : one;
                if (got[have] < 0)
                        break;
                have++;
        }
        for (guint i = 0; i < have; i++)
                close(got[i]);
        if (have == n)
                return true;
        tb_set_error(
                error, TB_ERROR_UNAVAILABLE,
                "%s needs %u open files, and the limit of this process is reached: close connections, or "
                "raise LimitNOFILE",
                what, n);
        return false;
}
