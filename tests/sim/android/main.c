/*
 * android - a simulated Android phone that a real `adb` server accepts (adb connect 127.0.0.1:PORT)
 *
 * A simulator for Testbed's tests and demo bench; see README.md. Under the name of one of the phone's own
 * tools this program is that tool (tool.h).
 */
#include <errno.h>
#include <glib-unix.h>
#include <locale.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/sim/android/confine.h"
#include "tests/sim/android/control.h"
#include "tests/sim/android/log.h"
#include "tests/sim/android/phone.h"
#include "tests/sim/android/tool.h"
#include "tests/sim/android/transport.h"

static char *opt_serial, *opt_state, *opt_control;
static int opt_port;
static gboolean opt_unconfined, opt_unauthorized;

static const GOptionEntry entries[] = {
        {"port", 'p', 0, G_OPTION_ARG_INT, &opt_port, "TCP port on 127.0.0.1, 0 = a free one", "N"},
        {"serial", 's', 0, G_OPTION_ARG_STRING, &opt_serial, "ro.serialno", "TEXT"},
        {"state", 'd', 0, G_OPTION_ARG_FILENAME, &opt_state, "folder for the phone's files", "DIR"},
        {"unconfined", 0, 0, G_OPTION_ARG_NONE, &opt_unconfined, "do not use namespaces", NULL},
        {"unauthorized", 0, 0, G_OPTION_ARG_NONE, &opt_unauthorized, "ask for a key, and accept none", NULL},
        {"control", 'c', 0, G_OPTION_ARG_STRING, &opt_control,
         "send a command to the phone that runs on --state", "LINE"},
        G_OPTION_ENTRY_NULL,
};

static int listen_tcp(int port)
{
        struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((guint16)port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

        addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 8) < 0) {
                fprintf(stderr, "android: cannot listen on 127.0.0.1:%d: %s\n", port, strerror(errno));
                exit(1);
        }
        return fd;
}

static gboolean on_signal(int fd, GIOCondition cond, void *data)
{
        struct signalfd_siginfo info;

        (void)cond;
        if (read(fd, &info, sizeof(info)) == sizeof(info))
                g_main_loop_quit(data);
        return G_SOURCE_CONTINUE;
}

/* SIGTERM and SIGINT by descriptor: no GLib worker thread, so that fork() stays simple. */
static int watch_signals(GMainLoop *loop)
{
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        g_unix_fd_add(fd, G_IO_IN, on_signal, loop);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGCHLD, SIG_IGN); /* nobody waits for a service; the kernel reaps it */
        return fd;
}

/* Apps that were installed before the phone was started again. */
static void find_apps(SimPhone *phone)
{
        g_autofree char *path = g_strconcat(phone->root, "/data/app", NULL);
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *apk = g_strdup_printf("/data/app/%s/base.apk", name);
                g_autofree char *real = g_strconcat(phone->root, apk, NULL);

                if (g_str_has_suffix(name, "-1") && access(real, R_OK) == 0) {
                        g_autofree char *package = g_strndup(name, strlen(name) - 2);

                        sim_phone_add_package(phone, package, apk, false);
                }
        }
}

static gboolean on_heartbeat(void *data)
{
        SimPhone *phone = data;

        sim_log_add(phone->log, 'D', "BatteryService", "level:%d voltage:%d temperature:%d",
                    phone->battery.level, phone->battery.voltage, phone->battery.temperature);
        return G_SOURCE_CONTINUE;
}

static int run(int listen_fd, int control_fd, const char *root)
{
        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        SimPhone *phone = sim_phone_new(opt_serial, root);
        int signal_fd = watch_signals(loop);
        SimToolServer *tools = sim_tool_server_new(phone);
        SimTransport *transport = sim_transport_new(phone, listen_fd);
        SimControl *control = sim_control_new(phone, transport, loop, control_fd);
        guint heartbeat = g_timeout_add_seconds(30, on_heartbeat, phone);

        find_apps(phone);
        if (opt_unauthorized)
                sim_transport_require_auth(transport, true);
        printf("listening %d\n", sim_transport_port(transport));
        fflush(stdout);
        g_main_loop_run(loop);
        g_source_remove(heartbeat);
        sim_control_free(control);
        sim_transport_free(transport);
        sim_tool_server_free(tools);
        sim_phone_free(phone);
        close(signal_fd);
        return 0;
}

int main(int argc, char **argv)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GOptionContext) context = NULL;
        g_autofree char *state = NULL;
        int listen_fd, control_fd;
        bool confined;

        if (g_getenv(SIM_TOOL_ENV) != NULL)
                _exit(sim_client_main(argc, argv));
        setlocale(LC_ALL, "");
        context = g_option_context_new("- a simulated Android phone behind the real adb server");
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error) || opt_state == NULL || opt_port < 0 ||
            opt_port > 65535) {
                fprintf(stderr, "android: %s\n",
                        error ? error->message : "--state DIR and a --port of 0..65535 are needed");
                return 2;
        }
        if (opt_control != NULL)
                return sim_control_send(opt_state, opt_control);
        if (opt_serial == NULL)
                opt_serial = g_strdup("SIM00TESTBED");
        if (g_mkdir_with_parents(opt_state, 0775) < 0 || (state = realpath(opt_state, NULL)) == NULL) {
                fprintf(stderr, "android: %s: %s\n", opt_state, strerror(errno));
                return 1;
        }
        listen_fd = listen_tcp(opt_port);
        control_fd = sim_control_listen(state);
        if (control_fd < 0) {
                fprintf(stderr, "android: %s/control: %s\n", state, strerror(errno));
                return 1;
        }
        confined = !opt_unconfined && sim_confine_enter();
        if (!confined)
                fprintf(stderr,
                        "android: the simulated phone is not confined: its shell can see the host's files\n");
        g_autofree char *root = sim_confine_build(state, confined);
        return run(listen_fd, control_fd, root);
}
