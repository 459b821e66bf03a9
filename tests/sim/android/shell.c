/*
 * shell.c - one shell of the simulated phone: a child process that runs sh and, for the shell protocol (v2)
 * or a pty, carries bytes between it and the stream. Source of the facts: AOSP adb shell_protocol.h,
 * daemon/shell_service.cpp. Runs in a child process; nothing here returns.
 */
#include "tests/sim/android/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { ID_STDIN, ID_STDOUT, ID_STDERR, ID_EXIT, ID_CLOSE_STDIN, ID_WINDOW };

#define PACKET_MAX (1u << 20)

typedef struct {
        int sock;
        int in, out, err; /* towards and from sh, -1 = closed; in == out for a pty */
        bool packets;
        GByteArray *from;    /* owned: bytes of the stream that are not parsed yet */
        GByteArray *pending; /* owned: bytes for sh's stdin */
        bool close_in;       /* close stdin once pending is empty */
} Shell;

static G_GNUC_NORETURN void run_sh(const char *command)
{
        const char *sh = g_getenv("SHELL");

        signal(SIGPIPE, SIG_DFL);
        if (*command == '\0')
                execl(sh, "sh", (char *)NULL);
        else
                execl(sh, "sh", "-c", command, (char *)NULL);
        fprintf(stderr, "sh: %s: %s\n", sh, strerror(errno));
        _exit(127);
}

