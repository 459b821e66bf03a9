#pragma once
/*
 * The body of a carried request on its way from a stream of the link to the HTTP client that reads it: a pipe of the
 * kernel, so that the reader is any GInputStream reader, and what the pipe does not take waits here, at most a
 * window of the stream. Main thread.
 */
#include <gio/gio.h>
#include <stdbool.h>

#include "lib/proto/mux.h"

typedef struct TbCarryBody TbCarryBody;

/* `ret_reader`: the other end; the caller owns it. NULL with TB_ERROR_UNAVAILABLE: no descriptors are left. */
TbCarryBody *tb_carry_body_new(TbMuxStream *stream, GInputStream **ret_reader, GError **error);
/* The stream is no more; the reader sees no end before tb_carry_body_free(): half a body is none. */
void tb_carry_body_abandon(TbCarryBody *body);
void tb_carry_body_free(TbCarryBody *body); /* accepts NULL */
/* What came on the stream. What a reader that has left does not want is dropped. */
void tb_carry_body_add(TbCarryBody *body, const guint8 *bytes, gsize size, bool end);
