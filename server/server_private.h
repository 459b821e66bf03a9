#pragma once
/* What server.c and the routes share. */
#include "lib/http/http.h"
#include "lib/http/ws.h"
#include "lib/metrics.h"
#include "lib/poller.h"
#include "lib/rate.h"
#include "server/accounts/audit.h"
#include "server/accounts/guesses.h"
#include "server/accounts/password.h"
#include "server/accounts/people.h"
#include "server/accounts/registered.h"
#include "server/calls/calls.h"
#include "server/cluster/redis.h"
#include "server/config.h"
#include "server/oidc/oidc.h"
#include "server/pairing/carry.h"
#include "server/pairing/pairing.h"
#include "server/pairing/persist.h"
#include "server/recordings/recordings.h"
#include "server/server.h"
#include "server/telemetry.h"
#include "server/views.h"

struct TbServer {
        const TbServerConfig *config; /* borrowed */
        TbMetrics *metrics;           /* owned */
        TbPoller *poller;             /* owned */
        TbHttp *http;                 /* owned */
        TbPairing *pairing;           /* owned */
        TbViews *views;               /* owned */
        GQueue list_sockets;          /* TbListSocket; not owned */
        TbCarrier *carry;             /* owned */
        TbRates *creations;           /* owned; sessions per address */
        TbRates *refusals;            /* owned; sockets without an accepted hello, per address */
        GSource *tick;                /* ref; the pairing's clock */
        TbPersist *persist;           /* owned */
        TbTelemetry *telemetry;       /* owned */
        TbRates *reports;             /* owned; of telemetry, per session */
        TbRegistered *registered;     /* owned; hosts that announce themselves by HTTP */
        TbPeople *people;             /* owned */
        bool looked_for_accounts;     /* in what the store had at the start */
        TbHasher *hasher;             /* owned */
        TbOidc *oidc;                 /* owned; NULL: nobody signs in elsewhere */
        TbGuesses *guesses;           /* owned */
        TbAudit *audit;               /* owned */
        TbBlobs *blobs;               /* owned */
        TbBeats *beats;               /* borrowed; NULL: it is alone */
        TbRedis *redis;               /* owned; NULL: none is configured */
        TbEvents *events;             /* owned */
        TbCalls *calls;               /* owned */
        TbRecordings *recordings;     /* owned */
        GHashTable *waiting; /* network, owned -> GQueue, owned: its sockets without an accepted hello */
        gint64 started_ms;   /* boot clock */
};

extern const TbRoute tb_server_routes[], tb_server_host_routes[], tb_server_enrol_routes[],
        tb_server_own_routes[], tb_server_login_routes[], tb_server_signin_routes[], tb_server_token_routes[],
        tb_server_oidc_routes[], tb_server_privacy_routes[], tb_server_user_routes[],
        tb_server_group_routes[], tb_server_audit_routes[], tb_server_telemetry_routes[],
        tb_server_link_routes[], tb_server_list_routes[], tb_server_registered_routes[],
        tb_server_diagnose_routes[];
/* Parameters of what is given out, in two tables: "ttl_s" and "note" */
#define TB_SERVER_TERMS                                                                                      \
        {.name = "ttl_s",                                                                                    \
         .type = TB_PARAM_ANY,                                                                               \
         .unit = "s",                                                                                        \
         .help = "how long the link is good; null or 0: until it is taken back; without: as long as it is "  \
                 "used, a day "                                                                              \
                 "at most"},                                                                                 \
        {                                                                                                    \
                .name = "note", .type = TB_PARAM_STRING, .max = TB_LIMIT_LABEL, .help = "what it is for"     \
        }
/* "ttl_s" of a body as TbSessionAsk.life_s; TB_ERROR_INVALID, TB_ERROR_FORBIDDEN for who shows no token where there are some. */
bool tb_server_life(TbRequest *request, const json_t *in, gint64 *ret_life_s, GError **error);
void tb_server_terms_limits(void);
/* Takes over what the configuration says of their parameters. */
void tb_server_session_limits(void);
void tb_server_enrol_limits(void);
/* Once the store is read, and when a command may have added some: who has an account shows so from then on. */
void tb_server_look_for_accounts(TbServer *server);
/* Events and their clips, events_wiring.c: before there is HTTP, their routes, and when all connections have ended. */
void tb_server_begin_events(TbServer *server);
void tb_server_add_event_routes(TbServer *server);
void tb_server_end_events(TbServer *server);
/* Recordings of calls, recordings_wiring.c: after events, whose clips lie beside them, and before there is HTTP; their routes. */
void tb_server_begin_recordings(TbServer *server);
void tb_server_add_recording_routes(TbServer *server);
/* Of somebody who is erased: a clip of his ("": none), and where he has logged in for events by himself. */
void tb_server_forget_clip(TbServer *server, const char *blob);
void tb_server_forget_event_logins(TbServer *server, const char *user);
/* TbHttpOptions.answered; `server` is its data. */
/* Somebody may less than before: what he holds open ends, and sessions that he may not have made now. */
void tb_server_narrowed(TbServer *server, const char *user);
/* The configuration was read again: links end whose maker's tokens have less than they open now. */
void tb_server_tokens_changed(TbServer *server);
/* A group gave `before`, and gives `after`: what they have opened who are in it by a signature ends, and with what it took their links. */
void tb_server_group_changed(TbServer *server, const TbGrants *before, const TbGrants *after);
bool tb_server_begin_people(TbServer *server, GError **error);
/* Whether a host that dials `name` has come to us. */
bool tb_server_is_named(const TbServerConfig *config, const char *name);
void tb_server_audit_watched(const TbWatched *who, gpointer server); /* TbPairingOptions.watched */
void tb_server_audit_answer(TbRequest *request, const char *route, int status, gpointer server);
/* A session's token, as a request shows it: X-Session-Token, which no log of a proxy has, or ?token=. NULL: none; borrowed. */
const char *tb_server_session_token(TbRequest *request);
/* How clients reach us, without a slash at its end; borrowed from either. */
const char *tb_server_base_url(TbRequest *request, TbServer *server);
extern const TbPartyOps tb_server_party_ops;        /* sockets.c */
void tb_server_arm(TbServer *server, gint64 at_ms); /* its tick is due then */
/* What `user` (NULL: anybody) may is another: who reads lists as he is asked anew who he is. list_sockets.c */
void tb_server_rights_changed(TbServer *server, const char *user);
/* GET of a list with rows: `only` is a pattern of hosts and devices (NULL: all), which was not looked at yet. list_routes.c */
void tb_server_reply_list(TbRequest *request, TbServer *server, TbViewList list, const char *only);
/* Of a list that is told of, but has no rows (server/views.h). */
void tb_server_noticed(TbServer *server, TbViewList list, const char *share);
void tb_server_upgrade(TbRequest *request, gpointer server);
