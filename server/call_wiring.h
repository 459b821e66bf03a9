#pragma once
/* Calls within the server: their sockets, and what they need of it. Main thread. */
#include "server/connection.h"

void tb_server_begin_calls(TbServer *server); /* before there is HTTP */
void tb_server_add_call_routes(TbServer *server);
/* Its first message was no hello, but is of somebody who takes part in calls (tb_call_line_asks()): it is no party. */
void tb_server_begin_call_line(TbConnection *connection, const char *text, gsize size);
