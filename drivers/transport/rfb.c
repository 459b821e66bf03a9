#include "drivers/transport/rfb.h"

#include <errno.h>
#include <fcntl.h>
#include <rfb/rfbclient.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/transport/guard.h"
#include "drivers/transport/keysym.h"
#include "drivers/transport/pace.h"
#include "lib/limits.h"
#include "lib/log.h"

#define READ_TIMEOUT_S 10

struct TbRfb {
        rfbClient *client; /* owned */
        TbGuard *guard;    /* owned */
        TbRfbOptions o;
        char *password;             /* owned */
        char *encodings;            /* owned */
        char *peer;                 /* owned; for texts */
        TbFramePool *pool;          /* ref */
        GArray *damage;             /* of TbRect; since the last frame */
        bool running, asked, whole; /* asked: a request is out; whole: the next one is not incremental */
        bool finished;              /* one update is complete */
        TbPace pace;
        int buttons; /* RFB mask */
        int x, y;
        char reason[256]; /* the library's last complaint */
};

/* the library's log is one pair of process-wide pointers; what it says on this thread belongs to this session
 */
static _Thread_local TbRfb *speaking;

static void on_log(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void on_log(const char *format, ...)
{
        if (!speaking)
                return;
        va_list args;
        va_start(args, format);
        char text[sizeof speaking->reason];
        g_vsnprintf(text, sizeof text, format, args);
        va_end(args);
        g_strchomp(text);
        /* a wrong password is told as information, not as an error */
        if (strstr(text, "ailed") || strstr(text, "ailure") || strstr(text, "oo many"))
                g_strlcpy(speaking->reason, text, sizeof speaking->reason);
        tb_log(TB_LOG_DEBUG, TB_F("peer", speaking->peer), "rfb: %s", text);
}

static void on_complaint(const char *format, ...) G_GNUC_PRINTF(1, 2);
static void on_complaint(const char *format, ...)
{
        if (!speaking)
                return;
        va_list args;
        va_start(args, format);
        g_vsnprintf(speaking->reason, sizeof speaking->reason, format, args);
        va_end(args);
        g_strchomp(speaking->reason);
}

static void log_setup(void)
{
        static gsize done;
        if (g_once_init_enter(&done)) {
                rfbClientLog = on_log;
                rfbClientErr = on_complaint;
                g_once_init_leave(&done, 1);
        }
}

/* --- callbacks of the library, all on the worker while it is inside a call --- */
static TbRfb *self_of(rfbClient *client)
{
        return rfbClientGetClientData(client, on_log);
}

static rfbBool on_size(rfbClient *client)
{
        TbRfb *rfb = self_of(client);
        if (client->width < 1 || client->height < 1 || client->width > TB_LIMIT_VIDEO_SIDE ||
            client->height > TB_LIMIT_VIDEO_SIDE) {
                g_snprintf(rfb->reason, sizeof rfb->reason,
                           "the screen is %dx%d, at most %d pixels a side are supported", client->width,
                           client->height, TB_LIMIT_VIDEO_SIDE);
                return FALSE;
        }
        free(client->frameBuffer); /* the library frees it by free() in the end */
        client->frameBuffer = calloc((size_t)client->width * (size_t)client->height, 4);
        client->updateRect.x = client->updateRect.y = 0;
        client->updateRect.w = client->width;
        client->updateRect.h = client->height;
        g_array_set_size(rfb->damage, 0);
        rfb->whole = true;
        return client->frameBuffer != NULL;
}

static void on_update(rfbClient *client, int x, int y, int w, int h)
{
        TbRect rect = {x, y, w, h};
        g_array_append_val(self_of(client)->damage, rect);
}

static void on_finished(rfbClient *client)
{
        self_of(client)->finished = true;
}

static char *on_password(rfbClient *client)
{
        TbRfb *rfb = self_of(client);
        if (!rfb->password || !*rfb->password)
                g_strlcpy(rfb->reason, "the server wants a password: set the parameter \"password\"",
                          sizeof rfb->reason);
        return rfb->password && *rfb->password
                       ? strdup(rfb->password)
                       : NULL; /* libvncclient gives up on both, but forgets to free an empty one */
}

/* --- calling it --- */
static bool fail(TbRfb *rfb, TbIo *io, const char *what, GError **error)
{
        if (tb_guard_fired(rfb->guard) || tb_interruptor_raised(io->stop))
                return tb_io_fail(TB_WAIT_STOP, rfb->peer, error);
        TbErrorCode code = TB_ERROR_DEVICE;
        if (strstr(rfb->reason, "assword") || strstr(rfb->reason, "uthenticat"))
                code = TB_ERROR_UNAUTHORIZED;
        else if (!rfb->reason[0] || strstr(rfb->reason, "closed connection") ||
                 strstr(rfb->reason, "read (") || strstr(rfb->reason, "write"))
                code = TB_ERROR_GONE;
        g_set_error(error, TB_ERROR, (int)code, "%s: %s%s%s", rfb->peer, what, rfb->reason[0] ? ": " : "",
                    rfb->reason);
        return false;
}

static void enter(TbRfb *rfb)
{
        speaking = rfb;
        rfb->reason[0] = '\0';
        tb_guard_busy(rfb->guard, true);
}

static void leave(TbRfb *rfb)
{
        tb_guard_busy(rfb->guard, false);
        speaking = NULL;
}

/* After each update the library asks for the next one on its own; it only asks what it thinks the server
 * understands. We want to decide when. */
static void allow_requests(TbRfb *rfb, bool allow)
{
        guint8 bit = 1U << (rfbFramebufferUpdateRequest % 8);
        guint8 *where = &rfb->client->supportedMessages.client2server[rfbFramebufferUpdateRequest / 8];
        *where = allow ? *where | bit : *where & (guint8)~bit;
}

static void configure(TbRfb *rfb)
{
        rfbClient *c = rfb->client;
        rfbClientSetClientData(c, on_log, rfb);
        c->MallocFrameBuffer = on_size;
        c->GotFrameBufferUpdate = on_update;
        c->FinishedFrameBufferUpdate = on_finished;
        c->GetPassword = on_password;
        c->canHandleNewFBSize = TRUE;
        c->readTimeout = READ_TIMEOUT_S;
        c->format.bitsPerPixel = 32;
        c->format.depth = 24;
        c->format.bigEndian = FALSE;
        c->format.trueColour = TRUE;
        c->format.redMax = c->format.greenMax = c->format.blueMax = 255;
        c->format.redShift = 16;
        c->format.greenShift = 8;
        c->format.blueShift = 0;
        c->appData.shareDesktop = !rfb->o.exclusive;
        c->appData.useRemoteCursor = FALSE; /* the server paints it into the picture */
        c->appData.encodingsString = rfb->encodings;
        c->appData.enableJPEG = rfb->o.quality >= 0;
        c->appData.qualityLevel = MAX(rfb->o.quality, 0);
        c->appData.compressLevel = 2;
        c->programName = "testbed";
}

static bool take_socket(TbRfb *rfb, TbTransport *transport, GError **error)
{
        /* The library waits by select(), which cannot watch fds from 1024 on. */
        int fd = fcntl(tb_transport_fd(transport), F_DUPFD_CLOEXEC, 3);
        if (fd < 0 || fd >= FD_SETSIZE) {
                g_set_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE,
                            "%s: too many files are open for another VNC screen", rfb->peer);
                if (fd >= 0)
                        close(fd);
                return false;
        }
        rfb->client->sock = fd;
        return true;
}

