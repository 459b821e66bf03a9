#include "drivers/transport/rfb.h"

#include <fcntl.h>
#include <string.h>

#include "drivers/driver.h"
#include "drivers/transport/keysym.h"
#include "drivers/transport/rfb_private.h"
#include "lib/descriptors.h"

/* --- when the next picture is asked for --- */
/* After each update the library asks for the next one on its own; it only asks what it thinks the server
 * understands. We want to decide when. */
static void allow_requests(TbRfb *rfb, bool allow)
{
        guint8 bit = 1U << (rfbFramebufferUpdateRequest % 8);
        guint8 *where = &rfb->client->supportedMessages.client2server[rfbFramebufferUpdateRequest / 8];
        *where = allow ? *where | bit : *where & (guint8)~bit;
}

static bool take_socket(TbRfb *rfb, TbTransport *transport, GError **error)
{
        int fd = tb_descriptors_low_take(fcntl(tb_transport_fd(transport), F_DUPFD_CLOEXEC, 3), error);
        if (fd < 0) {
                tb_error_prefix(error, "%s: ", rfb->peer);
                return false;
        }
        rfb->client->sock = fd;
        return true;
}

/* QEMU's own pace: it queues what comes quicker, and forgets what is beyond a thousand entries, some 340 keys, silently. */
#define QEMU_KEY_MS 10

/* QEMU gives its guest the places of keys: what they type is the guest's layout. */
static bool take_layout(TbRfb *rfb, GError **error)
{
        const char *name = rfb->client->desktopName;
        if (name && g_str_has_prefix(name, "QEMU") && !rfb->o.own_pace)
                rfb->o.key_delay_ms = MAX(rfb->o.key_delay_ms, QEMU_KEY_MS);
        for (guint code = 8; code < G_N_ELEMENTS(rfb->no_place); code++)
                rfb->no_place[code] = tb_keysym_xt_of_evdev(code - 8) == 0;
        rfb->keymap.skip = rfb->no_place;
        rfb->layout = g_strdup(rfb->o.layout                            ? rfb->o.layout
                               : name && g_str_has_prefix(name, "QEMU") ? "us"
                                                                        : NULL);
        if (!rfb->layout || tb_keymap_load(&rfb->keymap, rfb->layout))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "layout",
                           "%s: there is no keyboard layout \"%s\" here (names are those of "
                           "xkeyboard-config: us, de, fr, "
                           "us(dvorak))",
                           rfb->peer, rfb->layout);
        return false;
}

TbRfb *tb_rfb_open(TbIo *io, TbTransport *transport_take, const TbRfbOptions *options, GError **error)
{
        g_autoptr(TbTransport) transport = transport_take;
        TbRfb *rfb = g_new0(TbRfb, 1);
        rfb->o = *options;
        rfb->password = g_strdup(options->password);
        rfb->encodings =
                g_strdup(options->encodings ? options->encodings : "tight zrle zlib hextile copyrect raw");
        rfb->peer = g_strdup(tb_transport_name(transport));
        rfb->pool = tb_frame_pool_new(4);
        rfb->down = g_hash_table_new(NULL, NULL);
        rfb->damage = g_array_new(FALSE, FALSE, sizeof(TbRect));
        rfb->client = tb_rfb_client_new(rfb);
        if (!take_socket(rfb, transport, error)) {
                tb_rfb_close(rfb);
                return NULL;
        }
        rfb->guard = tb_guard_new(tb_interruptor_fd(io->stop), rfb->client->sock, error);
        if (!rfb->guard) {
                tb_rfb_close(rfb);
                return NULL;
        }
        tb_rfb_enter(rfb);
        rfbClient *c = rfb->client;
        bool ok = InitialiseRFBConnection(c);
        if (ok) {
                c->width = c->si.framebufferWidth;
                c->height = c->si.framebufferHeight;
                ok = c->MallocFrameBuffer(c) && tb_rfb_client_negotiate(rfb);
        }
        tb_rfb_leave(rfb);
        if (!ok) {
                tb_rfb_fail(rfb, io, "no VNC session could be started (does a VNC server listen there?)",
                            error);
                tb_rfb_close(rfb);
                return NULL;
        }
        allow_requests(rfb, false);
        if (take_layout(rfb, error))
                return rfb;
        tb_rfb_close(rfb);
        return NULL;
}

