#pragma once
/*
 * HTTP requests of the server carried into this host's own routes: streams of the link (lib/proto/mux.h), into an
 * HTTP server that only the bridge uses, without a connection (carry_asked.h), by one within the process
 * (carry_line.h), or over loopback (carry_tunnel.h): each passes exactly the checks of any other request (role, limits, audit), as the person whom the
 * server names, "alice (via server)", with at most the role of the configuration. Bodies of any size go in pieces,
 * both ways, at the pace of who reads them. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/core/core.h"
#include "lib/http/http.h"
#include "lib/proto/mux.h"

typedef struct TbCarry TbCarry;

typedef struct TbCarryOps {
        bool (*send)(const void *bytes, gsize size, gpointer data); /* a binary message */
        gsize (*room)(gpointer data);           /* bytes that the line takes; 0: tb_carry_pump() follows */
        void (*hold)(bool held, gpointer data); /* the line is not to be read meanwhile */
        void (*broken)(const GError *error,
                       gpointer data); /* the server breaks the protocol; the link should end */
} TbCarryOps;

TbCarry *tb_carry_new(TbCore *core, TbPoller *poller, const char *version, const TbCarryOps *ops,
                      gpointer data, GError **error);
void tb_carry_free(TbCarry *carry); /* accepts NULL */
/* The listener; who builds the host adds the API's routes to it. Borrowed. */
TbHttp *tb_carry_http(TbCarry *carry);
void tb_carry_receive(TbCarry *carry, const guint8 *bytes, gsize size); /* frames of the server; `broken` */
/* What came together has been received: what it was answered with goes, as one message. */
void tb_carry_turned(TbCarry *carry);
void tb_carry_pump(TbCarry *carry);
void tb_carry_lost(TbCarry *carry); /* the link was lost: every request is given up */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbCarry, tb_carry_free)
