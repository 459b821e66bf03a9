#include "host/uplink/target.h"

#include <string.h>

#include "host/uplink/target_private.h"
#include "lib/config.h"
#include "lib/error.h"

#define FIRST_MS 2000
#define MOST_MS (10 * 60 * 1000)

static const char *text_of(const json_t *o, const char *field)
{
        return json_string_value(json_object_get(o, field));
}

static char *trimmed(const char *url)
{
        gsize n = strlen(url);
        while (n && url[n - 1] == '/')
                n--;
        return g_strndup(url, n);
}

static char *base_of_s3(const json_t *said)
{
        const char *bucket = text_of(said, "bucket"), *region = text_of(said, "region"),
                   *url = text_of(said, "url");
        const json_t *path_style = json_object_get(said, "path_style");
        g_autofree char *own = g_strdup_printf("https://s3.%s.amazonaws.com", region ? region : "us-east-1"),
                        *service = trimmed(url ? url : own);
        if (path_style ? json_is_true(path_style) : url != NULL)
                return g_strconcat(service, "/", bucket, NULL);
        const char *host = strstr(service, "://") + 3;
        return g_strdup_printf("%.*s%s.%s", (int)(host - service), service, bucket, host);
}

static char *base_of_azure(const json_t *said)
{
        const char *url = text_of(said, "url");
        g_autofree char *own = g_strdup_printf("https://%s.blob.core.windows.net", text_of(said, "account")),
                        *service = trimmed(url ? url : own);
        return g_strconcat(service, "/", text_of(said, "container"), NULL);
}

TbUplinkTarget *tb_uplink_target_new(const json_t *uplink, const char *key)
{
        TbUplinkTarget *t = g_new0(TbUplinkTarget, 1);
        const char *to = text_of(uplink, "to");
        t->said = json_deep_copy(uplink);
        t->key = g_strdup(key);
        t->kbps = (guint)json_integer_value(json_object_get(uplink, "kbps"));
        if (strcmp(to, "folder") == 0) {
                t->words = g_strdup_printf("the folder %s", text_of(uplink, "folder"));
        } else if (strcmp(to, "server") == 0) {
                t->kind = TB_UPLINK_SERVER;
                t->base = trimmed(text_of(uplink, "url"));
                t->words = g_strdup_printf("the server %s", t->base);
        } else if (strcmp(to, "s3") == 0) {
                t->kind = TB_UPLINK_S3;
                t->base = base_of_s3(uplink);
                t->words = g_strdup_printf("the bucket %s", text_of(uplink, "bucket"));
                if (!text_of(uplink, "key_file"))
                        t->token = g_strdup(tb_config_env("AWS_SESSION_TOKEN"));
        } else {
                t->kind = TB_UPLINK_AZURE;
                t->base = base_of_azure(uplink);
                t->words = g_strdup_printf("the container %s", text_of(uplink, "container"));
        }
        return t;
}

static void wipe(char *secret)
{
        if (secret)
                explicit_bzero(secret, strlen(secret));
        g_free(secret);
}

void tb_uplink_target_free(TbUplinkTarget *t)
{
        if (!t)
                return;
        g_clear_object(&t->session);
        json_decref(t->said);
        wipe(t->key);
        wipe(t->token);
        g_free(t->words);
        g_free(t->base);
        g_free(t);
}

const char *tb_uplink_target_name(const TbUplinkTarget *t)
{
        return t->words;
}

bool tb_uplink_wants(const TbUplinkTarget *t, const char *file)
{
        return t->kind != TB_UPLINK_SERVER || strcmp(file, "video.mp4") == 0; /* its events are films */
}

bool tb_uplink_send(TbUplinkTarget *t, TbUplinkClip *clip, const char *file, GError **error)
{
        switch (t->kind) {
        case TB_UPLINK_FOLDER: return tb_uplink_to_folder(t, clip, file, error);
        case TB_UPLINK_SERVER: return tb_uplink_to_server(t, clip, file, error);
        case TB_UPLINK_S3: return tb_uplink_to_s3(t, clip, file, error);
        case TB_UPLINK_AZURE: return tb_uplink_to_azure(t, clip, file, error);
        }
        return false;
}

gint64 tb_uplink_pause_ms(const char *clip, guint tries)
{
        gint64 pause = MIN((gint64)FIRST_MS << MIN(MAX(tries, 1) - 1, 20), MOST_MS);
        return pause + pause / 5 * ((g_str_hash(clip) + MAX(tries, 1) * 37) % 100) / 100;
}
