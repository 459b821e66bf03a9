#include "tests/sim/android/control.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/sim/android/log.h"
#include "tests/sim/android/screen.h"

#define LINE_MAX_BYTES 4096

struct SimControl {
        SimPhone *phone;         /* borrowed */
        SimTransport *transport; /* borrowed */
        GMainLoop *loop;         /* borrowed */
        int fd;
        guint watch;
        GPtrArray *conns; /* owned Conn */
};

typedef struct {
        SimControl *control; /* borrowed, owns this */
        int fd;
        guint watch;
        GString *in; /* owned */
} Conn;

/* The folder may be deeper than the 107 bytes that a Unix address holds: name the socket through the folder's
 * fd. */
static int control_address(const char *state, struct sockaddr_un *addr)
{
        int dir = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);

        *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/control", dir);
        return dir;
}

int sim_control_listen(const char *state)
{
        g_autofree char *path = g_build_filename(state, "control", NULL);
        struct sockaddr_un addr;
        int dir = control_address(state, &addr),
            fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        unlink(path);
        if (dir < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 16) < 0) {
                close(fd);
                fd = -1;
        }
        if (dir >= 0)
                close(dir);
        return fd;
}

int sim_control_send(const char *state, const char *line)
{
        struct sockaddr_un addr;
        int dir = control_address(state, &addr), fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
            code = 0;
        g_autofree char *text = g_strconcat(line, "\n", NULL);
        char answer[LINE_MAX_BYTES + 1];
        size_t at = 0;
        ssize_t n;

        if (dir < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
            send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
                fprintf(stderr, "android: no simulated phone runs on %s: %s\n", state, strerror(errno));
                return 2;
        }
        while (at < sizeof(answer) - 1 && (n = read(fd, answer + at, sizeof(answer) - 1 - at)) > 0) {
                at += (size_t)n;
                if (answer[at - 1] == '\n')
                        break;
        }
        answer[at] = '\0';
        code = strncmp(answer, "error", 5) == 0 || at == 0 ? 1 : 0;
        fputs(answer, stdout);
        close(fd);
        close(dir);
        return code;
}

static char *describe(SimControl *c)
{
        const SimScreen *s = c->phone->screen;
        g_autofree char *text = g_strescape(s->text->str, NULL);
        g_autofree char *entered = g_strescape(s->entered ? s->entered : "", NULL);

        return g_strdup_printf(
                "{\"app\":\"%s\",\"awake\":%s,\"text\":\"%s\",\"entered\":\"%s\",\"last_key\":\"%s\","
                "\"taps\":[%u,%u,%u],\"scroll\":%d,\"selected\":%d,\"points\":%u,\"volume\":%d,\"changes\":"
                "%" G_GUINT64_FORMAT ",\"boots\":%u,\"connections\":%u,\"streams\":%u,\"battery\":%d}",
                s->app, s->awake ? "true" : "false", text, entered, s->last_key ? s->last_key : "",
                s->taps[0], s->taps[1], s->taps[2], s->scroll, s->selected, s->points->len, s->volume,
                s->changes, c->phone->boots, sim_transport_connections(c->transport),
                sim_transport_streams(c->transport), c->phone->battery.level);
}

static const char *set_battery(SimControl *c, char **w, guint n)
{
        SimBattery *b = &c->phone->battery;
        int value = n == 3 ? atoi(w[2]) : 0;

        if (n == 2 && strcmp(w[1], "reset") == 0)
                sim_phone_reset_battery(c->phone);
        else if (n == 3 && strcmp(w[1], "level") == 0)
                b->level = value;
        else if (n == 3 && strcmp(w[1], "temperature") == 0)
                b->temperature = value;
        else if (n == 3 && strcmp(w[1], "voltage") == 0)
                b->voltage = value;
        else if (n == 3 && strcmp(w[1], "current") == 0)
                b->current = value;
        else if (n == 3 && strcmp(w[1], "plugged") == 0)
                b->plugged = value;
        else
                return "expected battery level|temperature|voltage|current|plugged N, or battery reset";
        sim_screen_touch(c->phone->screen);
        return NULL;
}

static const char *set_thermal(SimControl *c, char **w, guint n)
{
        for (guint i = 0; n == 3 && i < SIM_N_THERMAL; i++)
                if (strcmp(c->phone->thermal[i].name, w[1]) == 0) {
                        c->phone->thermal[i].celsius = g_ascii_strtod(w[2], NULL);
                        return NULL;
                }
        return "expected thermal cpu|gpu|battery|skin CELSIUS";
}

