#pragma once
/* A request to a bucket, as whoever signs it sees it. Pure, any thread. */
#include <glib.h>
#include <stdbool.h>

typedef struct TbBucketRequest {
        const char *method; /* "PUT" */
        /* Absolute, without a fragment; its path and query are percent-encoded, as they will be sent. */
        const char *url;
        /* What is signed besides its host: "name: value", the names in lower case; ended by NULL. NULL: nothing. */
        const char *const *headers;
        gint64 time_ms; /* now, since the epoch */
} TbBucketRequest;

/* A name as it stands in a URL: only letters, digits and -._~ are themselves, and slashes where `slashes`. The caller frees. */
char *tb_bucket_escape(const char *name, bool slashes);
/* Keyed SHA-256 of a text: 32 bytes. */
void tb_bucket_hmac(const guint8 *key, gsize key_size, const char *text, guint8 ret[32]);
/* The parts of an address. `ret_host` has the port where it is not the scheme's own; `ret_path` is "/" at least; `ret_query` is
 * without its question mark, "" for none. The caller frees them. False: it is no http:// or https:// address. */
bool tb_bucket_split(const char *url, char **ret_host, char **ret_path, char **ret_query);
/* Names and values of a query in their order, "name=value" each, a value that is missing empty; the caller frees. */
GPtrArray *tb_bucket_query(const char *query);
/* The value of one of the headers, without blanks around it; "" for none. The caller frees. */
char *tb_bucket_header(const TbBucketRequest *request, const char *name);
/* `time_ms` in UTC by the format of g_date_time_format(). The caller frees. */
char *tb_bucket_time(gint64 time_ms, const char *format);
