#pragma once
/*
 * TbPipe: a bounded byte pipe between the main loop and a worker thread, for bodies of any size in constant
 * memory. One end blocks (worker: tb_pipe_read / tb_pipe_write), the other never does (main: tb_pipe_try_*,
 * told by a callback when to go on). Either side may end it: finish = clean end of data (writer), fail = with
 * an error, which the other side then gets.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbPipe TbPipe;

TbPipe *tb_pipe_new(gsize capacity);
TbPipe *tb_pipe_ref(TbPipe *pipe);
void tb_pipe_unref(TbPipe *pipe); /* any thread */

/* Worker side. Read: bytes, 0 at the end, -1 with the error the other side failed with. Write: all of it, or
 * false. */
gssize tb_pipe_read(TbPipe *pipe, void *buf, gsize size, GError **error);
bool tb_pipe_write(TbPipe *pipe, const void *data, gsize size, GError **error);

/* Main side. Read: bytes > 0; 0: nothing now; -1: clean end; -2: failed (error set). Write: bytes taken, 0
 * when full, -2 when failed. */
gssize tb_pipe_try_read(TbPipe *pipe, void *buf, gsize size, GError **error);
gssize tb_pipe_try_write(TbPipe *pipe, const void *data, gsize size, GError **error);
/* `ready` runs on the main loop whenever a try may make progress after one that could not. NULL: no more
 * calls. */
void tb_pipe_on_ready(TbPipe *pipe, void (*ready)(gpointer), gpointer data);

/* Either side, any thread. The first end counts. */
void tb_pipe_finish(TbPipe *pipe);
void tb_pipe_fail(TbPipe *pipe, const GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbPipe, tb_pipe_unref)
