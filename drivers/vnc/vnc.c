/* The screen of any VNC server: picture and input on one session. Parameters and texts here, the session in
 * drivers/transport/rfb.c. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/transport/rfb.h"

#define CONNECT_MS 10000
#define DEFAULT_PORT 5900

typedef struct Vnc {
        TbInstance base;
        TbRfb *rfb;
        bool watched;
} Vnc;

static const TbParam params[] = {
        {.name = "password",
         .type = TB_PARAM_SECRET,
         .max = 64,
         .help = "the server's password (VNC authentication counts 8 characters)"},
        {.name = "exclusive",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "throw other viewers out when we connect"},
        {.name = "quality",
         .type = TB_PARAM_INT,
         .min = -1,
         .max = 9,
         .fallback = "-1",
         .help = "JPEG quality 0 to 9 where the server can; -1: exact pixels"},
        {.name = "key_delay_ms",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 1000,
         .fallback = "0",
         .unit = "ms",
         .help = "pause after each key event"},
        {.name = "layout",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "the keyboard layout of a virtual machine (us, de, fr, us(dvorak)): keys are told by their "
                 "place then; "
                 "QEMU's server is known by itself, as us"},
        TB_PARAM_END,
};

static bool check(const TbUri *uri, json_t *p G_GNUC_UNUSED, GError **error)
{
        if (*uri->host || (*uri->path && uri->port < 0))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                           "name the server: vnc://host:5900, or vnc:///path/of/a/socket");
        return false;
}

static void on_frame(gpointer data, TbFrame *frame_take)
{
        TbInstance *self = data;
        self->up->frame(self, frame_take);
}

static void on_clipboard(gpointer data, const char *text)
{
        TbInstance *self = data;
        self->up->clipboard(self, text);
}

static bool vnc_open(TbInstance *self, TbIo *io, GError **error)
{
        Vnc *v = (Vnc *)self;
        const TbUri *uri = self->uri;
        TbTransport *t = *uri->host ? tb_transport_tcp(io, uri->host,
                                                       (guint16)(uri->port < 0 ? DEFAULT_PORT : uri->port),
                                                       CONNECT_MS, error)
                                    : tb_transport_unix(io, uri->path, CONNECT_MS, error);
        if (!t)
                return false;
        const char *password = json_string_value(json_object_get(self->params, "password"));
        const TbRfbOptions options = {
                .password = password ? password : uri->password,
                .encodings = *uri->host ? NULL : "copyrect raw",
                .quality = (int)json_integer_value(json_object_get(self->params, "quality")),
                .exclusive = json_is_true(json_object_get(self->params, "exclusive")),
                .key_delay_ms = (int)json_integer_value(json_object_get(self->params, "key_delay_ms")),
                .layout = json_string_value(json_object_get(self->params, "layout")),
                .frame = on_frame,
                .clipboard = on_clipboard,
                .data = self,
        };
        v->rfb = tb_rfb_open(io, t, &options, error);
        return v->rfb != NULL;
}

static void vnc_close(TbInstance *self)
{
        tb_rfb_close(g_steal_pointer(&((Vnc *)self)->rfb));
}

static bool vnc_pump(TbInstance *self, TbIo *io, GError **error)
{
        Vnc *v = (Vnc *)self;
        bool readable = tb_rfb_ready(v->rfb);
        if (!readable) {
                struct pollfd p = {.fd = tb_rfb_fd(v->rfb), .events = POLLIN};
                TbWait w = tb_io_wait(io, &p, 1, tb_rfb_due_ms(v->rfb));
                if (w == TB_WAIT_WAKE || w == TB_WAIT_STOP)
                        return true;
                readable = w == TB_WAIT_READY;
        }
        g_autoptr(GError) lost = NULL;
        if (tb_rfb_process(v->rfb, io, readable, &lost))
                return true;
        if (v->watched)
                self->up->no_signal(self, lost->message);
        g_propagate_error(error, g_steal_pointer(&lost));
        return false;
}

static bool start(TbInstance *self, TbIo *io G_GNUC_UNUSED, int max_fps, GError **error)
{
        ((Vnc *)self)->watched = true;
        return tb_rfb_start(((Vnc *)self)->rfb, max_fps, error);
}

static void stop(TbInstance *self, TbIo *io G_GNUC_UNUSED)
{
        Vnc *v = (Vnc *)self;
        v->watched = false;
        if (v->rfb)
                tb_rfb_stop(v->rfb);
}

static bool send(TbInstance *self, TbIo *io, const TbInput *events, guint n, guint *ret_done, GError **error)
{
        return tb_rfb_input(((Vnc *)self)->rfb, io, events, n, ret_done, error);
}

static const TbVideoOps video = {.start = start, .stop = stop};
static bool copy(TbInstance *self, TbIo *io, const char *text, GError **error)
{
        return tb_rfb_copy(((Vnc *)self)->rfb, io, text, error);
}

static const TbInputOps input = {.send = send, .copy = copy};

static const TbLane lanes[] = {
        {.name = "screen",
         .size = sizeof(Vnc),
         .open = vnc_open,
         .close = vnc_close,
         .pump = vnc_pump,
         .video = &video,
         .input = &input},
        {.name = NULL},
};

static bool offer(const TbLanSeen *seen, TbLanOffer *ret_offer)
{
        return tb_lan_offer(seen, "video", g_strdup_printf("vnc://%s:%u", seen->address, seen->port),
                            g_strdup_printf("screen of %s", seen->name),
                            g_strdup_printf("a VNC server announces itself by mDNS as %s", seen->host),
                            ret_offer);
}

static const TbLanService services[] = {{"_rfb._tcp", offer}, {NULL, NULL}};

const TbDriver tb_driver_vnc = {
        .name = "vnc",
        .summary = "The screen, keyboard and pointer of any VNC server.",
        .example = "vnc://lab-pc:5900?password=secret",
        .params = params,
        .check = check,
        .lanes = lanes,
        .services = services,
};
