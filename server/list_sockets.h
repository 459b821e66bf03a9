#pragma once
/*
 * Who reads lists by event: Server-Sent Events (GET /api/events), and WebSockets: {"subscribe":["hosts",{"list":"sessions","device":"lab-1/board","etag":E?}]}, {"unsubscribe":["hosts"]}, and
 * {"type":"ping"}, which is answered. What they are told is in docs/PROTOCOL.md. Main thread.
 */
#include "lib/http/ws.h"
#include "server/server.h"

typedef struct TbListSocket TbListSocket;

/* Whether a first message asks for lists. */
bool tb_list_socket_asks(const char *text, gsize size);
/* Takes the caller (NULL: nobody) and his memory. */
TbListSocket *tb_list_socket_new(TbServer *server, TbWs *ws, TbCaller *caller_take);
void tb_list_socket_text(TbListSocket *socket, const char *text, gsize size); /* text NULL: it was binary */
void tb_list_socket_drained(TbListSocket *socket);
void tb_list_socket_free(TbListSocket *socket); /* NULL is fine */
/* GET /api/events: answers the request. */
void tb_list_stream(TbRequest *request, gpointer server);
