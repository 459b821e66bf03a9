#pragma once
/* What the files of the S3 backend share. */
#include "lib/blob/s3.h"
#include "server/blob/wire.h"

#define TB_S3_PART_FROM (64 * G_GINT64_CONSTANT(1048576)) /* bytes; larger clips go in parts */
#define TB_S3_PARTS 10000                                 /* of one clip at most */

typedef struct TbS3 {
        const TbBlobOptions *options; /* borrowed */
        TbBlobWire *wire;             /* owned */
        TbS3Key key;                  /* of the options */
        char *base, *public_base;     /* owned: the bucket's address, without a slash at its end */
} TbS3;

/* One signed request; `name` NULL: to the bucket itself; `query`: encoded, or NULL; `more`: headers, ended by NULL, or NULL. `ask` has the rest,
 * without its address and headers. */
bool tb_s3_ask(TbS3 *s3, TbBlobAsk ask, const char *name, const char *query, const char *const *more,
               TbBlobAnswer *ret, GError **error);
/* All of `body` in parts, each tried again when it fails: the memory of one part. */
bool tb_s3_put_parts(TbS3 *s3, const char *name, gint64 size, TbPipe *body, GError **error);
/* What was begun a day ago, and not finished, is given up. */
bool tb_s3_forget_parts(TbS3 *s3, GError **error);
