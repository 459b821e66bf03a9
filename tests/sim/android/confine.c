#include "tests/sim/android/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/android/tool.h"

#define SHELL_UID 2000 /* AID_SHELL */

/* What toybox is on a real phone. */
static const char *const toys[] = {
        "sh",       "ash",    "cat",    "ls",      "rm",        "mkdir",    "rmdir",    "mv",      "cp",
        "ln",       "stat",   "md5sum", "sha1sum", "sha256sum", "echo",     "printf",   "true",    "false",
        "sleep",    "date",   "id",     "uname",   "ps",        "top",      "kill",     "grep",    "sed",
        "awk",      "head",   "tail",   "wc",      "sort",      "uniq",     "cut",      "tr",      "dd",
        "df",       "du",     "touch",  "chmod",   "find",      "xargs",    "test",     "expr",    "basename",
        "dirname",  "pwd",    "env",    "seq",     "yes",       "tee",      "cmp",      "diff",    "tar",
        "gzip",     "gunzip", "base64", "hexdump", "od",        "readlink", "realpath", "which",   "whoami",
        "hostname", "uptime", "free",   "nc",      "clear",     "stty",     "tty",      "timeout", "time",
};

static void put_text(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0)
                return;
        if (write(fd, text, strlen(text)) < 0)
                g_warning("%s: %s", path, g_strerror(errno));
        close(fd);
}

static void map_ids(uid_t uid, gid_t gid)
{
        char text[64];

        put_text("/proc/self/setgroups", "deny");
        snprintf(text, sizeof(text), "%d %u 1", SHELL_UID, uid);
        put_text("/proc/self/uid_map", text);
        snprintf(text, sizeof(text), "%d %u 1", SHELL_UID, gid);
        put_text("/proc/self/gid_map", text);
}

static volatile sig_atomic_t child_pid;

static void pass_on(int sig)
{
        if (child_pid > 0)
                kill(child_pid, sig);
}

bool sim_confine_enter(void)
{
        uid_t uid = getuid();
        gid_t gid = getgid();
        int spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC, status = 0;

        if (unshare(CLONE_NEWUSER | spaces) == 0)
                map_ids(uid, gid);
        else if (unshare(spaces) < 0)
                return false;
        child_pid = fork();
        if (child_pid < 0) {
                fprintf(stderr, "android: fork: %s\n", strerror(errno));
                exit(1);
        }
        if (child_pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                return true;
        }
        close_range(3, ~0U, 0); /* the listening sockets are the child's alone */
        signal(SIGTERM, pass_on);
        signal(SIGINT, pass_on);
        while (waitpid(child_pid, &status, 0) < 0 && errno == EINTR)
                continue;
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void must(int result, const char *what, const char *path)
{
        if (result == 0)
                return;
        fprintf(stderr, "android: cannot build the phone's file system: %s %s: %s\n", what, path,
                strerror(errno));
        exit(1);
}

/* Bind `from` (a folder or a file of the host) to `to` below the current folder. Read-only keeps the flags
 * that a user namespace may not clear. A missing `from` is no error. */
static void bind(const char *from, const char *to, bool read_only)
{
        struct statvfs vfs;
        struct stat st;
        unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY;

        if (lstat(from, &st) < 0)
                return;
        if (S_ISLNK(st.st_mode)) { /* merged /usr: /lib -> usr/lib */
                char target[PATH_MAX];
                ssize_t n = readlink(from, target, sizeof(target) - 1);

                if (n > 0) {
                        target[n] = '\0';
                        must(symlink(target, to), "link", to);
                }
                return;
        }
        if (S_ISDIR(st.st_mode))
                g_mkdir_with_parents(to, 0755);
        else
                put_text(to, "");
        must(mount(from, to, NULL, MS_BIND | MS_REC, NULL), "mount", from);
        if (!read_only)
                return;
        if (statvfs(to, &vfs) == 0) {
                flags |= vfs.f_flag & ST_NOSUID ? MS_NOSUID : 0;
                flags |= vfs.f_flag & ST_NODEV ? MS_NODEV : 0;
                flags |= vfs.f_flag & ST_NOEXEC ? MS_NOEXEC : 0;
                flags |= vfs.f_flag & ST_NOATIME ? MS_NOATIME : 0;
                flags |= vfs.f_flag & ST_RELATIME ? MS_RELATIME : 0;
        }
        must(mount(NULL, to, NULL, flags, NULL), "read-only", from);
}

/* system/bin below the current folder: busybox for the common tools, ourselves for the phone's own. */
static void make_tools(const char *self)
{
        const char *busybox = access("/usr/bin/busybox", X_OK) == 0 ? "/usr/bin/busybox" : "/bin/busybox";
        bool have = access(busybox, X_OK) == 0;

        g_mkdir_with_parents("system/bin", 0755);
        for (guint i = 0; i < G_N_ELEMENTS(toys); i++) {
                g_autofree char *link = g_strconcat("system/bin/", toys[i], NULL);
                g_autofree char *host = have ? g_strdup(busybox) : g_find_program_in_path(toys[i]);

                unlink(link);
                if (host != NULL)
                        must(symlink(host, link), "link", link);
        }
        for (guint i = 0; i < sim_n_tools; i++) {
                g_autofree char *link = g_strconcat("system/bin/", sim_tools[i].name, NULL);

                unlink(link);
                must(symlink(self, link), "link", link);
        }
}

static void make_dev(void)
{
        static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};

        g_mkdir_with_parents("dev/pts", 0755);
        for (guint i = 0; i < G_N_ELEMENTS(nodes); i++) {
                g_autofree char *from = g_strconcat("/dev/", nodes[i], NULL);

                bind(from, from + 1, false);
        }
        must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                   "newinstance,ptmxmode=0666,mode=0620"),
             "mount", "devpts");
        must(symlink("pts/ptmx", "dev/ptmx"), "link", "ptmx");
        must(symlink("/proc/self/fd", "dev/fd"), "link", "fd");
}

