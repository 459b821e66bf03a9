/*
 * Pictures of the root window. Where all of it changed, the server writes into the frame itself. Else what
 * changed is fetched as a band of full rows into a memory that holds the whole last picture; they land in their
 * place, because GetImage packs rows without a gap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xcb/xfixes.h>

#include "drivers/x11/x11.h"

static bool map_shared(TbX11Screen *s)
{
        if (!s->x.local)
                return false;
        int fd = memfd_create("testbed-x11", MFD_CLOEXEC);
        if (fd < 0 || ftruncate(fd, (off_t)s->memory_size) < 0) {
                if (fd >= 0)
                        close(fd);
                return false;
        }
        void *memory = mmap(NULL, s->memory_size, PROT_READ, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED) {
                close(fd);
                return false;
        }
        xcb_shm_seg_t segment = xcb_generate_id(s->x.c);
        xcb_generic_error_t *refused = xcb_request_check(
                s->x.c, xcb_shm_attach_fd_checked(s->x.c, segment, fd, 0)); /* xcb closes the fd */
        if (refused) {
                free(refused);
                munmap(memory, s->memory_size);
                return false;
        }
        s->memory = memory;
        s->segment = segment;
        return true;
}

void tb_x11_capture_release(TbX11Screen *s)
{
        tb_x11_buffers_detach(s->buffers, &s->x);
        if (s->segment) {
                xcb_shm_detach(s->x.c, s->segment);
                munmap(s->memory, s->memory_size);
        } else {
                g_free(s->memory);
        }
        s->segment = 0;
        s->memory = NULL;
}

bool tb_x11_capture_prepare(TbX11Screen *s, GError **error)
{
        tb_x11_capture_release(s);
        xcb_get_geometry_reply_t *g =
                xcb_get_geometry_reply(s->x.c, xcb_get_geometry(s->x.c, s->x.screen->root), NULL);
        if (!g) {
                tb_set_error(error, TB_ERROR_GONE, "the X server on display %s is gone", s->x.name);
                return false;
        }
        s->width = g->width;
        s->height = g->height;
        bool usable = (g->depth == 24 || g->depth == 32) && g->width <= TB_LIMIT_VIDEO_SIDE &&
                      g->height <= TB_LIMIT_VIDEO_SIDE;
        if (!usable)
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "display %s is %dx%d with %d bits: 24 bits and at most %d pixels a side work",
                             s->x.name, g->width, g->height, g->depth, TB_LIMIT_VIDEO_SIDE);
        free(g);
        if (!usable)
                return false;
        s->memory_size = (gsize)s->width * (gsize)s->height * 4;
        if (!map_shared(s))
                s->memory = g_malloc0(s->memory_size);
        s->whole = true;
        s->stale = s->resized = false;
        tb_x11_buffers_changed(s->buffers, 0, s->height);
        return true;
}

/* Rows [y1, y2) into a segment, at their place in a whole picture. */
static bool fetch_shared(TbX11Screen *s, xcb_shm_seg_t segment, int y1, int y2)
{
        xcb_shm_get_image_reply_t *r = xcb_shm_get_image_reply(
                s->x.c,
                xcb_shm_get_image(s->x.c, s->x.screen->root, 0, (int16_t)y1, (uint16_t)s->width,
                                  (uint16_t)(y2 - y1), ~0U, XCB_IMAGE_FORMAT_Z_PIXMAP, segment,
                                  (uint32_t)y1 * (uint32_t)s->width * 4),
                NULL);
        bool ok = r != NULL;
        free(r);
        return ok;
}

/* Rows [y1, y2). False: the server would not (the window has just become smaller). */
static bool fetch_rows(TbX11Screen *s, int y1, int y2)
{
        if (s->segment)
                return fetch_shared(s, s->segment, y1, y2);
        xcb_window_t root = s->x.screen->root;
        gsize offset = (gsize)y1 * (gsize)s->width * 4;
        xcb_get_image_reply_t *r =
                xcb_get_image_reply(s->x.c,
                                    xcb_get_image(s->x.c, XCB_IMAGE_FORMAT_Z_PIXMAP, root, 0, (int16_t)y1,
                                                  (uint16_t)s->width, (uint16_t)(y2 - y1), ~0U),
                                    NULL);
        gsize size = (gsize)(y2 - y1) * (gsize)s->width * 4;
        bool ok = r && (gsize)xcb_get_image_data_length(r) >= size;
        if (ok)
                memcpy(s->memory + offset, xcb_get_image_data(r), size);
        free(r);
        return ok;
}

