#include <X11/Xauth.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/transport/transport.h"
#include "drivers/x11/x11.h"

#define CONNECT_MS 5000
#define COOKIE "MIT-MAGIC-COOKIE-1"

/* The cookie of this display from the authority file; *ret_data is owned by the caller. */
static int read_cookie(TbInstance *self, char **ret_data)
{
        const char *file = json_string_value(json_object_get(self->params, "xauthority"));
        g_autofree char *home = g_build_filename(g_get_home_dir(), ".Xauthority", NULL);
        if (!file)
                file = g_getenv("XAUTHORITY");
        FILE *f = fopen(file ? file : home, "re");
        g_autofree char *number = g_strdup_printf("%d", self->uri->port);
        int size = 0;
        for (Xauth *a; f && size == 0 && (a = XauReadAuth(f)); XauDisposeAuth(a)) {
                bool mine = a->number_length == 0 || (a->number_length == strlen(number) &&
                                                      memcmp(a->number, number, a->number_length) == 0);
                if (mine && a->name_length == strlen(COOKIE) &&
                    memcmp(a->name, COOKIE, a->name_length) == 0) {
                        *ret_data = g_memdup2(a->data, a->data_length);
                        size = a->data_length;
                }
        }
        if (f)
                fclose(f);
        return size;
}

static TbTransport *dial(TbX11Conn *x, const TbUri *uri, TbIo *io, GError **error)
{
        x->local = !*uri->host || strcmp(uri->host, "unix") == 0;
        x->name = g_strdup_printf("%s:%d", x->local ? "" : uri->host, uri->port);
        if (!x->local)
                return tb_transport_tcp(io, uri->host, (guint16)(6000 + uri->port), CONNECT_MS, error);
        g_autofree char *path = g_strdup_printf("/tmp/.X11-unix/X%d", uri->port);
        g_autoptr(GError) mine = NULL;
        TbTransport *t = tb_transport_unix(io, path, CONNECT_MS, &mine);
        if (!t && g_error_matches(mine, TB_ERROR, TB_ERROR_GONE))
                tb_set_error(error, TB_ERROR_GONE,
                             "no X server on display %s: is it started, and is that its number?", x->name);
        else if (!t)
                g_propagate_error(error, g_steal_pointer(&mine));
        return t;
}

static bool stopped(const TbX11Conn *x, GError **error)
{
        g_autofree char *whom = g_strdup_printf("the X server on display %s", x->name);
        return tb_io_fail(TB_WAIT_STOP, whom, error);
}

bool tb_x11_connect(TbX11Conn *x, TbInstance *self, TbIo *io, GError **error)
{
        g_autoptr(TbTransport) t = dial(x, self->uri, io, error);
        if (!t)
                return false;
        int fd = fcntl(tb_transport_fd(t), F_DUPFD_CLOEXEC, 3);
        if (fd < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "this host has no room for a connection to display %s: %s", x->name,
                             g_strerror(errno));
                return false;
        }
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK); /* xcb sets what it wants */
        g_autofree char *data = NULL;
        xcb_auth_info_t auth = {.name = (char *)COOKIE, .namelen = sizeof COOKIE - 1};
        auth.datalen = read_cookie(self, &data);
        auth.data = data;
        x->guard = tb_guard_new(tb_interruptor_fd(io->stop), fd, error);
        if (!x->guard) {
                close(fd);
                return false;
        }
        tb_x11_enter(x);
        x->c = xcb_connect_to_fd(fd, auth.datalen > 0 ? &auth : NULL);
        int failed = xcb_connection_has_error(x->c);
        tb_guard_busy(x->guard, false);
        if (failed) {
                if (tb_guard_fired(x->guard))
                        return stopped(x, error);
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "the X server on display %s refused us: let this user in (xauth, parameter "
                             "\"xauthority\")",
                             x->name);
                return false;
        }
        x->screen = xcb_setup_roots_iterator(xcb_get_setup(x->c)).data;
        return true;
}

void tb_x11_disconnect(TbX11Conn *x)
{
        tb_guard_free(g_steal_pointer(&x->guard)); /* before the socket goes */
        if (x->c)
                xcb_disconnect(x->c); /* also when it is broken; closes the fd */
        x->c = NULL;
        x->screen = NULL;
        g_clear_pointer(&x->name, g_free);
}

void tb_x11_enter(TbX11Conn *x)
{
        tb_guard_busy(x->guard, true);
}

bool tb_x11_leave(TbX11Conn *x, TbIo *io, GError **error)
{
        tb_guard_busy(x->guard, false);
        if (!xcb_connection_has_error(x->c))
                return true;
        if (tb_guard_fired(x->guard) || tb_interruptor_raised(io->stop))
                return stopped(x, error);
        if (!error || !*error)
                tb_set_error(error, TB_ERROR_GONE, "the X server on display %s is gone", x->name);
        return false;
}

bool tb_x11_extension(TbX11Conn *x, xcb_extension_t *extension, const char *name, guint8 *ret_first_event,
                      GError **error)
{
        const xcb_query_extension_reply_t *reply = xcb_get_extension_data(x->c, extension);
        if (reply && reply->present) {
                *ret_first_event = reply->first_event;
                return true;
        }
        tb_set_error(error, TB_ERROR_UNSUPPORTED, "the X server on display %s has no %s extension", x->name,
                     name);
        return false;
}
