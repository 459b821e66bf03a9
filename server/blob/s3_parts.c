/* Large clips: in parts of which one at a time is in memory, so that one that fails is sent again. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "server/blob/listing.h"
#include "server/blob/s3.h"

#define PART_LEAST (16 * G_GINT64_CONSTANT(1048576))
#define TRIES 3
#define OLD_MS (86400 * G_GINT64_CONSTANT(1000))

/* All that is there of the next part: `size` bytes. */
static bool read_part(TbPipe *body, guint8 *to, gint64 size, GError **error)
{
        for (gint64 have = 0; have < size;) {
                gssize n = tb_pipe_read(body, to + have, (gsize)(size - have), error);
                if (n < 0)
                        return false;
                if (n == 0) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "the clip has fewer bytes than were promised: send all of it again");
                        return false;
                }
                have += n;
        }
        return true;
}

static bool send_part(TbS3 *s3, const char *name, const char *upload, guint number, const guint8 *bytes,
                      gint64 size, GString *list, GError **error)
{
        g_autofree char *query = g_strdup_printf("partNumber=%u&uploadId=%s", number, upload);
        for (guint i = 1;; i++) {
                g_auto(TbBlobAnswer) answer = {0};
                g_autoptr(GError) why = NULL;
                if (tb_s3_ask(s3, (TbBlobAsk){.method = "PUT", .bytes = bytes, .size = size}, name, query,
                              NULL, &answer, &why)) {
                        g_autofree char *etag = g_markup_escape_text(answer.etag, -1);
                        g_string_append_printf(list,
                                               "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>",
                                               number, etag);
                        return true;
                }
                if (i == TRIES || !g_error_matches(why, TB_ERROR, TB_ERROR_UNAVAILABLE)) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        return false;
                }
        }
}

static bool send_all(TbS3 *s3, const char *name, const char *upload, gint64 size, TbPipe *body, GString *list,
                     GError **error)
{
        gint64 most = MAX(PART_LEAST, (size + TB_S3_PARTS - 1) / TB_S3_PARTS);
        g_autofree guint8 *bytes = g_try_malloc((gsize)most);
        guint number = 1;
        if (!bytes) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "there is no memory for a part of this clip");
                return false;
        }
        for (gint64 left = size; left > 0; number++) {
                gint64 n = MIN(left, most);
                if (!read_part(body, bytes, n, error) ||
                    !send_part(s3, name, upload, number, bytes, n, list, error))
                        return false;
                left -= n;
        }
        gssize more = tb_pipe_read(body, bytes, 1, error);
        if (more > 0)
                tb_set_error(error, TB_ERROR_TOO_LARGE,
                             "the clip has more than the %" G_GINT64_FORMAT " bytes that were promised",
                             size);
        return more == 0;
}

/* An answer of 200 may be an error still. */
static bool complete(TbS3 *s3, const char *name, const char *upload, const GString *list, GError **error)
{
        g_autofree char *query = g_strconcat("uploadId=", upload, NULL);
        g_auto(TbBlobAnswer) answer = {0};
        if (!tb_s3_ask(s3, (TbBlobAsk){.method = "POST", .bytes = list->str, .size = (gint64)list->len}, name,
                       query, NULL, &answer, error))
                return false;
        if (strstr(answer.text->str, "CompleteMultipartUploadResult"))
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the bucket did not put the parts of the clip together");
        return false;
}

static void abandon(TbS3 *s3, const char *name, const char *upload)
{
        g_autofree char *query = g_strconcat("uploadId=", upload, NULL);
        g_auto(TbBlobAnswer) answer = {0};
        tb_s3_ask(s3, (TbBlobAsk){.method = "DELETE"}, name, query, NULL, &answer, NULL);
}

bool tb_s3_put_parts(TbS3 *s3, const char *name, gint64 size, TbPipe *body, GError **error)
{
        g_auto(TbBlobAnswer) answer = {0};
        g_autoptr(GString) list = g_string_new("<CompleteMultipartUpload>");
        if (!tb_s3_ask(s3, (TbBlobAsk){.method = "POST"}, name, "uploads=", NULL, &answer, error))
                return false;
        g_autofree char *id = tb_blob_element(answer.text->str, answer.text->len, "UploadId"),
                        *upload = id ? tb_bucket_escape(id, false) : NULL;
        if (!upload) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the bucket takes no clips in parts");
                return false;
        }
        bool ok = send_all(s3, name, upload, size, body, list, error);
        g_string_append(list, "</CompleteMultipartUpload>");
        ok = ok && complete(s3, name, upload, list, error);
        if (!ok)
                abandon(s3, name, upload);
        return ok;
}

/* Who does not know of parts has none. */
bool tb_s3_forget_parts(TbS3 *s3, GError **error)
{
        g_auto(TbBlobAnswer) answer = {0};
        g_auto(TbBlobListing) listing = {0};
        g_autoptr(GError) why = NULL;
        if (!tb_s3_ask(s3, (TbBlobAsk){.method = "GET"}, NULL, "prefix=sessions%2F&uploads=", NULL, &answer,
                       &why)) {
                if (answer.status >= 400 && answer.status != 401 && answer.status != 403)
                        return true;
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        if (!tb_blob_listing_parse(answer.text->str, answer.text->len, &listing, NULL))
                return true;
        for (guint i = 0; i < listing.rows->len; i++) {
                const TbBlobRow *row = listing.rows->pdata[i];
                g_autofree char *upload = row->upload ? tb_bucket_escape(row->upload, false) : NULL;
                if (upload && row->ms && row->ms < tb_clock_ms() - OLD_MS)
                        abandon(s3, row->name, upload);
        }
        return true;
}
