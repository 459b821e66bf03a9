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

static bool point(TbRfb *rfb, TbIo *io, double x, double y, int mask, GError **error)
{
        rfb->x = CLAMP((int)x, 0, rfb->client->width - 1);
        rfb->y = CLAMP((int)y, 0, rfb->client->height - 1);
        rfb->buttons = mask;
        return SendPointerEvent(rfb->client, rfb->x, rfb->y, mask) ||
               tb_rfb_fail(rfb, io, "cannot send the pointer", error);
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

/* MouseEvent.buttons: 1 left, 2 right, 4 middle, 8 back. RFB: 1 left, 2 middle, 4 right, 128 back. */
static int rfb_mask(int buttons)
{
        return (buttons & 1) | (buttons & 2 ? 4 : 0) | (buttons & 4 ? 2 : 0) | (buttons & 8 ? 128 : 0);
}

static bool do_pointer(TbRfb *rfb, TbIo *io, const TbInput *e, GError **error)
{
        if (!(e->buttons & 16))
                return point(rfb, io, e->x, e->y, rfb_mask(e->buttons), error);
        tb_error_set_field(error, TB_ERROR_UNPROCESSABLE, "buttons",
                           "%s: a VNC session has eight buttons, and forward is the ninth", rfb->peer);
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

bool tb_rfb_input(TbRfb *rfb, TbIo *io, const TbInput *events, guint n, guint *ret_done, GError **error)
{
        bool ok = true;
        tb_rfb_enter(rfb);
        for (*ret_done = 0; ok && *ret_done < n; *ret_done += ok)
                ok = do_event(rfb, io, &events[*ret_done], error);
        tb_rfb_leave(rfb);
        return ok;
}
