#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/transport/transport.h"
#include "lib/descriptors.h"
#include "lib/env_secrets.h"
#include "lib/error.h"

struct TbChild {
        pid_t pid;
        int pidfd;                   /* owned */
        char *name;                  /* owned; argv[0] */
        TbTransport *in, *out, *err; /* owned; NULL: not asked for */
};

/* What the forked child needs; made before fork, because after it only async-signal-safe calls are allowed.
 */
typedef struct Start {
        const char *program;
        char *const *argv, *const *envp;
        const char *cwd;
        int fd[3];  /* its stdin, stdout, stderr; -1: /dev/null (2: inherited) */
        bool tty;   /* fd[0] becomes its controlling terminal */
        int report; /* errno goes here when exec fails; closed by a successful exec */
        pid_t parent;
} Start;

static void G_GNUC_NORETURN child_main(const Start *start)
{
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (int s = 1; s < NSIG; s++) /* ignored signals (SIGPIPE) would stay ignored */
                signal(s, SIG_DFL);
        if (start->tty)
                setsid();
        else
                setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int err = 0;
        if (getppid() != start->parent) /* the parent died before prctl */
                _exit(127);             /* lint: banned - the forked child */
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int i = 0; i < 3; i++) {
                int from = start->fd[i] >= 0 ? start->fd[i] : i < 2 ? null : -1;
                if (from >= 0 && from != i)
                        dup2(from, i);
                else if (from == i)
                        fcntl(i, F_SETFD, 0);
        }
        if (start->tty)
                ioctl(0, TIOCSCTTY, 0);
        if (start->cwd && chdir(start->cwd) < 0)
                err = errno;
        close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        prctl(PR_SET_THP_DISABLE, 0, 0, 0,
              0); /* a guest of qemu wants its huge pages; we do without (host/media/memory.c) */
        if (err == 0) {
                execve(start->program, start->argv, start->envp);
                err = errno;
        }
        ssize_t n = write(start->report, &err, sizeof err);
        _exit(n == sizeof err ? 127 : 126); /* lint: banned - the forked child */
}

/* What the daemon was given for itself: whoever has a console or a shell here would be admin by it. */
static char **environment(const char *const *extra)
{
        char **env = g_get_environ();
        for (const char *const *secret = tb_env_secrets; *secret; secret++)
                env = g_environ_unsetenv(env, *secret);
        for (; extra && *extra; extra++) {
                const char *equals = strchr(*extra, '=');
                g_assert(equals);
                g_autofree char *key = g_strndup(*extra, (gsize)(equals - *extra));
                env = g_environ_setenv(env, key, equals + 1, TRUE);
        }
        return env;
}

static void close_pair(int pair[2])
{
        for (int i = 0; i < 2; i++)
                if (pair[i] >= 0)
                        close(pair[i]);
}

/* That it is not there is one thing, that it may not be started another, and that this host has no room a third. */
static void start_failed(const char *name, int errnum, GError **error)
{
        if (errnum == EACCES || errnum == EPERM)
                tb_set_error(error, TB_ERROR_FORBIDDEN,
                             "no permission to start %s: may the daemon's user execute it?", name);
        else if (errnum == ENOENT || errnum == ENOTDIR)
                tb_set_error(error, TB_ERROR_GONE,
                             "cannot start %s: it, its interpreter or its folder is not there", name);
        else if (errnum == EMFILE || errnum == ENFILE || errnum == EAGAIN || errnum == ENOMEM)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "this host has no room to start %s now: %s", name,
                             g_strerror(errnum));
        else
                tb_set_error(error, TB_ERROR_DEVICE, "cannot start %s: %s", name, g_strerror(errnum));
}

static pid_t fork_exec(Start *start, const char *name, GError **error)
{
        int report[2];
        if (pipe2(report, O_CLOEXEC) < 0) {
                start_failed(name, errno, error);
                return -1;
        }
        if (!tb_descriptors_allow_device(report[1])) {
                close_pair(report);
                start_failed(name, EMFILE, error);
                return -1;
        }
        start->report = report[1];
        start->parent = getpid();
        pid_t pid = fork();
        if (pid == 0)
                child_main(start);
        int fork_errno = errno;
        close(report[1]);
        int err = 0;
        ssize_t n = 0;
        if (pid > 0)
                while ((n = read(report[0], &err, sizeof err)) < 0 && errno == EINTR) {
                }
        close(report[0]);
        if (pid < 0) {
                start_failed(name, fork_errno, error);
                return -1;
        }
        if (n > 0) {
                waitpid(pid, NULL, 0);
                start_failed(name, err, error);
                return -1;
        }
        return pid;
}

