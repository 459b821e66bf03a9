/* What buckets say of what they hold. */
#include "server/blob/listing.h"

#include <string.h>

#include "lib/error.h"

#define AT_MS (1771272000 * G_GINT64_CONSTANT(1000)) /* 2026-02-16T20:00:00Z */

static void parse(const char *name, TbBlobListing *ret)
{
        g_autofree char *file = g_build_filename("tests/fuzz/corpus/blob_listing", name, NULL), *xml = NULL;
        g_autoptr(GError) error = NULL;
        gsize size;
        g_assert_true(g_file_get_contents(file, &xml, &size, NULL));
        g_assert_true(tb_blob_listing_parse(xml, size, ret, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(ret->rows->len, ==, 1);
}

static void lists(void)
{
        g_auto(TbBlobListing) s3 = {0}, azure = {0}, uploads = {0}, none = {0};
        g_autoptr(GError) error = NULL;
        parse("s3", &s3);
        const TbBlobRow *row = s3.rows->pdata[0];
        g_assert_cmpstr(row->name, ==, "sessions/s/events/a&b.webm");
        g_assert_cmpint(row->size, ==, 12);
        g_assert_cmpint(row->ms, ==, AT_MS + 500);
        g_assert_cmpstr(s3.next, ==, "1/=");
        parse("azure", &azure);
        row = azure.rows->pdata[0];
        g_assert_cmpstr(row->name, ==, "sessions/s/events/e.webm");
        g_assert_cmpint(row->size, ==, 7);
        g_assert_cmpint(row->ms, ==, AT_MS);
        g_assert_null(azure.next);
        parse("uploads", &uploads);
        row = uploads.rows->pdata[0];
        g_assert_cmpstr(row->upload, ==, "u-1");
        g_assert_cmpint(row->ms, ==, AT_MS);
        const char cut[] = "<ListBucketResult><Contents><Key>a</Key>";
        g_assert_false(tb_blob_listing_parse(cut, strlen(cut), &none, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNAVAILABLE);
        const char begun[] = "<R><Bucket>b</Bucket><UploadId>u/2</UploadId></R>";
        g_autofree char *id = tb_blob_element(begun, strlen(begun), "UploadId");
        g_assert_cmpstr(id, ==, "u/2");
        g_assert_null(tb_blob_element(cut, strlen(cut), "Key"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/blob-listing/lists", lists);
        return g_test_run();
}
