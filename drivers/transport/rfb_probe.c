/*
 * What is acknowledged was done: RFB has no answer to a key, so something that is answered is asked behind it, and a server
 * reads in order. Of most servers that is one pixel; QEMU looks at requests for pixels only when it draws next, up to
 * seconds later, and says at once after SetEncodings which lights are on.
 */
#include "drivers/transport/rfb_private.h"
#include "lib/limits.h"

static bool ask(TbRfb *rfb)
{
        rfb->probing = true;
        if (rfb->keymap.map && SupportsClient2Server(rfb->client, rfbQemuEvent))
                return tb_rfb_client_ask_lights(rfb);
        rfb->corner = *(const guint32 *)(gconstpointer)rfb->client->frameBuffer;
        return tb_rfb_request(rfb, &(TbRect){0, 0, 1, 1}, true);
}

static bool is_silent(TbRfb *rfb, GError **error)
{
        tb_set_error(error, TB_ERROR_TIMEOUT,
                     "%s: the VNC server does not answer, it seems to stand still: what was sent to it may "
                     "not have "
                     "arrived, and nothing more is sent until it answers",
                     rfb->peer);
        return false;
}

bool tb_rfb_probe_wait(TbRfb *rfb, TbIo *io, int ms, GError **error)
{
        const gint64 end = g_get_monotonic_time() + ms * G_TIME_SPAN_MILLISECOND;
        while (rfb->probing) {
                gint64 left_us = end - g_get_monotonic_time();
                struct pollfd p = {.fd = tb_rfb_fd(rfb), .events = POLLIN};
                if (!tb_rfb_ready(rfb)) {
                        TbWait w = tb_io_wait(io, &p, 1, (int)((MAX(left_us, 0) + 999) / 1000));
                        if (w == TB_WAIT_STOP)
                                return tb_io_fail(w, rfb->peer, error);
                        if (w != TB_WAIT_READY)
                                return is_silent(rfb, error);
                }
                if (!tb_rfb_take(rfb))
                        return tb_rfb_fail(rfb, io, "the VNC session ended", error);
        }
        return true;
}

bool tb_rfb_probe(TbRfb *rfb, TbIo *io, GError **error)
{
        if (!ask(rfb))
                return tb_rfb_fail(rfb, io, "the VNC session ended", error);
        return tb_rfb_probe_wait(rfb, io, TB_LIMIT_RFB_SILENT_MS, error);
}
