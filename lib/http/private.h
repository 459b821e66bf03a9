#pragma once
/*
 * What the files of lib/http share. Nobody outside lib/http includes this.
 *
 * Life of a request: libmicrohttpd announces the target (NEW), then calls the access handler with the
 * headers. tb_dispatch_begin() guards and routes; the body is collected or piped (BODY); the handler runs;
 * without an answer the connection is suspended until one comes. The answer is queued from inside the access
 * handler only (SENT). The completion callback ends the life; references may outlive it with connection NULL.
 */
#include <glib.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "lib/error.h"
#include "lib/http/guard.h"
#include "lib/http/http.h"
#include "lib/http/route.h"
#include "lib/http/tls_front.h"
#include "lib/http/unread.h"
#include "lib/net.h"
#include "lib/places.h"
#include "lib/rate.h"
#include "lib/tally.h"

#define TB_HTTP_POOL (48 * 1024) /* libmicrohttpd's memory of one connection: headers both ways */
/* bytes of a refused body that are read away, so that the answer arrives */
#define TB_HTTP_DISCARD (16 * 1024 * 1024)
#define TB_HTTP_STREAM_BLOCK (16 * 1024)

typedef struct TbHttpRoute {
        const TbRoute *route; /* borrowed */
        TbPath path;
        gpointer data; /* borrowed */
        bool is_large; /* an answer of it counted: who asks for the next reads before */
        bool is_plain; /* one text of JSON answers it: ask.c */
} TbHttpRoute;

typedef struct TbHttpStatic TbHttpStatic;

extern const char tb_conn_magic
        []; /* access.c: who asks, and whether they may; each answers the request itself and returns false when not */
typedef struct TbProxySaid { /* headers, as they came; NULL: not there */
        GString *forwarded_for, *forwarded;
        const char *proto, *real_ip;
} TbProxySaid;

void tb_access_proxy(TbRequest *request, const TbProxySaid *said); /* says for whom it asks */
bool tb_access_person(TbRequest *request);
/* What a header says, as a text may name it: printable, bounded. The caller frees. */
char *tb_access_shown(const char *header);
/* A page of a neighbour's, and a route for such. `route` NULL: false. */
bool tb_access_neighbour(const TbRequest *request, const TbRoute *route);
bool tb_access_origin(TbRequest *request, const TbRoute *route);
bool tb_access_role(TbRequest *request, const TbRoute *route);

/* raw.c: nothing hides behind a NUL. `method`, `uri`: the library's own */
bool tb_raw_method_is_whole(const char *method, const char *uri);
bool tb_raw_target_is_whole(const char *uri);
bool tb_raw_head_is_whole(struct MHD_Connection *connection, const char *method);

/* refuse.c */

typedef struct TbShare TbShare; /* share.c */
typedef struct TbAsker TbAsker; /* turns.c */

typedef struct TbConn {      /* one client connection */
        const void *magic;   /* tb_conn_magic: not that of another user of the library in this process */
        struct TbHttp *http; /* borrowed */
        char peer[TB_ADDRESS_TEXT], local[TB_ADDRESS_TEXT];
        bool peer_is_loopback;
        bool peer_is_trusted; /* a proxy of ours, or this machine */
        TbHttpPair *pair;     /* ref; whose other end a part of this program has; NULL: a client's */
        bool tls;             /* its bytes came by TLS */
        bool is_idle;         /* no request of it is with a handler: it makes room for others */
        bool is_kept;         /* the same of a proxy or this machine, once asked: for descriptors alone */
        bool was_asked;       /* a handler had a request of it */
        bool lingers;         /* refused, and may still read why */
        bool begun;           /* a request line was understood */
        bool refused;         /* refuse.c has answered: it ends */
        int fd;
        GList link;                /* in http->conns */
        TbShare *share;            /* borrowed; NULL: refused, or told to go */
        GList share_link;          /* in share's idle or kept ones while it is one */
        GList idle_link;           /* in http->idle while is_idle, in http->lingering while it lingers */
        struct TbRequest *request; /* borrowed; NULL: between two, or its first line is not complete */
        gint64 since_us;           /* without a request: since the connection, or the end of the last one */
} TbConn;

