#include "tests/sim/android/tool.h"

#include <errno.h>
#include <glib-unix.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG_MAX (16u << 20) /* a client that does not read is cut off */

const SimTool sim_tools[] = {
        {"getprop", sim_tool_getprop, NULL},       {"setprop", sim_tool_setprop, NULL},
        {"settings", sim_tool_settings, NULL},     {"wm", sim_tool_wm, NULL},
        {"dumpsys", sim_tool_dumpsys, NULL},       {"input", sim_tool_input, NULL},
        {"pm", sim_tool_pm, sim_client_pm},        {"am", sim_tool_am, NULL},
        {"cmd", sim_tool_cmd, sim_client_cmd},     {"monkey", sim_tool_monkey, NULL},
        {"logcat", sim_tool_logcat, NULL},         {"log", sim_tool_log, NULL},
        {"screencap", NULL, sim_client_screencap}, {"sim-picture", sim_tool_picture, NULL},
        {"screenrecord", sim_tool_refused, NULL},  {"uiautomator", sim_tool_ui, NULL},
        {"getevent", sim_tool_refused, NULL},      {"sendevent", sim_tool_refused, NULL},
        {"reboot", sim_tool_reboot, NULL},         {"svc", sim_tool_svc, NULL},
};
const guint sim_n_tools = G_N_ELEMENTS(sim_tools);

const SimTool *sim_tool_find(const char *name)
{
        for (guint i = 0; i < sim_n_tools; i++)
                if (strcmp(sim_tools[i].name, name) == 0)
                        return &sim_tools[i];
        return NULL;
}

struct SimToolServer {
        SimPhone *phone; /* borrowed */
        int fd;
        guint watch;
        GPtrArray *conns; /* owned Conn */
};

typedef struct {
        SimCall call;          /* first: a call is its connection */
        SimToolServer *server; /* borrowed, owns this */
        int fd;
        guint in_watch, out_watch, reap;
        GByteArray *in, *send; /* owned */
        GPtrArray *words;      /* owned: folder and argv, NULL-terminated */
        bool running, closing;
} Conn;

static void conn_free(void *data)
{
        Conn *c = data;

        if (c->call.cancel != NULL)
                c->call.cancel(&c->call);
        g_clear_handle_id(&c->in_watch, g_source_remove);
        g_clear_handle_id(&c->out_watch, g_source_remove);
        g_clear_handle_id(&c->reap, g_source_remove);
        g_byte_array_unref(c->in);
        g_byte_array_unref(c->send);
        g_string_free(c->call.out, TRUE);
        g_string_free(c->call.err, TRUE);
        g_clear_pointer(&c->words, g_ptr_array_unref);
        close(c->fd);
        g_free(c);
}

static gboolean on_reap(void *data)
{
        Conn *c = data;

        g_ptr_array_remove_fast(c->server->conns, c);
        return G_SOURCE_REMOVE;
}

static void conn_end(Conn *c)
{
        if (c->reap == 0)
                c->reap = g_idle_add(on_reap, c);
}

static gboolean on_writable(int fd, GIOCondition cond, void *data)
{
        Conn *c = data;
        ssize_t n = send(fd, c->send->data, c->send->len, MSG_NOSIGNAL);

        (void)cond;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        g_byte_array_remove_range(c->send, 0, n < 0 ? c->send->len : (guint)n);
        if (c->send->len > 0)
                return G_SOURCE_CONTINUE;
        if (n < 0 || c->closing)
                conn_end(c);
        c->out_watch = 0;
        return G_SOURCE_REMOVE;
}

static void frame(Conn *c, guint8 kind, const void *data, gsize len)
{
        guint32 le = GUINT32_TO_LE((guint32)len);

        g_byte_array_append(c->send, &kind, 1);
        g_byte_array_append(c->send, (guint8 *)&le, 4);
        g_byte_array_append(c->send, data, (guint)len);
        if (c->send->len > BACKLOG_MAX)
                conn_end(c);
        else if (c->out_watch == 0)
                c->out_watch = g_unix_fd_add(c->fd, G_IO_OUT, on_writable, c);
}

void sim_call_flush(SimCall *call)
{
        Conn *c = (Conn *)call;

        if (call->out->len > 0)
                frame(c, SIM_OUT, call->out->str, call->out->len);
        if (call->err->len > 0)
                frame(c, SIM_ERR, call->err->str, call->err->len);
        g_string_truncate(call->out, 0);
        g_string_truncate(call->err, 0);
}

