#include "host/vnc/update.h"

#include <string.h>

#include "host/vnc/deflate.h"
#include "host/vnc/rect.h"
#include "host/vnc/tight.h"
#include "host/vnc/translate.h"
#include "host/vnc/zrle.h"
#include "lib/limits.h"

#define PIECE_PIXELS                                                                                         \
        (256 * 1024)   /* of what is encoded at once: the first is on its way while the next is made */
#define SMALL 65536    /* bytes that are copied to be sent at once */
#define PIECE_ROWS 512 /* each may be an entry of a vector */

struct TbVncWork {
        TbVncTight *tight; /* owned, as all of these; NULL: not needed yet */
        TbVncZrle *zrle;
        TbVncDeflate *deflate;
        GByteArray *pixels;          /* in the viewer's format */
        GByteArray *plain;           /* before it is deflated */
        GByteArray *out;             /* what was encoded, or is deflated for this viewer alone */
        bool zrle_begun, zlib_begun; /* the viewer has that stream's header */
};

/* What is made, for whom. */
typedef struct Job {
        TbVncWork *work;
        rfbClientPtr client;
        const TbFrame *frame;
} Job;

TbVncWork *tb_vnc_work_new(void)
{
        TbVncWork *work = g_new0(TbVncWork, 1);
        work->pixels = g_byte_array_new();
        work->plain = g_byte_array_new();
        work->out = g_byte_array_new();
        return work;
}

void tb_vnc_work_free(TbVncWork *work)
{
        if (!work)
                return;
        tb_vnc_tight_free(work->tight);
        tb_vnc_deflate_free(work->deflate);
        g_free(work->zrle);
        g_byte_array_unref(work->pixels);
        g_byte_array_unref(work->plain);
        g_byte_array_unref(work->out);
        g_free(work);
}

/* --- encoding --- */
static const guint8 *first_pixel(const TbFrame *frame, int x, int y)
{
        return frame->plane[0] + (gsize)y * (gsize)frame->stride[0] + (gsize)x * 4;
}

static bool is_native(rfbClientPtr client)
{
        return client->translateFn == rfbTranslateNone;
}

/* In the viewer's format, rows one after the other. */
static void translate(const Job *job, const TbVncKey *key, guint8 *to)
{
        rfbClientPtr client = job->client;
        const guint8 *from = first_pixel(job->frame, key->x, key->y);
        int stride = job->frame->stride[0];
        if (!tb_vnc_translate(&client->format, from, stride, key->width, key->height, to))
                client->translateFn(client->translateLookupTable, &client->screen->serverFormat,
                                    &client->format, (char *)(gpointer)from, (char *)to, stride, key->width,
                                    key->height);
}

/* The same, for who encodes them; native ones are where they are. *ret_stride: bytes of a row. */
static const guint8 *pixels_of(const Job *job, const TbVncKey *key, int *ret_stride)
{
        *ret_stride = job->frame->stride[0];
        if (is_native(job->client))
                return first_pixel(job->frame, key->x, key->y);
        *ret_stride = key->width * key->format.bitsPerPixel / 8;
        g_byte_array_set_size(job->work->pixels, (guint)(*ret_stride * key->height));
        translate(job, key, job->work->pixels->data);
        return job->work->pixels->data;
}

static void deflate_plain(TbVncWork *work, GByteArray *out)
{
        if (!work->deflate)
                work->deflate = tb_vnc_deflate_new();
        tb_vnc_deflate(work->deflate, work->plain->data, work->plain->len, out);
}

static void make_rows(GByteArray *out, const guint8 *pixels, int stride, gsize row, int rows)
{
        for (int y = 0; y < rows; y++, pixels += stride)
                g_byte_array_append(out, pixels, (guint)row);
}

static void make_zrle(TbVncWork *work, const TbVncKey *key, const guint8 *pixels, int stride)
{
        if (!work->zrle)
                work->zrle = g_new0(TbVncZrle, 1);
        tb_vnc_zrle_init(work->zrle, &key->format);
        tb_vnc_zrle_encode(work->zrle, pixels, stride, key->width, key->height, work->plain);
}

