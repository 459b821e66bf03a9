#pragma once
/*
 * Byte pipes to hardware: TCP, UNIX sockets, ttys, child processes. Every call waits through a TbIo, so it
 * has a deadline and can be interrupted. Thread: the worker that owns the instance. Errors: TB_ERROR_GONE =
 * the other side is not there or hung up; TIMEOUT; INTERRUPTED; DEVICE.
 */
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "drivers/transport/io.h"

typedef struct TbTransport TbTransport;

TbTransport *tb_transport_tcp(TbIo *io, const char *host, guint16 port, int timeout_ms, GError **error);
TbTransport *tb_transport_unix(TbIo *io, const char *path, int timeout_ms, GError **error);
/* Takes the fd (made non-blocking). `name` is for error texts. */
TbTransport *tb_transport_of_fd(int fd, const char *name);
/* The same for an fd that belongs to something: closing is `shut(owner)`. */
TbTransport *tb_transport_of_fd_owned(int fd, const char *name, GDestroyNotify shut, gpointer owner_take);
void tb_transport_close(TbTransport *transport); /* accepts NULL */
int tb_transport_fd(TbTransport *transport);     /* borrowed: for tb_io_wait() */
const char *tb_transport_name(TbTransport *transport);
/* For texts from here on: whom it leads to, once that is known (a phone behind a server). */
void tb_transport_rename(TbTransport *transport, const char *name);

/* Some bytes (1..size); 0 when the other side closed; -1 with an error. timeout_ms < 0: the io's deadline
 * only. */
gssize tb_transport_read(TbTransport *transport, TbIo *io, void *buf, gsize size, int timeout_ms,
                         GError **error);
/* Exactly `size` bytes; a close in between is TB_ERROR_GONE. */
bool tb_transport_read_exact(TbTransport *transport, TbIo *io, void *buf, gsize size, int timeout_ms,
                             GError **error);
/* One line without its end (\n or \r\n); at most `limit` bytes (TB_ERROR_DEVICE beyond). The caller frees.
 * Buffers what follows. */
char *tb_transport_read_line(TbTransport *transport, TbIo *io, gsize limit, int timeout_ms, GError **error);
/* All of it. Nothing is read meanwhile: for requests, whose peer answers afterwards; a console's stream has duplex.h. */
bool tb_transport_write(TbTransport *transport, TbIo *io, const void *data, gsize size, int timeout_ms,
                        GError **error);
/* What can be read without waiting: bytes, 0 = nothing now, -1 = closed or error. */
gssize tb_transport_read_now(TbTransport *transport, void *buf, gsize size, GError **error);
/* What can be written without waiting: bytes, 0 = nothing now, -1 with an error. */
gssize tb_transport_write_now(TbTransport *transport, const void *data, gsize size, GError **error);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbTransport, tb_transport_close)

/* --- child processes: argv only, never a shell --- */
typedef enum TbChildFlags {
        TB_CHILD_STDIN = 1 << 0,  /* a pipe to its stdin; otherwise /dev/null */
        TB_CHILD_STDOUT = 1 << 1, /* a pipe from its stdout; otherwise /dev/null */
        TB_CHILD_STDERR = 1 << 2, /* a pipe from its stderr; otherwise ours */
} TbChildFlags;
typedef struct TbChild TbChild;

/* Its own process group; dies with us (PR_SET_PDEATHSIG). `env`: "K=V" additions, may be NULL. */
TbChild *tb_child_spawn(const char *const *argv, const char *const *env, const char *cwd, guint flags,
                        GError **error);
/* The same with a terminal as its stdin, stdout, stderr and controlling terminal, in its own session. `tty`
 * stays the caller's, who keeps the other side. */
TbChild *tb_child_spawn_tty(const char *const *argv, const char *const *env, const char *cwd, int tty,
                            GError **error);
pid_t tb_child_pid(TbChild *child);
int tb_child_pidfd(TbChild *child);          /* readable once it ended; for tb_io_wait() */
TbTransport *tb_child_stdin(TbChild *child); /* borrowed; NULL without the flag */
TbTransport *tb_child_stdout(TbChild *child);
TbTransport *tb_child_stderr(TbChild *child);
void tb_child_close_stdin(TbChild *child);
/* Reaped? Then true and *ret_status = exit code, or 128 + signal. */
bool tb_child_ended(TbChild *child, int *ret_status);
bool tb_child_wait(TbChild *child, TbIo *io, int timeout_ms, int *ret_status, GError **error);
/* SIGTERM to the group, SIGKILL after grace_ms, reaps, frees. Accepts NULL. */
void tb_child_free(TbChild *child, int grace_ms);

/* Runs to the end. Output over `limit` bytes is TB_ERROR_TOO_LARGE. The caller frees *ret_out, *ret_err (each
 * may be NULL: thrown away). */
bool tb_child_run(TbIo *io, const char *const *argv, const void *input, gsize input_size, gsize limit,
                  int timeout_ms, int *ret_status, GByteArray **ret_out, GByteArray **ret_err,
                  GError **error);
/* The same with "K=V" additions to its environment. */
bool tb_child_run_env(TbIo *io, const char *const *argv, const char *const *env, const void *input,
                      gsize input_size, gsize limit, int timeout_ms, int *ret_status, GByteArray **ret_out,
                      GByteArray **ret_err, GError **error);
