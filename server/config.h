#pragma once
/*
 * The server's configuration: what the user asked for, read once, never changed. YAML file, then environment
 * (which wins). Every problem is reported, each with file:line.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/auth.h"
#include "lib/ice.h"
#include "lib/log.h"
#include "lib/nets.h"
#include "lib/server_limits.h"
#include "lib/tls.h"
#include "server/events/events.h"
#include "server/oidc/oidc.h"
#include "server/recordings/recordings.h"

typedef struct TbServerConfig {
        char *address;         /* 127.0.0.1 */
        guint16 port;          /* 5109; 0: any free one */
        char *url;             /* how clients reach us, with its path prefix; NULL: as they say themselves */
        char *web_dir;         /* pages */
        char *state_dir;       /* where sessions are kept across restarts */
        char *database;        /* postgresql://…; NULL: a file in state_dir */
        char *redis;           /* redis://…; NULL: none */
        char *cluster_listen;  /* as it was given; NULL */
        char *cluster_address; /* where other servers bring their clients; 127.0.0.1 */
        guint16 cluster_port;  /* 0: any free one */
        char **names;          /* names that may stand in Host: of `url`, and `names` */
        char **origins;        /* FRONTEND_URL */
        TbAuth *auth;          /* users */
        TbAuth *hosts;         /* host tokens */
        TbIceConfig ice;
        TbLogLevel log_level;
        char *jwt_secret;     /* JWT_SECRET: whoever signs with it says who is who; NULL: nobody */
        TbOidcOptions oidc;   /* whom it is told by another; issuer NULL: nobody */
        char *admin_password; /* TESTBED_ADMIN_PASSWORD: of the first account; NULL */
        bool had_accounts;    /* there is the mark of them in the state folder */
        bool insecure;
        TbNets *trusted; /* trusted_proxies: whose forwarding headers are believed, besides this machine's */
        bool needs_tls;  /* tls: required */
        bool local_tls;  /* tls: local; tb_tls_local_open() gives `tls` */
        TbTls *tls;      /* tls: {cert, key}; ref; NULL: plain HTTP */
        json_t *prints;  /* tb_config_prints(); owned */
        TbEventsOptions events; /* events, blob */
        TbRecordingsConfig recordings;
        TbServerLimits limits;     /* for tb_server_limits */
        guint sessions_per_minute; /* per network (tb_net_share_key()) */
        guint sessions_per_network; /* that exist, of one network or user; 0: what its rate fills while they lie idle */
        guint refusals_per_minute; /* per network: sockets without an accepted hello */
} TbServerConfig;

/* `file` NULL: /etc/testbed/server.yaml when it is there. `state_dir` NULL: $STATE_DIRECTORY, then
 * $XDG_STATE_HOME/testbed. All problems, one a line, are in the error's
 * message. */
TbServerConfig *tb_server_config_load(const char *file, const char *state_dir, bool insecure, GError **error);
void tb_server_config_free(TbServerConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbServerConfig, tb_server_config_free)
