/* Keyboard and pointer by the XTEST extension. */
#include <stdlib.h>
#include <string.h>
#include <xcb/xtest.h>

#include "drivers/transport/keysym.h"
#include "drivers/x11/x11.h"

#define TAP_MS 20
/* A program that learns of a new keycode asks the server for the layout when it sees the key: a lent keycode
 * must keep its meaning that long. */
#define LENT_MS 20

bool tb_x11_input_open(TbInstance *self, TbIo *io, GError **error)
{
        TbX11Input *in = (TbX11Input *)self;
        if (!tb_x11_connect(&in->x, self, io, error))
                return false;
        tb_x11_enter(&in->x);
        guint8 event;
        bool ok = tb_x11_extension(&in->x, &xcb_test_id, "XTEST", &event, error) &&
                  tb_x11_keymap_load(&in->x, &in->map);
        bool shifted, lent;
        if (ok)
                in->shift = tb_x11_keymap_find(&in->x, &in->map, TB_KEYSYM_SHIFT, &shifted, &lent);
        return tb_x11_leave(&in->x, io, ok ? error : NULL) && ok;
}

static void fake(TbX11Input *in, guint8 type, guint8 detail, int x, int y)
{
        xcb_test_fake_input(in->x.c, type, detail, XCB_CURRENT_TIME, in->x.screen->root, (int16_t)x,
                            (int16_t)y, 0);
}

void tb_x11_input_close(TbInstance *self)
{
        TbX11Input *in = (TbX11Input *)self;
        static const guint8 button[] = {1, 3, 2, 8, 9};
        for (guint i = 0; in->x.c && i < G_N_ELEMENTS(button); i++) /* nothing stays pressed when we go */
                if (in->buttons & 1 << i)
                        fake(in, XCB_BUTTON_RELEASE, button[i], 0, 0);
        for (guint code = 0; in->x.c && code < G_N_ELEMENTS(in->held); code++)
                if (in->held[code])
                        fake(in, XCB_KEY_RELEASE, (guint8)code, 0, 0);
        memset(in->held, 0, sizeof in->held);
        in->buttons = 0;
        if (in->x.c && !xcb_connection_has_error(in->x.c)) {
                tb_x11_keymap_clear(&in->x, &in->map);
                xcb_flush(in->x.c);
        } else {
                g_free(in->map.symbols);
                in->map = (TbX11Keymap){0};
        }
        tb_x11_disconnect(&in->x);
}

/* Somebody may change the layout; our own loans come back as an event too. */
static void read_events(TbX11Input *in)
{
        bool reload = false;
        for (xcb_generic_event_t *event; (event = xcb_poll_for_event(in->x.c)); free(event))
                reload |= (event->response_type & 0x7f) == XCB_MAPPING_NOTIFY;
        if (reload)
                tb_x11_keymap_load(&in->x, &in->map);
}

bool tb_x11_input_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbX11Input *in = (TbX11Input *)self;
        tb_x11_enter(&in->x);
        read_events(in);
        if (!tb_x11_leave(&in->x, io, error))
                return false;
        struct pollfd p = {.fd = xcb_get_file_descriptor(in->x.c), .events = POLLIN};
        tb_io_wait(io, &p, 1, -1);
        return true;
}

/* --- keys --- */
static void key(TbX11Input *in, guint8 code, bool down)
{
        fake(in, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, code, 0, 0);
        in->held[code] = down;
}

static bool type_keysym(TbX11Input *in, TbIo *io, guint32 keysym, TbKeyAction action, GError **error)
{
        bool shift, lent;
        guint8 code = tb_x11_keymap_find(&in->x, &in->map, keysym, &shift, &lent);
        if (code == 0) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "display %s: no free keycode for the character U+%04X: load a keyboard layout "
                             "that has it",
                             in->x.name, keysym & 0xffffff);
                return false;
        }
        bool add_shift = shift && in->shift && !in->held[in->shift];
        if (lent) {
                xcb_flush(in->x.c);
                if (!tb_io_sleep(io, LENT_MS, error))
                        return false;
        }
        if (add_shift && action != TB_KEY_UP)
                key(in, in->shift, true);
        if (action != TB_KEY_UP)
                key(in, code, true);
        if (action != TB_KEY_DOWN)
                key(in, code, false);
        if (add_shift && action != TB_KEY_UP)
                key(in, in->shift, false);
        return true;
}

