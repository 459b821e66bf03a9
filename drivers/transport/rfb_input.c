/* Keyboard and pointer of a VNC session. */
#include "drivers/driver.h"
#include "drivers/transport/keysym.h"
#include "drivers/transport/rfb_private.h"

static bool do_key(TbRfb *rfb, TbIo *io, const TbInput *event, GError **error)
{
        if (event->code)
                return tb_rfb_keys_code(rfb, io, event->code, event->action, error);
        guint32 keysym = tb_keysym_of_key(event->text);
        if (keysym)
                return tb_rfb_keys_key(rfb, io, keysym, event->action, event->exact, error);
        tb_error_set_field(error, TB_ERROR_INVALID, "key",
                           "unknown key \"%s\": use the names of KeyboardEvent.key", event->text);
        return false;
}

#define EXTENDED 0x80 /* in the mask: a byte with those behind the seventh follows */
#define FORWARD 0x100

/* The eighth has a bit of the plain event, too, which is what most servers know. */
static bool send_pointer(TbRfb *rfb, int mask)
{
        if (!rfb->many_buttons || mask < EXTENDED)
                return SendPointerEvent(rfb->client, rfb->x, rfb->y, mask & 0xff);
        const char event[] = {rfbPointerEvent,     (char)(EXTENDED | (mask & 0x7f)),
                              (char)(rfb->x >> 8), (char)rfb->x,
                              (char)(rfb->y >> 8), (char)rfb->y,
                              (char)(mask >> 7)};
        return WriteToRFBServer(rfb->client, event, sizeof event);
}

static bool point(TbRfb *rfb, TbIo *io, double x, double y, int mask, GError **error)
{
        rfb->x = CLAMP((int)x, 0, rfb->client->width - 1);
        rfb->y = CLAMP((int)y, 0, rfb->client->height - 1);
        rfb->buttons = mask;
        return send_pointer(rfb, mask) || tb_rfb_fail(rfb, io, "cannot send the pointer", error);
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
                for (int n = (int)MIN(wheel[i].clicks, 100); n > 0; n--)
                        if (!point(rfb, io, e->x, e->y, held | wheel[i].button, error) ||
                            !point(rfb, io, e->x, e->y, held, error))
                                return false;
        return true;
}

/* MouseEvent.buttons: 1 left, 2 right, 4 middle, 8 back, 16 forward. RFB: 1 left, 2 middle, 4 right, 128 back, 256 forward. */
static int rfb_mask(int buttons)
{
        return (buttons & 1) | (buttons & 2 ? 4 : 0) | (buttons & 4 ? 2 : 0) | (buttons & 8 ? 128 : 0) |
               (buttons & 16 ? FORWARD : 0);
}

/* Whether a server takes the longer event shows with its first answer. */
static bool do_pointer(TbRfb *rfb, TbIo *io, const TbInput *e, GError **error)
{
        if (rfb_mask(e->buttons) >= EXTENDED && !rfb->many_buttons && !tb_rfb_probe(rfb, io, error))
                return false;
        if (rfb->many_buttons || !(e->buttons & 16))
                return point(rfb, io, e->x, e->y, rfb_mask(e->buttons), error);
        tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, "buttons",
                           "%s: this VNC server takes eight buttons, and forward is the ninth", rfb->peer);
        return false;
}

static bool do_event(TbRfb *rfb, TbIo *io, const TbInput *e, GError **error)
{
        switch (e->type) {
        case TB_INPUT_KEY: return do_key(rfb, io, e, error);
        case TB_INPUT_TEXT: return tb_rfb_keys_text(rfb, io, e->text, error);
        case TB_INPUT_POINTER: return do_pointer(rfb, io, e, error);
        case TB_INPUT_TAP:
                return point(rfb, io, e->x, e->y, 0, error) && point(rfb, io, e->x, e->y, 1, error) &&
                       tb_io_sleep(io, 20, error) && point(rfb, io, e->x, e->y, 0, error);
        case TB_INPUT_SWIPE: return do_swipe(rfb, io, e, error);
        case TB_INPUT_SCROLL: return do_scroll(rfb, io, e, error);
        }
        return true;
}

/* Nothing new goes to a server that stands still, it would be typed late; what is held comes up there when it goes on. */
static bool lift_only(TbRfb *rfb, TbIo *io, const TbInput *events, guint n)
{
        for (guint i = 0; i < n; i++)
                if ((events[i].type == TB_INPUT_KEY && events[i].action == TB_KEY_UP) ||
                    (events[i].type == TB_INPUT_POINTER && !events[i].buttons && rfb->buttons))
                        do_event(rfb, io, &events[i], NULL);
        return false;
}

bool tb_rfb_input(TbRfb *rfb, TbIo *io, const TbInput *events, guint n, guint *ret_done, GError **error)
{
        tb_rfb_enter(rfb);
        *ret_done = 0;
        bool ok = tb_rfb_probe_wait(rfb, io, 0, error) || lift_only(rfb, io, events, n);
        for (; ok && *ret_done < n; *ret_done += ok)
                ok = do_event(rfb, io, &events[*ret_done], error);
        if (ok && n > 0)
                ok = tb_rfb_probe(rfb, io, error);
        tb_rfb_leave(rfb);
        return ok;
}

bool tb_rfb_copy(TbRfb *rfb, TbIo *io, const char *text, GError **error)
{
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        for (const char *at = text; *at; at = g_utf8_next_char(at)) {
                gunichar c = g_utf8_get_char(at);
                const guint8 byte = (guint8)c;
                if (c > 0xff) {
                        tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, "text",
                                           "%s: a VNC server's clipboard takes Latin-1, which has no %.*s",
                                           rfb->peer, (int)(g_utf8_next_char(at) - at), at);
                        return false;
                }
                g_byte_array_append(bytes, &byte, 1);
        }
        g_byte_array_append(bytes, (const guint8 *)"", 1);
        tb_rfb_enter(rfb);
        bool ok = SendClientCutText(rfb->client, (char *)bytes->data, (int)bytes->len - 1) ||
                  tb_rfb_fail(rfb, io, "cannot send the clipboard", error);
        tb_rfb_leave(rfb);
        return ok;
}
