#pragma once
/*
 * Clips: bytes of any size under a name, in constant memory. What is put has exactly the size that was promised, or it is not there
 * at all; its etag is the MD5 of its bytes, in hexadecimal digits and quotes, as S3's and the original's clients know it.
 *
 *   main: a pipe with the body -> tb_blobs_put() -> a thread of this call -> the backend (private.h)
 *   main: done(what is there now, or why not) <----------- posted -----------'
 *
 * Main thread, where nothing else is said.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/metrics.h"
#include "lib/pipe.h"

typedef struct TbBlobs TbBlobs;
typedef struct TbBlobBackend TbBlobBackend;
extern const TbBlobBackend tb_blob_folder; /* `where`: its folder, made when the first clip comes */

#define TB_BLOB_ETAG 40 /* bytes that an etag fits in, NUL included */

typedef struct TbBlobInfo {
        gint64 size; /* bytes */
        char etag[TB_BLOB_ETAG];
} TbBlobInfo;

/* Segments between slashes; none is empty, begins with a dot or has a control character, a backslash or more than 200 bytes; 512
 * bytes in all, UTF-8. Pure, any thread. */
bool tb_blob_name_valid(const char *name);

/* `quota`: bytes of all clips together; 0: no limit. Returns at once: what is there is counted behind it. */
TbBlobs *tb_blobs_new(const TbBlobBackend *backend, const char *where, guint64 quota);
/* What is under way ends unfinished, and nobody is told. NULL is fine. */
void tb_blobs_free(TbBlobs *blobs);
const char *tb_blobs_container(const TbBlobs *blobs); /* what events say of where their clips lie: "local" */

/* One of both is NULL; both are borrowed. */
typedef void (*TbBlobDone)(const TbBlobInfo *info, const GError *error, gpointer data);
/*
 * Puts all that comes out of `body` (a reference is taken) under `name`, in place of what was there. `done` runs once. False, and
 * `done` does not run: TB_ERROR_INVALID (the name), TB_ERROR_UNAVAILABLE (the quota, no thread). Errors of `done`: TB_ERROR_INVALID
 * (fewer bytes than `size`), TB_ERROR_TOO_LARGE (more), TB_ERROR_UNAVAILABLE (the medium), or what `body` failed with.
 */
bool tb_blobs_put(TbBlobs *blobs, const char *name, gint64 size, TbPipe *body, TbBlobDone done, gpointer data,
                  GError **error);
/* Writes `n` bytes from `from` on into `to` (a reference is taken), and finishes it or fails it: TB_ERROR_NOT_FOUND, TB_ERROR_UNAVAILABLE.
 * `done` (nullable): when the thread is free again. */
bool tb_blobs_get(TbBlobs *blobs, const char *name, gint64 from, gint64 n, TbPipe *to, TbBlobDone done,
                  gpointer data, GError **error);
/* What is not there is removed, too. */
bool tb_blobs_remove(TbBlobs *blobs, const char *name, TbBlobDone done, gpointer data, GError **error);
/* Names in their order, `most` at most, from after `after` (NULL: the first) on, of clips that were put between the two times (ms since
 * the epoch). `names` is the caller's, ended by NULL; NULL with an error. */
typedef void (*TbBlobNames)(char **names_take, const GError *error, gpointer data);
bool tb_blobs_list(TbBlobs *blobs, const char *after, gint64 from_ms, gint64 to_ms, guint most,
                   TbBlobNames done, gpointer data);
guint64 tb_blobs_used(const TbBlobs *blobs); /* bytes, with those that are on their way */
void tb_blobs_metrics(GString *out, gpointer blobs);
