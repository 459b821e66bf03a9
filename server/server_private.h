#pragma once
/* What server.c and routes.c share. */
#include "lib/http/http.h"
#include "lib/http/ws.h"
#include "lib/metrics.h"
#include "lib/poller.h"
#include "lib/rate.h"
#include "server/carry.h"
#include "server/config.h"
#include "server/pairing.h"
#include "server/server.h"

struct TbServer {
        const TbServerConfig *config; /* borrowed */
        TbMetrics *metrics;           /* owned */
        TbPoller *poller;             /* owned */
        TbHttp *http;                 /* owned */
        TbPairing *pairing;           /* owned */
        TbCarry *carry;               /* owned */
        TbRates *creations;           /* owned; sessions per address */
        TbRates *refusals;            /* owned; sockets without an accepted hello, per address */
        GSource *tick;                /* ref; the pairing's clock */
        gint64 started_ms;
        char *sessions_file; /* owned; NULL: the state folder cannot be made */
        guint64 saved_stamp; /* of the sessions when they were written last */
};

extern const TbRoute tb_server_routes[];
void tb_server_changed(TbServer *server); /* a session was made */
void tb_server_upgrade(TbRequest *request, gpointer server);
