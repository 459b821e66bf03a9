#pragma once
/*
 * HTTP requests of the server carried into this host's own routes: over loopback to a listener that only the
 * bridge uses, whose only tokens are three random ones of this process, one per role. So a carried request
 * passes exactly the checks of any other one (role, origin, limits, audit), and the server's user can never
 * do more than the role that the server names. Bodies go in pieces, at the pace at which the server takes
 * them. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/bridge/message.h"
#include "lib/http/http.h"

#define TB_BRIDGE_CARRIED 32        /* requests at once; then 429 */
#define TB_BRIDGE_CHUNK (48 * 1024) /* bytes of a body per message */

typedef struct TbCarry TbCarry;

typedef struct TbCarryOps {
        bool (*send)(const char *text, gsize size, gpointer data);
        bool (*full)(gpointer data); /* the server should catch up first: go on at tb_carry_resume() */
} TbCarryOps;

TbCarry *tb_carry_new(TbPoller *poller, const char *version, const TbCarryOps *ops, gpointer data,
                      GError **error);
void tb_carry_free(TbCarry *carry); /* accepts NULL */
/* The listener; who builds the host adds the API's routes to it. Borrowed. */
TbHttp *tb_carry_http(TbCarry *carry);
void tb_carry_request(TbCarry *carry, const TbBridgeMessage *request);
/* A request that could not even be read, but has an id. */
void tb_carry_refuse(TbCarry *carry, gint64 id, const GError *error);
void tb_carry_cancel(TbCarry *carry, gint64 id);
void tb_carry_cancel_all(TbCarry *carry); /* the link was lost */
void tb_carry_resume(TbCarry *carry);
guint tb_carry_count(const TbCarry *carry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbCarry, tb_carry_free)