/* NULL: the program runs already, and nothing could be told of its end; it is ended. */
static TbChild *child_new(pid_t pid, const char *name, GError **error)
{
        int pidfd = pidfd_open(pid, 0);
        if (pidfd < 0) {
                start_failed(name, errno, error);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                return NULL;
        }
        TbChild *child = g_new0(TbChild, 1);
        child->pid = pid;
        child->name = g_strdup(name);
        child->pidfd = pidfd;
        return child;
}

static char *find_program(const char *name, GError **error)
{
        char *program = g_find_program_in_path(name);
        if (!program)
                tb_set_error(error, TB_ERROR_GONE,
                             "program not found: %s (install it, or name its whole path)", name);
        return program;
}

TbChild *tb_child_spawn_tty(const char *const *argv, const char *const *env, const char *cwd, int tty,
                            GError **error)
{
        g_autofree char *program = find_program(argv[0], error);
        if (!program)
                return NULL;
        g_auto(GStrv) envp = environment(env);
        Start start = {.program = program,
                       .argv = (char *const *)(gpointer)argv,
                       .envp = envp,
                       .cwd = cwd,
                       .fd = {tty, tty, tty},
                       .tty = true};
        pid_t pid = fork_exec(&start, argv[0], error);
        return pid > 0 ? child_new(pid, argv[0], error) : NULL;
}

TbChild *tb_child_spawn(const char *const *argv, const char *const *env, const char *cwd, guint flags,
                        GError **error)
{
        g_autofree char *program = find_program(argv[0], error);
        if (!program)
                return NULL;
        int pair[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
        Start start = {
                .program = program, .argv = (char *const *)(gpointer)argv, .cwd = cwd, .fd = {-1, -1, -1}};
        bool ok = true;
        for (int i = 0; i < 3; i++) {
                if (!(flags & (1U << i)))
                        continue;
                ok = ok && pipe2(pair[i], O_CLOEXEC) == 0;
                start.fd[i] = pair[i][i == 0 ? 0 : 1];
        }
        TbChild *child = NULL;
        if (ok) {
                g_auto(GStrv) envp = environment(env);
                start.envp = envp;
                pid_t pid = fork_exec(&start, argv[0], error);
                child = pid > 0 ? child_new(pid, argv[0], error) : NULL;
        } else {
                start_failed(argv[0], errno, error);
        }
        if (!child) {
                for (int i = 0; i < 3; i++)
                        close_pair(pair[i]);
                return NULL;
        }

        TbTransport **ends[3] = {&child->in, &child->out, &child->err};
        for (int i = 0; i < 3; i++) {
                if (!(flags & (1U << i)))
                        continue;
                close(start.fd[i]);
                *ends[i] = tb_transport_of_fd(pair[i][i == 0 ? 1 : 0], argv[0]);
        }
        return child;
}

pid_t tb_child_pid(TbChild *child)
{
        return child->pid;
}

int tb_child_pidfd(TbChild *child)
{
        return child->pidfd;
}

TbTransport *tb_child_stdin(TbChild *child)
{
        return child->in;
}

TbTransport *tb_child_stdout(TbChild *child)
{
        return child->out;
}

TbTransport *tb_child_stderr(TbChild *child)
{
        return child->err;
}

void tb_child_close_stdin(TbChild *child)
{
        tb_transport_close(g_steal_pointer(&child->in));
}

/* WNOWAIT: the zombie keeps its pid until tb_child_free() has signalled the group, so that the group's id
 * cannot be somebody else's. */
bool tb_child_ended(TbChild *child, int *ret_status)
{
        siginfo_t info = {0};
        if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
                return false;
        if (ret_status)
                *ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        return true;
}

bool tb_child_wait(TbChild *child, TbIo *io, int timeout_ms, int *ret_status, GError **error)
{
        struct pollfd p = {.fd = child->pidfd, .events = POLLIN};
        TbWait w = tb_io_wait(io, &p, 1, timeout_ms);
        if (w != TB_WAIT_READY)
                return tb_io_fail(w, child->name, error);
        return tb_child_ended(child, ret_status);
}

static bool wait_end(TbChild *child, int ms)
{
        gint64 end = g_get_monotonic_time() + (gint64)ms * 1000;
        for (;;) {
                struct pollfd p = {.fd = child->pidfd, .events = POLLIN};
                gint64 left = MAX(end - g_get_monotonic_time(), 0);
                if (poll(&p, 1, (int)((left + 999) / 1000)) > 0)
                        return true;
                if (left == 0)
                        return false;
        }
}

void tb_child_free(TbChild *child, int grace_ms)
{
        if (!child)
                return;
        tb_transport_close(child->in);
        if (!tb_child_ended(child, NULL) && grace_ms > 0) {
                kill(-child->pid, SIGTERM);
                wait_end(child, grace_ms);
        }
        kill(-child->pid, SIGKILL); /* also what it left behind in its group */
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        tb_transport_close(child->out);
        tb_transport_close(child->err);
        close(child->pidfd);
        g_free(child->name);
        g_free(child);
}

/* --- run to the end --- */
typedef struct Run {
        TbChild *child;
        const guint8 *input;
        gsize input_left, limit;
        bool out_open, err_open;
} Run;

/* One pipe's share. False with an error. */
static bool drain(Run *run, TbTransport *from, GByteArray *into, bool *open, GError **error)
{
        guint8 buf[16384];
        for (;;) {
                gssize n = read(tb_transport_fd(from), buf, sizeof buf);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return true;
                if (n <= 0) {
                        *open = false;
                        return true;
                }
                if (!into)
                        continue;
                if (into->len + (gsize)n > run->limit) {
                        tb_set_error(error, TB_ERROR_TOO_LARGE,
                                     "%s: more than %" G_GSIZE_FORMAT " bytes of output", run->child->name,
                                     run->limit);
                        return false;
                }
                g_byte_array_append(into, buf, (guint)n);
        }
}

static void feed(Run *run)
{
        while (run->input_left > 0) {
                gssize n = write(tb_transport_fd(run->child->in), run->input, run->input_left);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0) /* it does not want to read: not our problem */
                        run->input_left = 0;
                else {
                        run->input += n;
                        run->input_left -= (gsize)n;
                }
        }
        tb_child_close_stdin(run->child);
}

