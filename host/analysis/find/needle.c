#include "host/analysis/find/needle.h"

#include <png.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/param.h"

#define MARGIN 50 /* pixels that an area may have moved: os-autoinst's default */

static bool bad(const char *field, GError **error, const char *why)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s: %s", field, why);
        return false;
}

static bool decode(const char *base64, TbGreyImage *ret, GError **error)
{
        gsize size = 0;
        g_autofree guchar *png = g_base64_decode(base64, &size);
        png_image image = {.version = PNG_IMAGE_VERSION};
        if (!png_image_begin_read_from_memory(&image, png, size))
                return bad("image", error, "base64 of a PNG is expected");
        if (image.width > TB_LIMIT_VIDEO_SIDE || image.height > TB_LIMIT_VIDEO_SIDE) {
                png_image_free(&image);
                tb_error_set_field(error, TB_ERROR_TOO_LARGE, "image",
                                   "the picture has more than %d pixels a side", TB_LIMIT_VIDEO_SIDE);
                return false;
        }
        image.format = PNG_FORMAT_GRAY;
        tb_grey_image_set(ret, (int)image.width, (int)image.height);
        const png_color white = {255, 255, 255};
        if (png_image_finish_read(&image, &white, ret->at, 0, NULL))
                return true;
        png_image_free(&image);
        tb_grey_image_clear(ret);
        return bad("image", error, "the PNG is damaged");
}

static TbGreyImage cut(const TbGreyImage *from, TbRect r)
{
        TbGreyImage image = {0};
        tb_grey_image_set(&image, r.width, r.height);
        for (int y = 0; y < r.height; y++)
                memcpy(image.at + (gsize)y * (gsize)r.width,
                       from->at + (gsize)(r.y + y) * (gsize)from->width + r.x, (gsize)r.width);
        return image;
}

#define PLACE(name_)                                                                                         \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_INT, .min = 0, .max = TB_LIMIT_VIDEO_SIDE, .unit = "px"      \
        }
static const TbParam area_params[] = {
        PLACE("x"),
        PLACE("y"),
        PLACE("xpos"),
        PLACE("ypos"),
        {.name = "width",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_VIDEO_SIDE,
         .unit = "px"},
        {.name = "height",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_VIDEO_SIDE,
         .unit = "px"},
        {.name = "match", .type = TB_PARAM_NUMBER, .min = 0, .max = 100},
        {.name = "margin", .type = TB_PARAM_INT, .min = 0, .max = TB_LIMIT_VIDEO_SIDE, .unit = "px"},
        {.name = "type", .type = TB_PARAM_ENUM, .choices = TB_CHOICES("match")},
        TB_PARAM_END,
};

static int number(const json_t *o, const char *name, const char *other, int fallback)
{
        const json_t *v = json_object_get(o, name);
        if (!v && other)
                v = json_object_get(o, other);
        return v ? (int)json_integer_value(v) : fallback;
}

static bool add_area(TbNeedle *needle, const TbGreyImage *all, json_t *spec, double match, GError **error)
{
        g_autoptr(GError) why = NULL;
        json_auto_t *a = json_is_object(spec) ? tb_params_validate(area_params, spec, &why) : NULL;
        if (!a)
                return bad("areas", error, why ? why->message : "each is an object: x, y, width, height");
        TbRect r = {number(a, "x", "xpos", 0), number(a, "y", "ypos", 0), number(a, "width", NULL, 0),
                    number(a, "height", NULL, 0)};
        if (r.x + r.width > all->width || r.y + r.height > all->height)
                return bad("areas", error, "an area reaches beyond the picture");
        int margin = number(a, "margin", NULL, MARGIN);
        const json_t *asked = json_object_get(a, "match"); /* openQA counts in percent */
        double least = asked ? json_number_value(asked) : match;
        TbNeedleArea area = {cut(all, r),
                             {r.x - margin, r.y - margin, 2 * margin + 1, 2 * margin + 1},
                             least > 1 ? least / 100 : least};
        g_array_append_val(needle->areas, area);
        return true;
}

static void area_clear(gpointer area)
{
        tb_grey_image_clear(&((TbNeedleArea *)area)->image);
}

TbNeedle *tb_needle_new(const char *base64, const json_t *areas, TbRect within, double match, GError **error)
{
        TbGreyImage all = {0};
        if (!decode(base64, &all, error))
                return NULL;
        TbNeedle *needle = g_new0(TbNeedle, 1);
        needle->areas = g_array_new(FALSE, FALSE, sizeof(TbNeedleArea));
        g_array_set_clear_func(needle->areas, area_clear);
        bool ok = true;
        gsize i;
        json_t *spec;
        json_array_foreach (areas, i, spec)
                ok = ok && add_area(needle, &all, spec, match, error);
        if (ok && needle->areas->len == 0) {
                TbNeedleArea area = {
                        all,
                        {within.x, within.y, within.width - all.width + 1, within.height - all.height + 1},
                        match};
                g_array_append_val(needle->areas, area);
                all.at = NULL;
        }
        tb_grey_image_clear(&all);
        if (!ok)
                g_clear_pointer(&needle, tb_needle_free);
        return needle;
}

void tb_needle_free(TbNeedle *needle)
{
        if (!needle)
                return;
        g_array_unref(needle->areas);
        g_free(needle);
}

bool tb_needle_look(const TbNeedle *needle, const TbGreyImage *screen, gint64 until_us, TbNeedleFound *ret)
{
        *ret = (TbNeedleFound){.found = true, .score = 1};
        for (guint i = 0; i < needle->areas->len; i++) {
                const TbNeedleArea *a = &g_array_index(needle->areas, TbNeedleArea, i);
                TbMatch m = {0};
                if (!tb_match_find(screen, &a->image, a->where, until_us, &m)) {
                        *ret = (TbNeedleFound){0};
                        return g_get_monotonic_time() < until_us; /* else it could not be there at all */
                }
                int left = i ? MIN(ret->at.x, m.x) : m.x, top = i ? MIN(ret->at.y, m.y) : m.y,
                    right = MAX(i ? ret->at.x + ret->at.width : 0, m.x + a->image.width),
                    bottom = MAX(i ? ret->at.y + ret->at.height : 0, m.y + a->image.height);
                ret->at = (TbRect){left, top, right - left, bottom - top};
                ret->found &= m.score >= a->match;
                ret->score = MIN(ret->score, m.score);
        }
        return true;
}