void sim_call_exit(SimCall *call, int code)
{
        Conn *c = (Conn *)call;
        guint8 byte = (guint8)code;

        sim_call_flush(call);
        c->closing = true;
        frame(c, SIM_EXIT, &byte, 1);
}

static void run_call(Conn *c)
{
        char *base, *end = (char *)c->in->data + c->in->len;
        const SimTool *tool;
        int code;

        c->words = g_ptr_array_new_with_free_func(g_free);
        for (base = (char *)c->in->data + 4; base < end; base += strlen(base) + 1)
                g_ptr_array_add(c->words, g_strdup(base));
        g_ptr_array_add(c->words, NULL);
        c->running = true;
        if (c->words->len < 3) {
                conn_end(c);
                return;
        }
        c->call.cwd = g_ptr_array_index(c->words, 0);
        c->call.argv = (char **)c->words->pdata + 1;
        c->call.argc = (int)c->words->len - 2;
        tool = sim_tool_find(c->call.argv[0]);
        code = tool != NULL && tool->run != NULL ? tool->run(&c->call) : 127;
        if (code != SIM_LATER)
                sim_call_exit(&c->call, code);
        else
                sim_call_flush(&c->call);
}

static gboolean on_readable(int fd, GIOCondition cond, void *data)
{
        guint8 chunk[65536];
        Conn *c = data;
        ssize_t n = read(fd, chunk, sizeof(chunk));
        guint32 len;

        (void)cond;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        if (n <= 0 || c->running)
                goto end;
        g_byte_array_append(c->in, chunk, (guint)n);
        if (c->in->len < 4)
                return G_SOURCE_CONTINUE;
        memcpy(&len, c->in->data, 4);
        len = GUINT32_FROM_LE(len);
        if (len > SIM_REQUEST_MAX)
                goto end;
        if (c->in->len < 4 + len)
                return G_SOURCE_CONTINUE;
        if (c->in->len > 4 + len || c->in->data[c->in->len - 1] != '\0')
                goto end;
        run_call(c);
        return G_SOURCE_CONTINUE;
end:
        c->in_watch = 0;
        conn_end(c);
        return G_SOURCE_REMOVE;
}

static gboolean on_accept(int fd, GIOCondition cond, void *data)
{
        SimToolServer *server = data;
        int conn_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct ucred peer;
        socklen_t len = sizeof(peer);

        (void)cond;
        if (conn_fd < 0)
                return G_SOURCE_CONTINUE;
        if (getsockopt(conn_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != getuid()) {
                close(conn_fd);
                return G_SOURCE_CONTINUE;
        }
        Conn *c = g_new0(Conn, 1);
        c->server = server;
        c->fd = conn_fd;
        c->in = g_byte_array_new();
        c->send = g_byte_array_new();
        c->call.phone = server->phone;
        c->call.out = g_string_new(NULL);
        c->call.err = g_string_new(NULL);
        c->in_watch = g_unix_fd_add(conn_fd, G_IO_IN | G_IO_HUP, on_readable, c);
        g_ptr_array_add(server->conns, c);
        return G_SOURCE_CONTINUE;
}

SimToolServer *sim_tool_server_new(SimPhone *phone)
{
        SimToolServer *server = g_new0(SimToolServer, 1);
        struct sockaddr_un addr = {.sun_family = AF_UNIX};
        int n = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "testbed-sim-%08x%08x", g_random_int(),
                         g_random_int());

        server->phone = phone;
        server->conns = g_ptr_array_new_with_free_func(conn_free);
        server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (bind(server->fd, (struct sockaddr *)&addr,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (gsize)n)) < 0 ||
            listen(server->fd, 64) < 0)
                g_error("tool socket: %s", g_strerror(errno));
        g_setenv(SIM_TOOL_ENV, addr.sun_path + 1, TRUE);
        server->watch = g_unix_fd_add(server->fd, G_IO_IN, on_accept, server);
        return server;
}

void sim_tool_server_free(SimToolServer *server)
{
        if (server == NULL)
                return;
        g_clear_handle_id(&server->watch, g_source_remove);
        g_ptr_array_unref(server->conns);
        close(server->fd);
        g_free(server);
}
