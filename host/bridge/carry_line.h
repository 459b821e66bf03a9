#pragma once
/*
 * A carried request on its way to the host's own HTTP server and back: by a socket pair into the same dispatcher as any other
 * (carry_kept.h). What the stream has no room for is not read, what the server does not take gives no
 * credit. Main thread.
 */
#include "host/bridge/carry_kept.h"
#include "host/bridge/message.h"
#include "lib/proto/mux.h"

typedef struct TbCarryLine TbCarryLine;

/* Sends the request, for this user; `end`: it has no body. `ended` runs once, from the loop or one of the calls below, when the stream
 * has its end, or was refused: the line is invalid then. NULL with the error (TB_ERROR_INVALID, TB_ERROR_LIMIT, TB_ERROR_UNAVAILABLE):
 * nothing was begun. */
TbCarryLine *tb_carry_line_new(TbCarryLines *lines, TbMuxStream *stream, const TbBridgeMessage *request,
                               const char *user, TbRole role, bool end, void (*ended)(gpointer data),
                               gpointer data, GError **error);
void tb_carry_line_data(TbCarryLine *line, const guint8 *bytes, gsize size,
                        bool end);              /* of the request's body */
void tb_carry_line_writable(TbCarryLine *line); /* the stream has room again */
/* Ends a stream of which nothing was answered yet, in words. `request_id`: as the server named it (TbBridgeMessage.request_id); nullable. */
void tb_carry_refuse(TbMuxStream *stream, const char *request_id, const GError *error);
void tb_carry_line_abandon(TbCarryLine *line); /* the stream is gone: so is the request. `ended` runs */
