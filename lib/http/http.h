#pragma once
/*
 * The HTTP server of both daemons: libmicrohttpd inside the main loop (external epoll, no threads of its
 * own), a route table, and answers that may come later (the connection is suspended meanwhile). Everything
 * here is main thread.
 *
 * The dispatcher does, in this order: request id, Host and Origin guard, rate limit, route match, token and
 * role, body size and type, JSON parse, parameter check; then the handler. Every error is RFC 9457
 * problem+json; every answer bears X-Request-Id; one access-log line.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/auth.h"
#include "lib/http/caller.h"
#include "lib/metrics.h"
#include "lib/nets.h"
#include "lib/param.h"
#include "lib/pipe.h"
#include "lib/poller.h"
#include "lib/tls.h"

typedef struct TbHttp TbHttp;
typedef struct TbRequest TbRequest;

typedef enum TbBodyKind {
        TB_BODY_NONE, /* a body is refused (413/400) */
        TB_BODY_JSON, /* Content-Type: application/json is required; checked against `json` when that is set
                       */
        TB_BODY_JSON_ANY, /* JSON of any shape (arrays), the handler checks */
        TB_BODY_BYTES,    /* collected up to TB_LIMIT_HTTP_BODY; `body_type` is required when set */
        TB_BODY_STREAM,   /* the handler is called after the headers and reads by tb_request_read_to() */
} TbBodyKind;

typedef enum TbRouteFlags {
        TB_ROUTE_UNSAFE = 1 << 0, /* a GET that changes something: the Origin guard treats it like a POST */
        TB_ROUTE_WEBSOCKET =
                1 << 1, /* GET + Upgrade; without Upgrade the next route with the same path is tried */
        TB_ROUTE_HIDDEN = 1 << 2,    /* not in OpenAPI (pages) */
        TB_ROUTE_STREAMING = 1 << 3, /* answers without end (SSE, MJPEG): not counted as slow */
        TB_ROUTE_STRANGERS =
                1 << 4, /* without tokens, also for who is not on this machine: see TB_THIS_MACHINE_ALWAYS */
        /* Spoken by programs of another product: fields of the body that the table does not name, or that are null, are
         * left out, and a refusal says "success": false and "error" beside what problem+json says. */
        TB_ROUTE_FOREIGN = 1 << 5,
        /* Also for callers with grants: its handler asks tb_caller_role() of whatever host or device it is about. A route
         * that needs a role and does not say so is closed to them. */
        TB_ROUTE_GRANTED = 1 << 6,
        /* Pages of this machine and of private networks may call it from a browser (tb_guard_neighbour()): with a token, or where
         * nobody needs one, never by a cookie. The log's line of it bears X-Device-Id, X-Session-Id and X-Event-Id. */
        TB_ROUTE_NEIGHBOURS = 1 << 7,
} TbRouteFlags;

typedef struct TbRoute {
        const char *method; /* "GET"; "*" for any */
        const char *path; /* "/host/devices/{id}/{interface}/cycle"; a last segment "{name...}" takes the rest
                             with its slashes */
        TbRole role;      /* least role */
        guint flags;      /* TbRouteFlags */
        TbBodyKind body;
        const char *body_type;
        const TbParam *query; /* NULL: any query is ignored */
        const TbParam *json;  /* TB_BODY_JSON */
        guint max_body;       /* bytes of a body that is collected; 0: TB_LIMIT_HTTP_BODY */
        void (*handler)(TbRequest *request, gpointer data);
        const char *tag;     /* OpenAPI group: "devices", "power" */
        const char *summary; /* one line */
        /* OpenAPI: "200 application/json DeviceList; 404; 423". What any route of its shape may answer (400, 401, 403, 404, 413,
         * 415, 429, 503) need not be there: openapi.c adds it. */
        const char *answers;
        const char *
                verb; /* OpenAPI, x-verb: "power.set", what the same operation is called on other carriers; NULL: nothing */
        /* More than the path decides (the kind of the interface that it names): false = the next route with
         * that path is tried. Path parameters can be read, nothing else: it runs before the token is checked.
         * NULL: the path decides. */
        bool (*match)(TbRequest *request, gpointer data);
        const char *
                shown; /* OpenAPI: the path as it stands there, when several routes share one; NULL: `path` */
} TbRoute;

/* Where no tokens are configured everything is allowed: to whom? A client that a proxy brings, or that came by a
 * name which leads here from elsewhere, is not on this machine, whatever its connection's address. */
