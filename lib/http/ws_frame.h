#pragma once
/*
 * The frame that nearly all of them are, without a library: a whole text or binary message of a client (RFC 6455, 5.2). What is
 * anything else, or not all there, or not in order, is left to wslay (ws_in.c). Pure; any thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbWsFrame {
        bool binary;
        gsize head, size; /* bytes, the mask is the head's last four; of the payload, 1 at least */
} TbWsFrame;

/* Whether such a frame stands at the beginning of `bytes`. */
bool tb_ws_frame_whole(const guint8 *bytes, gsize n, TbWsFrame *out);
/* Bytes that it takes to make such a frame, which begins here, whole. 0: none, or none begins. */
gsize tb_ws_frame_missing(const guint8 *bytes, gsize n);
void tb_ws_unmask(guint8 *payload, gsize size, const guint8 mask[4]); /* in place */
bool tb_ws_is_utf8(const guint8 *bytes, gsize size);                  /* NULs are, too */
