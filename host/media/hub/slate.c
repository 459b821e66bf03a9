#include "host/media/hub/slate.h"

#include <cairo.h>
#include <string.h>

#define SLATE_LINES 8
#define SLATE_TEXT 400 /* bytes of a reason that are looked at */

static void text_line(cairo_t *cr, double x, double y, double size, double grey, bool bold, const char *text)
{
        cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                               bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
        cairo_set_font_size(cr, size);
        cairo_set_source_rgb(cr, grey, grey, grey);
        cairo_move_to(cr, x, y);
        cairo_show_text(cr, text);
}

/* Words into lines that fit; a word that is too long for a line is left to run out of the picture. */
static GPtrArray *wrap(cairo_t *cr, const char *text, double size, double width)
{
        GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) words = g_strsplit_set(text, " \t\r\n", -1);
        g_autoptr(GString) line = g_string_new(NULL);

        cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
        cairo_set_font_size(cr, size);
        for (char **word = words; *word && lines->len < SLATE_LINES; word++) {
                if (!**word)
                        continue;
                gsize before = line->len;
                g_string_append_printf(line, "%s%s", before ? " " : "", *word);
                cairo_text_extents_t extents;
                cairo_text_extents(cr, line->str, &extents);
                if (extents.x_advance <= width || before == 0)
                        continue;
                g_ptr_array_add(lines, g_strndup(line->str, before));
                g_string_assign(line, *word);
        }
        if (line->len > 0 && lines->len < SLATE_LINES)
                g_ptr_array_add(lines, g_strdup(line->str));
        return lines;
}

static void draw(cairo_t *cr, int width, int height, const char *title, const char *reason)
{
        double unit = MAX(MIN(width / 40.0, height / 22.0), 4); /* about a line of text */
        double left = 2 * unit, top = height * 0.38;

        cairo_set_source_rgb(cr, 0.09, 0.10, 0.12);
        cairo_paint(cr);
        cairo_set_source_rgb(cr, 0.85, 0.55, 0.15);
        cairo_rectangle(cr, left, top - 2.6 * unit, 0.3 * unit, 3 * unit);
        cairo_fill(cr);
        text_line(cr, left + unit, top - 1.6 * unit, unit, 0.65, false, title);
        text_line(cr, left + unit, top, 1.6 * unit, 0.95, true, "No signal");

        g_autofree char *cut = g_strndup(reason, SLATE_TEXT);
        g_autofree char *valid = g_utf8_make_valid(cut, -1);
        g_autoptr(GPtrArray) lines = wrap(cr, valid, unit, width - 2 * left - unit);
        for (guint i = 0; i < lines->len; i++)
                text_line(cr, left + unit, top + (2 + 1.4 * i) * unit, unit, 0.8, false,
                          g_ptr_array_index(lines, i));
}

TbFrame *tb_slate_draw(TbFramePool *pool, int width, int height, const char *title, const char *reason)
{
        TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_BGRX, width, height, 0);
        if (!frame)
                return NULL;
        /* CAIRO_FORMAT_RGB24 is 0x00RRGGBB in host order: BGRX on the machines we build for */
        cairo_surface_t *surface = cairo_image_surface_create_for_data(frame->data, CAIRO_FORMAT_RGB24, width,
                                                                       height, frame->stride[0]);
        cairo_t *cr = cairo_create(surface);
        draw(cr, width, height, title, reason);
        cairo_destroy(cr);
        cairo_surface_finish(surface);
        cairo_surface_destroy(surface);
        frame->t_us = g_get_monotonic_time();
        return frame;
}