/* What changed since the last picture, as rectangles of the frame; the band of rows that covers them. Taken
 * before the picture is: what is painted from here on is reported again. */
static bool take_damage(TbX11Screen *s, TbFrame *frame, int *y1, int *y2)
{
        xcb_damage_subtract(s->x.c, s->damage, XCB_NONE, s->region);
        xcb_xfixes_fetch_region_reply_t *r =
                xcb_xfixes_fetch_region_reply(s->x.c, xcb_xfixes_fetch_region(s->x.c, s->region), NULL);
        if (!r)
                return false;
        s->damaged = false;
        *y1 = s->height;
        *y2 = 0;
        const xcb_rectangle_t *rects = xcb_xfixes_fetch_region_rectangles(r);
        for (int i = 0; i < xcb_xfixes_fetch_region_rectangles_length(r); i++) {
                int top = CLAMP(rects[i].y, 0, s->height),
                    bottom = CLAMP(rects[i].y + rects[i].height, 0, s->height);
                if (bottom <= top)
                        continue;
                *y1 = MIN(*y1, top);
                *y2 = MAX(*y2, bottom);
                if (!s->whole)
                        tb_frame_add_damage(
                                frame, (TbRect){rects[i].x, rects[i].y, rects[i].width, rects[i].height});
        }
        if (s->whole) {
                *y1 = 0;
                *y2 = s->height;
        }
        free(r);
        return true;
}

/* The picture, of which rows [y1, y2) changed. False as above. */
static bool fetch(TbX11Screen *s, TbFrame *frame, int y1, int y2)
{
        bool all = y1 == 0 && y2 == s->height;
        xcb_shm_seg_t segment =
                all && s->segment ? tb_x11_buffers_segment(s->buffers, &s->x, frame->data) : 0;
        if (segment) {
                s->stale = true;
                tb_x11_buffers_wrote(s->buffers, frame->data, 0, s->height);
                return fetch_shared(s, segment, y1, y2);
        }
        if (s->stale) {
                y1 = 0;
                y2 = s->height;
        }
        if (y2 > y1 && !fetch_rows(s, y1, y2))
                return false;
        s->stale = false;
        tb_x11_buffers_changed(s->buffers, y1, y2);
        if (tb_x11_buffers_catch_up(s->buffers, frame->data, &y1, &y2)) {
                gsize row = (gsize)s->width * 4;
                y2 = MIN(y2, s->height);
                memcpy(frame->plane[0] + (gsize)y1 * row, s->memory + (gsize)y1 * row,
                       (gsize)(y2 - y1) * row);
        }
        return true;
}

bool tb_x11_capture(TbX11Screen *s, GError **error)
{
        if (s->resized && !tb_x11_capture_prepare(s, error))
                return false;
        if (s->cursor.reload)
                tb_x11_cursor_load(s);
        if (s->cursor.moved)
                tb_x11_cursor_locate(s);
        g_autoptr(TbFrame) frame = tb_frame_pool_take(s->pool, TB_PIXEL_BGRX, s->width, s->height, 0);
        g_assert(frame); /* the size was checked by prepare */
        int y1, y2;
        if (!take_damage(s, frame, &y1, &y2))
                return true; /* the connection is gone: the caller sees it */
        frame->t_us = g_get_monotonic_time();
        if (!fetch(s, frame, y1, y2)) {
                s->resized = true;
                return true;
        }
        tb_x11_cursor_draw(s, frame);
        tb_x11_buffers_wrote(s->buffers, frame->data, s->cursor.drawn.y,
                             s->cursor.drawn.y + s->cursor.drawn.height);
        if (!s->whole && frame->n_damage == 0) /* the pointer moved and came back */
                return true;
        s->whole = false;
        s->base.up->frame(&s->base, g_steal_pointer(&frame));
        return true;
}
