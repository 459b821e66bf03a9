/* What MP4 wants to know of H.264 (ITU-T H.264, 7.3.2.1, annex B; ISO/IEC 14496-15, 5.3.3.1). */
#include <string.h>

#include "host/recorder/mp4.h"
#include "host/recorder/mp4_private.h"

#define NAL_SPS 7
#define NAL_PPS 8
#define NAL_AUD 9
#define SET_BYTES 4096 /* of one parameter set */

/* The next NAL from *at on; NULL: there is none. */
static const guint8 *next_nal(const guint8 *bytes, gsize size, gsize *at, gsize *ret_n)
{
        gsize i = *at;
        while (i + 3 <= size && !(bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1))
                i++;
        if (i + 3 >= size)
                return NULL;
        gsize from = i + 3, end = from;
        while (end + 3 <= size && !(bytes[end] == 0 && bytes[end + 1] == 0 && bytes[end + 2] <= 1))
                end++;
        if (end + 3 > size)
                end = size;
        *at = end;
        *ret_n = end - from;
        return bytes + from;
}

static GBytes *record(const guint8 *sps, gsize n_sps, const guint8 *pps, gsize n_pps)
{
        GByteArray *out = g_byte_array_new();
        tb_mp4_u8(out, 1);
        g_byte_array_append(out, sps + 1, 3); /* profile, compatibility, level */
        tb_mp4_u8(out, 0xff);                 /* lengths of four bytes */
        tb_mp4_u8(out, 0xe1);
        tb_mp4_u16(out, (guint16)n_sps);
        g_byte_array_append(out, sps, (guint)n_sps);
        tb_mp4_u8(out, 1);
        tb_mp4_u16(out, (guint16)n_pps);
        g_byte_array_append(out, pps, (guint)n_pps);
        return g_byte_array_free_to_bytes(out);
}

GBytes *tb_mp4_unit(const guint8 *bytes, gsize size, GBytes **ret_avcc)
{
        GByteArray *out = g_byte_array_sized_new((guint)size + 16);
        const guint8 *sps = NULL, *pps = NULL, *nal;
        gsize at = 0, n = 0, n_sps = 0, n_pps = 0;
        while ((nal = next_nal(bytes, size, &at, &n))) {
                guint8 type = n > 0 ? nal[0] & 0x1f : NAL_AUD;
                if (type == NAL_AUD)
                        continue;
                if (type == NAL_SPS && n >= 4 && n < SET_BYTES) {
                        sps = nal;
                        n_sps = n;
                } else if (type == NAL_PPS && n < SET_BYTES) {
                        pps = nal;
                        n_pps = n;
                }
                tb_mp4_u32(out, (guint32)n);
                g_byte_array_append(out, nal, (guint)n);
        }
        if (ret_avcc)
                *ret_avcc = sps && pps ? record(sps, n_sps, pps, n_pps) : NULL;
        if (out->len == 0) {
                g_byte_array_unref(out);
                return NULL;
        }
        return g_byte_array_free_to_bytes(out);
}

/* --- the size of the pictures --- */
typedef struct Bits {
        const guint8 *bytes;
        gsize n, at; /* at: in bits */
} Bits;

static guint bit(Bits *b)
{
        gsize i = b->at++;
        return i / 8 < b->n ? (b->bytes[i / 8] >> (7 - i % 8)) & 1 : 0;
}

static guint32 bits(Bits *b, guint n)
{
        guint32 all = 0;
        while (n--)
                all = all << 1 | bit(b);
        return all;
}

static guint32 ue(Bits *b)
{
        guint zeros = 0;
        while (zeros < 31 && b->at < b->n * 8 && !bit(b))
                zeros++;
        return (1U << zeros) - 1 + bits(b, zeros);
}

static gint32 se(Bits *b)
{
        guint32 n = ue(b);
        return n & 1 ? (gint32)((n + 1) / 2) : -(gint32)(n / 2);
}

static void skip_scaling(Bits *b, guint n)
{
        gint32 last = 8, next = 8;
        for (guint i = 0; i < n; i++) {
                if (next != 0)
                        next = (gint32)(((gint64)last + se(b) + 256) % 256);
                last = next == 0 ? last : next;
        }
}

/* Of high profiles; returns chroma_format_idc. */
static guint32 skip_high(Bits *b)
{
        guint32 chroma = ue(b);
        if (chroma == 3)
                bit(b);
        ue(b);
        ue(b);
        bit(b);
        if (bit(b))
                for (guint i = 0; i < (chroma == 3 ? 12U : 8U); i++)
                        if (bit(b))
                                skip_scaling(b, i < 6 ? 16 : 64);
        return chroma;
}

static void skip_order(Bits *b)
{
        guint32 type = ue(b);
        if (type == 0) {
                ue(b);
        } else if (type == 1) {
                bit(b);
                se(b);
                se(b);
                for (guint32 n = MIN(ue(b), 255); n > 0; n--)
                        se(b);
        }
}

/* Without the bytes that only keep start codes apart. */
static GByteArray *unescaped(const guint8 *nal, gsize n)
{
        GByteArray *out = g_byte_array_sized_new((guint)n);
        guint zeros = 0;
        for (gsize i = 0; i < n; i++) {
                if (zeros >= 2 && nal[i] == 3) {
                        zeros = 0;
                        continue;
                }
                zeros = nal[i] == 0 ? zeros + 1 : 0;
                tb_mp4_u8(out, nal[i]);
        }
        return out;
}

bool tb_mp4_size(GBytes *avcc, guint *ret_width, guint *ret_height)
{
        gsize size;
        const guint8 *data = g_bytes_get_data(avcc, &size);
        gsize n = size > 8 ? (gsize)data[6] << 8 | data[7] : 0;
        if (n < 5 || n > SET_BYTES || 8 + n > size)
                return false;
        g_autoptr(GByteArray) sps = unescaped(data + 8, n);
        Bits b = {sps->data, sps->len, 8};
        guint32 profile = bits(&b, 8), chroma = 1;
        bits(&b, 16);
        ue(&b);
        static const guint8 high[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
        if (memchr(high, (int)profile, sizeof high))
                chroma = skip_high(&b);
        ue(&b);
        skip_order(&b);
        ue(&b);
        bit(&b);
        guint64 width = ((guint64)ue(&b) + 1) * 16, height = ((guint64)ue(&b) + 1) * 16, cut_x = 0, cut_y = 0;
        guint frames = bit(&b);
        height *= 2 - frames;
        if (!frames)
                bit(&b);
        bit(&b);
        if (bit(&b)) {
                guint64 x = chroma == 1 || chroma == 2 ? 2 : 1, y = (chroma == 1 ? 2 : 1) * (2 - frames);
                cut_x = ((guint64)ue(&b) + ue(&b)) * x;
                cut_y = ((guint64)ue(&b) + ue(&b)) * y;
        }
        if (b.at > b.n * 8 || width <= cut_x || height <= cut_y || width - cut_x > G_MAXUINT16 ||
            height - cut_y > G_MAXUINT16)
                return false;
        *ret_width = (guint)(width - cut_x);
        *ret_height = (guint)(height - cut_y);
        return true;
}