typedef enum TbWithoutTokens {
        TB_ANYONE,              /* --insecure */
        TB_THIS_MACHINE,        /* others are refused */
        TB_THIS_MACHINE_ALWAYS, /* others have no role: what needs none, and TB_ROUTE_STRANGERS */
} TbWithoutTokens;

/* Who shows that, besides the tokens of the configuration: fills `caller` (all zero before) and says true. False: nobody that is
 * known; *error, where it is set, says why in words. */
typedef bool (*TbHttpIdentify)(const TbShown *shown, TbCaller *caller, GError **error, gpointer data);

/* Until when this sign-in (TbCaller.login) holds as it stands now; it may have been used since. 0: not any more. */
typedef gint64 (*TbHttpHolds)(const char *login, gpointer data);

typedef struct TbHttpOptions {
        const char *address; /* "127.0.0.1", "::", … */
        guint16 port;        /* 0: any free one */
        const char *name;    /* "testbed-host": the Server header */
        const char *version;
        TbAuth *auth;            /* ref is taken */
        TbHttpIdentify identify; /* NULL: nobody but by `auth` */
        TbHttpHolds holds;       /* asked when the time of what it opened is over; NULL: it holds no longer */
        gpointer identify_data;  /* borrowed; of both */
        /* Told of every answer of a route when it is out, or the client gone; `route`: its path. NULL: nobody is. */
        void (*answered)(TbRequest *request, const char *route, int status, gpointer data);
        gpointer answered_data;   /* borrowed */
        TbMetrics *metrics;       /* borrowed; may be NULL */
        TbPoller *poller;         /* borrowed */
        const char *const *hosts; /* further names that may stand in Host (HOST_URL's); loopback names and the
                                     own addresses always may */
        const char *url; /* how clients reach us, if it is known: its path may stand before every route (a
                            proxy that does not strip it). NULL: unknown */
        const char *const *origins; /* allowed foreign origins (FRONTEND_URL); usually none */
        guint max_connections;      /* 0: TB_LIMIT_HTTP_CONNECTIONS; upgraded WebSockets do not count */
        guint requests_per_s;       /* per address; 0: no limit */
        const TbNets *trusted;      /* borrowed: proxies whose Forwarded and X-Forwarded-* are believed; this
                                       machine's always are. NULL: no others */
        TbWithoutTokens without_tokens;
        guint max_streams; /* pushed answers and WebSockets at once, shared as lib/places.h says; 0: no limit */
        bool needs_tls;    /* a token that came from beyond this machine without TLS is refused */
        TbTls *tls;        /* ref is taken: https (and wss) instead of http; NULL: plain */
        const int *
                listener; /* borrowed: a socket that listens already, instead of address and port; it stays open */
} TbHttpOptions;

TbHttp *tb_http_new(const TbHttpOptions *options, GError **error);
guint16 tb_http_port(TbHttp *http);
/* A connection that was made elsewhere, as if `peer` had made it here with the server's address `local`: what comes from the (non-blocking)
 * socket `fd`, which it takes. `tls`: the client came by TLS, which has ended before. */
void tb_http_take(TbHttp *http, int fd, const char *peer, const char *local, bool tls);
/* Adds a table ended by .method = NULL; tables and rows are tried in the order they were added. `routes` must
 * stay valid. */
void tb_http_add_routes(TbHttp *http, const TbRoute *routes, gpointer data);
/* Static files: `prefix` "/" or "/docs/"; `directory` is resolved once. "index.html" for a folder, ETag +
 * 304, precompressed .gz when there, Content-Type by ending, CSP and the other security headers on
 * everything. `vendor_json`: {"xterm":"node_modules/@xterm/xterm"} maps <prefix>vendor/<name>/… below
 * `directory`; NULL for none. Tried after all routes. */
bool tb_http_add_static(TbHttp *http, const char *prefix, const char *directory, const char *vendor_json,
                        GError **error);
/* Refuses new connections, ends streams and WebSockets (1001), lets answers in flight finish for at most
 * `grace_ms`; then `done`. */
void tb_http_stop(TbHttp *http, guint grace_ms, void (*done)(gpointer), gpointer data);
void tb_http_free(TbHttp *http);
/* Ends the WebSockets and streams of a user who may less than before. `why`: what his client is told, at most 123 bytes (RFC 6455, 5.5.1). */
void tb_http_end_user(TbHttp *http, const char *user, const char *why);
/* What it is when a configuration that was read again has less for him. */
#define TB_HTTP_TOKEN_LESS "the token was taken back, or may less now"
/* The same of what was opened by one sign-in (TbCaller.login), which is no more. */
void tb_http_end_login(TbHttp *http, const char *login);
/* The same of all whom somebody else's signature has put into groups: what a group may has changed, and of which they are only that
 * signature says. */
