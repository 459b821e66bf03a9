/* Signatures of requests to buckets, by the vectors of the services' documentation and of their clients. */
#include <string.h>

#include "lib/blob/azure.h"
#include "lib/blob/s3.h"

#define DAY_MS (1369353600 * G_GINT64_CONSTANT(1000))  /* 2013-05-24T00:00:00Z */
#define BOTO_MS (1388534400 * G_GINT64_CONSTANT(1000)) /* 2014-01-01T00:00:00Z */
#define CLIP_MS (1771272000 * G_GINT64_CONSTANT(1000)) /* 2026-02-16T20:00:00Z */
#define BUCKET "https://examplebucket.s3.amazonaws.com"

static const TbS3Key example = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL,
                                "us-east-1", NULL};
static const TbAzureKey azurite = {
        "devstoreaccount1",
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="};

static void s3_presigned(void)
{
        static const char *const typed[] = {"content-type: video/webm", NULL};
        static const TbS3Key boto = {"access_key", "secret_key", NULL, "myregion", "myservice"},
                             session = {"access_key", "secret_key", "a/token+of=it", "myregion", NULL};
        const struct {
                const TbS3Key *key;
                TbBucketRequest request;
                guint ttl_s;
                const char *ends;
        } rows[] = {
                {&example,
                 {"GET", BUCKET "/test.txt", NULL, DAY_MS},
                 86400,
                 "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
                {&example,
                 {"PUT", BUCKET "/clips/e1.webm", NULL, DAY_MS},
                 900,
                 "71e8df91ea1290f0276d086ce7c86257740419499342cc62a6e2a8d4f17b6c01"},
                {&example,
                 {"PUT", BUCKET "/clips/e1.webm", typed, DAY_MS},
                 900,
                 "f3607c8bd0bd3ad431a2e878a553161e57dda045e9e1e880bcbf334aafee5151"},
                /* a port that is the scheme's own is none */
                {&example,
                 {"GET", "https://examplebucket.s3.amazonaws.com:443/test.txt", NULL, DAY_MS},
                 86400,
                 "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
                {&boto,
                 {"GET", "https://s3.us-west-2.amazonaws.com/mybucket/keyname/.bar", NULL, BOTO_MS},
                 60,
                 "ac1b8b9e47e8685c5c963d75e35e8741d55251cd955239cc1efad4dc7201db66"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *url = tb_s3_presign(rows[i].key, &rows[i].request, rows[i].ttl_s);
                g_assert_true(g_str_has_prefix(url, rows[i].request.url));
                g_assert_true(g_str_has_suffix(url, rows[i].ends));
        }
        /* what the request asks for stays, and stands first */
        g_autofree char *more = tb_s3_presign(
                &session, &(TbBucketRequest){"PUT", "http://[::1]:9000/b/k?partNumber=2", NULL, BOTO_MS}, 0);
        g_assert_true(g_str_has_prefix(
                more, "http://[::1]:9000/b/k?partNumber=2&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
                      "access_key%2F20140101%2Fmyregion%2Fs3%2Faws4_request&X-Amz-Date=20140101T000000Z&"
                      "X-Amz-Expires=1&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%2Ftoken%2Bof%3Dit&"
                      "X-Amz-Signature="));
}

/* "Signature Calculations for the Authorization Header", its four examples. */
static void s3_headers(void)
{
        static const char *const range[] = {"range: bytes=0-9", NULL},
                                 *const store[] = {"date: Fri, 24 May 2013 00:00:00 GMT",
                                                   "x-amz-storage-class:   REDUCED_REDUNDANCY ", NULL};
        const struct {
                TbBucketRequest request;
                const char *payload, *names, *ends;
        } rows[] = {
                {{"GET", BUCKET "/test.txt", range, DAY_MS},
                 TB_S3_EMPTY,
                 "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,",
                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
                {{"PUT", BUCKET "/test%24file.text", store, DAY_MS},
                 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
                 "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,",
                 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
                {{"GET", BUCKET "?lifecycle", NULL, DAY_MS},
                 TB_S3_EMPTY,
                 "SignedHeaders=host;x-amz-content-sha256;x-amz-date,",
                 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
                {{"GET", BUCKET "/?prefix=J&max-keys=2", NULL, DAY_MS},
                 TB_S3_EMPTY,
                 "SignedHeaders=host;x-amz-content-sha256;x-amz-date,",
                 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_auto(GStrv) headers = tb_s3_headers(&example, &rows[i].request, rows[i].payload);
                g_assert_cmpuint(g_strv_length(headers), ==, 3);
                g_assert_cmpstr(headers[1], ==, "x-amz-date: 20130524T000000Z");
                g_assert_nonnull(strstr(headers[2], rows[i].names));
                g_assert_true(g_str_has_suffix(headers[2], rows[i].ends));
        }
}

static void azure_sas(void)
{
        const struct {
                const char *version, *sig;
        } rows[] = {
                {"2020-12-06", "xqUFnUF5D4XUSKmFNj2azY//GPw8TXoZj4tbbUjOQdA="},
                {"2020-10-02", "chEmopMdL0rHm+Ij+EhucqAye3bbCF0KwJDd4BeR2d0="},
                {"2018-11-09", "0Lv8kuY8kWPyvHUsB0ktAiweKphs/7uDr4UxlhB+yU8="},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *query = tb_azure_sas(
                        &azurite, &(TbAzureGrant){"clips", "sessions/s1/events/e1.webm", "cw", CLIP_MS,
                                                  CLIP_MS + 900000, rows[i].version, "http"});
                g_autofree char *sig = tb_bucket_escape(rows[i].sig, false),
                                *whole = g_strdup_printf("sv=%s&spr=http&st=2026-02-16T20%%3A00%%3A00Z&"
                                                         "se=2026-02-16T20%%3A15%%3A00Z&sr=b&sp=cw&sig=%s",
                                                         rows[i].version, sig);
                g_assert_cmpstr(query, ==, whole);
        }
}

static void azure_headers(void)
{
        static const char *const nothing[] = {"content-length: 0", NULL};
        g_auto(GStrv) made = tb_azure_headers(
                &azurite,
                &(TbBucketRequest){"PUT", "http://127.0.0.1:10000/devstoreaccount1/clips?restype=container",
                                   nothing, CLIP_MS});
        g_assert_cmpstr(made[0], ==, "x-ms-date: Mon, 16 Feb 2026 20:00:00 GMT");
        g_assert_cmpstr(made[1], ==, "x-ms-version: 2021-10-04");
        g_assert_cmpstr(
                made[2], ==,
                "Authorization: SharedKey devstoreaccount1:fJKFWG9hfCR/sYz0b+8RgDd+Jtfrq0qMJn5VZr9B83Y=");
        g_assert_null(made[3]);
        g_assert_true(tb_azure_key_valid(azurite.key));
        g_assert_false(tb_azure_key_valid("c2hvcnQ="));
        g_assert_false(tb_azure_key_valid("what is no base64 at all, whoever reads it"));
        g_assert_false(tb_azure_key_valid(""));
}

static void addresses(void)
{
        g_autofree char *name = tb_bucket_escape("sessions/ä b/e+1~.webm", true),
                        *value = tb_bucket_escape("a/b=c", false), *host = NULL, *path = NULL, *query = NULL;
        g_assert_cmpstr(name, ==, "sessions/%C3%A4%20b/e%2B1~.webm");
        g_assert_cmpstr(value, ==, "a%2Fb%3Dc");
        g_assert_false(tb_bucket_split("ftp://a/b", &host, &path, &query));
        g_assert_false(tb_bucket_split("https:///b", &host, &path, &query));
        g_assert_false(tb_bucket_split("https://me@a/b", &host, &path, &query));
        g_assert_null(tb_s3_presign(&example, &(TbBucketRequest){"GET", "a", NULL, 0}, 1));
        g_assert_null(tb_s3_headers(&example, &(TbBucketRequest){"GET", "a", NULL, 0}, TB_S3_EMPTY));
        g_assert_null(tb_azure_headers(&azurite, &(TbBucketRequest){"GET", "a", NULL, 0}));
        g_assert_true(tb_bucket_split("HTTP://Bucket.Example:80", &host, &path, &query));
        g_assert_cmpstr(host, ==, "bucket.example");
        g_assert_cmpstr(path, ==, "/");
        g_assert_cmpstr(query, ==, "");
        g_autoptr(GPtrArray) parts = tb_bucket_query("b=2&a-b=1&&a=3&a=2&c");
        const char *const order[] = {"a=2", "a=3", "a-b=1", "b=2", "c="};
        g_assert_cmpuint(parts->len, ==, G_N_ELEMENTS(order));
        for (guint i = 0; i < parts->len; i++)
                g_assert_cmpstr(parts->pdata[i], ==, order[i]);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/bucket/s3/presigned", s3_presigned);
        g_test_add_func("/bucket/s3/headers", s3_headers);
        g_test_add_func("/bucket/azure/sas", azure_sas);
        g_test_add_func("/bucket/azure/headers", azure_headers);
        g_test_add_func("/bucket/addresses", addresses);
        return g_test_run();
}
