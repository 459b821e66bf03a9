#include "lib/qr.h"

#include <png.h>
#include <qrencode.h>
#include <string.h>

#include "lib/error.h"

#define QUIET 4 /* modules; ISO/IEC 18004 */
#define SCALE 8 /* pixels per module of the PNG */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(QRcode, QRcode_free)

static QRcode *encode(const char *text, GError **error)
{
        QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_H);
        if (!code)
                tb_set_error(error, TB_ERROR_TOO_LARGE, "the address does not fit into a QR code");
        return code;
}

static int is_dark(const QRcode *code, int x, int y)
{
        x -= QUIET;
        y -= QUIET;
        return x >= 0 && y >= 0 && x < code->width && y < code->width &&
               (code->data[y * code->width + x] & 1);
}

GBytes *tb_qr_svg(const char *text, GError **error)
{
        g_autoptr(QRcode) code = encode(text, error);
        if (!code)
                return NULL;
        int side = code->width + 2 * QUIET;
        GString *svg = g_string_sized_new(8192);
        g_string_append_printf(
                svg,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                "shape-rendering=\"crispEdges\" role=\"img\" "
                "aria-label=\"QR code\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path fill=\"#000\" d=\"",
                side, side, side, side);
        for (int y = 0; y < side; y++) {
                for (int x = 0; x < side; x++) {
                        int run = 0;
                        while (is_dark(code, x + run, y))
                                run++;
                        if (run > 0)
                                g_string_append_printf(svg, "M%d %dh%dv1h-%dz", x, y, run, run);
                        x += run;
                }
        }
        g_string_append(svg, "\"/></svg>\n");
        return g_string_free_to_bytes(svg);
}

GBytes *tb_qr_png(const char *text, GError **error)
{
        g_autoptr(QRcode) code = encode(text, error);
        if (!code)
                return NULL;
        guint side = (guint)(code->width + 2 * QUIET) * SCALE;
        g_autofree guint8 *pixels = g_malloc((gsize)side * side);
        for (guint y = 0; y < side; y++)
                for (guint x = 0; x < side; x++)
                        pixels[y * side + x] = is_dark(code, (int)(x / SCALE), (int)(y / SCALE)) ? 0 : 255;
        png_image image = {
                .version = PNG_IMAGE_VERSION, .width = side, .height = side, .format = PNG_FORMAT_GRAY};
        png_alloc_size_t size = 0;
        if (png_image_write_to_memory(&image, NULL, &size, 0, pixels, 0, NULL)) {
                g_autofree guint8 *out = g_malloc(size);
                if (png_image_write_to_memory(&image, out, &size, 0, pixels, 0, NULL))
                        return g_bytes_new_take(g_steal_pointer(&out), size);
        }
        tb_set_error(error, TB_ERROR_INTERNAL, "PNG: %s", image.message);
        return NULL;
}
