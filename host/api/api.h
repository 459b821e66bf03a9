#pragma once
/*
 * The REST room: every route of CONTRACT.md §3 on one TbHttp, WHEP and /host/ws included. It holds no state
 * of devices: it asks core and media. Not here: RFB over WebSocket (host/vnc adds its own route) and static
 * pages (tb_http_add_static, after this room's routes). Thread: main.
 */
#include "host/core/core.h"
#include "host/media/media.h"
#include "lib/http/http.h"
#include "lib/metrics.h"

typedef struct TbApi TbApi;

/* All borrowed; they must outlive the room, except that tb_http_stop() may end requests before. `media` NULL:
 * no video. */
TbApi *tb_api_new(TbHttp *http, TbCore *core, TbMedia *media, TbMetrics *metrics);
/* What /host/health says beyond core's services: {"vnc":"running",…}; a new reference; called for each
 * request. */
void tb_api_set_services(TbApi *api, json_t *(*services)(gpointer data), gpointer data);
/* Ends the host in order, to be started again by whoever watches it (compat.restart). Not set: nobody can ask for it. */
void tb_api_set_restart(TbApi *api, void (*restart)(gpointer data), gpointer data);
/* Opens the ports that `compat` of the configuration asks for beside HTTP. One that cannot be opened is a warning. */
void tb_api_listen(TbApi *api);
/* Ends WHEP sessions. Before tb_http_stop(). */
void tb_api_stop(TbApi *api);
void tb_api_free(TbApi *api); /* after the HTTP server was freed; accepts NULL */