static void make_tight(const Job *job, const TbVncKey *key, TbVncCoded *coded)
{
        TbVncWork *work = job->work;
        TbVncTightArea area = {.bgrx = first_pixel(job->frame, key->x, key->y),
                               .bgrx_stride = job->frame->stride[0],
                               .x = key->x,
                               .y = key->y,
                               .width = key->width,
                               .height = key->height};
        if (tb_vnc_tight_needs_pixels(&key->format))
                area.pixels = pixels_of(job, key, &area.stride);
        g_autoptr(GArray) parts = g_array_new(TRUE, FALSE, sizeof(gsize));
        coded->rects = tb_vnc_tight_encode(work->tight, &key->format, key->quality, key->subsampling, &area,
                                           work->out, parts);
        if (parts->len == 0)
                return;
        gsize end = work->out->len;
        g_array_append_val(parts, end);
        coded->parts = (gsize *)(gpointer)g_array_free(g_steal_pointer(&parts), FALSE);
}

static void make(const TbVncKey *key, TbVncCoded *coded, gpointer data)
{
        const Job *job = data;
        TbVncWork *work = job->work;
        int stride = 0;
        gsize row = (gsize)key->width * key->format.bitsPerPixel / 8;
        coded->rects = 1;
        if (key->encoding == rfbEncodingRaw) {
                translate(job, key, tb_vnc_coded_room(coded, row * (gsize)key->height));
                return;
        }
        g_byte_array_set_size(work->out, 0);
        g_byte_array_set_size(work->plain, 0);
        if (key->encoding == rfbEncodingTight) {
                make_tight(job, key, coded);
        } else {
                const guint8 *pixels = pixels_of(job, key, &stride);
                if (key->encoding == rfbEncodingZRLE)
                        make_zrle(work, key, pixels, stride);
                else
                        make_rows(work->plain, pixels, stride, row, key->height);
                deflate_plain(work, work->out);
        }
        memcpy(tb_vnc_coded_room(coded, work->out->len), work->out->data, work->out->len);
}

/* --- sending --- */
static void put_head_of(guint8 *to, const TbVncKey *key)
{
        tb_vnc_put_head(to, key->x, key->y, key->width, key->height, key->encoding);
}

/* Straight from the picture: rows that follow each other are one. */
static bool send_native(const TbVncSlot *slot, const TbFrame *frame, const TbVncKey *key)
{
        guint8 head[TB_VNC_RECT_HEAD];
        struct iovec vector[1 + PIECE_ROWS];
        gsize row = (gsize)key->width * 4, n = 1;
        const guint8 *pixels = first_pixel(frame, key->x, key->y);
        put_head_of(head, key);
        vector[0] = (struct iovec){head, TB_VNC_RECT_HEAD};
        for (int y = 0; y < key->height; y++, pixels += frame->stride[0]) {
                if (n > 1 && (const guint8 *)vector[n - 1].iov_base + vector[n - 1].iov_len == pixels)
                        vector[n - 1].iov_len += row;
                else
                        vector[n++] = (struct iovec){(void *)(gpointer)pixels, row};
        }
        return tb_vnc_send_vector(slot, vector, n);
}

/* What lies between parts that are deflated here goes as it is; vectors that are full go first. */
static bool send_parts(TbVncWork *work, const TbVncSlot *slot, const TbVncCoded *coded)
{
        gsize begin = 0;
        GByteArray *out = work->out;
        for (guint i = 0; begin < coded->size; i++) {
                gsize end = coded->parts[i];
                guint8 *bytes = coded->bytes + begin;
                bool ok = true;
                if (i % 2 == 1)
                        tb_vnc_tight_part(work->tight, bytes, end - begin, out);
                else if (out->len + end - begin <= SMALL)
                        g_byte_array_append(out, bytes, (guint)(end - begin));
                else {
                        struct iovec vector[2] = {{out->data, out->len}, {bytes, end - begin}};
                        ok = tb_vnc_send_vector(slot, vector, 2);
                        g_byte_array_set_size(out, 0);
                }
                if (!ok)
                        return false;
                begin = end;
        }
        struct iovec rest = {out->data, out->len};
        return tb_vnc_send_vector(slot, &rest, 1);
}

