#pragma once
/*
 * The bridge: one outbound WebSocket to the pairing server (README.md has its messages), by which the host
 * registers, announces its devices, answers observers (WebRTC, or the relay) and the server's HTTP requests.
 * Works behind NAT; comes back for ever. Main thread.
 *
 * Events on the bus: server.connected {"url"}, server.lost {"url","reason"}; viewer.joined and viewer.left
 * per observer.
 */
#include <glib.h>
#include <jansson.h>

#include "host/core/core.h"
#include "host/media/media.h"
#include "lib/http/http.h"

typedef struct TbBridge TbBridge;

typedef struct TbBridgeOptions {
        TbCore *core;     /* borrowed; its config names server_url and server_token */
        TbMedia *media;   /* borrowed */
        TbPoller *poller; /* borrowed */
        const char *version;
} TbBridgeOptions;

/* Errors: TB_ERROR_INVALID for a SERVER_URL that is none. Without a SERVER_URL (config->server_url NULL) do
 * not call it. */
TbBridge *tb_bridge_new(const TbBridgeOptions *options, GError **error);
void tb_bridge_free(TbBridge *bridge); /* before tb_media_free(); accepts NULL */
/* The listener for requests that the server carries to us (loopback, tokens of its own): add the API's routes
 * to it as to the public one. */
TbHttp *tb_bridge_http(TbBridge *bridge);
/* Phones come through the server, too: what host/phone says to it of their sessions, and hears ({"type":"phone-session",…}).
 * False: the server is not connected. One listener. */
bool tb_bridge_say(TbBridge *bridge, json_t *message_take);
void tb_bridge_listen(TbBridge *bridge, void (*said)(json_t *message, gpointer data), gpointer data);
/* {"server":"running"|"connecting"} for /host/health; new reference. */
json_t *tb_bridge_services(TbBridge *bridge);
