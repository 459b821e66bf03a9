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
#include <jansson.h>
#include <stdbool.h>

#include "lib/metrics.h"
#include "lib/pipe.h"

typedef struct TbBlobs TbBlobs;

#define TB_BLOB_ETAG 80 /* bytes that an etag fits in, NUL included */

/* Where clips lie: in an S3 bucket where `bucket` is set, else in a container of Azure where `container` is, else in the folder. Strings are
 * owned by whoever made the options; NULL: not set. */
typedef struct TbBlobOptions {
        char *folder;     /* made when the first clip comes */
        char *url;        /* of the service; NULL: the vendor's own */
        char *public_url; /* the same as clients reach it; NULL: `url` */
        char *bucket, *region, *access_key, *secret_key, *session_token; /* S3 */
        bool path_style;                         /* the bucket is in the path, not in the host's name */
        char *container, *account, *account_key; /* Azure */
        bool create;                             /* make the container where there is none */
        bool direct;                             /* clients get addresses of the bucket, and upload there */
        guint grant_s;                           /* how long these are good */
        guint64 quota_bytes;                     /* of all clips together; 0: no limit */
} TbBlobOptions;

void tb_blob_options_clear(TbBlobOptions *options); /* of one whose strings are its own */

typedef struct TbBlobInfo {
        gint64 size; /* bytes */
        char etag[TB_BLOB_ETAG];
} TbBlobInfo;

/* Segments between slashes; none is empty, begins with a dot or has a control character, a backslash or more than 200 bytes; 512
 * bytes in all, UTF-8. Pure, any thread. */
bool tb_blob_name_valid(const char *name);

/* Returns at once: what is there is counted behind it; again and again while the bucket is away, and now and then what is in a bucket, since
 * others put clips there, too. The options outlive it. */
TbBlobs *tb_blobs_new(const TbBlobOptions *options);
/* What is under way ends unfinished, and nobody is told. NULL is fine. */
void tb_blobs_free(TbBlobs *blobs);
const char *tb_blobs_container(
        const TbBlobs *blobs); /* what events say of where their clips lie: "local", the bucket's name */
/* "local://…", "s3://bucket/…", "https://…"; good for names that are valid. The caller frees. */
char *tb_blobs_uri(const TbBlobs *blobs, const char *name);
/* What clients may upload themselves, or read: its address, good for grant_s, in the bucket. NULL without an error: there is no bucket, or
 * clients are not to know it. `size`: of a PUT, bytes; larger ones than a bucket takes at once have no address. Errors: as tb_blobs_put(). The
 * caller frees. */
char *tb_blobs_grant_put(TbBlobs *blobs, const char *name, gint64 size, GError **error);
char *tb_blobs_grant_get(TbBlobs *blobs, const char *name);
/* Scheme, host and port of these addresses; NULL: there are none. The caller frees. */
char *tb_blobs_client_origin(TbBlobs *blobs);
bool tb_blobs_are_direct(const TbBlobs *blobs); /* there are such addresses */
/* Headers that such a PUT needs: {"x-ms-blob-type": "BlockBlob"}; a new reference. */
json_t *tb_blobs_grant_headers(const TbBlobs *blobs);
/* One that a client has put himself counts from here on. */
void tb_blobs_note(TbBlobs *blobs, gint64 size);

/* One of both is NULL; both are borrowed. */
typedef void (*TbBlobDone)(const TbBlobInfo *info, const GError *error, gpointer data);
/*
 * Puts all that comes out of `body` (a reference is taken) under `name`, in place of what was there. `done` runs once. False, and
 * `done` does not run: TB_ERROR_INVALID (the name), TB_ERROR_UNAVAILABLE (the quota, no thread). Errors of `done`: TB_ERROR_INVALID
 * (fewer bytes than `size`), TB_ERROR_TOO_LARGE (more), TB_ERROR_UNAVAILABLE (the medium), or what `body` failed with.
 */
bool tb_blobs_put(TbBlobs *blobs, const char *name, gint64 size, TbPipe *body, TbBlobDone done, gpointer data,
                  GError **error);
/* Writes `n` bytes from `from` on into `to` (a reference is taken), and finishes it or fails it: TB_ERROR_NOT_FOUND, TB_ERROR_UNAVAILABLE,
 * TB_ERROR_BUSY (it is not the one with `etag` any more; NULL: any). `done` (nullable): when the thread is free again. */
bool tb_blobs_get(TbBlobs *blobs, const char *name, const char *etag, gint64 from, gint64 n, TbPipe *to,
                  TbBlobDone done, gpointer data, GError **error);
/* What is there. Of a folder the size alone: its etag is "". */
bool tb_blobs_stat(TbBlobs *blobs, const char *name, TbBlobDone done, gpointer data, GError **error);
/* What is not there is removed, too. TB_LIMIT_CLIPS_REMOVING at once; the others wait for these, whatever their number. */
bool tb_blobs_remove(TbBlobs *blobs, const char *name, TbBlobDone done, gpointer data, GError **error);
/* The same of one that was never noted. */
void tb_blobs_discard(TbBlobs *blobs, const char *name);
/* Names in their order, `most` at most, from after `after` (NULL: the first) on, of clips that were put between the two times (ms since
 * the epoch). `names` is the caller's, ended by NULL; NULL with an error. */
typedef void (*TbBlobNames)(char **names_take, const GError *error, gpointer data);
bool tb_blobs_list(TbBlobs *blobs, const char *after, gint64 from_ms, gint64 to_ms, guint most,
                   TbBlobNames done, gpointer data);
guint64 tb_blobs_used(const TbBlobs *blobs); /* bytes, with those that are on their way */
void tb_blobs_metrics(GString *out, gpointer blobs);
