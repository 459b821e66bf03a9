#include "drivers/transport/line.h"

#include <string.h>
#include <sys/stat.h>

#include "drivers/transport/sysdev.h"
#include "drivers/transport/tty.h"
#include "lib/limits.h"

/* Only who has TB_TTY_PARAMS in the table says how fast a serial line is. */
static bool takes_tty(const json_t *params)
{
        return json_object_get(params, "baud") != NULL;
}

static bool is_tcp(const TbUri *uri)
{
        return *uri->host && uri->port > 0;
}

static bool is_socket(const char *path)
{
        struct stat node;
        return stat(path, &node) == 0 && S_ISSOCK(node.st_mode);
}

static bool check_tty(const TbUri *uri, const json_t *params, GError **error)
{
        TbSerialSettings settings;
        TbTtyTarget target;
        tb_tty_settings_of(params, &settings);
        return tb_tty_target_parse(uri, params, &target, error) && tb_tty_settings_check(&settings, error);
}

bool tb_line_check(const TbUri *uri, json_t *params, GError **error)
{
        bool tty = takes_tty(params),
             usb = tb_sysdev_is_usb_port(uri->host) || json_object_get(params, "usb");
        if (is_tcp(uri) && !*uri->path && !json_object_get(params, "interface") &&
            !json_object_get(params, "usb"))
                return true;
        if (tty && uri->port < 0 && (usb || (!*uri->host && *uri->path)))
                return check_tty(uri, params, error);
        if (!tty && !*uri->host && uri->port < 0 && *uri->path)
                return true;
        if (is_tcp(uri) && !*uri->path)
                tb_error_set_field(
                        error, TB_ERROR_INVALID, json_object_get(params, "usb") ? "usb" : "interface",
                        "only a serial line is chosen so: %s:///dev/…, %s://<USB port> or %s://?usb=…",
                        uri->scheme, uri->scheme, uri->scheme);
        else
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "name host and port: %s://10.0.0.7:4001 (or %s:///path/of/a/socket%s)",
                                   uri->scheme, uri->scheme, tty ? ", or a serial line: /dev/…" : "");
        return false;
}

bool tb_line_open(TbInstance *self, TbIo *io, GError **error)
{
        const TbUri *uri = self->uri;
        int ms = (int)json_integer_value(json_object_get(self->params, "connect_ms"));
        TbLine *line = (TbLine *)self;
        if (is_tcp(uri)) {
                line->link = tb_transport_tcp(io, uri->host, (guint16)uri->port, ms, error);
        } else if (!takes_tty(self->params) || is_socket(uri->path)) {
                line->link = tb_transport_unix(io, uri->path, ms, error);
        } else {
                TbTty *tty = tb_tty_open_attached(self, NULL, error);
                if (tty)
                        line->link = tb_transport_of_fd_owned(tb_tty_fd(tty), uri->shown,
                                                              (GDestroyNotify)tb_tty_close, tty);
        }
        return line->link != NULL;
}

void tb_line_close(TbInstance *self)
{
        tb_transport_close(g_steal_pointer(&((TbLine *)self)->link));
}

static bool is_open(TbLine *line, GError **error)
{
        if (line->link)
                return true;
        tb_set_error(error, TB_ERROR_GONE, "%s did not answer: the line is opened anew",
                     line->base.uri->shown);
        return false;
}

/* What is there; a turn's worth, so that a device that never stops talking holds nobody. */
static bool drop(TbLine *line, GError **error)
{
        char unasked[4096];
        gssize n = 1;
        for (guint i = 0; i < 16 && n > 0; i++)
                n = tb_transport_read_now(line->link, unasked, sizeof unasked, error);
        return n >= 0;
}

bool tb_line_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbLine *line = (TbLine *)self;
        if (!is_open(line, error))
                return false;
        struct pollfd p = {.fd = tb_transport_fd(line->link), .events = POLLIN};
        return tb_io_wait(io, &p, 1, -1) != TB_WAIT_READY || drop(line, error);
}

char *tb_line_ask(TbLine *line, TbIo *io, const char *request, int timeout_ms, GError **error)
{
        if (!is_open(line, error))
                return NULL;
        gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
        char *answer = NULL;
        if (drop(line, error) &&
            tb_transport_write(line->link, io, request, strlen(request), timeout_ms, error)) {
                int left = (int)((until - g_get_monotonic_time()) / 1000);
                answer = tb_transport_read_line(line->link, io, TB_LIMIT_LINE, MAX(left, 0), error);
        }
        if (!answer)
                tb_line_close(&line->base);
        return answer;
}