TbRfb *tb_rfb_open(TbIo *io, TbTransport *transport_take, const TbRfbOptions *options, GError **error)
{
        g_autoptr(TbTransport) transport = transport_take;
        log_setup();
        TbRfb *rfb = g_new0(TbRfb, 1);
        rfb->o = *options;
        rfb->password = g_strdup(options->password);
        rfb->encodings =
                g_strdup(options->encodings ? options->encodings : "tight zrle zlib hextile copyrect raw");
        rfb->peer = g_strdup(tb_transport_name(transport));
        rfb->pool = tb_frame_pool_new(4);
        rfb->damage = g_array_new(FALSE, FALSE, sizeof(TbRect));
        rfb->client = rfbGetClient(8, 3, 4);
        configure(rfb);
        if (!take_socket(rfb, transport, error)) {
                tb_rfb_close(rfb);
                return NULL;
        }
        rfb->guard = tb_guard_new(tb_interruptor_fd(io->stop), rfb->client->sock);
        enter(rfb);
        rfbClient *c = rfb->client;
        bool ok = InitialiseRFBConnection(c);
        if (ok) {
                c->width = c->si.framebufferWidth;
                c->height = c->si.framebufferHeight;
                ok = c->MallocFrameBuffer(c) && SetFormatAndEncodings(c);
        }
        leave(rfb);
        if (!ok) {
                fail(rfb, io, "cannot start a VNC session", error);
                tb_rfb_close(rfb);
                return NULL;
        }
        allow_requests(rfb, false);
        return rfb;
}

