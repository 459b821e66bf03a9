#pragma once
/* The seam of a backend. Blocking calls; of one store from many threads at once, for different names. */
#include "server/blob/blob.h"

struct TbBlobBackend {
        const char *container;
        /* Touches nothing yet. The caller frees by `close`. */
        gpointer (*open)(const char *where);
        void (*close)(gpointer store);
        /* What is there, after a look that also clears away what was never finished. */
        bool (*count)(gpointer store, guint64 *ret_bytes, GError **error);
        /* See tb_blobs_put(); *ret_replaced: bytes of what was there before. */
        bool (*put)(gpointer store, const char *name, gint64 size, TbPipe *body, TbBlobInfo *ret,
                    gint64 *ret_replaced, GError **error);
        bool (*get)(gpointer store, const char *name, gint64 from, gint64 n, TbPipe *to, GError **error);
        bool (*remove)(gpointer store, const char *name, gint64 *ret_bytes, GError **error);
        /* See tb_blobs_list(). */
        bool (*list)(gpointer store, const char *after, gint64 from_ms, gint64 to_ms, guint most, char ***ret,
                     GError **error);
};