static void make_proc(void)
{
        g_mkdir_with_parents("proc", 0555);
        if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                must(mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL), "mount", "/proc");
}

static void make_tree(const char *state, const char *exe)
{
        g_autofree char *data = g_build_filename(state, "data", NULL);
        g_autofree char *sdcard = g_build_filename(state, "sdcard", NULL);
        g_autofree char *root = g_build_filename(state, "root", NULL);

        must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "private", "/");
        must(mount("tmpfs", root, "tmpfs", MS_NOSUID, "mode=0755"), "mount", root);
        must(chdir(root), "enter", root);
        bind("/usr", "usr", true);
        bind("/lib", "lib", true);
        bind("/lib64", "lib64", true);
        g_mkdir_with_parents("etc", 0755);
        g_mkdir_with_parents("var/cache", 0755);
        bind("/etc/fonts", "etc/fonts", true);
        bind("/etc/ld.so.cache", "etc/ld.so.cache", true);
        bind("/etc/localtime", "etc/localtime", true);
        bind("/var/cache/fontconfig", "var/cache/fontconfig", true);
        put_text("etc/passwd",
                 "root:x:0:0:root:/:/system/bin/sh\nshell:x:2000:2000:shell:/:/system/bin/sh\n");
        put_text("etc/group", "root:x:0:\nshell:x:2000:\n");
        bind(data, "data", false);
        bind(sdcard, "sdcard", false);
        g_mkdir_with_parents("storage/emulated", 0755);
        g_mkdir_with_parents("mnt", 0755);
        g_mkdir_with_parents("tmp", 0777);
        must(symlink("/sdcard", "storage/emulated/0"), "link", "storage");
        must(symlink("/sdcard", "mnt/sdcard"), "link", "mnt/sdcard");
        must(symlink("system/bin", "bin"), "link", "bin");
        g_mkdir_with_parents("system/lib", 0755);
        bind(exe, "system/lib/testbed-sim", true);
        make_tools("/system/lib/testbed-sim");
        make_dev();
        make_proc();
        must((int)syscall(SYS_pivot_root, ".", "."), "pivot", root);
        must(umount2(".", MNT_DETACH), "leave", "old root");
        must(chdir("/"), "enter", "/");
        if (sethostname("testbed_sim", strlen("testbed_sim")) < 0)
                g_debug("hostname: %s", g_strerror(errno));
}

char *sim_confine_build(const char *state, bool confined)
{
        static const char *const folders[] = {
                "root",           "data/local/tmp", "data/app", "sdcard/Download", "sdcard/DCIM/Camera",
                "sdcard/Pictures"};
        g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL);
        const char *prefix = confined ? "" : state;

        for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autofree char *path = g_build_filename(state, folders[i], NULL);

                must(g_mkdir_with_parents(path, 0775), "make", path);
        }
        if (confined) {
                make_tree(state, exe);
        } else {
                must(chdir(state), "enter", state);
                make_tools(exe);
        }
        g_autofree char *path = g_strconcat(prefix, "/system/bin", NULL);
        g_autofree char *shell = g_strconcat(prefix, "/system/bin/sh", NULL);
        g_autofree char *data = g_strconcat(prefix, "/data", NULL);
        g_autofree char *tmp = g_strconcat(prefix, "/data/local/tmp", NULL);
        g_autofree char *card = g_strconcat(prefix, "/sdcard", NULL);
        const char *zone = g_getenv("TZ"), *asan = g_getenv("ASAN_OPTIONS");
        g_autofree char *keep_zone = g_strdup(zone), *keep_asan = g_strdup(asan);
        clearenv();
        if (keep_zone != NULL)
                g_setenv("TZ", keep_zone, TRUE);
        if (keep_asan != NULL)
                g_setenv("ASAN_OPTIONS", keep_asan, TRUE);
        g_setenv("PATH", path, TRUE);
        g_setenv("SHELL", shell, TRUE);
        g_setenv("ANDROID_ROOT", "/system", TRUE);
        g_setenv("ANDROID_DATA", data, TRUE);
        g_setenv("EXTERNAL_STORAGE", card, TRUE);
        g_setenv("TMPDIR", tmp, TRUE);
        g_setenv("HOME", confined ? "/" : state, TRUE);
        g_setenv("HOSTNAME", "testbed_sim", TRUE);
        g_setenv("USER", "shell", TRUE);
        g_setenv("LOGNAME", "shell", TRUE);
        return g_strdup(prefix);
}
