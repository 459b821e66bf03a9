#pragma once
/* AWS Signature Version 4, as S3 wants it: a path is encoded once, and not made shorter. Pure, any thread. */
#include "lib/blob/bucket.h"

typedef struct TbS3Key {
        const char *access, *secret;
        const char *token;   /* of a session; NULL: none */
        const char *region;  /* "us-east-1" */
        const char *service; /* NULL: "s3" */
} TbS3Key;

#define TB_S3_UNSIGNED "UNSIGNED-PAYLOAD"
#define TB_S3_EMPTY                                                                                          \
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* SHA-256 of nothing */
#define TB_S3_PRESIGN_MAX_S 604800

/* The address with its signature, good for `ttl_s` seconds; who uses it sends the request's headers as they were signed. The caller
 * frees; NULL: the address is none. */
char *tb_s3_presign(const TbS3Key *key, const TbBucketRequest *request, guint ttl_s);
/* Headers ("Name: value", ended by NULL) to be sent with those of the request; `payload`: SHA-256 of the body in hexadecimal digits, or
 * one of the two above. The caller frees; NULL: the address is none. */
char **tb_s3_headers(const TbS3Key *key, const TbBucketRequest *request, const char *payload);
