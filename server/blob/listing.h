#pragma once
/* What a bucket says of what it holds: XML of S3 (ListObjectsV2, ListMultipartUploads) and of Azure (List Blobs). Pure, any thread. */
#include <glib.h>
#include <stdbool.h>

typedef struct TbBlobRow {
        char *name;   /* owned */
        char *upload; /* owned; of one that was not finished; NULL */
        gint64 size;  /* bytes */
        gint64 ms;    /* when it was put, or begun; since the epoch; 0: not said */
} TbBlobRow;

typedef struct TbBlobListing {
        GPtrArray *rows; /* owned TbBlobRow *, in their order */
        char *next;      /* owned; where the next page begins; NULL: there is none */
} TbBlobListing;

/* False with TB_ERROR_UNAVAILABLE: it is no such list. To be cleared in each case. */
bool tb_blob_listing_parse(const char *xml, gsize size, TbBlobListing *ret, GError **error);
void tb_blob_listing_clear(TbBlobListing *listing);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbBlobListing, tb_blob_listing_clear)
/* What one element holds, of an answer that is no list: <UploadId>. The caller frees; NULL: there is none. */
char *tb_blob_element(const char *xml, gsize size, const char *element);