static bool do_key(TbX11Input *in, TbIo *io, const TbInput *e, GError **error)
{
        guint32 keysym = tb_keysym_of_key(e->text);
        if (keysym)
                return type_keysym(in, io, keysym, e->action, error);
        tb_error_set_field(error, TB_ERROR_INVALID, "key",
                           "unknown key \"%s\": use the names of KeyboardEvent.key", e->text);
        return false;
}

static bool do_text(TbX11Input *in, TbIo *io, const char *text, GError **error)
{
        for (const char *p = text; *p; p = g_utf8_next_char(p)) {
                guint32 keysym = tb_keysym_of_char(g_utf8_get_char(p));
                if (keysym && !type_keysym(in, io, keysym, TB_KEY_PRESS, error))
                        return false;
        }
        return true;
}

/* --- pointer --- */
static void move(TbX11Input *in, double x, double y)
{
        fake(in, XCB_MOTION_NOTIFY, 0, CLAMP((int)x, 0, G_MAXINT16), CLAMP((int)y, 0, G_MAXINT16));
}

/* MouseEvent.buttons: 1 left, 2 right, 4 middle, 8 back, 16 forward. X: 1, 3, 2, 8, 9. */
static void set_buttons(TbX11Input *in, int buttons)
{
        static const guint8 number[] = {1, 3, 2, 8, 9};
        for (guint i = 0; i < G_N_ELEMENTS(number); i++)
                if ((buttons ^ in->buttons) & 1 << i)
                        fake(in, buttons & 1 << i ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE, number[i], 0, 0);
        in->buttons = buttons & 31;
}

static bool press_for(TbX11Input *in, TbIo *io, int ms, GError **error)
{
        xcb_flush(in->x.c);
        return tb_io_sleep(io, ms, error);
}

static bool do_swipe(TbX11Input *in, TbIo *io, const TbInput *e, GError **error)
{
        int steps = CLAMP(e->ms / 16, 1, 600);
        move(in, e->x, e->y);
        set_buttons(in, in->buttons | 1);
        bool ok = true;
        for (int i = 1; ok && i <= steps; i++) {
                ok = press_for(in, io, e->ms / steps, error);
                move(in, e->x + (e->x2 - e->x) * i / steps, e->y + (e->y2 - e->y) * i / steps);
        }
        set_buttons(in, in->buttons & ~1);
        return ok;
}

static void do_scroll(TbX11Input *in, const TbInput *e)
{
        const struct {
                double clicks;
                guint8 button;
        } wheel[] = {{-e->y2, 4}, {e->y2, 5}, {-e->x2, 6}, {e->x2, 7}};
        move(in, e->x, e->y);
        for (guint i = 0; i < G_N_ELEMENTS(wheel); i++)
                for (int n = (int)MIN(wheel[i].clicks + 0.5, 100); n > 0; n--) {
                        fake(in, XCB_BUTTON_PRESS, wheel[i].button, 0, 0);
                        fake(in, XCB_BUTTON_RELEASE, wheel[i].button, 0, 0);
                }
}

static bool do_event(TbX11Input *in, TbIo *io, const TbInput *e, GError **error)
{
        bool ok = true;
        switch (e->type) {
        case TB_INPUT_KEY: return do_key(in, io, e, error);
        case TB_INPUT_TEXT: return do_text(in, io, e->text, error);
        case TB_INPUT_POINTER:
                move(in, e->x, e->y);
                set_buttons(in, e->buttons);
                return true;
        case TB_INPUT_TAP:
                move(in, e->x, e->y);
                set_buttons(in, in->buttons | 1);
                ok = press_for(in, io, TAP_MS, error);
                set_buttons(in, in->buttons & ~1);
                return ok;
        case TB_INPUT_SWIPE: return do_swipe(in, io, e, error);
        case TB_INPUT_SCROLL: do_scroll(in, e); return true;
        }
        return ok;
}

static bool send(TbInstance *self, TbIo *io, const TbInput *events, guint n, GError **error)
{
        TbX11Input *in = (TbX11Input *)self;
        tb_x11_enter(&in->x);
        read_events(in);
        bool ok = true;
        for (guint i = 0; ok && i < n; i++)
                ok = do_event(in, io, &events[i], error);
        /* a round trip: the server has acted on all of it when we answer */
        free(xcb_get_input_focus_reply(in->x.c, xcb_get_input_focus(in->x.c), NULL));
        return tb_x11_leave(&in->x, io, ok ? error : NULL) && ok;
}

const TbInputOps tb_x11_input = {.send = send};
