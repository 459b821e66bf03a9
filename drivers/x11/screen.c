/* Damage says when, the pace says how often, capture.c takes the picture. Nothing happens while nothing
 * changes. */
#include <stdlib.h>
#include <xcb/randr.h>
#include <xcb/xfixes.h>
#include <xcb/xinput.h>

#include "drivers/x11/x11.h"

static bool query_versions(TbX11Screen *s, GError **error)
{
        TbX11Conn *x = &s->x;
        guint8 shm_event;
        if (!tb_x11_extension(x, &xcb_damage_id, "DAMAGE", &s->damage_event, error) ||
            !tb_x11_extension(x, &xcb_xfixes_id, "XFIXES", &s->fixes_event, error) ||
            !tb_x11_extension(x, &xcb_randr_id, "RANDR", &s->randr_event, error))
                return false;
        if (!tb_x11_extension(x, &xcb_shm_id, "MIT-SHM", &shm_event, NULL))
                x->local = false; /* then without shared memory */
        /* A server answers requests of an extension only after its version was asked for. */
        free(xcb_damage_query_version_reply(x->c, xcb_damage_query_version(x->c, 1, 1), NULL));
        free(xcb_xfixes_query_version_reply(x->c, xcb_xfixes_query_version(x->c, 5, 0), NULL));
        free(xcb_randr_query_version_reply(x->c, xcb_randr_query_version(x->c, 1, 3), NULL));
        if (x->local)
                free(xcb_shm_query_version_reply(x->c, xcb_shm_query_version(x->c), NULL));
        const xcb_query_extension_reply_t *input = xcb_get_extension_data(x->c, &xcb_input_id);
        if (input && input->present) {
                s->input_opcode = input->major_opcode;
                free(xcb_input_xi_query_version_reply(x->c, xcb_input_xi_query_version(x->c, 2, 2), NULL));
        }
        return true;
}

/* Raw motion reaches us wherever the pointer is; XTest's moves too. Only while somebody watches. */
static void select_motion(TbX11Screen *s, bool on)
{
        if (!s->input_opcode)
                return;
        struct {
                xcb_input_event_mask_t head;
                uint32_t mask;
        } select = {{XCB_INPUT_DEVICE_ALL_MASTER, 1}, on ? XCB_INPUT_XI_EVENT_MASK_RAW_MOTION : 0};
        xcb_input_xi_select_events(s->x.c, s->x.screen->root, 1, &select.head);
}

bool tb_x11_screen_open(TbInstance *self, TbIo *io, GError **error)
{
        TbX11Screen *s = (TbX11Screen *)self;
        if (!s->pool)
                s->pool = tb_x11_buffers_new(4, &s->buffers);
        if (!tb_x11_connect(&s->x, self, io, error))
                return false;
        tb_x11_enter(&s->x);
        bool ok = query_versions(s, error);
        if (ok) {
                xcb_window_t root = s->x.screen->root;
                xcb_randr_select_input(s->x.c, root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE);
                xcb_xfixes_select_cursor_input(s->x.c, root, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
                xcb_flush(s->x.c);
        }
        return tb_x11_leave(&s->x, io, ok ? error : NULL) && ok;
}

static void stop_running(TbX11Screen *s)
{
        if (s->damage) {
                xcb_damage_destroy(s->x.c, s->damage);
                xcb_xfixes_destroy_region(s->x.c, s->region);
                select_motion(s, false);
                tb_x11_capture_release(s);
                xcb_flush(s->x.c);
        }
        s->damage = 0;
        s->running = false;
}

void tb_x11_screen_close(TbInstance *self)
{
        TbX11Screen *s = (TbX11Screen *)self;
        if (s->x.c)
                stop_running(s);
        tb_x11_disconnect(&s->x);
        g_clear_pointer(&s->cursor.pixels, g_free);
}

void tb_x11_screen_finalize(TbInstance *self)
{
        tb_frame_pool_unref(((TbX11Screen *)self)->pool);
}

static void on_event(TbX11Screen *s, const xcb_generic_event_t *event)
{
        guint8 type = event->response_type & 0x7f;
        if (type == s->damage_event + XCB_DAMAGE_NOTIFY)
                s->damaged = true;
        else if (type == s->fixes_event + XCB_XFIXES_CURSOR_NOTIFY)
                s->cursor.reload = true;
        else if (type == s->randr_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY)
                s->resized = true;
        else if (type == XCB_GE_GENERIC &&
                 ((const xcb_ge_generic_event_t *)event)->extension == s->input_opcode)
                s->cursor.moved = true;
}

static void read_events(TbX11Screen *s)
{
        for (xcb_generic_event_t *event; (event = xcb_poll_for_event(s->x.c));) {
                on_event(s, event);
                free(event);
        }
}

static bool wanted(const TbX11Screen *s)
{
        return s->running && (s->damaged || s->whole || s->resized || s->cursor.reload || s->cursor.moved);
}

bool tb_x11_screen_pump(TbInstance *self, TbIo *io, GError **error)
{
        TbX11Screen *s = (TbX11Screen *)self;
        tb_x11_enter(&s->x);
        bool ok = true;
        read_events(s); /* also what xcb read ahead while it waited for a reply */
        gint64 now = g_get_monotonic_time();
        int due = wanted(s) ? tb_pace_due_ms(&s->pace, now) : -1;
        if (due == 0) {
                ok = tb_x11_capture(s, error);
                tb_pace_take(&s->pace, now);
                read_events(s);
                due = wanted(s) ? tb_pace_due_ms(&s->pace, g_get_monotonic_time()) : -1;
        }
        if (!tb_x11_leave(&s->x, io, ok ? error : NULL) || !ok) {
                if (s->running && error && *error)
                        self->up->no_signal(self, (*error)->message);
                return false;
        }
        if (due == 0)
                return true;
        struct pollfd p = {.fd = xcb_get_file_descriptor(s->x.c), .events = POLLIN};
        tb_io_wait(io, &p, 1, due);
        return true;
}

static bool start(TbInstance *self, TbIo *io, int max_fps, GError **error)
{
        TbX11Screen *s = (TbX11Screen *)self;
        tb_x11_enter(&s->x);
        bool ok = tb_x11_capture_prepare(s, error);
        if (ok) {
                s->damage = xcb_generate_id(s->x.c);
                s->region = xcb_generate_id(s->x.c);
                xcb_xfixes_create_region(s->x.c, s->region, 0, NULL);
                xcb_damage_create(s->x.c, s->damage, s->x.screen->root, XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY);
                select_motion(s, true);
                xcb_flush(s->x.c);
                tb_pace_init(&s->pace, max_fps);
                s->cursor.reload = s->running = true;
                s->cursor.drawn = (TbRect){0};
        }
        return tb_x11_leave(&s->x, io, ok ? error : NULL) && ok;
}

static void stop(TbInstance *self, TbIo *io)
{
        TbX11Screen *s = (TbX11Screen *)self;
        if (!s->x.c)
                return;
        tb_x11_enter(&s->x);
        stop_running(s);
        tb_x11_leave(&s->x, io, NULL);
}

const TbVideoOps tb_x11_video = {.start = start, .stop = stop};