void tb_http_end_signed(TbHttp *http);
/* OpenAPI 3.1 of every route that was added. `root`: where their paths begin, relative to the address of the
 * document itself ("..": it is one folder below). */
json_t *tb_http_openapi(TbHttp *http, const char *title, const char *description, const char *root);
/* The same as an answer, made once. */
void tb_http_reply_openapi(TbRequest *request, const char *title, const char *description, const char *root);

/* --- connections within this process --- */
/* One that no client has: its bytes are HTTP as on any other, but it is the holder who says for whom he asks, and no token is looked for. */
typedef struct TbHttpPair TbHttpPair;
/* TB_ERROR_LIMIT, TB_ERROR_UNAVAILABLE. */
TbHttpPair *tb_http_pair_new(TbHttp *http, GError **error);
void tb_http_pair_as(TbHttpPair *pair, const char *user, TbRole role); /* of what is written from now on */
int tb_http_pair_fd(const TbHttpPair *pair);                           /* ours; does not block */
void tb_http_pair_free(
        TbHttpPair *pair); /* closes it: the client of what is under way has left. NULL is fine */

/* --- requests that no connection brings --- */
/* One of this process, as the person whom the holder names: it passes the same checks, and the same handlers answer it, as on a connection
 * (lib/http/ask.c); what is between two ends of a connection falls away. */
typedef struct TbHttpAsk TbHttpAsk;
typedef struct TbHttpAsked {
        const char *method; /* GET or HEAD */
        const char *path;   /* as in a request line, its query with it; printable, begins with "/" */
        json_t *headers;    /* an object of texts, without line breaks; a reference is taken; NULL: none */
        const char *user;   /* copied */
        TbRole role;
} TbHttpAsked;
typedef struct TbHttpAnswer {
        int status;
        const void *bytes; /* borrowed from the ask; also of a HEAD, whose body is not to be sent */
        gsize size;
} TbHttpAnswer;
/* NULL: it needs a connection, for its route is none that answers with one text of JSON (or there is no such route), or for the server is
 * about to end; nothing was begun. `answered` runs once, from the loop, unless the answer is there already when this returns. */
TbHttpAsk *tb_http_ask(TbHttp *http, const TbHttpAsked *asked, void (*answered)(gpointer data),
                       gpointer data);
/* False: it comes later. */
bool tb_http_ask_answer(const TbHttpAsk *ask, TbHttpAnswer *ret_answer);
/* Of the answer, all that a client would get but for what belongs to its connection (Date, Content-Length, Connection). */
void tb_http_ask_headers(const TbHttpAsk *ask,
                         void (*each)(const char *name, const char *value, gpointer data), gpointer data);
/* `whole`: the answer has been passed on; else who asked has left, and the handler is told. NULL is fine. */
void tb_http_ask_free(TbHttpAsk *ask, bool whole);

/* --- the request; valid while the handler runs, longer with a reference --- */
TbRequest *tb_request_ref(TbRequest *request);
void tb_request_unref(TbRequest *request);
const char *tb_request_method(TbRequest *request);
const char *tb_request_path(TbRequest *request);
const char *tb_request_arg(TbRequest *request,
                           const char *name); /* path parameter, percent-decoded; NULL: none */
const char *tb_request_header(TbRequest *request, const char *name); /* NULL: none */
json_t *tb_request_query(TbRequest *request); /* borrowed object; typed when the route has a query table */
const char *tb_request_raw_query(TbRequest *request); /* still encoded; NULL: none */
const char *tb_request_query_string(TbRequest *request,
                                    const char *name); /* one query value as text; NULL: none */
json_t *tb_request_json(TbRequest *request);           /* borrowed; validated; NULL: no body */
GBytes *tb_request_body(TbRequest *request);           /* borrowed; TB_BODY_BYTES */
const TbCaller *tb_request_caller(TbRequest *request); /* borrowed; who asks, and where he may do what */
TbRole tb_request_role(TbRequest *request);
const char *tb_request_user(TbRequest *request); /* the token's name, or "local" */
const char *tb_request_id(TbRequest *request);
const char *tb_request_peer(TbRequest *request);  /* address text */
bool tb_request_is_forwarded(TbRequest *request); /* a proxy of ours says whose address that is */
bool tb_request_is_secure(TbRequest *request);    /* it came by TLS, to us or to that proxy */
/* "http://host:port" + X-Forwarded-Prefix, as the client sees us (X-Forwarded-* is believed from a proxy on
 * this machine only). */
