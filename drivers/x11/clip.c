/*
 * The display's clipboard: the selection CLIPBOARD, which programs own and others ask for (ICCCM 2: selections; 2.7.2: INCR).
 * XFIXES says who has copied. What we are given we own as CLIPBOARD and PRIMARY, until somebody else copies.
 */
#include <stdlib.h>
#include <string.h>
#include <xcb/xfixes.h>

#include "drivers/x11/x11.h"
#include "lib/limits.h"

static const char *const names[] = {
        [TB_X11_CLIPBOARD] = "CLIPBOARD",
        [TB_X11_UTF8_STRING] = "UTF8_STRING",
        [TB_X11_UTF8_PLAIN] = "text/plain;charset=utf-8",
        [TB_X11_TEXT] = "TEXT",
        [TB_X11_TARGETS] = "TARGETS",
        [TB_X11_INCR] = "INCR",
        [TB_X11_PLACE] = "TESTBED_CLIPBOARD",
};

static void ask(TbX11Clip *clip, xcb_atom_t type)
{
        clip->asked = type;
        clip->incoming = false;
        xcb_convert_selection(clip->x->c, clip->window, clip->atom[TB_X11_CLIPBOARD], type,
                              clip->atom[TB_X11_PLACE], XCB_CURRENT_TIME);
        xcb_flush(clip->x->c);
}

static void intern(TbX11Clip *clip)
{
        xcb_intern_atom_cookie_t cookies[TB_X11_ATOMS];
        for (guint i = 0; i < TB_X11_ATOMS; i++)
                cookies[i] = xcb_intern_atom(clip->x->c, 0, (uint16_t)strlen(names[i]), names[i]);
        for (guint i = 0; i < TB_X11_ATOMS; i++) {
                xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(clip->x->c, cookies[i], NULL);
                clip->atom[i] = reply ? reply->atom : XCB_ATOM_NONE;
                free(reply);
        }
}

void tb_x11_clip_open(TbX11Clip *clip, TbX11Conn *x)
{
        const guint32 events = XCB_EVENT_MASK_PROPERTY_CHANGE;
        clip->x = x;
        if (!tb_x11_extension(x, &xcb_xfixes_id, "XFIXES", &clip->fixes_event, NULL))
                return;
        free(xcb_xfixes_query_version_reply(x->c, xcb_xfixes_query_version(x->c, 5, 0), NULL));
        intern(clip);
        clip->got = g_byte_array_new();
        clip->window = xcb_generate_id(x->c);
        xcb_create_window(x->c, 0, clip->window, x->screen->root, -1, -1, 1, 1, 0,
                          XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK, &events);
        xcb_xfixes_select_selection_input(x->c, clip->window, clip->atom[TB_X11_CLIPBOARD],
                                          XCB_XFIXES_SELECTION_EVENT_MASK_SET_SELECTION_OWNER);
        ask(clip, clip->atom[TB_X11_UTF8_STRING]); /* what was copied before we came */
}

void tb_x11_clip_close(TbX11Clip *clip)
{
        g_clear_pointer(&clip->got, g_byte_array_unref);
        g_clear_pointer(&clip->own, g_free);
        clip->window = 0; /* the server takes it back with the connection */
        clip->incoming = false;
}

/* --- what somebody copied --- */
static char *utf8_of_latin1(const guint8 *bytes, gsize size)
{
        GString *text = g_string_new(NULL);
        for (gsize i = 0; i < size; i++)
                g_string_append_unichar(text, bytes[i]);
        return g_string_free(text, FALSE);
}

static void deliver(TbX11Clip *clip, TbInstance *self)
{
        gsize size = clip->got->len;
        const guint8 *bytes = clip->got->data;
        while (size > 0 && bytes[size - 1] == 0)
                size--;
        if (size == 0 || memchr(bytes, 0, size) || clip->too_long)
                return;
        g_autofree char *text = clip->asked == XCB_ATOM_STRING ? utf8_of_latin1(bytes, size)
                                                               : g_strndup((const char *)bytes, size);
        if (strlen(text) <= TB_LIMIT_CLIPBOARD && g_utf8_validate(text, -1, NULL))
                self->up->clipboard(self, text);
}

/* Appends what stands at our place and takes it away, which asks for the next part. False: nothing. */
static bool take_part(TbX11Clip *clip, bool *ret_incr)
{
        xcb_get_property_reply_t *part =
                xcb_get_property_reply(clip->x->c,
                                       xcb_get_property(clip->x->c, 1, clip->window, clip->atom[TB_X11_PLACE],
                                                        XCB_ATOM_ANY, 0, TB_LIMIT_CLIPBOARD / 4 + 1),
                                       NULL);
        guint n = part ? (guint)xcb_get_property_value_length(part) : 0;
        *ret_incr = part && part->type == clip->atom[TB_X11_INCR];
        if (part && part->bytes_after > 0) { /* then it was not taken away */
                clip->too_long = true;
                xcb_delete_property(clip->x->c, clip->window, clip->atom[TB_X11_PLACE]);
        }
        if (n > 0 && !*ret_incr) {
                clip->too_long |= n > TB_LIMIT_CLIPBOARD - MIN(clip->got->len, TB_LIMIT_CLIPBOARD);
                if (!clip->too_long)
                        g_byte_array_append(clip->got, xcb_get_property_value(part), n);
        }
        free(part);
        xcb_flush(clip->x->c);
        return n > 0;
}

static void on_converted(TbX11Clip *clip, TbInstance *self, const xcb_selection_notify_event_t *e)
{
        if (e->requestor != clip->window || e->target != clip->asked)
                return;
        g_byte_array_set_size(clip->got, 0);
        clip->too_long = false;
        bool incr = false;
        if (e->property == XCB_ATOM_NONE && clip->asked != XCB_ATOM_STRING)
                ask(clip, XCB_ATOM_STRING); /* an old program */
        else if (e->property != XCB_ATOM_NONE && take_part(clip, &incr) && !incr)
                deliver(clip, self);
        clip->incoming = incr;
}