struct TbHttp {
        struct MHD_Daemon *daemon;   /* owned */
        TbPoller *poller;            /* borrowed */
        TbPollerEntry *entry;        /* owned */
        GSource *timer;              /* ref; libmicrohttpd's timeouts */
        GSource *sweep;              /* ref; WebSocket pings; NULL while there is none */
        GSource *reaper;             /* ref; ends WebSockets outside their own callbacks */
        GSource *look;               /* ref; deaf.c; NULL: the library has said nothing */
        int listen_fd;               /* the library's */
        int nobody_fd;               /* of the connection that deaf.c made; -1: none */
        TbTlsFront *front;           /* owned; NULL: plain HTTP */
        TbHttpPair *pair;            /* while it is given to the library; NULL: none is */
        const TbTlsArrival *arrival; /* while it is given to the library; NULL: none is */
        guint16 port;
        bool running;    /* inside MHD_run() */
        bool kicked;     /* MHD_run() is to be called again */
        bool ends_round; /* it is called by the end of the poller's round: again is in another one */
        bool stopping;
        char *server_header; /* owned */
        char *boot;          /* owned; first half of request ids */
        guint32 counter;
        TbAuth *auth;       /* ref */
        TbMetrics *metrics; /* borrowed; NULL: none */
        TbMetric *seconds;  /* borrowed from metrics */
        TbMetric *by_status[6];
        TbGuard guard;
        char *prefix;            /* owned; "/staging": may stand before every path; NULL: none */
        char *address, *machine; /* owned; guard points to them */
        char *own_origin;        /* owned; of the public URL; NULL: none */
        char **hosts, **origins; /* owned */
        TbRates *rates;          /* owned; NULL: no limit */
        guint rate;
        GBytes *openapi;    /* ref; what tb_http_reply_openapi() says; NULL: nobody has asked */
        GPtrArray *routes;  /* owned TbHttpRoute */
        GPtrArray *statics; /* owned TbHttpStatic */
        GHashTable *pages;  /* static.c: path -> file in memory; owned; NULL: none yet */
        gsize pages_bytes;  /* of them */
        GQueue requests;    /* live ones, the oldest first; not owned */
        GQueue conns;       /* TbConn; of those without a request the oldest first; not owned */
        GSource *watcher;   /* ref; watch.c */
        GQueue unwatched;   /* TbRequest that wait to be watched, the first first; not owned */
        GSource *turns;     /* ref; turns.c */
        GHashTable *askers; /* TbAsker by its own key: who waits for a turn, or has answers to read; owned */
        GQueue askers_waiting;  /* TbAsker with requests that wait, the next first; not owned */
        guint waiting_turns;    /* requests in them */
        gint64 turn_until_us;   /* handlers that begin later wait for another turn */
        guint64 asks_round;     /* of the poller, in which ask.c began one */
        gsize answers;          /* bytes of answers under way that are counted */
        gsize bodies;           /* bytes of bodies under way that are counted */
        GSource *slow;          /* ref; slow.c; NULL while there is no connection */
        GQueue pushes;          /* live ones; not owned */
        GQueue sockets;         /* TbWs, the longest silent first; not owned */
        GQueue dead;            /* TbWs to be told of their end */
        GQueue waiting;         /* TbWs that sent too fast; not owned */
        GSource *ws_turns;      /* ref; ws_turns.c */
        GHashTable *ws_holders; /* key of its own -> owned TbWsHolder: who has sockets that wait for a turn */
        GQueue ws_waiting;      /* TbWsHolder, the next first; not owned */
        GQueue ws_dirty;        /* TbWs with output that goes out at the end of this turn; not owned */
        GSource *ws_flush;      /* ref; ws_turns.c: the rest of them in the loop's next round */
        bool ws_gathers;        /* a turn of sockets is under way that the poller does not know of */
        guint8 *ws_bytes;       /* owned; what a socket is read into; NULL while one is */
        GPtrArray *ws_spare;    /* owned GByteArray; queues that ran empty */
        guint64 ws_round;       /* of the poller, in which sockets are read until */
        gint64 ws_until_us;
        GSource *resume; /* ref; reads those again; NULL like sweep */
        guint max_connections;
        guint held;            /* connections that have a share */
        GHashTable *shares;    /* key of its own -> owned TbShare */
        GQueue idle;           /* TbConn without a request with a handler, the oldest first; not owned */
        GQueue lingering;      /* refused TbConn, the oldest first; not owned */
        GSource *room;         /* ref; makes room while nearly full; NULL while not */
        TbPlaces streams;      /* of pushed answers and WebSockets */
        TbUnreadBook unread;   /* what waits for their readers */
        TbTally *refusals;     /* owned; what is said of those that are refused */
        const TbNets *trusted; /* borrowed; NULL: none but this machine */
        TbWithoutTokens without_tokens;
        TbHttpIdentify identify; /* NULL: nobody is known but by the configuration */
        TbHttpHolds holds;       /* NULL: what has a time ends then */
        gpointer identify_data;  /* borrowed */
        void (*answered)(TbRequest *request, const char *route, int status, gpointer data); /* nullable */
        gpointer answered_data;                                                             /* borrowed */
        bool needs_tls; /* secrets are taken by TLS only */
        TbTally *plain; /* owned; addresses that showed a secret without TLS */
        TbBucket read_lines;
        GSource *grace;    /* ref; end of tb_http_stop() */
        GSource *expiry;   /* ref; expire.c; NULL: nothing that is open has an end of its own */
        gint64 expires_ms; /* wall clock: the first of them; 0: none */
        void (*stopped)(gpointer);
        gpointer stopped_data; /* borrowed */
};

