/* Files of clips into a bucket of S3, or a container of Azure; each is one signed PUT. */
#include <string.h>

#include "host/uplink/paced.h"
#include "host/uplink/target_private.h"
#include "lib/blob/azure.h"
#include "lib/blob/s3.h"
#include "lib/clock.h"
#include "lib/error.h"

static const char *text_of(const json_t *o, const char *field)
{
        return json_string_value(json_object_get(o, field));
}

static GInputStream *open_file(const TbUplinkTarget *t, TbUplinkClip *clip, const char *file,
                               gint64 *ret_size, GError **error)
{
        g_autofree char *path = g_build_filename(clip->folder, file, NULL);
        return tb_paced_open(path, t->kbps, clip->progress, clip->data, ret_size, error);
}

static char *address(const TbUplinkTarget *t, const TbUplinkClip *clip, const char *file)
{
        g_autofree char *name = g_strconcat(clip->name, "/", file, NULL),
                        *escaped = tb_bucket_escape(name, true);
        return g_strconcat(t->base, "/", escaped, NULL);
}

static const char **both(char **made, const char *const *more)
{
        GPtrArray *all = g_ptr_array_new();
        for (char **h = made; h && *h; h++)
                g_ptr_array_add(all, *h);
        for (const char *const *h = more; *h; h++)
                g_ptr_array_add(all, (gpointer)*h);
        g_ptr_array_add(all, NULL);
        return (const char **)g_ptr_array_free(all, FALSE);
}

bool tb_uplink_to_s3(TbUplinkTarget *t, TbUplinkClip *clip, const char *file, GError **error)
{
        gint64 size;
        g_autoptr(GInputStream) body = open_file(t, clip, file, &size, error);
        if (!body)
                return false;
        const char *colon = strchr(t->key, ':'), *region = text_of(t->said, "region");
        g_autofree char *access = g_strndup(t->key, (gsize)(colon - t->key)), *url = address(t, clip, file),
                        *type = g_strconcat("content-type: ", tb_uplink_type_of(file), NULL);
        const TbS3Key key = {access, colon + 1, t->token, region ? region : "us-east-1", NULL};
        const char *more[] = {type, NULL};
        g_auto(GStrv) made =
                tb_s3_headers(&key, &(TbBucketRequest){"PUT", url, more, tb_clock_ms()}, TB_S3_UNSIGNED);
        g_autofree const char **headers = both(made, more);
        return tb_uplink_ask(t, clip, "PUT", url, headers, body, size, NULL, NULL, NULL, error);
}

/* --- Azure --- */
static bool azure_put(TbUplinkTarget *t, TbUplinkClip *clip, const char *url, const char *const *more,
                      GInputStream *body, gint64 size, guint *ret_status, GError **error)
{
        const TbAzureKey key = {text_of(t->said, "account"), t->key};
        g_autofree char *length = g_strdup_printf("content-length: %" G_GINT64_FORMAT, size);
        g_autoptr(GPtrArray) signs = g_ptr_array_new();
        g_ptr_array_add(signs, length);
        for (const char *const *h = more; *h; h++)
                g_ptr_array_add(signs, (gpointer)*h);
        g_ptr_array_add(signs, NULL);
        g_auto(GStrv) made = tb_azure_headers(
                &key, &(TbBucketRequest){"PUT", url, (const char *const *)signs->pdata, tb_clock_ms()});
        g_autofree const char **headers = both(made, more);
        return tb_uplink_ask(t, clip, "PUT", url, headers, body, size, ret_status, NULL, NULL, error);
}

static bool make_container(TbUplinkTarget *t, TbUplinkClip *clip, GError **error)
{
        static const char *const none[] = {NULL};
        g_autofree char *url = g_strconcat(t->base, "?restype=container", NULL);
        g_autoptr(GError) why = NULL;
        guint status = 0;
        if (t->made || !json_is_true(json_object_get(t->said, "create")))
                return true;
        if (!azure_put(t, clip, url, none, NULL, 0, &status, &why) && status != 409) { /* 409: it is there */
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        t->made = true;
        return true;
}

bool tb_uplink_to_azure(TbUplinkTarget *t, TbUplinkClip *clip, const char *file, GError **error)
{
        if (!make_container(t, clip, error))
                return false;
        gint64 size;
        g_autoptr(GInputStream) body = open_file(t, clip, file, &size, error);
        if (!body)
                return false;
        g_autofree char *url = address(t, clip, file),
                        *type = g_strconcat("content-type: ", tb_uplink_type_of(file), NULL);
        const char *more[] = {"x-ms-blob-type: BlockBlob", type, NULL};
        return azure_put(t, clip, url, more, body, size, NULL, error);
}
