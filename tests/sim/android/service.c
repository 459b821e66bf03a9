#include "tests/sim/android/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sim/android/log.h"

static bool pair_open(int fds[2])
{
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return false;
        fcntl(fds[0], F_SETFL, O_NONBLOCK);
        return true;
}

/* A service that says one thing and ends. */
static bool open_text(const char *text, SimService *ret)
{
        int fds[2];

        if (!pair_open(fds))
                return false;
        if (write(fds[1], text, strlen(text)) < 0)
                g_warning("short answer: %s", g_strerror(errno));
        close(fds[1]);
        *ret = (SimService){.fd = fds[0]};
        return true;
}

/* Undo in the child what the main loop's process has set up. */
static void child_signals(void)
{
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGCHLD, SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        setsid();
}

static bool open_sync(SimPhone *phone, SimService *ret)
{
        int fds[2];
        pid_t pid;

        if (!pair_open(fds))
                return false;
        pid = fork();
        if (pid == 0) {
                child_signals();
                signal(SIGHUP, SIG_IGN); /* its stream ends anyway, and it has a part to throw away */
                close(fds[0]);
                sim_sync_run(fds[1], phone->root);
        }
        close(fds[1]);
        *ret = (SimService){.fd = fds[0], .pid = pid};
        return pid > 0;
}

static bool open_shell(const char *options, const char *command, bool exec, SimService *ret)
{
        bool pty = !exec && *command == '\0', packets = false;
        g_auto(GStrv) words = g_strsplit(options, ",", -1);
        const char *term = "xterm";
        int fds[2];
        pid_t pid;

        for (guint i = 0; words[i] != NULL; i++) {
                if (strcmp(words[i], "v2") == 0)
                        packets = true;
                else if (strcmp(words[i], "raw") == 0)
                        pty = false;
                else if (strcmp(words[i], "pty") == 0)
                        pty = true;
                else if (g_str_has_prefix(words[i], "TERM="))
                        term = words[i] + strlen("TERM=");
        }
        if (!pair_open(fds))
                return false;
        pid = fork();
        if (pid == 0) {
                child_signals();
                close(fds[0]);
                sim_shell_run(fds[1], command, packets, pty, term);
        }
        close(fds[1]);
        *ret = (SimService){.fd = fds[0], .pid = pid};
        return pid > 0;
}

static gboolean on_reboot_idle(void *data)
{
        SimPhone *phone = data;

        if (phone->reboot != NULL)
                phone->reboot(phone->reboot_data);
        return G_SOURCE_REMOVE;
}

bool sim_service_open(SimPhone *phone, const char *name, SimService *ret)
{
        const char *colon = strchr(name, ':');

        if (colon == NULL)
                return false;
        if (g_str_has_prefix(name, "shell:") || g_str_has_prefix(name, "shell,")) {
                g_autofree char *options =
                        g_strndup(name + strlen("shell"), (gsize)(colon - name) - strlen("shell"));

                return open_shell(options, colon + 1, false, ret);
        }
        if (g_str_has_prefix(name, "exec:"))
                return open_shell("", colon + 1, true, ret);
        if (strcmp(name, "sync:") == 0)
                return open_sync(phone, ret);
        if (g_str_has_prefix(name, "reboot:")) {
                g_idle_add(on_reboot_idle, phone);
                return open_text("", ret);
        }
        if (g_str_has_prefix(name, "reverse:")) {
                static const char why[] = "the simulated phone cannot reverse ports";
                g_autofree char *answer = g_strdup_printf("FAIL%04zx%s", strlen(why), why);

                return open_text(answer, ret);
        }
        if (strcmp(name, "root:") == 0)
                return open_text("adbd cannot run as root in production builds\n", ret);
        if (strcmp(name, "unroot:") == 0)
                return open_text("adbd not running as root\n", ret);
        if (g_str_has_prefix(name, "remount:"))
                return open_text("Not running as root. Try \"adb root\" first.\n", ret);
        /* tcp: local*: jdwp: track-jdwp framebuffer: tcpip: usb: ...: not on this phone */
        sim_log_add(phone->log, 'W', "adbd", "refused service %.200s", name);
        return false;
}

void sim_service_hangup(SimService *service)
{
        if (service->fd >= 0)
                close(service->fd);
        service->fd = -1;
        if (service->pid > 1)
                kill(-service->pid, SIGHUP);
        service->pid = 0;
}
