/* Keyboard and pointer by the XTEST extension. */
#include <stdlib.h>
#include <string.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>
#include <xkbcommon/xkbcommon-x11.h>

#include "drivers/transport/keysym.h"
#include "drivers/x11/x11.h"

#define TAP_MS 20

static bool select_map_events(TbX11Input *in, TbIo *io, GError **error)
{
        if (!tb_x11_extension(&in->x, &xcb_xkb_id, "XKEYBOARD", &in->xkb_event, error))
                return false;
        uint16_t major, minor;
        if (!xkb_x11_setup_xkb_extension(in->x.c, XKB_X11_MIN_MAJOR_XKB_VERSION,
                                         XKB_X11_MIN_MINOR_XKB_VERSION, XKB_X11_SETUP_XKB_EXTENSION_NO_FLAGS,
                                         &major, &minor, NULL, NULL)) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED, "the X server on display %s speaks no XKB",
                             in->x.name);
                return false;
        }
        const uint16_t events = XCB_XKB_EVENT_TYPE_NEW_KEYBOARD_NOTIFY | XCB_XKB_EVENT_TYPE_MAP_NOTIFY;
        const uint16_t parts =
                XCB_XKB_MAP_PART_KEY_TYPES | XCB_XKB_MAP_PART_KEY_SYMS | XCB_XKB_MAP_PART_MODIFIER_MAP;
        xcb_xkb_select_events(in->x.c, XCB_XKB_ID_USE_CORE_KBD, events, 0, events, parts, parts, NULL);
        if (tb_x11_keymap_load(&in->x, &in->map))
                return true;
        if (!tb_x11_leave(&in->x, io, error))
                return false;
        tb_set_error(error, TB_ERROR_UNSUPPORTED, "the X server on display %s has no keyboard map",
                     in->x.name);
        return false;
}

bool tb_x11_input_open(TbInstance *self, TbIo *io, GError **error)
{
        TbX11Input *in = (TbX11Input *)self;
        if (!tb_x11_connect(&in->x, self, io, error))
                return false;
        in->down = g_hash_table_new(NULL, NULL);
        tb_x11_enter(&in->x);
        guint8 event;
        bool ok = tb_x11_extension(&in->x, &xcb_test_id, "XTEST", &event, error) &&
                  select_map_events(in, io, error);
        if (ok) {
                tb_x11_keys_sync(in, true);
                tb_x11_clip_open(&in->clip, &in->x);
        }
        return tb_x11_leave(&in->x, io, ok ? error : NULL) && ok;
}

void tb_x11_input_fake(TbX11Input *in, guint8 type, guint8 detail, int x, int y)
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
                        tb_x11_input_fake(in, XCB_BUTTON_RELEASE, button[i], 0, 0);
        for (guint code = 0; in->x.c && code < G_N_ELEMENTS(in->held); code++)
                if (in->held[code])
                        tb_x11_input_fake(in, XCB_KEY_RELEASE, (guint8)code, 0, 0);
        memset(in->held, 0, sizeof in->held);
        in->buttons = 0;
        g_clear_pointer(&in->down, g_hash_table_unref);
        tb_x11_clip_close(&in->clip);
        bool there = in->x.c && !xcb_connection_has_error(in->x.c);
        tb_x11_keymap_clear(there ? &in->x : &(TbX11Conn){0}, &in->map);
        if (there)
                xcb_flush(in->x.c);
        tb_x11_disconnect(&in->x);
}

#define EVENTS 256 /* of one turn: a program that never stops copying holds up nobody's keys */

/* Somebody may change the layout; what we lent comes back as an event too. False: there may be more. */
static bool read_events(TbX11Input *in)
{
        bool reload = false;
        guint n = 0;
        for (xcb_generic_event_t *event; n < EVENTS && (event = xcb_poll_for_event(in->x.c));
             free(event), n++) {
                if ((event->response_type & 0x7f) != in->xkb_event) {
                        tb_x11_clip_event(&in->clip, &in->base, event);
                        continue;
                }
                const xcb_xkb_map_notify_event_t *e = (const xcb_xkb_map_notify_event_t *)event;
                reload |= e->xkbType != XCB_XKB_MAP_NOTIFY || e->changed & XCB_XKB_MAP_PART_MODIFIER_MAP ||
                          !tb_x11_keymap_is_own_change(&in->map, e->firstKeySym, e->nKeySyms);
        }
        tb_x11_clip_ask(&in->clip);
        if (reload) {
                tb_x11_keymap_load(&in->x, &in->map);
                in->stale = true;
        }
        return n < EVENTS && !reload; /* whose answers may have brought others along */
}

