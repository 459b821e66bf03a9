#pragma once
/* Azure Blob storage: SharedKey, and service shared access signatures of one blob. Pure, any thread. */
#include "lib/blob/bucket.h"

#define TB_AZURE_VERSION "2021-10-04" /* of the service, and of what is signed for it */

typedef struct TbAzureKey {
        const char *account;
        const char *key; /* base64 */
} TbAzureKey;

bool tb_azure_key_valid(const char *key); /* base64 of 16 bytes at least */

typedef struct TbAzureGrant {
        const char *container, *blob; /* not encoded */
        const char *permissions;      /* "cw": to upload; "r": to read; in this order "racwd" */
        gint64 from_ms, until_ms;     /* since the epoch */
        const char *version;          /* NULL: TB_AZURE_VERSION */
        const char *protocol;         /* "https", "https,http"; NULL: any */
} TbAzureGrant;

/* The query that makes a blob's address good for that long, "sv=…&sig=…". The caller frees. */
char *tb_azure_sas(const TbAzureKey *key, const TbAzureGrant *grant);
/* Headers ("Name: value", ended by NULL) to be sent with those of the request. The caller frees; NULL: the address is none. */
char **tb_azure_headers(const TbAzureKey *key, const TbBucketRequest *request);
