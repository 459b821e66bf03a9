#pragma once
/*
 * The outbound WebSocket of a host: opens it, keeps it alive, opens it again for ever after a loss (pause
 * doubling from 0.5 to 30 s, with jitter, so that a thousand hosts do not come back at once; at once when
 * the machine's network has changed). What is under
 * way is counted by asking for a pong after it: that covers the queue, the network and the server. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbBridgeLink TbBridgeLink;

#define TB_BRIDGE_RETRY_MIN_MS 500
#define TB_BRIDGE_RETRY_MAX_MS 30000
#define TB_BRIDGE_ASK_S 5      /* between pings */
#define TB_BRIDGE_SILENCE_S 15 /* without a word of the server: it is gone */
/* bytes without a pong as far as bodies of carried requests may fill the line */
#define TB_BRIDGE_BULK (128 * 1024)
#define TB_BRIDGE_UNDER_WAY (512 * 1024) /* bytes without a pong above which senders of bulk should wait */

typedef struct TbBridgeLinkOps {
        void (*opened)(gpointer data);                             /* the socket stands; say hello */
        void (*text)(const char *text, gsize size, gpointer data); /* NUL-terminated */
        void (*binary)(const guint8 *bytes, gsize size, gpointer data);
        void (*turned)(gpointer data); /* the messages that came together have been told; NULL: nobody asks */
        void (*lost)(const char *reason, gpointer data); /* after opened; it is tried again by itself */
        void (*arrived)(gpointer data);                  /* more of what was sent has come to the server */
} TbBridgeLinkOps;

/* `url`: http(s):// or ws(s)://, with a path prefix or not; "/ws" is added. `ca`: file of certificates that
 * vouch for a TLS server besides the system's; NULL: none. Errors: TB_ERROR_INVALID. Opens it from the loop. */
TbBridgeLink *tb_bridge_link_new(const char *url, const char *ca, const TbBridgeLinkOps *ops, gpointer data,
                                 GError **error);
void tb_bridge_link_free(
        TbBridgeLink *link); /* says goodbye (1001); no callback from here on; accepts NULL */
/* The server has accepted us: the next pause starts small again. */
void tb_bridge_link_settled(TbBridgeLink *link);
/* What comes soon would only do harm: the next pause is the longest. */
void tb_bridge_link_rest(TbBridgeLink *link);
/* Cuts and tries again later (the server refused us). */
void tb_bridge_link_drop(TbBridgeLink *link, const char *reason);
/* False: not open (or no link at all, NULL), or too much under way (then the link is cut: the other side has stopped reading). */
bool tb_bridge_link_send(TbBridgeLink *link, bool binary, const void *bytes, gsize size);
void tb_bridge_link_hold(TbBridgeLink *link, bool held); /* reads no more of this connection */
gsize tb_bridge_link_under_way(const TbBridgeLink *link);
/* A point in what was sent, and whether all before it has arrived at the server (true also when that
 * connection is no more). */
gint64 tb_bridge_link_mark(TbBridgeLink *link);
bool tb_bridge_link_arrived(const TbBridgeLink *link, gint64 mark);
/* What was sent takes so long that more would only wait, and what is urgent behind it. */
bool tb_bridge_link_is_late(const TbBridgeLink *link);
gint64 tb_bridge_link_trip_us(
        const TbBridgeLink *link); /* there and back, with little on the line; 0: not known */
void tb_bridge_link_pong(TbBridgeLink *link, gint64 t); /* a pong message came */

/* Pure: ms to wait before attempt `n` (0: the first after a loss); `random` 0…1. */
guint tb_bridge_retry_ms(guint n, double random);
