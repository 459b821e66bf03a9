#include "server/config_notify.h"

#include <string.h>

#include "lib/limits.h"
#include "server/notify/push_seal.h"

#define LINK_S_LEAST 60
#define LINK_S_MOST 3600
#define INVITE_S_LEAST 300
#define INVITE_S_MOST (7 * 86400)
#define ADDRESS 2048 /* bytes of one */

#define URL(help_)                                                                                           \
        {                                                                                                    \
                .name = "url", .type = TB_PARAM_STRING, .min = 1, .max = ADDRESS, .help = help_              \
        }
#define SECRET(name_, help_)                                                                                 \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_SECRET, .min = 1, .max = 256, .help = help_                  \
        }

static const TbParam webhook_params[] = {URL("http:// or https://, gets JSON by POST"),
                                         SECRET("secret", "it is sent, and signs what is sent"),
                                         TB_PARAM_END};
static const TbParam telegram_params[] = {
        SECRET("token", "of the bot, from @BotFather"),
        {.name = "onboarding_url",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = ADDRESS,
         .help = "https://t.me/<bot>; {token} in it is replaced"},
        {.name = "api_url",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = ADDRESS,
         .fallback = "\"https://api.telegram.org\"",
         .help = "of the Bot API"},
        SECRET("webhook_secret", "of what Telegram sends (secret_token of setWebhook)"),
        {.name = "send_video", .type = TB_PARAM_BOOL, .fallback = "true", .help = "clips, else words alone"},
        TB_PARAM_END};
static const TbParam ntfy_params[] = {URL("https://ntfy.sh, or one's own"),
                                      SECRET("token", "of a user there"), TB_PARAM_END};
static const TbParam email_params[] = {
        URL("smtp://host:587 (STARTTLS) or smtps://host:465"),
        {.name = "from", .type = TB_PARAM_STRING, .min = 3, .max = 254, .help = "whose mails they are"},
        {.name = "user", .type = TB_PARAM_STRING, .min = 1, .max = 256, .help = "who logs in there"},
        SECRET("password", "his"),
        {.name = "tls",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "false: smtp:// in clear text, without a password"},
        TB_PARAM_END};
static const TbParam push_params[] = {
        {.name = "subject",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 254,
         .help = "mailto:… or https://…: whom push services may ask"},
        {.name = "key_file",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 4096,
         .help = "a file with the server's key of P-256: PEM, or 32 bytes in base64url"},
        {.name = "services",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = ADDRESS,
         .help = "origins of push services beside those of Chrome, Edge, Firefox and Safari, parted by "
                 "spaces"},
        TB_PARAM_END};
