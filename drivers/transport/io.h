#pragma once
/*
 * TbIo: the one place where driver code waits. Every wait has a deadline and can be ended from outside, so
 * drivers are straight-line blocking code without locks. One TbIo per worker thread.
 *
 * Two things end a wait early: `stop` (the instance closes or the running command was cancelled; always) and
 * `wake` (a command waits in the queue; only while the lane's pump runs).
 */
#include <glib.h>
#include <poll.h>
#include <stdbool.h>

#include "lib/thread.h"

typedef struct TbIo {
        TbInterruptor *stop; /* owned by the worker */
        TbInterruptor *wake; /* owned by the worker; NULL where nothing may wake the wait */
        gint64 deadline_us;  /* monotonic; no wait lasts longer; G_MAXINT64: none */
        bool in_pump;        /* `wake` counts */
        bool asked; /* open: a command waited already when it began (one that came later raises `wake`) */
        gsize taken; /* console.write: how many of its bytes are on their way; the driver counts, also when it fails */
} TbIo;

typedef enum TbWait {
        TB_WAIT_READY,   /* at least one fd has revents */
        TB_WAIT_TIMEOUT, /* timeout_ms or the deadline passed */
        TB_WAIT_WAKE,    /* return from pump now, a command waits */
        TB_WAIT_STOP,    /* give up now */
} TbWait;

/* Waits for `n` fds (may be 0: a sleep). timeout_ms < 0: only the deadline bounds it. */
TbWait tb_io_wait(TbIo *io, struct pollfd *fds, guint n, int timeout_ms);
/* Sleeps; false with TB_ERROR_INTERRUPTED / TB_ERROR_TIMEOUT (deadline) when it ended early. */
bool tb_io_sleep(TbIo *io, int ms, GError **error);
/* Sets TB_ERROR_TIMEOUT ("<what>: no answer in time") or TB_ERROR_INTERRUPTED for a wait that did not get
 * ready. Always returns false. */
bool tb_io_fail(TbWait result, const char *what, GError **error);
/* For code outside a worker (tests, tools): a TbIo that nobody interrupts. */
void tb_io_init_plain(TbIo *io);
void tb_io_clear_plain(TbIo *io);