bool tb_x11_input_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbX11Input *in = (TbX11Input *)self;
        tb_x11_enter(&in->x);
        bool all = read_events(in);
        if (!tb_x11_leave(&in->x, io, error))
                return false;
        struct pollfd p = {.fd = xcb_get_file_descriptor(in->x.c), .events = POLLIN};
        if (all)
                tb_io_wait(io, &p, 1, -1);
        return true;
}

static bool do_key(TbX11Input *in, TbIo *io, const TbInput *e, GError **error)
{
        if (e->code)
                return tb_x11_keys_code(in, e->code, e->action, error);
        guint32 keysym = tb_keysym_of_key(e->text);
        if (keysym)
                return tb_x11_keys_key(in, io, keysym, e->action, e->exact, error);
        tb_error_set_field(error, TB_ERROR_INVALID, "key",
                           "unknown key \"%s\": use the names of KeyboardEvent.key", e->text);
        return false;
}

/* --- pointer --- */
static void move(TbX11Input *in, double x, double y)
{
        tb_x11_input_fake(in, XCB_MOTION_NOTIFY, 0, CLAMP((int)x, 0, G_MAXINT16),
                          CLAMP((int)y, 0, G_MAXINT16));
}

/* MouseEvent.buttons: 1 left, 2 right, 4 middle, 8 back, 16 forward. X: 1, 3, 2, 8, 9. */
static void set_buttons(TbX11Input *in, int buttons)
{
        static const guint8 number[] = {1, 3, 2, 8, 9};
        for (guint i = 0; i < G_N_ELEMENTS(number); i++)
                if ((buttons ^ in->buttons) & 1 << i)
                        tb_x11_input_fake(in, buttons & 1 << i ? XCB_BUTTON_PRESS : XCB_BUTTON_RELEASE,
                                          number[i], 0, 0);
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
                for (int n = (int)MIN(wheel[i].clicks, 100); n > 0; n--) {
                        tb_x11_input_fake(in, XCB_BUTTON_PRESS, wheel[i].button, 0, 0);
                        tb_x11_input_fake(in, XCB_BUTTON_RELEASE, wheel[i].button, 0, 0);
                }
}

static bool do_event(TbX11Input *in, TbIo *io, const TbInput *e, GError **error)
{
        bool ok = true;
        switch (e->type) {
        case TB_INPUT_KEY: return do_key(in, io, e, error);
        case TB_INPUT_TEXT: return tb_x11_keys_text(in, io, e->text, error);
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

static bool send(TbInstance *self, TbIo *io, const TbInput *events, guint n, guint *ret_done, GError **error)
{
        TbX11Input *in = (TbX11Input *)self;
        tb_x11_enter(&in->x);
        read_events(in);
        tb_x11_keys_sync(in, false);
        bool ok = true;
        for (*ret_done = 0; ok && *ret_done < n; *ret_done += ok)
                ok = do_event(in, io, &events[*ret_done], error);
        /* a round trip: the server has acted on all of it when we answer */
        free(xcb_get_input_focus_reply(in->x.c, xcb_get_input_focus(in->x.c), NULL));
        return tb_x11_leave(&in->x, io, ok ? error : NULL) && ok;
}

static bool copy(TbInstance *self, TbIo *io, const char *text, GError **error)
{
        TbX11Input *in = (TbX11Input *)self;
        tb_x11_enter(&in->x);
        bool ok = tb_x11_clip_set(&in->clip, text, error);
        return tb_x11_leave(&in->x, io, ok ? error : NULL) && ok;
}

const TbInputOps tb_x11_input = {.send = send, .copy = copy};
