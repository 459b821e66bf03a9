/* Forked from a process that may have threads: the keeper calls nothing of GLib. */
#include "client/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/error.h"

#define KILL_AFTER_S 10   /* between SIGTERM and SIGKILL */
#define GIVE_UP_AFTER_S 5 /* behind SIGKILL: what hangs in the kernel is not waited for */
#define SEEN 4096         /* processes of one pass; the next one finds the others */

typedef struct Process {
        pid_t pid, parent;
        bool ours;
} Process;

static Process seen[SEEN];

/* Plain digits; 0: it is no pid. */
static pid_t pid_of(const char *text)
{
        pid_t pid = 0;
        for (; *text >= '0' && *text <= '9' && pid < 100000000; text++)
                pid = pid * 10 + (*text - '0');
        return pid;
}

/* The parent stands behind the name, which is in brackets and may have any characters. 0: it has just ended. */
static pid_t parent_of(const char *pid)
{
        char path[64], text[512];
        snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (fd >= 0)
                close(fd);
        text[n > 0 ? n : 0] = '\0';
        const char *behind = strrchr(text, ')');
        return behind && strlen(behind) > 4 ? pid_of(behind + 4) : 0;
}

static int look(void)
{
        DIR *proc = opendir("/proc");
        int n = 0;
        for (struct dirent *entry; proc && n < SEEN && (entry = readdir(proc));) {
                pid_t pid = pid_of(entry->d_name);
                if (pid > 0)
                        seen[n++] = (Process){.pid = pid, .parent = parent_of(entry->d_name)};
        }
        if (proc)
                closedir(proc);
        return n;
}

/* All who descend from us. */
static void tell_all(int number)
{
        int n = look();
        pid_t self = getpid();
        for (bool more = true; more;) {
                more = false;
                for (int i = 0; i < n; i++) {
                        bool is = seen[i].parent == self;
                        for (int j = 0; j < n && !is && !seen[i].ours; j++)
                                is = seen[j].ours && seen[j].pid == seen[i].parent;
                        more |= is && !seen[i].ours;
                        seen[i].ours |= is;
                }
        }
        for (int i = 0; i < n; i++)
                if (seen[i].ours) {
                        kill(seen[i].pid, number);
                        kill(seen[i].pid, SIGCONT); /* who is stopped hears nothing */
                }
}

static int code_of(int status)
{
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static time_t now_s(void)
{
        struct timespec t;
        clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec;
}

/* Takes who has ended. False: nobody is left. */
static bool reap(pid_t program, int *code)
{
        for (int status;;) {
                pid_t pid = waitpid(-1, &status, WNOHANG);
                if (pid == program)
                        *code = code_of(status);
                if (pid <= 0)
                        return pid == 0;
        }
}

static _Noreturn void keep(pid_t program, const sigset_t *heard)
{
        const struct timespec second = {.tv_sec = 1};
        int code = -1;
        time_t told = 0; /* 0: nobody has told it to end */
        for (;;) {
                bool any = reap(program, &code);
                time_t since = told ? now_s() - told : 0;
                if (!any || (code >= 0 && !told) || since > KILL_AFTER_S + GIVE_UP_AFTER_S)
                        _exit(code >= 0 ? code : 128 + SIGKILL);
                if (told && since >= KILL_AFTER_S)
                        tell_all(SIGKILL);
                if (sigtimedwait(heard, NULL, &second) == SIGTERM && !told) {
                        told = now_s();
                        tell_all(SIGTERM);
                }
        }
}

static _Noreturn void run(char **argv, char **env, const sigset_t *mask, int report)
{
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* of the keeper */
        /* what comes before the program is there is the program's already, and not a handler's that it has from us */
        struct sigaction action;
        for (int number = 1; number < SIGSYS; number++)
                if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
                        signal(number, SIG_DFL);
        sigprocmask(SIG_SETMASK, mask, NULL);
        execvpe(argv[0], argv, env);
        int why = errno;
        if (write(report, &why, sizeof why) < 0)
                _exit(126);
        _exit(127);
}

static _Noreturn void keeper(char **argv, char **env, pid_t testbed, const sigset_t *mask, int report)
{
        sigset_t heard;
        sigemptyset(&heard);
        sigaddset(&heard, SIGCHLD);
        sigaddset(&heard, SIGTERM);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        pid_t program = getppid() == testbed ? fork() : -1;
        if (program == 0)
                run(argv, env, mask, report);
        int why = errno;
        if (program < 0 && write(report, &why, sizeof why) < 0)
                _exit(126);
        if (program < 0)
                _exit(126);
        /* the terminal tells the whole group: what that means is the program's matter. Nothing is held open but the streams */
        for (int number = 1; number < SIGSYS; number++)
                if (!sigismember(&heard, number) && number != SIGTSTP && number != SIGTTIN &&
                    number != SIGTTOU)
                        signal(number, SIG_IGN);
        sigset_t rest = heard;
        sigprocmask(SIG_SETMASK, &rest, NULL);
        close_range(3, ~0U, 0);
        keep(program, &heard);
}

GPid tb_cli_keeper_start(char **argv, char **env, int *ret_code, GError **error)
{
        int report[2], why = 0;
        if (pipe2(report, O_CLOEXEC) != 0) {
                *ret_code = 126;
                tb_set_error(error, TB_ERROR_INTERNAL, "%s: %s", argv[0], g_strerror(errno));
                return 0;
        }
        sigset_t all, mask;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, &mask);
        pid_t self = getpid(), pid = fork();
        if (pid == 0)
                keeper(argv, env, self, &mask, report[1]);
        why = pid < 0 ? errno : 0;
        sigprocmask(SIG_SETMASK, &mask, NULL);
        close(report[1]);
        ssize_t n;
        do
                n = pid < 0 ? 0 : read(report[0], &why, sizeof why);
        while (n < 0 && errno == EINTR);
        close(report[0]);
        if (!why)
                return pid;
        if (pid > 0)
                waitpid(pid, NULL, 0);
        *ret_code = why == ENOENT ? 127 : 126;
        tb_set_error(error, TB_ERROR_INVALID, "%s: %s", argv[0], g_strerror(why));
        return 0;
}
