#include "server/blob/listing.h"

#include <curl/curl.h>
#include <string.h>

#include "lib/error.h"

typedef struct Reading {
        TbBlobListing *out;
        TbBlobRow *row; /* of the element that is open; NULL: none */
        const char *wanted;
        char *found; /* owned */
} Reading;

static void row_free(gpointer data)
{
        TbBlobRow *row = data;
        g_free(row->name);
        g_free(row->upload);
        g_free(row);
}

void tb_blob_listing_clear(TbBlobListing *listing)
{
        g_clear_pointer(&listing->rows, g_ptr_array_unref);
        g_clear_pointer(&listing->next, g_free);
}

static bool begins_row(const char *element)
{
        return strcmp(element, "Contents") == 0 || strcmp(element, "Blob") == 0 ||
               strcmp(element, "Upload") == 0;
}

static void on_start(GMarkupParseContext *context G_GNUC_UNUSED, const char *element,
                     const char **names G_GNUC_UNUSED, const char **values G_GNUC_UNUSED, gpointer data,
                     GError **error G_GNUC_UNUSED)
{
        Reading *r = data;
        if (r->out && !r->row && begins_row(element))
                r->row = g_new0(TbBlobRow, 1);
}

static void on_end(GMarkupParseContext *context G_GNUC_UNUSED, const char *element, gpointer data,
                   GError **error G_GNUC_UNUSED)
{
        Reading *r = data;
        if (!r->row || !begins_row(element))
                return;
        if (r->row->name)
                g_ptr_array_add(r->out->rows, r->row);
        else
                row_free(r->row);
        r->row = NULL;
}

/* "2026-02-16T20:00:00.000Z" and "Mon, 16 Feb 2026 20:00:00 GMT" */
static gint64 time_of(const char *text)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
        if (time)
                return g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000;
        gint64 s = curl_getdate(text, NULL);
        return s > 0 ? s * 1000 : 0;
}

static void replace(char **field, const char *text)
{
        g_free(*field);
        *field = g_strdup(text);
}

static void on_text(GMarkupParseContext *context, const char *text, gsize size G_GNUC_UNUSED, gpointer data,
                    GError **error G_GNUC_UNUSED)
{
        Reading *r = data;
        const char *at = g_markup_parse_context_get_element(context);
        if (!at)
                return;
        if (r->wanted && strcmp(at, r->wanted) == 0 && !r->found)
                r->found = g_strdup(text);
        if (!r->out)
                return;
        if (!r->row) {
                if (*text && (strcmp(at, "NextContinuationToken") == 0 || strcmp(at, "NextMarker") == 0))
                        replace(&r->out->next, text);
        } else if (strcmp(at, "Key") == 0 || strcmp(at, "Name") == 0)
                replace(&r->row->name, text);
        else if (strcmp(at, "Size") == 0 || strcmp(at, "Content-Length") == 0)
                r->row->size = MAX(g_ascii_strtoll(text, NULL, 10), 0);
        else if (strcmp(at, "LastModified") == 0 || strcmp(at, "Last-Modified") == 0 ||
                 strcmp(at, "Initiated") == 0)
                r->row->ms = time_of(text);
        else if (strcmp(at, "UploadId") == 0)
                replace(&r->row->upload, text);
}

static bool read_all(Reading *r, const char *xml, gsize size, GError **error)
{
        static const GMarkupParser parser = {
                .start_element = on_start, .end_element = on_end, .text = on_text};
        /* a mark of the order of bytes, which Azure begins with */
        gsize skip = size >= 3 && memcmp(xml, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        GMarkupParseContext *context = g_markup_parse_context_new(
                &parser, G_MARKUP_TREAT_CDATA_AS_TEXT | G_MARKUP_IGNORE_QUALIFIED, r, NULL);
        bool ok = g_markup_parse_context_parse(context, xml + skip, (gssize)(size - skip), error) &&
                  g_markup_parse_context_end_parse(context, error);
        g_markup_parse_context_free(context);
        if (r->row)
                row_free(r->row);
        return ok;
}

bool tb_blob_listing_parse(const char *xml, gsize size, TbBlobListing *ret, GError **error)
{
        Reading r = {.out = ret};
        g_autoptr(GError) why = NULL;
        tb_blob_listing_clear(ret);
        ret->rows = g_ptr_array_new_with_free_func(row_free);
        if (read_all(&r, xml, size, &why))
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "what the bucket says of its clips is no list: %s",
                     why->message);
        return false;
}

char *tb_blob_element(const char *xml, gsize size, const char *element)
{
        Reading r = {.wanted = element};
        if (!read_all(&r, xml, size, NULL))
                g_clear_pointer(&r.found, g_free);
        return r.found;
}
