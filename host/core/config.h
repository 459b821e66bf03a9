#pragma once
/*
 * The host's configuration: what the user asked for, read once, never changed (what is currently true lives
 * in TbCore). YAML file, then environment (which wins). Every problem is reported, each with file:line.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/auth.h"
#include "lib/ice.h"
#include "lib/log.h"
#include "lib/nets.h"
#include "lib/tls.h"

typedef struct TbHostConfig {
        char *name;    /* HOST_NAME; default: the machine's name */
        char *address; /* listen address, default 127.0.0.1 */
        guint16 port;  /* HOST_PORT; 6109 */
        char *url;     /* HOST_URL; NULL: not set */
        char *state_dir;
        char *web_dir; /* web/ pages */
        TbAuth *auth;
        bool insecure;
        TbLogLevel log_level; /* LOG_LEVEL, DEBUG; info */
        TbNets *trusted; /* trusted_proxies: whose forwarding headers are believed, besides this machine's */
        bool needs_tls;  /* tls: required */
        bool local_tls;  /* tls: local; tb_tls_local_open() gives `tls` */
        TbTls *tls;      /* tls: {cert, key}; ref; NULL: plain HTTP */
        json_t *prints;  /* tb_config_prints(); owned */
        TbNets *compat;  /* compat.allow: who may switch by the GET routes of other tools without a token */
        char *pdudaemon_address; /* of its TCP protocol; NULL: as `address` */
        guint16 pdudaemon_port;  /* compat.pdudaemon; 0: off */
        bool restart; /* compat.restart: an admin may end it over the API, for a supervisor to start it again */
        /* VNC */
        guint16 vnc_port;   /* 5900; 0: off */
        char *vnc_device;   /* what port 5900 shows; NULL: the first device with video */
        char *vnc_password; /* NULL: none */
        char *vnc_view_password;
        guint16 novnc_port; /* 6080; 0: off */
        /* pairing server */
        char *server_url;   /* SERVER_URL; NULL: none */
        char *server_token; /* SERVER_TOKEN, TESTBED_TOKEN; NULL: none */
        char *server_ca; /* SERVER_CA: file of certificates that vouch for it besides the system's; NULL: none */
        TbRole server_role;   /* the most that anybody is here who comes through it */
        guint server_allow;   /* TbAllow of host/core/ceiling.h: what is let through beyond that */
        bool server_insecure; /* join one that asks nobody for a token */
        char **origins;       /* FRONTEND_URL: foreign pages that may use the API; NULL: none */
        /* media */
        guint max_viewers; /* TB_LIMIT_VIEWERS */
        int max_fps;       /* 30 */
        int bitrate_kbps;  /* 4000: the full rung */
        TbIceConfig
                ice; /* WEBRTC_STUN_SERVERS, WEBRTC_TURN_SERVERS, WEBRTC_TURN_SECRET, or _USERNAME and _PASSWORD */
        guint64 history_limit; /* bytes per console */
        json_t *recording;     /* owned: {mb,device_mb,days,mode,pre_s,devices:{id:{mode?,pre_s?}}} */
        char *recording_dir;
        json_t *uplink;  /* where clips go: docs/RECORDING.md, without its key; owned; NULL: nowhere */
        guint discovery; /* TbDiscoveryNetwork of drivers/driver.h: how the network may be searched */
        /* devices as written: {id: {label?, attach, vnc?: port, rfc2217?, tcp?: port or {console: port}}} with lines for messages */
        json_t *devices;  /* object; owned */
        json_t *rules;    /* {name: rule} as docs/RULES.md says; object; owned */
        char *file;       /* where it was read from; NULL: built-in defaults */
        GPtrArray *notes; /* owned texts: what was asked for and is not done here; said once at start */
} TbHostConfig;

typedef struct TbHostOptions {   /* command line */
        const char *config_file; /* NULL: /etc/testbed/host.yaml when it exists */
        const char *state_dir;   /* NULL: $STATE_DIRECTORY, $XDG_STATE_HOME/testbed */
        bool insecure;
        /* Whether that is a rule (host/rules); NULL: nobody looks. */
        bool (*check_rule)(const char *name, json_t *rule, GError **error);
} TbHostOptions;

/* All problems, one a line ("host.yaml:12: devices.board.attach.power: …"), are in the error's message. */
TbHostConfig *tb_host_config_load(const TbHostOptions *options, GError **error);
void tb_host_config_free(TbHostConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbHostConfig, tb_host_config_free)
