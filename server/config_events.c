#include "server/config_events.h"

#include <string.h>

#include "lib/limits.h"
#include "server/config_blob.h"
#include "server/config_notify.h"

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
        TB_CONFIG_NOTIFY,
        {.name = "plans",
         .type = TB_PARAM_ARRAY,
         .max = 64,
         .fallback = "[]",
         .help = "{name, users, credits_month, uploads_hour, clip_s, keep_days}: what who may use"},
        TB_PARAM_END,
};
#define MOST(name_, max_, unit_, help_)                                                                      \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_INT, .min = 0, .max = max_, .fallback = "0", .unit = unit_,  \
                .help = help_                                                                                \
        }
static const TbParam plan_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EVENT_ID,
         .help = "as people are told of it"},
        {.name = "users",
         .type = TB_PARAM_ARRAY,
         .max = 10000,
         .fallback = "[]",
         .help = "whose plan it is; none: of everybody else"},
        MOST("credits_month", 1e9, NULL, "of 10 s of clips each; 0: no limit"),
        MOST("uploads_hour", 1e6, NULL, "clips; 0: no limit"),
        MOST("clip_s", 86400, "s", "of one clip; 0: no limit"),
        MOST("keep_days", 36500, NULL, "that events and clips are kept; 0: until somebody deletes them"),
        TB_PARAM_END,
};
static guint number(const json_t *section, const char *field)
{
        return (guint)json_integer_value(json_object_get(section, field));
}

static GPtrArray *read_plans(TbConfigReader *r, const json_t *list)
{
        GPtrArray *plans = g_ptr_array_new_with_free_func(tb_event_plan_free);
        json_t *one;
        gsize i;
        json_array_foreach (list, i, one) {
                g_autofree char *path = g_strdup_printf("events.plans[%" G_GSIZE_FORMAT "]", i),
                                *users = g_strconcat(path, ".users", NULL);
                json_auto_t *section = tb_config_section(r, plan_params, one, path);
                TbEventPlan *plan = g_new0(TbEventPlan, 1);
                plan->name = tb_config_string(section, "name");
                plan->users = tb_config_strings(r, json_object_get(section, "users"), users);
                plan->credits_month = number(section, "credits_month");
                plan->uploads_hour = number(section, "uploads_hour");
                plan->clip_s = number(section, "clip_s");
                plan->keep_days = number(section, "keep_days");
                g_ptr_array_add(plans, plan);
        }
        return plans;
}

void tb_config_events_read(TbEventsOptions *o, TbConfigReader *r, const json_t *top)
{
        json_auto_t *events = tb_config_section(r, event_params, json_object_get(top, "events"), "events");
        o->auth_required = json_is_true(json_object_get(events, "auth_required"));
        o->dev_login = json_is_true(json_object_get(events, "dev_login"));
        o->token_ttl_s = number(events, "token_ttl_s");
        o->worker_token = tb_config_string(events, "worker_token");
        tb_config_blob_read(&o->blob, &o->clip_bytes, r, top);
        o->logins = TB_CONFIG_LOGINS;
        o->logins_s = TB_CONFIG_LOGINS_S;
        tb_config_notify_read(&o->notify, r, events);
        o->plans = read_plans(r, json_object_get(events, "plans"));
}

/* As the original reads them: what is no number counts as not set, what is beyond the range as its end. */
void tb_config_env_number(guint *field, const char *name, gint64 least, gint64 most)
{
        const char *text = tb_config_env(name);
        char *end = NULL;
        gint64 n = text ? g_ascii_strtoll(text, &end, 10) : 0;
        if (text && end != text && *end == '\0')
                *field = (guint)CLAMP(n, least, most);
}

void tb_config_env_bool(bool *field, const char *name)
{
        if (tb_config_env(name))
                *field = tb_config_env_true(name) && g_ascii_strcasecmp(tb_config_env(name), "no") != 0 &&
                         g_ascii_strcasecmp(tb_config_env(name), "off") != 0;
}

void tb_config_events_environment(TbEventsOptions *o, TbConfigReader *r)
{
        tb_config_env_bool(&o->auth_required, "AUTH_REQUIRED");
        tb_config_env_bool(&o->dev_login, "AUTH_DEV_LOGIN_ENABLED");
        tb_config_env_number(&o->token_ttl_s, "AUTH_TOKEN_TTL_SECONDS", TOKEN_S_LEAST, TOKEN_S_MOST);
        tb_config_env_number(&o->logins, "AUTH_DEV_LOGIN_RATE_LIMIT_MAX_REQUESTS", 1, 100);
        tb_config_env_number(&o->logins_s, "AUTH_DEV_LOGIN_RATE_LIMIT_WINDOW_SECONDS", 1, 3600);
        tb_config_env_string(&o->worker_token, "WORKER_API_TOKEN");
        tb_config_blob_environment(&o->blob, r);
        if (o->worker_token && strlen(o->worker_token) < TB_LIMIT_TOKEN_MIN)
                tb_config_env_problem(r, "WORKER_API_TOKEN",
                                      "it has less than %d characters: whoever guesses it is a worker",
                                      TB_LIMIT_TOKEN_MIN);
        tb_config_notify_environment(&o->notify, r);
}
