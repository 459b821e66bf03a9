#include "host/media/peers/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/media/peers/seccomp.h"
#include "lib/log.h"

#define NOBODY 65534

/* --- Landlock --- */
/* Of version 6 of the interface, which the headers of Debian 12 do not know; the kernel takes it by its size. */
typedef struct Ruleset {
        guint64 handled_access_fs, handled_access_net, scoped;
} Ruleset;

#define SCOPE_ABSTRACT_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
#define ACCESS_TRUNCATE (1ULL << 14)  /* version 3 */
#define ACCESS_IOCTL_DEV (1ULL << 15) /* version 5 */

static void may_read(int ruleset, const char *path)
{
        struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
        if (rule.parent_fd < 0)
                return;
        bool folder = g_file_test(path, G_FILE_TEST_IS_DIR);
        rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
        if (folder)
                rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
        close(rule.parent_fd);
}

static void may_read_list(int ruleset, const char *paths)
{
        g_auto(GStrv) each = g_strsplit(paths ? paths : "", G_SEARCHPATH_SEPARATOR_S, -1);
        for (char **path = each; *path; path++)
                if (**path)
                        may_read(ruleset, *path);
}

static bool landlock(int version)
{
        static const char *const readable[] = {
                "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local/lib", "/lib", "/lib64",
                "/etc/ld.so.cache",
                /* names, and certificates of TURN over TLS */
                "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
                "/etc/services", "/etc/ssl", "/usr/share/ca-certificates", "/etc/localtime",
                "/usr/share/zoneinfo",
                /* what libraries ask of the machine */
                "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys/vm/overcommit_memory", "/proc/net",
                "/sys/devices/system/cpu", "/dev/urandom", "/dev/random", "/dev/null"};
        Ruleset attr = {.handled_access_fs = (1ULL << 13) - 1}; /* all of version 1 */
        if (version >= 2)
                attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
        if (version >= 3)
                attr.handled_access_fs |= ACCESS_TRUNCATE;
        if (version >= 5)
                attr.handled_access_fs |= ACCESS_IOCTL_DEV;
        if (version >= 6)
                attr.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
        gsize size = version >= 6 ? sizeof attr : version >= 4 ? 16 : 8;
        int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
        if (ruleset < 0)
                return false;
        for (gsize i = 0; i < G_N_ELEMENTS(readable); i++)
                may_read(ruleset, readable[i]);
        may_read_list(ruleset, g_getenv("GST_PLUGIN_PATH"));
        may_read_list(ruleset, g_getenv("GST_PLUGIN_SYSTEM_PATH"));
        may_read_list(ruleset, g_getenv("GST_REGISTRY"));
        g_autofree char *registry = g_build_filename(g_get_user_cache_dir(), "gstreamer-1.0", NULL);
        may_read(ruleset, registry);
        bool done = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
        close(ruleset);
        return done;
}

/* --- the steps --- */
static void close_others(int keep)
{
        if (syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0) == 0)
                return;
        for (int fd = keep + 1; fd < 65536; fd++)
                close(fd);
}

static void limit(int what, rlim_t most)
{
        setrlimit(what, &(struct rlimit){most, most});
}

guint32 tb_sandbox_begin(int keep, guint32 *ret_landlock)
{
        guint32 got = 0;
        pid_t parent = getppid();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                raise(SIGKILL); /* it has just ended */
        close_others(keep);
        limit(RLIMIT_CORE, 0); /* a picture of what viewers said does not belong on a disk */
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
                got |= TB_LINK_GOT_NO_NEW_PRIVS;
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        *ret_landlock = version > 0 ? (guint32)version : 0;
        if (version > 0 && landlock((int)version))
                got |= TB_LINK_GOT_LANDLOCK;
        return got;
}

static bool become_nobody(void)
{
        if (getuid() != 0 && geteuid() != 0)
                return true;
        return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
               setresuid(NOBODY, NOBODY, NOBODY) == 0 && setuid(0) != 0;
}

guint32 tb_sandbox_complete(void)
{
        guint32 got = 0;
        if (become_nobody())
                got |= TB_LINK_GOT_USER;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of the user takes it away */
#if defined(__SANITIZE_ADDRESS__)
        tb_log(TB_LOG_DEBUG, TB_F(), "testbed-media stays readable: its leak check needs that");
#else
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
                got |= TB_LINK_GOT_UNDUMPABLE;
        if (tb_seccomp_apply())
                got |= TB_LINK_GOT_SECCOMP;
#endif
        return got;
}
