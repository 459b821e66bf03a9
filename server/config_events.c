#include "server/config_events.h"

#include <string.h>

#include "lib/limits.h"

#define TOKEN_S_LEAST 300
#define TOKEN_S_MOST (30 * 86400)

static const TbParam event_params[] = {
        {.name = "auth_required",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "a token, also where nobody else needs one"},
        {.name = "dev_login",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "POST /auth/dev/login gives a token to whoever asks"},
        {.name = "token_ttl_s",
         .type = TB_PARAM_INT,
         .min = TOKEN_S_LEAST,
         .max = TOKEN_S_MOST,
         .fallback = "86400",
         .unit = "s",
         .help = "life of such a token"},
        {.name = "worker_token",
         .type = TB_PARAM_SECRET,
         .min = TB_LIMIT_TOKEN_MIN,
         .max = TB_LIMIT_TOKEN,
         .help = "of testbed-worker"},
        {.name = "webhook",
         .type = TB_PARAM_OBJECT,
         .fallback = "{}",
         .help = "url, secret: who is told of events"},
        TB_PARAM_END,
};
static const TbParam webhook_params[] = {
        {.name = "url",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 2048,
         .help = "http:// or https://, gets JSON by POST"},
        {.name = "secret",
         .type = TB_PARAM_SECRET,
         .min = 1,
         .max = 256,
         .help = "it is sent, and signs what is sent"},
        {.name = "timeout_s",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 120,
         .fallback = "10",
         .unit = "s",
         .help = "of one try"},
        {.name = "retries",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 10,
         .fallback = "2",
         .help = "after the first try"},
        TB_PARAM_END,
};
static const TbParam blob_params[] = {
        {.name = "folder",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 4096,
         .help = "where clips lie; default: clips in the state folder"},
        {.name = "clip_bytes",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 1e12,
         .fallback = G_STRINGIFY(TB_CONFIG_CLIP_BYTES),
         .unit = "bytes",
         .help = "of one clip at most"},
        {.name = "quota_bytes",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 1e15,
         .fallback = "10737418240",
         .unit = "bytes",
         .help = "of all clips; 0: no limit"},
        TB_PARAM_END,
};

static guint number(const json_t *section, const char *field)
{
        return (guint)json_integer_value(json_object_get(section, field));
}

static void check_webhook(TbEventsOptions *o, TbConfigReader *r, const json_t *node)
{
        g_autoptr(GUri) uri = o->webhook_url ? g_uri_parse(o->webhook_url, G_URI_FLAGS_NONE, NULL) : NULL;
        const char *scheme = uri ? g_uri_get_scheme(uri) : "", *host = uri ? g_uri_get_host(uri) : NULL;
        if (!o->webhook_url ||
            (host && *host && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0)))
                return;
        if (node)
                tb_config_problem(r, node, "url", "events.webhook.url",
                                  "an http:// or https:// address is expected");
        else
                tb_config_env_problem(r, "NOTIFY_WEBHOOK_URL", "an http:// or https:// address is expected");
}

void tb_config_events_read(TbEventsOptions *o, TbConfigReader *r, const json_t *top)
{
        json_auto_t *events = tb_config_section(r, event_params, json_object_get(top, "events"), "events");
        json_auto_t *webhook =
                tb_config_section(r, webhook_params, json_object_get(events, "webhook"), "events.webhook");
        json_auto_t *blob = tb_config_section(r, blob_params, json_object_get(top, "blob"), "blob");
        g_autofree char *folder = tb_config_string(blob, "folder");
        o->auth_required = json_is_true(json_object_get(events, "auth_required"));
        o->dev_login = json_is_true(json_object_get(events, "dev_login"));
        o->token_ttl_s = number(events, "token_ttl_s");
        o->worker_token = tb_config_string(events, "worker_token");
        o->webhook_url = tb_config_string(webhook, "url");
        o->webhook_secret = tb_config_string(webhook, "secret");
        o->notify_timeout_s = number(webhook, "timeout_s");
        o->notify_retries = number(webhook, "retries");
        o->clips = tb_config_path(r, folder);
        o->clip_bytes = json_integer_value(json_object_get(blob, "clip_bytes"));
        o->quota_bytes = (guint64)json_integer_value(json_object_get(blob, "quota_bytes"));
        o->logins = TB_CONFIG_LOGINS;
        o->logins_s = TB_CONFIG_LOGINS_S;
        check_webhook(o, r, json_object_get(events, "webhook"));
}

/* As the original reads them: what is no number counts as not set, what is beyond the range as its end. */
static void env_number(guint *field, const char *name, gint64 least, gint64 most)
{
        const char *text = tb_config_env(name);
        char *end = NULL;
        gint64 n = text ? g_ascii_strtoll(text, &end, 10) : 0;
        if (text && end != text && *end == '\0')
                *field = (guint)CLAMP(n, least, most);
}

static void env_bool(bool *field, const char *name)
{
        if (tb_config_env(name))
                *field = tb_config_env_true(name) && g_ascii_strcasecmp(tb_config_env(name), "no") != 0 &&
                         g_ascii_strcasecmp(tb_config_env(name), "off") != 0;
}

void tb_config_events_environment(TbEventsOptions *o, TbConfigReader *r)
{
        g_autofree char *url = g_strdup(o->webhook_url);
        env_bool(&o->auth_required, "AUTH_REQUIRED");
        env_bool(&o->dev_login, "AUTH_DEV_LOGIN_ENABLED");
        env_number(&o->token_ttl_s, "AUTH_TOKEN_TTL_SECONDS", TOKEN_S_LEAST, TOKEN_S_MOST);
        env_number(&o->logins, "AUTH_DEV_LOGIN_RATE_LIMIT_MAX_REQUESTS", 1, 100);
        env_number(&o->logins_s, "AUTH_DEV_LOGIN_RATE_LIMIT_WINDOW_SECONDS", 1, 3600);
        env_number(&o->notify_timeout_s, "NOTIFICATION_TIMEOUT_SECONDS", 1, 120);
        env_number(&o->notify_retries, "NOTIFICATION_MAX_RETRIES", 0, 10);
        tb_config_env_string(&o->worker_token, "WORKER_API_TOKEN");
        tb_config_env_string(&o->webhook_url, "NOTIFY_WEBHOOK_URL");
        tb_config_env_string(&o->webhook_secret, "NOTIFY_WEBHOOK_SECRET");
        tb_config_env_path(&o->clips, "LOCAL_UPLOAD_DIR");
        if (o->worker_token && strlen(o->worker_token) < TB_LIMIT_TOKEN_MIN)
                tb_config_env_problem(r, "WORKER_API_TOKEN",
                                      "it has less than %d characters: whoever guesses it is a worker",
                                      TB_LIMIT_TOKEN_MIN);
        if (g_strcmp0(url, o->webhook_url) != 0)
                check_webhook(o, r, NULL);
}