/* NULL = done, else what is wrong. *answer is set (owned) by a command that has one. */
static const char *run(SimControl *c, const char *line, char **answer)
{
        g_auto(GStrv) w = g_strsplit(line, " ", 3);
        guint n = g_strv_length(w);
        bool on = n > 1 && strcmp(w[1], "on") == 0, off = n > 1 && strcmp(w[1], "off") == 0;

        if (n == 0)
                return "empty command";
        if (strcmp(w[0], "state") == 0) {
                *answer = describe(c);
        } else if (strcmp(w[0], "battery") == 0) {
                return set_battery(c, w, n);
        } else if (strcmp(w[0], "thermal") == 0) {
                return set_thermal(c, w, n);
        } else if (strcmp(w[0], "drop") == 0) {
                sim_transport_drop(c->transport);
        } else if (strcmp(w[0], "refuse") == 0 && (on || off)) {
                if (on)
                        sim_transport_drop(c->transport);
                if (!sim_transport_refuse(c->transport, on))
                        return "cannot listen again";
        } else if (strcmp(w[0], "offline") == 0 && (on || off)) {
                sim_transport_mute(c->transport, on);
        } else if (strcmp(w[0], "unauthorized") == 0 && (on || off)) {
                if (on)
                        sim_transport_require_auth(c->transport, true);
                else
                        sim_transport_authorize(c->transport);
        } else if (strcmp(w[0], "slow") == 0 && n == 2) {
                sim_transport_slow(c->transport, (guint)CLAMP(atoi(w[1]), 0, 10000));
        } else if (strcmp(w[0], "clock") == 0 && n == 2) {
                g_free(c->phone->clock);
                c->phone->clock = strcmp(w[1], "real") == 0 ? NULL : g_strdup(w[1]);
        } else if (strcmp(w[0], "log") == 0 && n == 3) {
                sim_log_add(c->phone->log, 'I', w[1], "%s", w[2]);
        } else if (strcmp(w[0], "reboot") == 0) {
                c->phone->reboot(c->phone->reboot_data);
        } else if (strcmp(w[0], "quit") == 0) {
                g_main_loop_quit(c->loop);
        } else {
                return "expected state, battery, thermal, drop, refuse on|off, offline on|off, unauthorized "
                       "on|off, slow MS, "
                       "clock HH:MM|real, log TAG TEXT, reboot, quit";
        }
        return NULL;
}

static void conn_free(void *data)
{
        Conn *conn = data;

        g_clear_handle_id(&conn->watch, g_source_remove);
        g_string_free(conn->in, TRUE);
        close(conn->fd);
        g_free(conn);
}

static void handle_line(Conn *conn, const char *line)
{
        g_autofree char *answer = NULL;
        const char *wrong = run(conn->control, line, &answer);
        g_autofree char *text = wrong ? g_strdup_printf("error: %s\n", wrong)
                                      : g_strdup_printf("%s\n", answer ? answer : "ok");

        if (send(conn->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
                g_debug("control: %s", g_strerror(errno));
}

static gboolean on_readable(int fd, GIOCondition cond, void *data)
{
        Conn *conn = data;
        char chunk[1024], *end;
        ssize_t n = read(fd, chunk, sizeof(chunk));

        (void)cond;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        if (n > 0)
                g_string_append_len(conn->in, chunk, n);
        while ((end = strchr(conn->in->str, '\n')) != NULL) {
                *end = '\0';
                handle_line(conn, conn->in->str);
                g_string_erase(conn->in, 0, end - conn->in->str + 1);
        }
        if (n > 0 && conn->in->len < LINE_MAX_BYTES)
                return G_SOURCE_CONTINUE;
        conn->watch = 0;
        g_ptr_array_remove_fast(conn->control->conns, conn);
        return G_SOURCE_REMOVE;
}

static gboolean on_accept(int fd, GIOCondition cond, void *data)
{
        SimControl *c = data;
        int conn_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        (void)cond;
        if (conn_fd < 0)
                return G_SOURCE_CONTINUE;
        Conn *conn = g_new0(Conn, 1);
        conn->control = c;
        conn->fd = conn_fd;
        conn->in = g_string_new(NULL);
        conn->watch = g_unix_fd_add(conn_fd, G_IO_IN | G_IO_HUP, on_readable, conn);
        g_ptr_array_add(c->conns, conn);
        return G_SOURCE_CONTINUE;
}

SimControl *sim_control_new(SimPhone *phone, SimTransport *transport, GMainLoop *loop, int listen_fd)
{
        SimControl *c = g_new0(SimControl, 1);

        c->phone = phone;
        c->transport = transport;
        c->loop = loop;
        c->fd = listen_fd;
        c->conns = g_ptr_array_new_with_free_func(conn_free);
        c->watch = g_unix_fd_add(listen_fd, G_IO_IN, on_accept, c);
        return c;
}

void sim_control_free(SimControl *c)
{
        if (c == NULL)
                return;
        g_clear_handle_id(&c->watch, g_source_remove);
        g_ptr_array_unref(c->conns);
        close(c->fd);
        g_free(c);
}
