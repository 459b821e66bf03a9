#pragma once
/*
 * RFB over WebSocket: carries bytes between a WebSocket of the main loop and one end of a socket pair, both
 * ways with back pressure, so that the rest of the room sees an ordinary socket. Main thread.
 */
#include "lib/http/ws.h"

/* Answers the request with 101 (subprotocol binary when asked for). The other end of the socket pair (the
 * caller's), or -1 when the request was answered with an error. The pump ends by itself when either side
 * does. */
int tb_vnc_ws_accept(TbRequest *request);