static const TbParam tell_params[] = {{.name = "timeout_s",
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
                                      {.name = "pause_s",
                                       .type = TB_PARAM_INT,
                                       .min = 0,
                                       .max = TB_LIMIT_NOTIFY_PAUSE_S,
                                       .fallback = "1",
                                       .unit = "s",
                                       .help = "before the second try; then twice as long each time"},
                                      {.name = "link_ttl_s",
                                       .type = TB_PARAM_INT,
                                       .min = LINK_S_LEAST,
                                       .max = LINK_S_MOST,
                                       .fallback = "600",
                                       .unit = "s",
                                       .help = "how long a link to the bot holds"},
                                      {.name = "invite_ttl_s",
                                       .type = TB_PARAM_INT,
                                       .min = INVITE_S_LEAST,
                                       .max = INVITE_S_MOST,
                                       .fallback = "86400",
                                       .unit = "s",
                                       .help = "how long an invite holds"},
                                      TB_PARAM_END};

static guint number(const json_t *section, const char *field)
{
        return (guint)json_integer_value(json_object_get(section, field));
}

/* --- what is said of addresses, from a file (`node`) or the environment (`env`) --- */
typedef struct Check {
        TbConfigReader *r;
        const json_t *events; /* NULL: it is of the environment */
} Check;

static void blame(const Check *c, const char *section, const char *field, const char *env, const char *words)
{
        g_autofree char *path = g_strdup_printf("events.%s.%s", section, field);
        if (c->events)
                tb_config_problem(c->r, json_object_get(c->events, section), field, path, "%s", words);
        else
                tb_config_env_problem(c->r, env, "%s", words);
}

static void check_url(const Check *c, const char *url, const char *schemes, const char *section,
                      const char *field, const char *env)
{
        if (!url)
                return;
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        const char *host = uri ? g_uri_get_host(uri) : NULL;
        g_auto(GStrv) known = g_strsplit(schemes, " ", 0);
        if (host && *host && g_strv_contains((const char *const *)known, g_uri_get_scheme(uri)))
                return;
        g_autofree char *words = g_strdup_printf("a %s:// or %s:// address is expected", known[0], known[1]);
        blame(c, section, field, env, words);
}

/* NULL: it is not named, or holds nothing that could be a key; of which it is said. */
static char *key_of(const Check *c, const json_t *push)
{
        g_autofree char *said = tb_config_string(push, "key_file"), *file = tb_config_path(c->r, said),
                        *text = NULL;
        gsize size = 0;
        if (!file)
                return NULL;
        if (!g_file_get_contents(file, &text, &size, NULL) || size == 0 || size > ADDRESS ||
            memchr(text, 0, size)) {
                blame(c, "push", "key_file", "VAPID_PRIVATE_KEY",
                      "this file cannot be read, or holds no key");
                return NULL;
        }
        return g_strdup(g_strstrip(text));
}

static void check_push(const TbNotifyOptions *o, const Check *c)
{
        guint8 key[TB_PUSH_PRIVATE];
        if (o->push_key && !tb_push_private_parse(o->push_key, key))
                blame(c, "push", "key_file", "VAPID_PRIVATE_KEY",
                      "a private key of P-256 is expected, as `openssl ecparam -name prime256v1 -genkey "
                      "-noout` makes "
                      "one");
        if (o->push_key && (!o->push_subject || (!g_str_has_prefix(o->push_subject, "mailto:") &&
                                                 !g_str_has_prefix(o->push_subject, "https://"))))
                blame(c, "push", "subject", "VAPID_SUBJECT",
                      "push services want to know whom they may ask: mailto:… or https://…");
}

static void check(const TbNotifyOptions *o, const Check *c)
{
        check_push(o, c);
        check_url(c, o->webhook_url, "http https", "webhook", "url", "NOTIFY_WEBHOOK_URL");
        check_url(c, o->telegram_url, "http https", "telegram", "api_url", "TELEGRAM_API_BASE_URL");
        check_url(c, o->ntfy_url, "http https", "ntfy", "url", "NTFY_URL");
        check_url(c, o->smtp_url, "smtp smtps", "email", "url", "SMTP_URL");
        if (o->telegram_token &&
            strspn(o->telegram_token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789:_-") != strlen(o->telegram_token))
                blame(c, "telegram", "token", "TELEGRAM_BOT_TOKEN",
                      "a token like 123456:ABC-def is expected");
        if (o->smtp_url && !o->smtp_from)
                blame(c, "email", "from", "SMTP_FROM", "mails need an address that they come from");
        if (o->smtp_from && !tb_notify_check_address("email", o->smtp_from, NULL))
                blame(c, "email", "from", "SMTP_FROM", "a mail address like testbed@example.org is expected");
        if (o->smtp_plain && o->smtp_password)
                blame(c, "email", "tls", "SMTP_PASSWORD", "a password is not sent without TLS");
}

static void tidy(TbNotifyOptions *o)
{
        char *const urls[] = {o->telegram_url, o->ntfy_url};
        for (gsize i = 0; i < G_N_ELEMENTS(urls); i++)
                while (urls[i] && g_str_has_suffix(urls[i], "/"))
                        urls[i][strlen(urls[i]) - 1] = '\0';
}

void tb_config_notify_read(TbNotifyOptions *o, TbConfigReader *r, const json_t *events)
{
#define SECTION(name_)                                                                                       \
        json_auto_t *name_ =                                                                                 \
                tb_config_section(r, name_##_params, json_object_get(events, #name_), "events." #name_)
        SECTION(webhook);
        SECTION(telegram);
        SECTION(ntfy);
        SECTION(email);
        SECTION(push);
        SECTION(tell);
        o->webhook_url = tb_config_string(webhook, "url");
        o->webhook_secret = tb_config_string(webhook, "secret");
        o->telegram_token = tb_config_string(telegram, "token");
        o->telegram_onboarding = tb_config_string(telegram, "onboarding_url");
        o->telegram_url = tb_config_string(telegram, "api_url");
        o->telegram_secret = tb_config_string(telegram, "webhook_secret");
        o->telegram_video = json_is_true(json_object_get(telegram, "send_video"));
        o->ntfy_url = tb_config_string(ntfy, "url");
        o->ntfy_token = tb_config_string(ntfy, "token");
        o->smtp_url = tb_config_string(email, "url");
        o->smtp_from = tb_config_string(email, "from");
        o->smtp_user = tb_config_string(email, "user");
        o->smtp_password = tb_config_string(email, "password");
        o->smtp_plain = !json_is_true(json_object_get(email, "tls"));
        o->push_subject = tb_config_string(push, "subject");
        o->push_services = tb_config_string(push, "services");
        o->push_key = key_of(&(Check){r, events}, push);
        o->timeout_s = number(tell, "timeout_s");
        o->retries = number(tell, "retries");
        o->pause_s = number(tell, "pause_s");
        o->link_ttl_s = number(tell, "link_ttl_s");
        o->invite_ttl_s = number(tell, "invite_ttl_s");
        check(o, &(Check){r, events});
        tidy(o);
}

void tb_config_notify_environment(TbNotifyOptions *o, TbConfigReader *r)
{
        const struct {
                char **field;
                const char *name;
        } texts[] = {
                {&o->webhook_url, "NOTIFY_WEBHOOK_URL"},
                {&o->webhook_secret, "NOTIFY_WEBHOOK_SECRET"},
                {&o->telegram_token, "TELEGRAM_BOT_TOKEN"},
                {&o->telegram_onboarding, "TELEGRAM_BOT_ONBOARDING_URL"},
                {&o->telegram_url, "TELEGRAM_API_BASE_URL"},
                {&o->telegram_secret, "TELEGRAM_WEBHOOK_SECRET"},
                {&o->ntfy_url, "NTFY_URL"},
                {&o->ntfy_token, "NTFY_TOKEN"},
                {&o->smtp_url, "SMTP_URL"},
                {&o->smtp_from, "SMTP_FROM"},
                {&o->smtp_user, "SMTP_USER"},
                {&o->smtp_password, "SMTP_PASSWORD"},
                {&o->push_key, "VAPID_PRIVATE_KEY"},
                {&o->push_subject, "VAPID_SUBJECT"},
                {&o->push_services, "PUSH_SERVICES"},
        };
        bool some = false;
        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                some = some || tb_config_env(texts[i].name);
                tb_config_env_string(texts[i].field, texts[i].name);
        }
        tb_config_env_bool(&o->telegram_video, "TELEGRAM_SEND_VIDEO");
        tb_config_env_number(&o->timeout_s, "NOTIFICATION_TIMEOUT_SECONDS", 1, 120);
        tb_config_env_number(&o->retries, "NOTIFICATION_MAX_RETRIES", 0, 10);
        tb_config_env_number(&o->pause_s, "NOTIFICATION_RETRY_BACKOFF_SECONDS", 0, TB_LIMIT_NOTIFY_PAUSE_S);
        tb_config_env_number(&o->link_ttl_s, "TELEGRAM_LINK_TOKEN_TTL_SECONDS", LINK_S_LEAST, LINK_S_MOST);
        tb_config_env_number(&o->invite_ttl_s, "NOTIFICATION_INVITE_TTL_SECONDS", INVITE_S_LEAST,
                             INVITE_S_MOST);
        if (some)
                check(o, &(Check){r, NULL});
        tidy(o);
}
