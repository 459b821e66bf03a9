#pragma once
/* The sections below `events` of who is told, and how. */
#include "lib/config.h"
#include "server/notify/notify.h"

/* Rows of the table of `events`. */
#define TB_CONFIG_NOTIFY                                                                                     \
        {.name = "webhook",                                                                                  \
         .type = TB_PARAM_OBJECT,                                                                            \
         .fallback = "{}",                                                                                   \
         .help = "url, secret: a server that is told"},                                                      \
                {.name = "telegram",                                                                         \
                 .type = TB_PARAM_OBJECT,                                                                    \
                 .fallback = "{}",                                                                           \
                 .help = "token, onboarding_url: a bot"},                                                    \
                {.name = "ntfy",                                                                             \
                 .type = TB_PARAM_OBJECT,                                                                    \
                 .fallback = "{}",                                                                           \
                 .help = "url, token: an ntfy server"},                                                      \
                {.name = "email",                                                                            \
                 .type = TB_PARAM_OBJECT,                                                                    \
                 .fallback = "{}",                                                                           \
                 .help = "url, from, user, password: a mail server"},                                        \
                {.name = "push",                                                                             \
                 .type = TB_PARAM_OBJECT,                                                                    \
                 .fallback = "{}",                                                                           \
                 .help = "subject, key_file, services: browsers"},                                           \
        {                                                                                                    \
                .name = "tell", .type = TB_PARAM_OBJECT, .fallback = "{}",                                   \
                .help = "timeout_s, retries, pause_s, link_ttl_s, invite_ttl_s: of all of them"              \
        }

void tb_config_notify_read(TbNotifyOptions *options, TbConfigReader *reader, const json_t *events);
void tb_config_notify_environment(TbNotifyOptions *options, TbConfigReader *reader);
/* As the original reads them: what is no number counts as not set, what is beyond the range as its end. config_events.c */
void tb_config_env_number(guint *field, const char *name, gint64 least, gint64 most);
void tb_config_env_bool(bool *field, const char *name);
