/* Keyboard and pointer of a VNC session. */
#include "drivers/driver.h"
#include "drivers/transport/keysym.h"
#include "drivers/transport/rfb_private.h"

static bool send_key(TbRfb *rfb, TbIo *io, guint32 keysym, bool down, GError **error)
{
        if (!SendKeyEvent(rfb->client, keysym, down))
                return tb_rfb_fail(rfb, io, "cannot send a key", error);
        return rfb->o.key_delay_ms == 0 || tb_io_sleep(io, rfb->o.key_delay_ms, error);
}

/* Servers that work by scancodes need to see Shift. */
static bool lacks_shift(const TbRfb *rfb, guint32 keysym)
{
        return tb_keysym_needs_shift(keysym) && !rfb->shift;
}

static bool press_key(TbRfb *rfb, TbIo *io, guint32 keysym, GError **error)
{
        bool shift = lacks_shift(rfb, keysym);
        return (!shift || send_key(rfb, io, TB_KEYSYM_SHIFT, true, error)) &&
               send_key(rfb, io, keysym, true, error) && send_key(rfb, io, keysym, false, error) &&
               (!shift || send_key(rfb, io, TB_KEYSYM_SHIFT, false, error));
}

/* Goes down, and stays: Shift only helps it to do so. */
static bool hold_key(TbRfb *rfb, TbIo *io, guint32 keysym, GError **error)
{
        bool shift = lacks_shift(rfb, keysym);
        rfb->shift = rfb->shift || keysym == TB_KEYSYM_SHIFT;
        return (!shift || send_key(rfb, io, TB_KEYSYM_SHIFT, true, error)) &&
               send_key(rfb, io, keysym, true, error) &&
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
        case TB_KEY_DOWN: return hold_key(rfb, io, keysym, error);
        case TB_KEY_UP:
                rfb->shift = rfb->shift && keysym != TB_KEYSYM_SHIFT;
                return send_key(rfb, io, keysym, false, error);
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
        tb_rfb_enter(rfb);
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
        tb_rfb_leave(rfb);
        return ok;
}