static bool write_all(int fd, const void *data, size_t len)
{
        const char *p = data;

        while (len > 0) {
                ssize_t n = write(fd, p, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                p += n;
                len -= (size_t)n;
        }
        return true;
}

static bool send_packet(Shell *s, guint8 id, const void *data, guint32 len)
{
        guint8 head[5] = {id};
        guint32 le = GUINT32_TO_LE(len);

        if (!s->packets)
                return write_all(s->sock, data, len);
        memcpy(head + 1, &le, 4);
        return write_all(s->sock, head, 5) && write_all(s->sock, data, len);
}

static void handle(Shell *s, guint8 id, const guint8 *data, guint32 len)
{
        unsigned rows, cols, x, y;

        if (id == ID_STDIN) {
                g_byte_array_append(s->pending, data, len);
        } else if (id == ID_CLOSE_STDIN) {
                s->close_in = true;
        } else if (id == ID_WINDOW && s->in >= 0 && s->in == s->out) {
                g_autofree char *text = g_strndup((const char *)data, len);

                if (sscanf(text, "%ux%u,%ux%u", &rows, &cols, &x, &y) == 4) {
                        struct winsize ws = {(unsigned short)rows, (unsigned short)cols, (unsigned short)x,
                                             (unsigned short)y};
                        ioctl(s->in, TIOCSWINSZ, &ws);
                }
        }
}

/* False when the stream has ended or talks nonsense. */
static bool read_stream(Shell *s)
{
        guint8 chunk[65536];
        ssize_t n = read(s->sock, chunk, sizeof(chunk));
        guint at = 0;

        if (n <= 0)
                return n < 0 && errno == EINTR;
        if (!s->packets) {
                g_byte_array_append(s->pending, chunk, (guint)n);
                return true;
        }
        g_byte_array_append(s->from, chunk, (guint)n);
        while (s->from->len - at >= 5) {
                guint32 len;

                memcpy(&len, s->from->data + at + 1, 4);
                len = GUINT32_FROM_LE(len);
                if (len > PACKET_MAX)
                        return false;
                if (s->from->len - at < 5 + len)
                        break;
                handle(s, s->from->data[at], s->from->data + at + 5, len);
                at += 5 + len;
        }
        g_byte_array_remove_range(s->from, 0, at);
        return true;
}

static void write_stdin(Shell *s)
{
        ssize_t n = write(s->in, s->pending->data, s->pending->len);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        g_byte_array_remove_range(s->pending, 0, n < 0 ? s->pending->len : (guint)n);
}

/* Carry what sh says. Clears *fd at its end. False when the stream is gone. */
static bool read_output(Shell *s, int *fd, guint8 id)
{
        guint8 chunk[65536];
        ssize_t n = read(*fd, chunk, sizeof(chunk));

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return true;
        if (n <= 0) { /* a pty says EIO when its last user is gone */
                if (*fd == s->in)
                        s->in = -1;
                close(*fd);
                *fd = -1;
                return true;
        }
        return send_packet(s, id, chunk, (guint32)n);
}

static void carry(Shell *s)
{
        while (s->out >= 0 || s->err >= 0) {
                bool room = s->pending->len < 65536;
                struct pollfd p[4] = {{.fd = room ? s->sock : -1, .events = POLLIN},
                                      {.fd = s->pending->len > 0 ? s->in : -1, .events = POLLOUT},
                                      {.fd = s->out, .events = POLLIN},
                                      {.fd = s->err, .events = POLLIN}};

                if (s->in < 0)
                        g_byte_array_set_size(s->pending, 0);
                if (poll(p, 4, -1) < 0 && errno != EINTR)
                        return;
                if (p[0].revents && !read_stream(s))
                        return;
                if (p[1].revents)
                        write_stdin(s);
                if (p[2].revents && !read_output(s, &s->out, ID_STDOUT))
                        return;
                if (p[3].revents && !read_output(s, &s->err, ID_STDERR))
                        return;
                if (s->close_in && s->pending->len == 0 && s->in >= 0 && s->in != s->out) {
                        close(s->in);
                        s->in = -1;
                }
        }
}

static pid_t start_pty(Shell *s, const char *command)
{
        struct winsize ws = {24, 80, 0, 0};
        int master;
        pid_t pid = forkpty(&master, NULL, NULL, &ws);

        if (pid == 0)
                run_sh(command);
        s->in = s->out = master;
        s->err = -1;
        return pid;
}

/* posix_spawn: what a fork copies is felt in every command's time. */
static pid_t start_pipes(Shell *s, const char *command)
{
        const char *const run[] = {"sh", "-c", command, NULL}, *const plain[] = {"sh", NULL};
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        int in[2], out[2], err[2], rc;
        sigset_t pipe_signal;
        pid_t pid;

        if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
                return -1;
        sigemptyset(&pipe_signal);
        sigaddset(&pipe_signal, SIGPIPE);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, in[0], 0);
        posix_spawn_file_actions_adddup2(&files, out[1], 1);
        posix_spawn_file_actions_adddup2(&files, err[1], 2);
        rc = posix_spawn(&pid, g_getenv("SHELL"), &files, &attributes,
                         (char *const *)(*command ? run : plain), environ);
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
        close(in[0]);
        close(out[1]);
        close(err[1]);
        fcntl(in[1], F_SETFL, O_NONBLOCK);
        s->in = in[1];
        s->out = out[0];
        s->err = err[0];
        errno = rc;
        return rc == 0 ? pid : -1;
}

void sim_shell_run(int fd, const char *command, bool packets, bool pty, const char *term)
{
        Shell s = {.sock = fd, .packets = packets, .from = g_byte_array_new(), .pending = g_byte_array_new()};
        guint8 code = 127;
        int status = 0;
        pid_t pid;

        g_setenv("TERM", term, TRUE);
        if (!packets && !pty) {
                dup2(fd, 0);
                dup2(fd, 1);
                dup2(fd, 2);
                run_sh(command);
        }
        signal(SIGPIPE, SIG_IGN);
        pid = pty ? start_pty(&s, command) : start_pipes(&s, command);
        if (pid < 0) {
                g_autofree char *why = g_strdup_printf("adbd: cannot start a shell: %s\n", strerror(errno));

                send_packet(&s, ID_STDERR, why, (guint32)strlen(why));
        } else {
                carry(&s);
                if (s.in >= 0)
                        close(s.in);
                if (s.out >= 0) {
                        kill(pid, SIGHUP); /* the stream went away under it */
                        _exit(0);
                }
                while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                        continue;
                code = (guint8)(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
        if (packets)
                send_packet(&s, ID_EXIT, &code, 1);
        _exit(0);
}
