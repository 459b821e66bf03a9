#pragma once
/* The seam of a backend. Blocking calls; of one store from many threads at once, for different names. */
#include "server/blob/blob.h"

typedef struct TbBlobBackend {
        /* Touches nothing yet. The caller frees by `close`; the options outlive it. */
        gpointer (*open)(const TbBlobOptions *options);
        void (*close)(gpointer store);
        /* Pure, any thread. The store owns it. */
        const char *(*container)(gpointer store);
        /* Pure. The caller frees. */
        char *(*uri)(gpointer store, const char *name);
        /* An address for one PUT of `size` bytes, or for GETs (`size` -1). The caller frees; NULL: it is too large. NULL op: there are none. Pure. */
        char *(*grant)(gpointer store, const char *name, gint64 size);
        const char *put_header, *put_value; /* of such a PUT; NULL: none */
        /* What is there, after a look that also clears away what was never finished. */
        bool (*count)(gpointer store, guint64 *ret_bytes, GError **error);
        /* See tb_blobs_put(); *ret_replaced: bytes of what was there before. */
        bool (*put)(gpointer store, const char *name, gint64 size, TbPipe *body, TbBlobInfo *ret,
                    gint64 *ret_replaced, GError **error);
        bool (*get)(gpointer store, const char *name, const char *etag, gint64 from, gint64 n, TbPipe *to,
                    GError **error);
        bool (*stat)(gpointer store, const char *name, TbBlobInfo *ret, GError **error);
        bool (*remove)(gpointer store, const char *name, gint64 *ret_bytes, GError **error);
        /* See tb_blobs_list(). */
        bool (*list)(gpointer store, const char *after, gint64 from_ms, gint64 to_ms, guint most, char ***ret,
                     GError **error);
} TbBlobBackend;

extern const TbBlobBackend tb_blob_folder, tb_blob_s3, tb_blob_azure;
