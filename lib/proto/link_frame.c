#include "lib/proto/link_frame.h"

#include "lib/error.h"
#include "lib/limits.h"

static bool violation(GError **error, const char *what)
{
        tb_set_error(error, TB_ERROR_INVALID, "link frame: %s", what);
        return false;
}

static guint32 get_u32(const guint8 *p)
{
        return (guint32)p[0] << 24 | (guint32)p[1] << 16 | (guint32)p[2] << 8 | p[3];
}

/* What can be said of a frame before its payload is there. */
static bool check_header(TbLinkFrame *f, guint8 flags, GError **error)
{
        if (f->stream == 0 || f->stream > TB_LINK_STREAM_MAX)
                return violation(error, "no such stream number");
        if (flags & ~TB_LINK_END)
                return violation(error, "unknown flag");
        switch (f->type) {
        case TB_LINK_HEAD:
                return (f->size >= 2 && f->size <= TB_LIMIT_LINK_HEAD) ||
                       violation(error, "head of a wrong size");
        case TB_LINK_DATA:
                if (f->size > TB_LIMIT_LINK_CHUNK)
                        return violation(error, "data of a wrong size");
                return f->size > 0 || f->end || violation(error, "data without bytes");
        case TB_LINK_CREDIT: return (f->size == 4 && !f->end) || violation(error, "credit of a wrong size");
        case TB_LINK_RESET:
                return (f->size <= TB_LIMIT_LINK_REASON && !f->end) ||
                       violation(error, "reset of a wrong size");
        }
        return violation(error, "unknown type");
}

gssize tb_link_frame_parse(const guint8 *bytes, gsize size, TbLinkFrame *ret_frame, GError **error)
{
        if (size < TB_LINK_FRAME_HEADER)
                return 0;
        TbLinkFrame f = {.type = (TbLinkFrameType)bytes[0],
                         .end = (bytes[1] & TB_LINK_END) != 0,
                         .stream = get_u32(bytes + 4),
                         .payload = bytes + TB_LINK_FRAME_HEADER,
                         .size = (gsize)bytes[2] << 8 | bytes[3]};
        if (!check_header(&f, bytes[1], error))
                return -1;
        if (size < TB_LINK_FRAME_HEADER + f.size)
                return 0;
        if (f.type == TB_LINK_CREDIT) {
                f.credit = get_u32(f.payload);
                if (f.credit == 0 || f.credit > TB_LINK_STREAM_MAX) {
                        violation(error, "no such credit");
                        return -1;
                }
        }
        if (f.type == TB_LINK_RESET && !g_utf8_validate((const char *)f.payload, (gssize)f.size, NULL)) {
                violation(error, "the reason of a reset is not UTF-8");
                return -1;
        }
        *ret_frame = f;
        return (gssize)(TB_LINK_FRAME_HEADER + f.size);
}

bool tb_link_frame_begins(const guint8 *bytes, gsize size)
{
        return size > 0 && bytes[0] >= TB_LINK_HEAD && bytes[0] <= TB_LINK_RESET;
}

void tb_link_frame_header(guint8 out[TB_LINK_FRAME_HEADER], TbLinkFrameType type, bool end, guint32 stream,
                          gsize size)
{
        const guint8 header[TB_LINK_FRAME_HEADER] = {
                (guint8)type,           end ? TB_LINK_END : 0,  (guint8)(size >> 8),   (guint8)size,
                (guint8)(stream >> 24), (guint8)(stream >> 16), (guint8)(stream >> 8), (guint8)stream};
        for (guint i = 0; i < sizeof header; i++)
                out[i] = header[i];
}
