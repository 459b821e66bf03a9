#pragma once
/*
 * The VNC room: RFB on the configured ports, noVNC's page with RFB over WebSocket on its own port, and RFB
 * over WebSocket for the console page.
 *
 *   port 5900 (config: vnc.port)            the device vnc.device, or the first one with video
 *   a device's own port (`vnc: 5901`)       that device
 *   port 6080 (config: vnc.novnc_port)      GET / : a page that connects by itself (?device=ID), GET
 * /websockify : RFB in binary frames tb_vnc_upgrade()                        GET
 * /host/devices/{id}/{interface}/vnc of the API: who builds the host hands it to host/api as a callback
 *
 * Who may do what: with VNC passwords the full one controls and the view-only one watches, on raw ports and
 * on 6080. Without them a raw port is only opened while no tokens are configured, on loopback or with
 * --insecure; 6080 then asks for a token as the API does. tb_vnc_upgrade() always goes by the token. Every
 * input is a command "<input>.send" of an actor "vnc"; leases are core's business.
 *
 * No picture is captured or encoded while nobody watches. Main thread. Events on the bus: viewer.joined,
 * viewer.left {"via":"vnc","viewer","peer","mode",…}.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/core/core.h"
#include "host/media/media.h"
#include "lib/http/http.h"
#include "lib/metrics.h"
#include "lib/poller.h"

typedef struct TbVnc TbVnc;

typedef struct TbVncOptions {
        TbCore *core;        /* borrowed */
        TbMedia *media;      /* borrowed */
        TbPoller *poller;    /* borrowed */
        TbMetrics *metrics;  /* borrowed; nullable */
        const char *version; /* for the Server header of 6080 */
} TbVncOptions;

/* A port that cannot be opened is a warning and shows in tb_vnc_services(); the rest goes on. */
TbVnc *tb_vnc_new(const TbVncOptions *options, GError **error);
/* Ends every viewer and joins its thread. Before tb_media_free() and tb_core_free(). Accepts NULL. */
/* Ends what a user has open on the noVNC port whose token was taken back. */
void tb_vnc_end_user(TbVnc *vnc, const char *user);
void tb_vnc_free(TbVnc *vnc);

/* Takes over a WebSocket request (it is answered here, with 101 or an error). `iface`: of kind video; core of
 * TbRequest's token decides the role; `?lease=` is the lease to show. Its type fits a callback of host/api:
 * void (*vnc)(TbRequest *, TbInterface *, gpointer). */
void tb_vnc_upgrade(TbRequest *request, TbInterface *iface, gpointer vnc);

/* {"vnc":"running"|"stopped","novnc":…} for /host/health; new reference. */
json_t *tb_vnc_services(TbVnc *vnc);
