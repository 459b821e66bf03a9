#pragma once
/* One request to a bucket, in the thread that asks (libcurl); connections stay open for the next one. Any thread. */
#include "server/blob/private.h"

typedef struct TbBlobWire TbBlobWire;

typedef struct TbBlobAsk {
        const char *method, *url;
        char **headers;    /* "Name: value", signed; ended by NULL */
        const void *bytes; /* of the body; NULL: none, or a pipe's */
        gint64 size;       /* of the body */
        TbPipe *body; /* exactly `size` bytes: the last ones are not sent before it is known that there are no more; NULL: none */
        TbPipe *to;     /* where the body of a 2xx goes; NULL: into the answer's text */
        gint64 to_size; /* so many bytes are expected there */
} TbBlobAsk;

typedef struct TbBlobAnswer {
        guint status; /* 0: there was none */
        gint64 size;  /* Content-Length; -1: not said */
        char etag[TB_BLOB_ETAG];
        GString *text; /* owned: g_string_free() */
} TbBlobAnswer;

/* `what`: the bucket as people know it: "the bucket clips". */
TbBlobWire *tb_blob_wire_new(const char *what);
void tb_blob_wire_free(TbBlobWire *wire);
/* False for all but 2xx: TB_ERROR_NOT_FOUND (404), TB_ERROR_BUSY (409, 412), TB_ERROR_UNAVAILABLE, and as tb_blobs_put(). The answer is to be
 * cleared in each case. */
bool tb_blob_ask(TbBlobWire *wire, const TbBlobAsk *ask, TbBlobAnswer *ret, GError **error);
void tb_blob_answer_clear(TbBlobAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbBlobAnswer, tb_blob_answer_clear)
/* What a HEAD has told. */
void tb_blob_answer_info(const TbBlobAnswer *answer, TbBlobInfo *ret);
/* Bytes under this name, by `stat` of a bucket; 0: nothing is there. */
bool tb_blob_size_of(bool (*stat)(gpointer store, const char *name, TbBlobInfo *ret, GError **error),
                     gpointer store, const char *name, gint64 *ret, GError **error);
