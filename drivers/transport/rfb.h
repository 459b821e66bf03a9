#pragma once
/*
 * A session with a VNC server, by libvncclient, for every driver whose screen is one. The caller owns the
 * wait: it polls tb_rfb_fd() and calls tb_rfb_process() when it is readable. Nothing is asked of the server
 * (and so nothing arrives) until tb_rfb_start(). Thread: the worker. Errors: GONE = the server hung up;
 * UNAUTHORIZED = password; DEVICE = protocol.
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/transport/transport.h"
#include "lib/frame.h"

struct TbInput; /* drivers/driver.h */
typedef struct TbRfb TbRfb;

typedef struct TbRfbOptions {
        const char *password;  /* NULL: none */
        const char *encodings; /* in order of preference; NULL: what suits a network */
        int quality;           /* JPEG quality 0..9; -1: lossless */
        bool exclusive;        /* other viewers are thrown out */
        int key_delay_ms;      /* pause after each key event: a PS/2 controller holds 16 bytes only */
        bool own_pace;         /* it was started without a queue of keys (key-delay-ms=0) */
        /* The keyboard layout of a machine that takes the places of keys and not characters (QEMU): "us", "de". NULL: what
         * the server says decides, us for QEMU's. */
        const char *layout;
        /* QEMU looks at its guest's screen ever more rarely while nothing changes, every 3 s in the end; any input
         * ends that. Not 0: a picture that stands still is followed by a harmless input every so many ms. */
        int rouse_ms;
        void (*frame)(gpointer data, TbFrame *frame_take);
        /* What was copied there, as up->clipboard() of drivers/driver.h; NULL: nobody asks. */
        void (*clipboard)(gpointer data, const char *text);
        gpointer data; /* borrowed */
} TbRfbOptions;

/* Takes the transport, also when it fails. */
TbRfb *tb_rfb_open(TbIo *io, TbTransport *transport, const TbRfbOptions *options, GError **error);
void tb_rfb_close(TbRfb *rfb); /* accepts NULL */
int tb_rfb_fd(TbRfb *rfb);     /* borrowed; poll it for input unless tb_rfb_ready() */
/* The library has buffered more than the socket shows: do not wait for the fd. */
bool tb_rfb_ready(TbRfb *rfb);
/* Until the next picture may be asked for: ms, -1 when nothing is due. */
int tb_rfb_due_ms(TbRfb *rfb);
/* Reads what came (frames go to options.frame) when `readable`; asks for the next picture when it is due. */
bool tb_rfb_process(TbRfb *rfb, TbIo *io, bool readable, GError **error);
bool tb_rfb_start(TbRfb *rfb, int max_fps, GError **error); /* one whole frame soon, then what changes */
void tb_rfb_stop(TbRfb *rfb);
/* As TbInputOps.send. */
bool tb_rfb_input(TbRfb *rfb, TbIo *io, const struct TbInput *events, guint n, guint *ret_done,
                  GError **error);
/* As TbInputOps.copy; cut text of RFB is Latin-1. */
bool tb_rfb_copy(TbRfb *rfb, TbIo *io, const char *text, GError **error);
