/* The X server keeps the pointer out of the pictures it hands out: it is drawn here. */
#include <stdlib.h>
#include <xcb/xfixes.h>

#include "drivers/x11/x11.h"

void tb_x11_cursor_load(TbX11Screen *s)
{
        TbX11Cursor *cursor = &s->cursor;
        cursor->reload = false;
        xcb_xfixes_get_cursor_image_reply_t *r =
                xcb_xfixes_get_cursor_image_reply(s->x.c, xcb_xfixes_get_cursor_image(s->x.c), NULL);
        if (!r)
                return;
        gsize n = (gsize)r->width * r->height;
        g_free(cursor->pixels);
        cursor->pixels = NULL;
        if (n > 0 && (gsize)xcb_xfixes_get_cursor_image_cursor_image_length(r) >= n)
                cursor->pixels = g_memdup2(xcb_xfixes_get_cursor_image_cursor_image(r), n * 4);
        cursor->width = r->width;
        cursor->height = r->height;
        cursor->hot_x = r->xhot;
        cursor->hot_y = r->yhot;
        cursor->x = r->x;
        cursor->y = r->y;
        free(r);
}

void tb_x11_cursor_locate(TbX11Screen *s)
{
        s->cursor.moved = false;
        xcb_query_pointer_reply_t *r =
                xcb_query_pointer_reply(s->x.c, xcb_query_pointer(s->x.c, s->x.screen->root), NULL);
        if (!r)
                return;
        s->cursor.x = r->root_x;
        s->cursor.y = r->root_y;
        free(r);
}

static guint8 over(guint8 below, guint32 above, guint32 alpha)
{
        return (guint8)MIN(above + below * (255 - alpha) / 255, 255);
}

void tb_x11_cursor_blend(const TbX11Cursor *cursor, guint8 *pixels, int stride, int width, int height,
                         TbRect *ret_drawn)
{
        int left = cursor->x - cursor->hot_x, top = cursor->y - cursor->hot_y;
        int x1 = MAX(left, 0), y1 = MAX(top, 0);
        int x2 = MIN(left + cursor->width, width), y2 = MIN(top + cursor->height, height);
        *ret_drawn = (TbRect){0};
        if (!cursor->pixels || x2 <= x1 || y2 <= y1)
                return;
        for (int y = y1; y < y2; y++) {
                const guint32 *from = cursor->pixels + (gsize)(y - top) * (gsize)cursor->width + (x1 - left);
                guint8 *to = pixels + (gsize)y * (gsize)stride + (gsize)x1 * 4;
                for (int x = x1; x < x2; x++, from++, to += 4) {
                        guint32 alpha = *from >> 24;
                        if (alpha == 0)
                                continue;
                        to[0] = over(to[0], *from & 0xff, alpha);
                        to[1] = over(to[1], *from >> 8 & 0xff, alpha);
                        to[2] = over(to[2], *from >> 16 & 0xff, alpha);
                }
        }
        *ret_drawn = (TbRect){x1, y1, x2 - x1, y2 - y1};
}

void tb_x11_cursor_draw(TbX11Screen *s, TbFrame *frame)
{
        TbRect before = s->cursor.drawn;
        tb_x11_cursor_blend(&s->cursor, frame->plane[0], frame->stride[0], frame->width, frame->height,
                            &s->cursor.drawn);
        TbRect now = s->cursor.drawn;
        if (frame->n_damage == 0 && s->whole) /* all is new anyway */
                return;
        bool same = before.x == now.x && before.y == now.y && before.width == now.width &&
                    before.height == now.height;
        if (before.width > 0 && !same)
                tb_frame_add_damage(frame, before);
        if (now.width > 0)
                tb_frame_add_damage(frame, now);
}