void tb_rfb_close(TbRfb *rfb)
{
        if (!rfb)
                return;
        tb_guard_free(rfb->guard);
        free(rfb->client->frameBuffer);
        rfb->client->frameBuffer = NULL;
        rfb->client->appData.encodingsString = NULL;
        speaking = rfb;
        rfbClientCleanup(rfb->client);
        speaking = NULL;
        tb_frame_pool_unref(rfb->pool);
        g_array_free(rfb->damage, TRUE);
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
        if (!rfb->running || rfb->asked)
                return -1;
        return tb_pace_due_ms(&rfb->pace, g_get_monotonic_time());
}

static bool ask(TbRfb *rfb)
{
        rfbClient *c = rfb->client;
        allow_requests(rfb, true);
        bool ok = SendFramebufferUpdateRequest(c, 0, 0, c->width, c->height, !rfb->whole);
        allow_requests(rfb, false);
        rfb->asked = true;
        rfb->whole = false;
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

bool tb_rfb_process(TbRfb *rfb, TbIo *io, bool readable, GError **error)
{
        enter(rfb);
        bool ok = true;
        if (readable) {
                rfb->finished = false;
                ok = HandleRFBServerMessage(rfb->client);
                if (ok && rfb->finished) {
                        rfb->asked = false;
                        tb_pace_take(&rfb->pace, g_get_monotonic_time());
                        if (rfb->running && rfb->damage->len > 0)
                                push_frame(rfb);
                }
        }
        if (ok && tb_rfb_due_ms(rfb) == 0)
                ok = ask(rfb);
        leave(rfb);
        return ok || fail(rfb, io, "the VNC session ended", error);
}

bool tb_rfb_start(TbRfb *rfb, int max_fps, GError **error)
{
        rfb->running = true;
        tb_pace_init(&rfb->pace, max_fps);
        rfb->whole = true;
        if (ask(rfb))
                return true;
        g_set_error(error, TB_ERROR, TB_ERROR_GONE, "%s: the VNC session ended", rfb->peer);
        return false;
}

void tb_rfb_stop(TbRfb *rfb)
{
        rfb->running = false;
}

/* --- input --- */
static bool send_key(TbRfb *rfb, TbIo *io, guint32 keysym, bool down, GError **error)
{
        if (!SendKeyEvent(rfb->client, keysym, down))
                return fail(rfb, io, "cannot send a key", error);
        return rfb->o.key_delay_ms == 0 || tb_io_sleep(io, rfb->o.key_delay_ms, error);
}

static bool press_key(TbRfb *rfb, TbIo *io, guint32 keysym, GError **error)
{
        bool shift = tb_keysym_needs_shift(keysym); /* servers that work by scancodes need to see it */
        return (!shift || send_key(rfb, io, TB_KEYSYM_SHIFT, true, error)) &&
               send_key(rfb, io, keysym, true, error) && send_key(rfb, io, keysym, false, error) &&
               (!shift || send_key(rfb, io, TB_KEYSYM_SHIFT, false, error));
}

static bool do_key(TbRfb *rfb, TbIo *io, const TbInput *event, GError **error)
{
        guint32 keysym = tb_keysym_of_key(event->text);
        if (keysym == 0) {
                tb_error_set_field(error, TB_ERROR_INVALID, "key",
                                   "unknown key \"%s\": use the names of KeyboardEvent.key", event->text);
                return false;
        }
        switch (event->action) {
        case TB_KEY_PRESS: return press_key(rfb, io, keysym, error);
        case TB_KEY_DOWN: return send_key(rfb, io, keysym, true, error);
        case TB_KEY_UP: return send_key(rfb, io, keysym, false, error);
        }
        return false;
}

static bool do_text(TbRfb *rfb, TbIo *io, const char *text, GError **error)
{
        for (const char *p = text; *p; p = g_utf8_next_char(p)) {
                guint32 keysym = tb_keysym_of_char(g_utf8_get_char(p));
                if (keysym && !press_key(rfb, io, keysym, error))
                        return false;
        }
        return true;
}

static bool point(TbRfb *rfb, TbIo *io, double x, double y, int mask, GError **error)
{
        rfb->x = CLAMP((int)x, 0, rfb->client->width - 1);
        rfb->y = CLAMP((int)y, 0, rfb->client->height - 1);
        rfb->buttons = mask;
        return SendPointerEvent(rfb->client, rfb->x, rfb->y, mask) ||
               fail(rfb, io, "cannot send the pointer", error);
}

static bool do_swipe(TbRfb *rfb, TbIo *io, const TbInput *e, GError **error)
{
        int steps = CLAMP(e->ms / 16, 1, 600);
        if (!point(rfb, io, e->x, e->y, 0, error) || !point(rfb, io, e->x, e->y, 1, error))
                return false;
        for (int i = 1; i <= steps; i++)
                if (!tb_io_sleep(io, e->ms / steps, error) ||
                    !point(rfb, io, e->x + (e->x2 - e->x) * i / steps, e->y + (e->y2 - e->y) * i / steps, 1,
                           error)) {
                        SendPointerEvent(rfb->client, rfb->x, rfb->y, 0); /* never leave the button down */
                        rfb->buttons = 0;
                        return false;
                }
        return point(rfb, io, e->x2, e->y2, 0, error);
}

static bool do_scroll(TbRfb *rfb, TbIo *io, const TbInput *e, GError **error)
{
        const struct {
                double clicks;
                int button; /* RFB mask */
        } wheel[] = {{-e->y2, 1 << 3}, {e->y2, 1 << 4}, {-e->x2, 1 << 5}, {e->x2, 1 << 6}};
        int held = rfb->buttons;
        for (guint i = 0; i < G_N_ELEMENTS(wheel); i++)
                for (int n = (int)MIN(wheel[i].clicks + 0.5, 100); n > 0; n--)
                        if (!point(rfb, io, e->x, e->y, held | wheel[i].button, error) ||
                            !point(rfb, io, e->x, e->y, held, error))
                                return false;
        return true;
}

/* MouseEvent.buttons: 1 left, 2 right, 4 middle. RFB: 1 left, 2 middle, 4 right. */
static int rfb_mask(int buttons)
{
        return (buttons & 1) | (buttons & 2 ? 4 : 0) | (buttons & 4 ? 2 : 0);
}

bool tb_rfb_input(TbRfb *rfb, TbIo *io, const TbInput *events, guint n, GError **error)
{
        bool ok = true;
        enter(rfb);
        for (guint i = 0; ok && i < n; i++) {
                const TbInput *e = &events[i];
                switch (e->type) {
                case TB_INPUT_KEY: ok = do_key(rfb, io, e, error); break;
                case TB_INPUT_TEXT: ok = do_text(rfb, io, e->text, error); break;
                case TB_INPUT_POINTER: ok = point(rfb, io, e->x, e->y, rfb_mask(e->buttons), error); break;
                case TB_INPUT_TAP:
                        ok = point(rfb, io, e->x, e->y, 0, error) && point(rfb, io, e->x, e->y, 1, error) &&
                             tb_io_sleep(io, 20, error) && point(rfb, io, e->x, e->y, 0, error);
                        break;
                case TB_INPUT_SWIPE: ok = do_swipe(rfb, io, e, error); break;
                case TB_INPUT_SCROLL: ok = do_scroll(rfb, io, e, error); break;
                }
        }
        leave(rfb);
        return ok;
}