static void on_part(TbX11Clip *clip, TbInstance *self, const xcb_property_notify_event_t *e)
{
        bool incr = false;
        if (!clip->incoming || e->window != clip->window || e->atom != clip->atom[TB_X11_PLACE] ||
            e->state != XCB_PROPERTY_NEW_VALUE || (take_part(clip, &incr) && !clip->too_long))
                return;
        clip->incoming = false; /* of one that is too long the rest is left with its program */
        deliver(clip, self);
}

/* --- what we were given --- */
static char *latin1_of_utf8(const char *text, gsize *ret_size)
{
        GString *bytes = g_string_new(NULL);
        for (; *text; text = g_utf8_next_char(text)) {
                gunichar c = g_utf8_get_char(text);
                g_string_append_c(bytes, (char)(c <= 0xff ? c : '?'));
        }
        *ret_size = bytes->len;
        return g_string_free(bytes, FALSE);
}

static void put(const TbX11Clip *clip, const xcb_selection_request_event_t *e, xcb_atom_t place,
                xcb_atom_t type, guint8 format, guint n, const void *data)
{
        xcb_change_property(clip->x->c, XCB_PROP_MODE_REPLACE, e->requestor, place, type, format, n, data);
}

/* False: it is not to be had as that. */
static bool answer(const TbX11Clip *clip, const xcb_selection_request_event_t *e, xcb_atom_t place)
{
        const xcb_atom_t *atom = clip->atom,
                         types[] = {atom[TB_X11_TARGETS], atom[TB_X11_UTF8_STRING], atom[TB_X11_UTF8_PLAIN],
                                    atom[TB_X11_TEXT], XCB_ATOM_STRING};
        if (!clip->own)
                return false;
        if (e->target == atom[TB_X11_TARGETS]) {
                put(clip, e, place, XCB_ATOM_ATOM, 32, G_N_ELEMENTS(types), types);
        } else if (e->target == XCB_ATOM_STRING) {
                gsize size;
                g_autofree char *bytes = latin1_of_utf8(clip->own, &size);
                put(clip, e, place, XCB_ATOM_STRING, 8, (guint)size, bytes);
        } else if (e->target == atom[TB_X11_UTF8_STRING] || e->target == atom[TB_X11_UTF8_PLAIN] ||
                   e->target == atom[TB_X11_TEXT]) {
                xcb_atom_t type = e->target == atom[TB_X11_TEXT] ? atom[TB_X11_UTF8_STRING] : e->target;
                put(clip, e, place, type, 8, (guint)strlen(clip->own), clip->own);
        } else {
                return false;
        }
        return true;
}

static void on_request(const TbX11Clip *clip, const xcb_selection_request_event_t *e)
{
        xcb_atom_t place = e->property != XCB_ATOM_NONE ? e->property : e->target;
        union {
                xcb_selection_notify_event_t event;
                char bytes[32]; /* an event on the wire, all of which is sent */
        } notify = {.event = {.response_type = XCB_SELECTION_NOTIFY,
                              .time = e->time,
                              .requestor = e->requestor,
                              .selection = e->selection,
                              .target = e->target,
                              .property = answer(clip, e, place) ? place : XCB_ATOM_NONE}};
        xcb_send_event(clip->x->c, 0, e->requestor, 0, notify.bytes);
        xcb_flush(clip->x->c);
}

void tb_x11_clip_event(TbX11Clip *clip, TbInstance *self, const xcb_generic_event_t *event)
{
        gconstpointer e = event;
        const guint8 type = event->response_type & 0x7f;
        if (!clip->window || !type)
                return;
        if (type == clip->fixes_event + XCB_XFIXES_SELECTION_NOTIFY) {
                const xcb_xfixes_selection_notify_event_t *copied = e;
                clip->copied = copied->owner != clip->window && copied->owner != XCB_WINDOW_NONE;
        } else if (type == XCB_SELECTION_NOTIFY) {
                on_converted(clip, self, e);
        } else if (type == XCB_PROPERTY_NOTIFY) {
                on_part(clip, self, e);
        } else if (type == XCB_SELECTION_REQUEST) {
                on_request(clip, e);
        }
}

void tb_x11_clip_ask(TbX11Clip *clip)
{
        if (clip->window && clip->copied)
                ask(clip, clip->atom[TB_X11_UTF8_STRING]);
        clip->copied = false;
}

bool tb_x11_clip_set(TbX11Clip *clip, const char *text, GError **error)
{
        if (!clip->window) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "the X server on display %s has no XFIXES extension: no clipboard",
                             clip->x->name);
                return false;
        }
        g_free(clip->own);
        clip->own = g_strdup(text);
        clip->asked = XCB_ATOM_NONE; /* what was copied before, and is still to come, is old */
        clip->incoming = false;
        xcb_set_selection_owner(clip->x->c, clip->window, XCB_ATOM_PRIMARY, XCB_CURRENT_TIME);
        xcb_set_selection_owner(clip->x->c, clip->window, clip->atom[TB_X11_CLIPBOARD], XCB_CURRENT_TIME);
        xcb_get_selection_owner_reply_t *owner = xcb_get_selection_owner_reply(
                clip->x->c, xcb_get_selection_owner(clip->x->c, clip->atom[TB_X11_CLIPBOARD]), NULL);
        bool ours = owner && owner->owner == clip->window;
        free(owner);
        if (!ours)
                tb_set_error(error, TB_ERROR_BUSY, "display %s: another program has just copied something",
                             clip->x->name);
        return ours;
}
