/* The screen and the keyboard: QEMU's own VNC server on a socket that exists while the machine is on. */
#include <string.h>

#include "drivers/qemu/qemu.h"
#include "drivers/transport/rfb.h"

#define ROUSE_MS 200

bool tb_qemu_screen_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        return tb_qemu_link_open(&((TbQemuScreen *)self)->link, self->run_dir, "vnc", error);
}

void tb_qemu_screen_close(TbInstance *self)
{
        TbQemuScreen *s = (TbQemuScreen *)self;
        tb_rfb_close(g_steal_pointer(&s->rfb));
        tb_qemu_link_close(&s->link);
}

static void on_frame(gpointer data, TbFrame *frame_take)
{
        TbInstance *self = data;
        self->up->frame(self, frame_take);
}

static void tell_dark(TbQemuScreen *s)
{
        if (s->max_fps == 0)
                return;
        g_autofree char *reason = tb_qemu_off_reason(&s->base);
        s->base.up->no_signal(&s->base, reason);
}

/* The guest's layout: as said, or as QEMU's own -k says it. */
static const char *layout_of(TbQemuScreen *s)
{
        const char *layout = json_string_value(json_object_get(s->base.params, "layout"));
        json_t *args = json_object_get(s->base.params, "args");
        for (gsize i = 0; !layout && i + 1 < json_array_size(args); i++)
                if (g_strcmp0(json_string_value(json_array_get(args, i)), "-k") == 0)
                        layout = json_string_value(json_array_get(args, i + 1));
        if (!layout || s->no_layout || strcmp(layout, "en-us") == 0)
                return "us";
        return strcmp(layout, "en-gb") == 0 ? "gb" : layout;
}

static void try_connect(TbQemuScreen *s, TbIo *io)
{
        TbTransport *t = tb_qemu_link_connect(&s->link, io);
        if (!t) {
                if (!tb_qemu_link_there(&s->link))
                        tell_dark(s); /* again at each wake: the reason may have changed */
                tb_qemu_link_wait(&s->link, io);
                return;
        }
        const TbRfbOptions options = {
                .encodings = "copyrect raw", /* a local socket: bytes are cheaper than packing them */
                .quality = -1,
                .key_delay_ms = (int)json_integer_value(json_object_get(s->base.params, "key_delay_ms")),
                .own_pace = true,
                .layout = layout_of(s),
                .rouse_ms = ROUSE_MS,
                .frame = on_frame,
                .data = &s->base,
        };
        g_autoptr(GError) error = NULL;
        s->rfb = tb_rfb_open(io, t, &options, &error);
        if (g_error_matches(error, TB_ERROR, TB_ERROR_INVALID)) { /* the screen is seen all the same */
                s->base.up->fault(&s->base, error->message);
                s->no_layout = true;
        }
        if (s->rfb && s->max_fps > 0)
                tb_rfb_start(s->rfb, s->max_fps, NULL);
}

bool tb_qemu_screen_pump(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        TbQemuScreen *s = (TbQemuScreen *)self;
        if (!s->rfb) {
                try_connect(s, io);
                return true;
        }
        bool readable = tb_rfb_ready(s->rfb);
        if (!readable) {
                struct pollfd p = {.fd = tb_rfb_fd(s->rfb), .events = POLLIN};
                TbWait w = tb_io_wait(io, &p, 1, tb_rfb_due_ms(s->rfb));
                if (w == TB_WAIT_WAKE || w == TB_WAIT_STOP)
                        return true;
                readable = w == TB_WAIT_READY;
        }
        if (!tb_rfb_process(s->rfb, io, readable, NULL)) {
                tb_rfb_close(g_steal_pointer(&s->rfb)); /* the next pump connects, or tells why it is dark */
        }
        return true;
}

static bool start(TbInstance *self, TbIo *io G_GNUC_UNUSED, int max_fps, GError **error G_GNUC_UNUSED)
{
        TbQemuScreen *s = (TbQemuScreen *)self;
        s->max_fps = max_fps;
        if (s->rfb && !tb_rfb_start(s->rfb, max_fps, NULL))
                tb_rfb_close(g_steal_pointer(&s->rfb)); /* pump connects again */
        return true;
}

static void stop(TbInstance *self, TbIo *io G_GNUC_UNUSED)
{
        TbQemuScreen *s = (TbQemuScreen *)self;
        s->max_fps = 0;
        if (s->rfb)
                tb_rfb_stop(s->rfb);
}

static bool send(TbInstance *self, TbIo *io, const TbInput *events, guint n, guint *ret_done, GError **error)
{
        TbQemuScreen *s = (TbQemuScreen *)self;
        if (s->rfb)
                return tb_rfb_input(s->rfb, io, events, n, ret_done, error);
        g_autofree char *reason = tb_qemu_off_reason(self);
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s", reason);
        return false;
}

const TbVideoOps tb_qemu_video = {.start = start, .stop = stop};
const TbInputOps tb_qemu_input = {.send = send};