typedef enum TbPhase { TB_PHASE_NEW, TB_PHASE_BODY, TB_PHASE_WAIT, TB_PHASE_SENT } TbPhase;

struct TbRequest {
        guint ref;
        TbHttp *http; /* borrowed; NULL after the connection's end */
        struct MHD_Connection
                *connection; /* borrowed; NULL after its end, and where no connection brought it */
        TbHttpAsk *ask;      /* borrowed; who asks without one; NULL after its end */
        TbConn *conn;        /* borrowed; NULL with connection */
        GList link;          /* in http->requests */
        TbPhase phase;
        bool suspended, in_call, is_head, discard, answered, gone_called, close_after, body_ended,
                refused,  /* by refuse.c */
                prefixed; /* http->prefix stood before the path */
        gint64 start_us;
        char *path;      /* owned; still encoded */
        char *base_url;  /* owned; made on demand */
        char *raw_query; /* borrowed from path's memory; NULL: none */
        char method[12];
        char id[65];
        char peer[64];
        TbHttpRoute *match;       /* borrowed */
        TbPath split;             /* of path */
        char *args[TB_PATH_ARGS]; /* owned, decoded on demand */
        const char *arg_names[TB_PATH_ARGS];
        const char *host, *origin, *fetch_site, *authorization, *cookie, *content_type,
                *upgrade;      /* borrowed from the connection */
        gint64 content_length; /* -1: unknown */
        bool has_body, expects;
        TbCaller caller;   /* its own: the token may be taken back while it is answered */
        TbPlace place;     /* of its stream */
        char *authority;   /* owned; of a target in absolute form: it counts, and not Host */
        bool forwarded;    /* a proxy says for whom */
        bool whole;        /* no NUL was in the head */
        const char *uri;   /* borrowed, the library's own; until the head is checked */
        bool stranger;     /* not (only) from this machine */
        bool secure;       /* came by TLS; behind a proxy of ours that says how: to the proxy */
        json_t *query;     /* owned */
        GByteArray *bytes; /* owned; body that is being collected */
        guint64 received;
        GBytes *body;    /* owned */
        json_t *json;    /* owned */
        TbPipe *in_pipe; /* ref */
        gsize (*take)(const void *bytes, gsize size,
                      gpointer data); /* NULL: nobody takes the body this way */
        void (*take_end)(gpointer data);
        gpointer take_data;            /* borrowed */
        GPtrArray *headers;            /* owned name, value, …; NULL: none */
        char *connect_also;            /* owned; an origin that the page may send to; NULL */
        struct MHD_Response *response; /* owned until queued */
        GBytes *text;                  /* owned; the body of it, with `ask`; NULL: none */
        int status;
        struct TbPush *push;     /* borrowed; NULL: none */
        struct TbPipeReply *out; /* owned; NULL: none */
        struct TbWs *ws;         /* borrowed; upgraded and not yet attached */
        TbAsker *asker;  /* borrowed from http; NULL: it does not wait, and has no answer that counts */
        GList turn_link; /* in asker->waiting while it waits */
        gint64 turn_us;  /* since when */
        gsize counted, body_counted; /* bytes of its answer, of its body */
        bool waits;                  /* for its turn */
        TbPollerEntry *watch;        /* owned; sees the client leave while suspended */
        GList watch_link;            /* in http->unwatched, with `watch_us` */
        gint64 watch_us;             /* when that is to begin; 0: it has, or is not wanted */
        void (*gone)(TbRequest *request, gpointer data);
        gpointer gone_data; /* borrowed */
};