static bool send_coded(TbVncWork *work, const TbVncSlot *slot, const TbVncKey *key, const TbVncCoded *coded)
{
        guint8 head[TB_VNC_RECT_HEAD + 4 + 2];
        struct iovec vector[2] = {{head, 0}, {coded->bytes, coded->size}};
        if (key->encoding != rfbEncodingTight) {
                put_head_of(head, key);
                vector[0].iov_len = TB_VNC_RECT_HEAD;
        }
        if (coded->parts) {
                g_byte_array_set_size(work->out, 0);
                return send_parts(work, slot, coded);
        }
        if (key->encoding == rfbEncodingZRLE || key->encoding == rfbEncodingZlib) {
                bool *begun = key->encoding == rfbEncodingZRLE ? &work->zrle_begun : &work->zlib_begun;
                guint32 begins = *begun ? 0 : 2;
                tb_vnc_put32(head + TB_VNC_RECT_HEAD, (guint32)coded->size + begins);
                tb_vnc_put16(head + TB_VNC_RECT_HEAD + 4, TB_VNC_ZLIB_HEADER);
                vector[0].iov_len += 4 + begins;
                *begun = true;
        }
        return tb_vnc_send_vector(slot, vector, 2);
}

/* --- an update --- */
static gint32 encoding_of(rfbClientPtr client)
{
        switch (client->preferredEncoding) {
        case -1: return rfbEncodingRaw;
        case rfbEncodingRaw:
        case rfbEncodingZlib:
        case rfbEncodingZRLE:
        case rfbEncodingTight: return client->preferredEncoding;
        default: return -1;
        }
}

static void add_piece(GArray *keys, TbVncKey *key, TbVncShared *shared, guint64 picture)
{
        key->picture = tb_vnc_shared_picture(shared, picture, key->x, key->y, key->width, key->height);
        g_array_append_val(keys, *key);
}

/* Each rectangle in pieces of whole rows, as wide as the encoding can. */
static GArray *cut(rfbClientPtr client, sraRegionPtr region, TbVncShared *shared, guint64 picture)
{
        GArray *keys = g_array_new(FALSE, FALSE, sizeof(TbVncKey));
        TbVncKey key;
        memset(&key, 0, sizeof key);
        key.format = client->format;
        key.encoding = encoding_of(client);
        bool tight = key.encoding == rfbEncodingTight;
        if (tight) {
                key.quality = MAX(client->turboQualityLevel, 0);
                key.subsampling = client->turboSubsampLevel;
        }
        sraRect r;
        sraRectangleIterator *i = sraRgnGetIterator(region);
        while (sraRgnIteratorNext(i, &r))
                for (int x = r.x1; x < r.x2; x += key.width) {
                        key.x = x;
                        key.width = tight ? MIN(r.x2 - x, TB_VNC_TIGHT_WIDTH) : r.x2 - x;
                        int rows = CLAMP(PIECE_PIXELS / key.width / TB_VNC_TIGHT_ROWS, 1,
                                         PIECE_ROWS / TB_VNC_TIGHT_ROWS) *
                                   TB_VNC_TIGHT_ROWS;
                        for (key.y = r.y1; key.y < r.y2; key.y += rows) {
                                key.height = MIN(rows, r.y2 - key.y);
                                add_piece(keys, &key, shared, picture);
                        }
                }
        sraRgnReleaseIterator(i);
        return keys;
}

static bool send_piece(const Job *job, const TbVncSlot *slot, TbVncShared *shared, const TbVncKey *key)
{
        if (key->encoding == rfbEncodingRaw && is_native(job->client))
                return send_native(slot, job->frame, key);
        TbVncCoded *coded = tb_vnc_shared_get(shared, key, make, (gpointer)job);
        bool ok = send_coded(job->work, slot, key, coded);
        tb_vnc_coded_unref(coded);
        return ok;
}