static bool run_loop(Run *run, TbIo *io, int timeout_ms, GByteArray *out, GByteArray *err, GError **error)
{
        gint64 end = timeout_ms < 0 ? G_MAXINT64 : g_get_monotonic_time() + (gint64)timeout_ms * 1000;
        for (;;) {
                struct pollfd p[4];
                guint n = 0;
                p[n++] = (struct pollfd){.fd = run->child->pidfd, .events = POLLIN};
                if (run->out_open)
                        p[n++] = (struct pollfd){.fd = tb_transport_fd(run->child->out), .events = POLLIN};
                if (run->err_open)
                        p[n++] = (struct pollfd){.fd = tb_transport_fd(run->child->err), .events = POLLIN};
                if (run->child->in)
                        p[n++] = (struct pollfd){.fd = tb_transport_fd(run->child->in), .events = POLLOUT};
                gint64 left = end == G_MAXINT64 ? -1 : MAX(end - g_get_monotonic_time(), 0);
                TbWait w = tb_io_wait(io, p, n, left < 0 ? -1 : (int)((left + 999) / 1000));
                if (w != TB_WAIT_READY)
                        return tb_io_fail(w, run->child->name, error);
                bool ended = tb_child_ended(run->child,
                                            NULL); /* before reading: what it wrote is in the pipes then */
                if (run->child->in)
                        feed(run);
                if (run->out_open && !drain(run, run->child->out, out, &run->out_open, error))
                        return false;
                if (run->err_open && !drain(run, run->child->err, err, &run->err_open, error))
                        return false;
                if (ended) /* a daemon that it left behind may hold the pipes open */
                        return true;
        }
}

bool tb_child_run(TbIo *io, const char *const *argv, const void *input, gsize input_size, gsize limit,
                  int timeout_ms, int *ret_status, GByteArray **ret_out, GByteArray **ret_err, GError **error)
{
        return tb_child_run_env(io, argv, NULL, input, input_size, limit, timeout_ms, ret_status, ret_out,
                                ret_err, error);
}

bool tb_child_run_env(TbIo *io, const char *const *argv, const char *const *env, const void *input,
                      gsize input_size, gsize limit, int timeout_ms, int *ret_status, GByteArray **ret_out,
                      GByteArray **ret_err, GError **error)
{
        guint flags = TB_CHILD_STDOUT | TB_CHILD_STDERR | (input_size > 0 ? TB_CHILD_STDIN : 0);
        TbChild *child = tb_child_spawn(argv, env, NULL, flags, error);
        if (!child)
                return false;
        Run run = {child, input, input_size, limit, true, true};
        GByteArray *out = ret_out ? g_byte_array_new() : NULL;
        GByteArray *err = ret_err ? g_byte_array_new() : NULL;
        bool ok = run_loop(&run, io, timeout_ms, out, err, error);
        if (ok) {
                tb_child_ended(child, ret_status);
                if (ret_out)
                        *ret_out = g_steal_pointer(&out);
                if (ret_err)
                        *ret_err = g_steal_pointer(&err);
        }
        if (out)
                g_byte_array_unref(out);
        if (err)
                g_byte_array_unref(err);
        tb_child_free(child, ok ? 0 : 200);
        return ok;
}
