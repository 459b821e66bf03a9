/* What a bucket says of what it holds: a list with names in it, or none. */
#include <stdint.h>

#include "server/blob/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_auto(TbBlobListing) listing = {0};
        if (tb_blob_listing_parse((const char *)data, size, &listing, NULL))
                for (guint i = 0; i < listing.rows->len; i++) {
                        const TbBlobRow *row = listing.rows->pdata[i];
                        g_assert_true(row->name && row->size >= 0 && row->ms >= 0);
                }
        g_autofree char *element = tb_blob_element((const char *)data, size, "UploadId");
        return 0;
}