/* server.c */
/* run.c */
void tb_http_run_start(TbHttp *http);
bool tb_http_run_wait(
        TbHttp *http); /* for the library's descriptor. False, with errno: the kernel has no room */
void tb_http_run_stop(TbHttp *http);
void tb_http_run(TbHttp *http);  /* lets libmicrohttpd work, then arms its timer */
void tb_http_kick(TbHttp *http); /* the same from the loop, soon */
void tb_http_check_stopped(TbHttp *http);

/* dispatch.c: called by libmicrohttpd */
void *tb_dispatch_uri(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result tb_dispatch_access(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload, size_t *size,
                                   void **context);
void tb_dispatch_completed(void *cls, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode code);
gint64 tb_http_max_body(const TbRequest *request); /* bytes of a body that is collected */
void tb_dispatch_ask(TbRequest *request);          /* of ask.c: the same way, without a connection */
void tb_dispatch_end(TbRequest *request, bool complete);
void tb_dispatch_handle(TbRequest *request); /* its turn: reads its JSON, and calls its handler */
void tb_dispatch_wake(TbRequest *request);   /* resumes a suspended request: the access handler runs again */

/* check.c: the steps before the handler; each answers the request itself and returns false when it fails */
bool tb_check_head(TbRequest *request, const char *version);
bool tb_check_route(TbRequest *request);
bool tb_check_is_plain(TbRequest *request); /* finds its route: one that answers with one text of JSON */
bool tb_check_body(TbRequest *request);

/* refuse.c */
/* MHD_queue_response() for answers of ours. */
enum MHD_Result tb_refuse_queue(struct MHD_Connection *connection, unsigned status,
                                struct MHD_Response *response);
/* The library closes a connection whose first line it cannot read without an answer: this gives one. */
void tb_refuse_silent_close(TbConn *conn);
void tb_refuse_late(TbRequest *request); /* 408 to a request that is not read in yet */
/* The same for any reason: one answer, and the connection ends. */
void tb_refuse_conn(TbConn *conn, unsigned status, const char *detail);

/* share.c: how many connections who may have */
void tb_share_enter(TbConn *conn); /* a new one; it may be refused */
void tb_share_busy(TbConn *conn);  /* a request of it is with a handler: it does not make room for others */
void tb_share_idle(TbConn *conn);
void tb_share_leave(TbConn *conn);
/* deaf.c: the library has said something: it may have stopped to listen. */
void tb_deaf_look(TbHttp *http);
/* Whether it is the connection that makes it listen again. */
bool tb_deaf_is_nobody(TbHttp *http, struct MHD_Connection *connection,
                       enum MHD_ConnectionNotificationCode code);
void tb_deaf_stop(TbHttp *http);
void tb_share_start(TbHttp *http);
void tb_share_stop(TbHttp *http); /* no connection lives any more */
void tb_share_end_lingering(TbHttp *http, gint64 before_us);

/* tls.c: the listener is a TLS one. False, and `listen_fd` is still the caller's. */
bool tb_tls_begin(TbHttp *http, int listen_fd, TbTls *tls, guint most, GError **error);
#define TB_TLS_DESCRIPTORS 3 /* of one connection by TLS: the client's socket, and a pair */

/* turns.c: whose request is handled next */
void tb_http_turns_start(TbHttp *http);
void tb_ws_turns_start(TbHttp *http);
void tb_ws_turns_stop(TbHttp *http);    /* no socket lives any more */
void tb_http_turns_stop(TbHttp *http);  /* no request lives any more */
void tb_http_turns_begin(TbHttp *http); /* a turn of the loop */
/* False: `request` waits, and its handler is called later, while its connection is suspended. */
bool tb_turn_take(TbRequest *request);
void tb_turn_count(TbRequest *request, gsize bytes); /* of its answer, until it is read */
bool tb_turn_count_body(TbRequest *request);         /* what has come of it; false: too much is under way */
void tb_turn_leave(TbRequest *request);              /* its end */

/* pair.c */
struct TbHttpPair {
        guint ref; /* of its holder, and of the connection */
        int fd;    /* owned; -1: its holder has closed it */
        TbCaller caller;
};
TbHttpPair *tb_http_pair_ref(TbHttpPair *pair);
void tb_http_pair_unref(TbHttpPair *pair); /* NULL is fine */

/* ask.c */
bool tb_ask_route_is_plain(const TbRoute *route);
void tb_ask_answered(TbRequest *request); /* its answer is there, and nobody has been told */
struct MHD_Response *tb_ask_text(TbRequest *request, GBytes *text_take);
bool tb_ask_refuses_stream(
        TbRequest *request); /* it has no connection on which one could go; it has been answered */
const char *tb_ask_header(const TbHttpAsk *ask, const char *name);
void tb_ask_each_header(const TbHttpAsk *ask, MHD_KeyValueIterator each, void *cls);
gsize tb_ask_head_size(const TbHttpAsk *ask);
const TbCaller *tb_ask_caller(const TbHttpAsk *ask);

/* slow.c: ends clients that drip, and those that left unnoticed */
void tb_slow_add(TbHttp *http, TbConn *conn);
void tb_slow_idle(TbHttp *http, TbConn *conn); /* its request has ended */
void tb_slow_remove(TbHttp *http, TbConn *conn);

/* request.c */
bool tb_request_is_open(const TbRequest *request); /* somebody waits for its answer */
void tb_request_next_id(TbHttp *http, char *id, gsize size);
TbRequest *tb_request_new(TbHttp *http, const char *uri);
void tb_request_call_gone(TbRequest *request);

/* watch.c */
void tb_request_watch(TbRequest *request); /* sees the client leave; while suspended only */
void tb_request_unwatch(TbRequest *request);
void tb_watch_start(TbHttp *http);
void tb_watch_stop(TbHttp *http); /* no request lives any more */

/* respond.c */
/* The one way to an answer. Takes `response` (NULL: out of memory; then 500). */
void tb_respond(TbRequest *request, int status, struct MHD_Response *response);
struct MHD_Response *tb_respond_shared(TbRequest *request, GBytes *body); /* takes a reference */
struct MHD_Response *tb_respond_text(TbRequest *request, char *text_take, gsize size);
/* A problem that has no code of TbErrorCode. */
void tb_respond_status(TbRequest *request, int status, const char *type, const char *title,
                       const char *format, ...) G_GNUC_PRINTF(5, 6);
void tb_respond_error(TbRequest *request, TbErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A place for a stream. False: there is none, and 429 was answered. */
bool tb_respond_place(TbRequest *request, TbPlace *ret_place);
/* No cache keeps it, unless the handler has said of caches what it wants. */
void tb_respond_uncached(const TbRequest *request, struct MHD_Response *response);
void tb_respond_page_headers(TbRequest *request);

/* push.c, stream.c */
void tb_push_abandon(struct TbPush *push); /* the client left */
bool tb_push_is_of(const struct TbPush *push, const char *user);
TbCaller *tb_push_caller(const struct TbPush *push); /* borrowed; NULL: the client is gone */
void tb_pipe_reply_free(struct TbPipeReply *reply);

/* expire.c */
/* Something was opened that ends then (wall clock; 0: not by itself). */
void tb_expire_note(TbHttp *http, gint64 until_ms);
void tb_expire_stop(TbHttp *http);

/* static.c */
bool tb_static_try(TbHttp *http, TbRequest *request); /* false: no such file anywhere */
void tb_static_free(gpointer p);

/* ws.c */
void tb_ws_stop_all(TbHttp *http);
void tb_ws_end_user(TbHttp *http, const char *user, const char *why);
void tb_ws_end_login(TbHttp *http, const char *login);
void tb_ws_end_signed(TbHttp *http);
void tb_ws_drop_all(TbHttp *http);
void tb_ws_abandon(struct TbWs *ws); /* the connection ended before the upgrade did */
