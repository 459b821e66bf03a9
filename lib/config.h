#pragma once
/*
 * Reading the configuration of a daemon: a YAML file, then the environment, which wins. Nothing stops at the
 * first problem: each is collected as "file:line: section.field: what is wrong" (or "environment: NAME: …"), and all are told at once.
 * Main thread, once at start.
 *
 *     g_auto(TbConfigReader) r = {0};
 *     if (!tb_config_open(&r, file, "/etc/testbed/host.yaml", error))
 *             return NULL;
 *     json_auto_t *top = tb_config_section(&r, top_params, tb_config_root(&r), "");
 *     …
 *     if (!tb_config_done(&r, error))
 *             return NULL;
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/auth.h"
#include "lib/log.h"
#include "lib/nets.h"
#include "lib/param.h"
#include "lib/tls.h"
#include "lib/yaml.h"

typedef struct TbConfigReader {
        TbYaml *yaml;      /* owned; NULL: there is no file */
        json_t *empty;     /* owned; what is read where there is no file */
        GString *problems; /* owned; one a line */
} TbConfigReader;

/* `file` NULL: `fallback` when it exists, else nothing is read. False when the file cannot be read or is no
 * YAML. */
bool tb_config_open(TbConfigReader *r, const char *file, const char *fallback, GError **error);
void tb_config_clear(TbConfigReader *r);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TbConfigReader, tb_config_clear)

json_t *tb_config_root(TbConfigReader *r);           /* borrowed; {} without a file */
const char *tb_config_file(const TbConfigReader *r); /* borrowed; NULL: there is no file */

/* One problem. `node` says the line: the value to blame, or with `field` the section in which that field
 * stands (NULL: no place in the file). `path` is what users know it by ("vnc.password"; ""). */
void tb_config_problem(TbConfigReader *r, const json_t *node, const char *field, const char *path,
                       const char *format, ...) G_GNUC_PRINTF(5, 6);
/* One of a variable: "environment: HOST_PORT: what is wrong", whether or not there is a file. */
void tb_config_env_problem(TbConfigReader *r, const char *name, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* False with every problem as the message when there was one. */
bool tb_config_done(TbConfigReader *r, GError **error);

/* Validates a section (NULL: an empty one) and fills in its defaults. A bad field is told and left out. New
 * reference, an object always. */
json_t *tb_config_section(TbConfigReader *r, const TbParam *params, json_t *node, const char *path);
/* `listen`: "ADDRESS:PORT", "ADDRESS", or a port; instead of `address` and `port`, which it replaces. */
void tb_config_listen(TbConfigReader *r, const json_t *section, char **address, guint16 *port);
char *tb_config_string(const json_t *section, const char *field); /* the caller frees; NULL: not there */
/* The strings of an array; the caller frees with g_strfreev(). */
char **tb_config_strings(TbConfigReader *r, const json_t *list, const char *path);
/* STUN or TURN servers: "turn:host:port?transport=udp", or "host:port" that gets `scheme` ("stun", "turn");
 * also allowed is the scheme with an s (RFC 7064, RFC 7065). */
char **tb_config_ice(TbConfigReader *r, const json_t *list, const char *path, const char *scheme);
/* [{name, token, role?, devices?}] into `auth`. Without a role in `params` it is `role`. */
void tb_config_tokens(TbConfigReader *r, const json_t *list, const char *path, const TbParam *params,
                      TbRole role, TbAuth *auth);
/* An http:// or https:// address with a host and no password in it, which logs, pages and links would show. `field`, `path`: as of
 * tb_config_problem(). `url` NULL: nothing is said. False: a problem was noted. */
bool tb_config_url(TbConfigReader *r, const json_t *node, const char *field, const char *path,
                   const char *url);
/* Listening beyond this machine without a token is refused, unless `insecure`. */
void tb_config_access(TbConfigReader *r, const char *address, TbAuth *auth, bool insecure);

/* The same for an address by which others reach us although only this machine is heard: a proxy brings them, and
 * nothing tells them from persons here. */
void tb_config_public(TbConfigReader *r, const char *url, TbAuth *auth, bool insecure);
/* The row TB_CONFIG_TLS: "optional", "required", "local", or {cert, key}. Files are named from the configuration's folder.
 * *ret_tls: the caller's; NULL: plain HTTP, or *ret_local: what tb_tls_local_open() makes in the state folder. */
void tb_config_tls(TbConfigReader *r, json_t *node, TbTls **ret_tls, bool *ret_required, bool *ret_local);
/* A file of certificates (PEM) that `section` names in its field "ca", which users know as `path`, must have one. `file` NULL: fine. */
void tb_config_ca(TbConfigReader *r, const json_t *section, const char *path, const char *file);
/* A file that the configuration names, relative to its folder: its absolute path. The caller frees it; NULL for NULL. */
char *tb_config_path(const TbConfigReader *r, const char *path);
/* Networks of proxies; never NULL. */
TbNets *tb_config_nets(TbConfigReader *r, const json_t *list, const char *path);

/* Rows that the tables of both daemons share. */
#define TB_CONFIG_PROXIES                                                                                    \
        {                                                                                                    \
                .name = "trusted_proxies", .type = TB_PARAM_ARRAY, .max = 64, .fallback = "[]",              \
                .help = "networks whose Forwarded and X-Forwarded-* are believed; loopback always is"        \
        }
#define TB_CONFIG_LOG_LEVEL                                                                                  \
        {                                                                                                    \
                .name = "log_level", .type = TB_PARAM_ENUM,                                                  \
                .choices = TB_CHOICES("error", "warning", "info", "debug"), .fallback = "\"info\"",          \
                .help = "least level"                                                                        \
        }
#define TB_CONFIG_TLS                                                                                        \
        {                                                                                                    \
                .name = "tls", .type = TB_PARAM_ANY,                                                         \
                .help = "{cert, key}: PEM files, then https is spoken; local: with a certificate of its "    \
                        "own; required: tokens from beyond this machine only by https"                       \
        }

/* Rows that the token tables of all daemons share. */
#define TB_CONFIG_TOKEN_NAME                                                                                 \
        {                                                                                                    \
                .name = "name", .type = TB_PARAM_STRING, .required = true, .min = 1, .max = TB_LIMIT_ID,     \
                .help = "who it is"                                                                          \
        }
#define TB_CONFIG_TOKEN                                                                                      \
        {                                                                                                    \
                .name = "token", .type = TB_PARAM_SECRET, .required = true, .min = TB_LIMIT_TOKEN_MIN,       \
                .max = TB_LIMIT_TOKEN, .help = "at least 16 characters"                                      \
        }

/* The environment. A variable that is empty counts as not set. */
bool tb_config_env_true(const char *name); /* set, and neither "0" nor "false" */
/* Comma-separated origins of pages that may use the API; the caller frees. NULL: not set. */
char **tb_config_env_origins(const char *name);
const char *tb_config_env(const char *name);               /* NULL: not set */
void tb_config_env_string(char **field, const char *name); /* replaces *field when set */
void tb_config_env_path(char **field, const char *name);   /* of a file: absolute from here on */
void tb_config_env_port(TbConfigReader *r, guint16 *field, const char *name); /* the same; 0 to 65535 */
void tb_config_env_log_level(TbConfigReader *r, TbLogLevel *level);           /* DEBUG, LOG_LEVEL */
void tb_config_env_ice(TbConfigReader *r, char ***field, const char *name, const char *scheme);