/* Rectangles are counted before, where the viewer knows no marker of the last one: then all is encoded first, and found again. */
static guint count(const Job *job, TbVncShared *shared, const GArray *keys)
{
        guint n = 0;
        for (guint i = 0; i < keys->len; i++) {
                const TbVncKey *key = &g_array_index(keys, TbVncKey, i);
                if (key->encoding != rfbEncodingTight) {
                        n++;
                        continue;
                }
                TbVncCoded *coded = tb_vnc_shared_get(shared, key, make, (gpointer)job);
                n += coded->rects;
                tb_vnc_coded_unref(coded);
        }
        return n;
}

static bool send_pixels(Job *job, TbVncSlot *slot, TbVncShared *shared, guint64 picture, sraRegionPtr region,
                        bool cursor, bool pointer)
{
        rfbClientPtr client = job->client;
        g_autoptr(GArray) keys = cut(client, region, shared, picture);
        if (!job->work->tight && encoding_of(client) == rfbEncodingTight)
                job->work->tight = tb_vnc_tight_new();
        /* as the library does: some viewers know the marker in Tight alone (vncsnapshot) */
        bool marked = client->enableLastRectEncoding && encoding_of(client) == rfbEncodingTight;
        guint n = marked ? 0xffff : count(job, shared, keys) + cursor + pointer;
        rfbFramebufferUpdateMsg head = {.type = rfbFramebufferUpdate, .nRects = GUINT16_TO_BE((guint16)n)};
        memcpy(client->updateBuf, &head, sz_rfbFramebufferUpdateMsg);
        client->ublen = sz_rfbFramebufferUpdateMsg;
        if (cursor)
                client->cursorWasChanged = FALSE;
        if (pointer)
                client->cursorWasMoved = FALSE;
        bool ok = (!cursor || rfbSendCursorShape(client)) && (!pointer || rfbSendCursorPos(client)) &&
                  rfbSendUpdateBuf(client);
        for (guint i = 0; ok && i < keys->len; i++)
                ok = send_piece(job, slot, shared, &g_array_index(keys, TbVncKey, i));
        return ok && (!marked || (rfbSendLastRectMarker(client) && rfbSendUpdateBuf(client)));
}

/* A new size, and what UltraVNC asks about: the library's, without pixels, of which it would use streams of its own. What was asked for
 * stays asked for. */
static bool say_rest(rfbClientPtr client)
{
        sraRegionPtr asked = sraRgnCreateRgn(client->requestedRegion), none = sraRgnCreate();
        bool ok = rfbSendFramebufferUpdate(client, none);
        sraRgnDestroy(client->requestedRegion);
        client->requestedRegion = asked;
        sraRgnDestroy(none);
        return ok;
}

static bool library_update(rfbClientPtr client)
{
        sraRegionPtr region = sraRgnCreateRgn(client->modifiedRegion);
        bool ok = rfbSendFramebufferUpdate(client, region);
        sraRgnDestroy(region);
        return ok;
}

bool tb_vnc_update(TbVncWork *work, TbVncSlot *slot, TbVncShared *shared, const TbFrame *frame,
                   guint64 picture)
{
        rfbClientPtr client = slot->client;
        if (client->useNewFBSize && client->newFBSizePending)
                return say_rest(client);
        if (encoding_of(client) < 0 || client->screen != client->scaledScreen)
                return library_update(client);
        if ((client->enableSupportedMessages || client->enableSupportedEncodings ||
             client->enableServerIdentity) &&
            !say_rest(client))
                return false;
        bool cursor = client->enableCursorShapeUpdates && client->cursorWasChanged &&
                      client->readyForSetColourMapEntries;
        bool pointer = client->enableCursorPosUpdates && client->cursorWasMoved;
        sraRegionPtr region = sraRgnCreateRgn(client->modifiedRegion);
        sraRgnAnd(region, client->requestedRegion);
        bool ok = true;
        if (!sraRgnEmpty(region) || cursor || pointer) {
                sraRgnSubtract(client->modifiedRegion, region);
                sraRgnMakeEmpty(client->requestedRegion);
                Job job = {.work = work, .client = client, .frame = frame};
                ok = send_pixels(&job, slot, shared, picture, region, cursor, pointer);
        }
        sraRgnDestroy(region);
        return ok;
}