void tb_rfb_close(TbRfb *rfb)
{
        if (!rfb)
                return;
        tb_guard_free(rfb->guard);
        tb_rfb_client_free(rfb);
        tb_frame_pool_unref(rfb->pool);
        g_array_free(rfb->damage, TRUE);
        tb_keymap_clear(&rfb->keymap);
        g_hash_table_unref(rfb->down);
        g_free(rfb->layout);
        g_free(rfb->password);
        g_free(rfb->encodings);
        g_free(rfb->peer);
        g_free(rfb);
}

int tb_rfb_fd(TbRfb *rfb)
{
        return rfb->client->sock;
}

bool tb_rfb_ready(TbRfb *rfb)
{
        return rfb->client->buffered > 0;
}

int tb_rfb_due_ms(TbRfb *rfb)
{
        if (!rfb->running)
                return -1;
        gint64 now_us = g_get_monotonic_time();
        if (!rfb->asked)
                return tb_pace_due_ms(&rfb->pace, now_us);
        return rfb->o.rouse_ms ? (int)(MAX(rfb->rouse_us - now_us, 0) + 999) / 1000 : -1;
}

static void rouse_later(TbRfb *rfb)
{
        rfb->rouse_us = g_get_monotonic_time() + rfb->o.rouse_ms * 1000;
}

/* The release of a key that nobody holds down; a server passes none on that it has not seen go down. */
static bool rouse(TbRfb *rfb)
{
        rouse_later(rfb);
        return SendKeyEvent(rfb->client, XK_Pause, FALSE);
}

bool tb_rfb_request(TbRfb *rfb, const TbRect *rect, bool whole)
{
        allow_requests(rfb, true);
        bool ok = SendFramebufferUpdateRequest(rfb->client, rect->x, rect->y, rect->width, rect->height,
                                               !whole);
        allow_requests(rfb, false);
        return ok;
}

static bool ask(TbRfb *rfb)
{
        rfbClient *c = rfb->client;
        bool ok = tb_rfb_request(rfb, &(TbRect){0, 0, c->width, c->height}, rfb->whole);
        rfb->asked = true;
        rfb->whole = false;
        rouse_later(rfb);
        return ok;
}

static void push_frame(TbRfb *rfb)
{
        rfbClient *c = rfb->client;
        TbFrame *frame = tb_frame_pool_take(rfb->pool, TB_PIXEL_BGRX, c->width, c->height, 0);
        if (!frame)
                return;
        memcpy(frame->plane[0], c->frameBuffer, frame->size);
        frame->t_us = g_get_monotonic_time();
        for (guint i = 0; i < rfb->damage->len; i++)
                tb_frame_add_damage(frame, g_array_index(rfb->damage, TbRect, i));
        g_array_set_size(rfb->damage, 0);
        rfb->o.frame(rfb->o.data, frame);
}

bool tb_rfb_take(TbRfb *rfb)
{
        rfb->finished = false;
        if (!HandleRFBServerMessage(rfb->client))
                return false;
        if (!rfb->finished)
                return true;
        rfb->asked = false;
        tb_pace_take(&rfb->pace, g_get_monotonic_time());
        if (rfb->running && rfb->damage->len > 0)
                push_frame(rfb);
        return true;
}

bool tb_rfb_process(TbRfb *rfb, TbIo *io, bool readable, GError **error)
{
        tb_rfb_enter(rfb);
        bool ok = !readable || tb_rfb_take(rfb);
        if (ok && tb_rfb_due_ms(rfb) == 0)
                ok = rfb->asked ? rouse(rfb) : ask(rfb);
        tb_rfb_leave(rfb);
        return ok || tb_rfb_fail(rfb, io, "the VNC session ended", error);
}

bool tb_rfb_start(TbRfb *rfb, int max_fps, GError **error)
{
        rfb->running = true;
        tb_pace_init(&rfb->pace, max_fps);
        rfb->whole = true;
        if (ask(rfb) && (rfb->o.rouse_ms == 0 || rouse(rfb)))
                return true;
        tb_set_error(error, TB_ERROR_GONE, "%s: the VNC session ended", rfb->peer);
        return false;
}

void tb_rfb_stop(TbRfb *rfb)
{
        rfb->running = false;
}
