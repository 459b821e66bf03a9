/* Heads of frames, and what their payloads hold. */
#include "drivers/seestar/seestar_image.h"

#include <string.h>
#include <zlib.h>

#include "lib/error.h"
#include "lib/limits.h"

#define MAGIC 0x03c3
#define DEFAULT_WIDTH 1080
#define DEFAULT_HEIGHT 1920
#define ZIP_HEAD 30
#define SLACK (64 * 1024) /* a ZIP's own */

static guint be16(const guint8 *p)
{
        return (guint)p[0] << 8 | p[1];
}

static guint32 be32(const guint8 *p)
{
        return (guint32)be16(p) << 16 | be16(p + 2);
}

static guint le16(const guint8 *p)
{
        return (guint)p[1] << 8 | p[0];
}

static guint32 le32(const guint8 *p)
{
        return (guint32)le16(p + 2) << 16 | le16(p);
}

gssize tb_seestar_head(const void *data, gsize size, TbSeestarHead *ret)
{
        const guint8 *p = data;
        if ((size >= 1 && p[0] != MAGIC >> 8) || (size >= 2 && p[1] != (MAGIC & 0xff)))
                return -1;
        if (size < TB_SEESTAR_HEAD)
                return 0;
        TbSeestarHead head = {.size = be32(p + 6),
                              .code = p[14],
                              .id = p[15],
                              .width = (int)be16(p + 16),
                              .height = (int)be16(p + 18)};
        if (be16(p + 4) != TB_SEESTAR_HEAD || head.size > TB_LIMIT_SEESTAR_PICTURE)
                return -1;
        bool picture =
                head.id == TB_SEESTAR_VIEW || head.id == TB_SEESTAR_PREVIEW || head.id == TB_SEESTAR_STACK;
        if (picture && head.width == 0 && head.height == 0) {
                head.width = DEFAULT_WIDTH;
                head.height = DEFAULT_HEIGHT;
        }
        head.is_image = picture && head.size > TB_SEESTAR_IMAGE_MIN && head.width > 0 && head.height > 0;
        if (head.is_image && (head.width > TB_LIMIT_VIDEO_SIDE || head.height > TB_LIMIT_VIDEO_SIDE ||
                              head.size > (gsize)head.width * (gsize)head.height * 6 + SLACK))
                return -1;
        *ret = head;
        return TB_SEESTAR_HEAD;
}

/* The one member of a ZIP, which is raw pixels: never more than three colours of them. */
static bool unzip(const TbSeestarHead *head, const guint8 *p, GByteArray *out, GError **error)
{
        gsize most = MIN((gsize)head->width * (gsize)head->height * 6, TB_LIMIT_SEESTAR_PICTURE),
              at = ZIP_HEAD + (gsize)le16(p + 26) + le16(p + 28);
        guint method = le16(p + 8);
        if (at > head->size || (method != 0 && method != 8)) {
                tb_set_error(error, TB_ERROR_DEVICE, "the telescope sends a ZIP that is none");
                return false;
        }
        gsize packed = head->size - at;
        if (method == 0) {
                gsize said = le32(p + 18), n = MIN(said ? said : packed, MIN(packed, most));
                g_byte_array_set_size(out, 0);
                g_byte_array_append(out, p + at, (guint)n);
                return true;
        }
        g_byte_array_set_size(out, (guint)most);
        z_stream z = {.next_in = (guint8 *)p + at,
                      .avail_in = (guint)packed,
                      .next_out = out->data,
                      .avail_out = (guint)most};
        bool fine = inflateInit2(&z, -MAX_WBITS) == Z_OK;
        if (fine) {
                fine = inflate(&z, Z_FINISH) == Z_STREAM_END;
                inflateEnd(&z);
        }
        g_byte_array_set_size(out, (guint)(fine ? most - z.avail_out : 0));
        if (!fine)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the telescope sends a ZIP that breaks off, or holds more than its picture");
        return fine;
}

bool tb_seestar_unpack(const TbSeestarHead *head, const guint8 *payload, GByteArray *scratch,
                       const guint8 **ret_data, gsize *ret_size, TbSeestarPixels *ret_pixels, GError **error)
{
        const guint8 *data = payload;
        gsize size = head->size, pixels = (gsize)head->width * (gsize)head->height;
        if (size >= ZIP_HEAD && memcmp(data, "PK\x03\x04", 4) == 0) {
                if (!unzip(head, payload, scratch, error))
                        return false;
                data = scratch->data;
                size = scratch->len;
        }
        if (size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
                *ret_pixels = TB_SEESTAR_JPEG;
        else if (size == pixels * 6)
                *ret_pixels = TB_SEESTAR_RGB;
        else if (size == pixels * 2 && head->width % 2 == 0 && head->height % 2 == 0)
                *ret_pixels = TB_SEESTAR_BAYER;
        else {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the telescope sends a picture of %dx%d in %" G_GSIZE_FORMAT
                             " bytes, a form that is not known",
                             head->width, head->height, size);
                return false;
        }
        *ret_data = data;
        *ret_size = size;
        return true;
}
