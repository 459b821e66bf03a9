#pragma once
/* What the files of host/api share. Nobody outside this folder includes it. Main thread, all of it. */
#include "host/api/api.h"
#include "host/api/whep_gone.h"
#include "host/core/control/control.h"
#include "lib/error.h"
#include "lib/http/ws.h"

struct TbApi {
        TbHttp *http;       /* borrowed */
        TbCore *core;       /* borrowed */
        TbMedia *media;     /* borrowed; NULL: no video */
        TbMetrics *metrics; /* borrowed; may be NULL */
        gint64 started_us;
        json_t *(*services)(gpointer data); /* NULL: none */
        gpointer services_data;
        void (*restart)(gpointer data); /* ends the host, to be started again; NULL: nobody does */
        gpointer restart_data;
        GPtrArray *routes;           /* owned TbApiRouteState (interfaces.c) */
        GQueue early_offers;         /* whep.c: owned; those that came before media could take them */
        GHashTable *whep;            /* session id -> owned by its peer: each removes itself */
        TbWhepGone whep_gone;        /* … that have ended */
        GQueue consoles;             /* open console WebSockets; each removes itself */
        json_t *mounts;              /* owned; device id -> its last mount.state */
        guint bus;                   /* subscription: devices that go away, states of mounts */
        TbMetric *push_clients;      /* borrowed from metrics; may be NULL */
        struct TbPduPort *pdudaemon; /* owned; NULL: its port is not asked for */
        bool stopping;
};

/* --- pdudaemon's TCP protocol (compat/pdudaemon_tcp.c) --- */
typedef struct TbPduPort TbPduPort;
TbPduPort *tb_compat_listen(TbApi *api);  /* NULL: the configuration asks for none */
void tb_compat_unlisten(TbPduPort *port); /* accepts NULL */

/* --- who asks, what for --- */
/* Borrows from the request. The lease comes in X-Lease, or ?lease= where headers cannot be set (WebSocket).
 */
/* For who sent the request; its strings are the request's. */
/* Who asks, as one who is with a device from now on (tb_core_present()). */
TbPresence tb_api_presence(TbRequest *request, const char *by);
TbPlaceBy tb_api_place_by(TbRequest *request);
/* A place among the readers of a console for who sent the request; 0: there is none. */
guint tb_api_watch(TbRequest *request, TbInterface *iface, void (*grew)(TbInterface *iface, gpointer user),
                   gpointer user, GError **error);
TbActor tb_api_actor(TbRequest *request);
/* The device of {id} in the path; NULL: 404 was answered. */
TbDevice *tb_api_device(TbApi *api, TbRequest *request);

/* --- commands --- */
typedef void (*TbApiReply)(TbRequest *request, json_t *result, gpointer data);
/*
 * Runs a command for the request and answers with its result as JSON (204 when there is nothing to say), or
 * with its error (and what core adds to it). `verb` is the whole verb. `reply`: answers instead, on success.
 * When the client leaves, the command is cancelled unless `finishes`.
 */
typedef struct TbApiRun {
        const char *device, *verb;
        json_t *params;           /* borrowed; may be NULL */
        const TbPayload *payload; /* may be NULL */
        bool finishes;            /* power, input: goes on when the client leaves */
        int status;               /* of success; 0: 200 */
        TbApiReply reply;         /* NULL: JSON */
        void (*failed)(TbRequest *request, const GError *error, json_t *extra,
                       gpointer data); /* NULL: problem+json */
        gpointer data;
        GDestroyNotify free_data;
} TbApiRun;
void tb_api_run(TbApi *api, TbRequest *request, const TbApiRun *run);
void tb_api_reply_result(TbRequest *request, int status, json_t *result); /* borrowed; null or NULL: 204 */

/* --- routes below an interface --- */
/* `iface`: NULL when the verb is the device's own. */
typedef void (*TbApiCall)(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb);
/* One route that interfaces of one kind have. `route.path` is what follows /host/devices/{id}/{interface};
 * `route.handler` is not used. */
typedef struct TbApiRoute {
        TbKind kind;
        TbRoute route; /* .method NULL ends a table */
        TbApiCall call;
        const char *
                op; /* the verb that it spells: role, summary and answers are its row's. NULL: none (pictures, streams) */
} TbApiRoute;
void tb_api_add_interface_routes(TbApi *api, const TbApiRoute *routes);
/* A route made of a row of the verb table; `call` gets the row. */
void tb_api_add_verb_route(TbApi *api, const TbVerb *verb, TbBodyKind body, TbApiCall call);
/* Last of all: refuses what an interface does not have, and says what it has. */
void tb_api_add_refusals(TbApi *api);
void tb_api_routes_free(TbApi *api);

/* --- the files: each adds its routes --- */
void tb_api_add_system(TbApi *api);  /* health, info, metrics, openapi, docs, drivers, resources */
void tb_api_add_devices(TbApi *api); /* the list, a device, its lease */
void tb_api_add_events(TbApi *api);
void tb_api_add_console(TbApi *api); /* WebSocket, log */
void tb_api_add_video(TbApi *api);   /* state, snapshots, MJPEG */
void tb_api_add_audio(TbApi *api);   /* state, level, WAV */
void tb_api_add_whep(TbApi *api);
void tb_api_add_streams(TbApi *api); /* logs, sensors: SSE and WebSocket */
void tb_api_add_files(TbApi *api);   /* files, app packages: streamed bodies */
void tb_api_add_clipboard(TbApi *api);
void tb_api_add_usb(TbApi *api);
void tb_api_add_compat(TbApi *api); /* compat/: routes of other products */
void tb_compat_scope_event(TbApi *api, const TbEvent *event);
/* {"type":"ping"} on a socket that otherwise only talks: answered, so that a page finds out that nobody is there any more.
 * False: it was something else. */
bool tb_api_answer_ping(TbWs *ws, bool binary, const guint8 *bytes, gsize size);
void tb_api_add_ws(TbApi *api);    /* /host/ws */
void tb_api_add_verbs(TbApi *api); /* every verb that needs nothing special */
/* A path for Location as the client sees it: with the prefix of a proxy, without the origin. The caller
 * frees. */
char *tb_api_location(TbRequest *request, const char *format, ...) G_GNUC_PRINTF(2, 3);
void tb_api_whep_stop(TbApi *api);
/* Pictures of a video interface as MJPEG, until the client leaves. `verb` may be NULL. */
void tb_api_mjpeg(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb);
/* Those that were closed, and whose last bytes still wait for a device, end. */
void tb_api_consoles_stop(TbApi *api);
void tb_api_consoles_event(TbApi *api, const TbEvent *event); /* a device was changed or removed */
