#pragma once
/*
 * TbMux: the streams of one link, the same at both ends. Each stream has credit of its own, both ways, so that a
 * slow reader stops its own sender and nobody else's; streams with something to send take turns, a frame each;
 * heads go before bodies. It knows no socket: what is to be sent goes out by `send`, as far as `room` says; what
 * came goes in by tb_mux_receive(). Nothing in it grows beyond TB_LIMIT_LINK_* per stream. Main thread.
 *
 * A stream ends by itself when both sides have said END, or by a reset of either: then `closed` is called, once,
 * and the stream is invalid; it is not called for a reset of our own.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/proto/link_frame.h"

typedef struct TbMux TbMux;
typedef struct TbMuxStream TbMuxStream;

typedef struct TbMuxOps {
        bool (*send)(const void *bytes, gsize size, gpointer data); /* one frame; false: the link is lost */
        /* Bytes that the line takes now without making others wait; 0: tb_mux_pump() is called later. */
        gsize (*room)(gpointer data);
        /* The other side has opened a stream (answering end only; NULL at the end that opens them). */
        void (*opened)(TbMuxStream *stream, const guint8 *head, gsize size, bool end, gpointer data);
        void (*head)(TbMuxStream *stream, const guint8 *head, gsize size, bool end,
                     gpointer data); /* the answer's; NULL at the answering end */
        void (*data)(TbMuxStream *stream, const guint8 *bytes, gsize size, bool end, gpointer data);
        void (*rest)(gpointer data);                          /* what came together was told; may be NULL */
        void (*writable)(TbMuxStream *stream, gpointer data); /* after a write that was not taken whole */
        void (*closed)(TbMuxStream *stream, const char *reason, gpointer data); /* reason NULL: complete */
        /* True: frames wait for their turn, nothing more is to be read from the line until it says false. */
        void (*hold)(bool held, gpointer data);
        /* From the loop: what waited breaks the protocol; the link should end. May free the mux. */
        void (*broken)(const GError *error, gpointer data);
} TbMuxOps;

TbMux *tb_mux_new(const TbMuxOps *ops, gpointer data);
void tb_mux_free(TbMux *mux); /* no callbacks; accepts NULL */
/* A binary message of the link: a turn's worth of its frames at once, the rest from the loop, under
 * `hold` (lib/proto/turns.h). False: the other side breaks the protocol; the link should end. */
bool tb_mux_receive(TbMux *mux, const guint8 *bytes, gsize size, GError **error);
void tb_mux_pump(TbMux *mux);                          /* the line has room again */
void tb_mux_reset_all(TbMux *mux, const char *reason); /* the link is lost: `closed` for every stream */
guint tb_mux_count(const TbMux *mux);

/* Opens a stream. `user` is the caller's own pointer. NULL with TB_ERROR_LIMIT: too many, or a head that is too
 * large (TB_ERROR_TOO_LARGE) or empty, as of what cannot be written as JSON (TB_ERROR_INVALID). */
TbMuxStream *tb_mux_open(TbMux *mux, const char *head, gsize size, bool end, gpointer user, GError **error);
/* Begins the answer. False: the head is too large, or empty. */
bool tb_mux_answer(TbMuxStream *stream, const char *head, gsize size, bool end);
/* Bytes of the body that were taken; fewer than given: `writable` follows. `end` counts when all were taken. */
gsize tb_mux_write(TbMuxStream *stream, const void *bytes, gsize size, bool end);
gsize tb_mux_writable(const TbMuxStream *stream); /* bytes that a write would take; 0: `writable` follows */
/* So many bytes that came by `data` have been passed on: the other side may send as many again. */
void tb_mux_consumed(TbMuxStream *stream, gsize size);
void tb_mux_reset(TbMuxStream *stream, const char *reason); /* the stream is invalid afterwards */
bool tb_mux_done_sending(const TbMuxStream *stream);        /* our END has left */
void tb_mux_set_user(TbMuxStream *stream, gpointer user);
gpointer tb_mux_user(const TbMuxStream *stream);
guint32 tb_mux_stream_id(const TbMuxStream *stream);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbMux, tb_mux_free)