const char *tb_request_base_url(TbRequest *request);
/* `gone` runs once if the client leaves before the answer is complete. NULL: no more. */
void tb_request_on_gone(TbRequest *request, void (*gone)(TbRequest *request, gpointer data), gpointer data);
/* Whether the client is still connected, by the kernel's word now: before `gone` has come. */
bool tb_request_is_there(TbRequest *request);
/* TB_BODY_STREAM: moves the body into the pipe (finishes it at the end, fails it when the client leaves). */
void tb_request_read_to(TbRequest *request, TbPipe *pipe);
/* TB_BODY_STREAM, for who passes the body on in the main loop: `take` gets it as it comes and says how many bytes
 * it took; after fewer than all, nothing more comes before tb_request_read_on(). `end` runs once, when the body is
 * complete; neither runs when the client has left, after an answer, or after `take` NULL. */
void tb_request_read_with(TbRequest *request, gsize (*take)(const void *bytes, gsize size, gpointer data),
                          void (*end)(gpointer data), gpointer data);
void tb_request_read_on(TbRequest *request);
gint64 tb_request_content_length(TbRequest *request); /* -1: unknown */
bool tb_request_has_body(TbRequest *request);         /* one comes, or came */

/* --- the answer: exactly one of these, now or later --- */
void tb_request_add_header(TbRequest *request, const char *name, const char *value); /* before the reply */
void tb_request_reply_json(TbRequest *request, int status, json_t *body_take);
/* 200 with an ETag of what stands in it, or 304 for who has that already (If-None-Match). */
void tb_request_reply_tagged(TbRequest *request, json_t *body_take);
void tb_request_reply_text(TbRequest *request, int status, const char *content_type, const char *text);
/* Of bytes that g_free() frees. */
void tb_request_reply_taken(TbRequest *request, int status, const char *content_type, char *bytes_take,
                            gsize size);
void tb_request_reply_bytes(TbRequest *request, int status, const char *content_type, GBytes *body);
/* The same for bytes that are there once for all who ask: they count for nobody (TB_LIMIT_HTTP_ANSWERS). */
void tb_request_reply_shared(TbRequest *request, int status, const char *content_type, GBytes *body);
void tb_request_reply_empty(TbRequest *request, int status);
/* The same to HEAD, where GET would have a body of so many bytes. */
void tb_request_reply_head(TbRequest *request, int status, guint64 size);
void tb_request_reply_error(TbRequest *request, const GError *error);
void tb_request_reply_problem(TbRequest *request, const GError *error,
                              json_t *extra); /* `extra` members, borrowed: 423 holder … */
/* One file with the security headers of static files; 404 when it is not there. For pages at routes with
 * parameters. */
void tb_request_reply_file(TbRequest *request, const char *path);
/* Streams the pipe's bytes (from a worker). length -1: chunked. Nothing is sent before the first bytes came:
 * a pipe that fails before them is answered with its error. */
void tb_request_reply_pipe(TbRequest *request, int status, const char *content_type, gint64 length,
                           TbPipe *pipe);

/* --- push streams from the main loop (MJPEG, SSE) --- */
typedef struct TbPush TbPush;
/* `gone` runs once: when the client left, or inside tb_push_close(); after it the push is invalid.
 * NULL, and no call of `gone`, when the client has left already. */
TbPush *tb_request_reply_push(TbRequest *request, const char *content_type, gsize max_queue,
                              void (*gone)(TbPush *push, gpointer data), gpointer data);
TbPush *tb_request_reply_push_status(TbRequest *request, int status, const char *content_type,
                                     gsize max_queue, void (*gone)(TbPush *push, gpointer data),
                                     gpointer data);
bool tb_push_send(
        TbPush *push,
        GBytes *bytes); /* false: over max_queue, nothing queued (the caller drops the frame, or closes) */
gsize tb_push_queued(TbPush *push);
void tb_push_close(TbPush *push);
void tb_push_disown(TbPush *push); /* no more callbacks; close it next */
void tb_push_fail(TbPush *push);   /* closes it so that the client sees a cut body */
/* `room` runs once, from the loop, when no more than half of max_queue waits. */
void tb_push_on_room(TbPush *push, void (*room)(TbPush *push, gpointer data));

/* Server-Sent Events on a push: sends keep-alive comments by itself. */
TbPush *tb_request_reply_sse(TbRequest *request, void (*gone)(TbPush *push, gpointer data), gpointer data);
bool tb_sse_send(TbPush *push, const char *id, const char *event,
                 const char *data); /* id, event may be NULL */
