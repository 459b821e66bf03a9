#pragma once
/*
 * TbVncViewer: one VNC viewer that was let in (hello.h) = one thread that runs libvncserver for it and
 * nothing else.
 *
 * Why a thread each: encoding takes milliseconds and the library's writes block until the viewer has taken
 * them (up to TB_VNC_STALL_MS). So a viewer that stalls blocks its own thread, holds one picture, and slows
 * nobody; encoding uses all cores; the main loop never encodes. Nothing of the library is shared between the
 * threads (slots.h), the pictures are shared read-only (screen.h).
 *
 * Thread: main. Order of callbacks, all on the main thread: any number of `input` and `clip`; `gone` exactly once and
 * last, never from inside a call of this header; after it the viewer may be freed.
 *
 * What the viewer types waits in a queue of TB_LIMIT_INPUT_EVENTS; while it is full nothing is read from the viewer.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/vnc/film.h"
#include "host/vnc/screen.h"
#include "host/vnc/slots.h"
#include "host/vnc/typed.h"

typedef struct TbVncViewer TbVncViewer;

typedef struct TbVncViewerOps {
        void (*input)(TbVncViewer *viewer, gpointer data); /* there is something for tb_vnc_viewer_take() */
        void (*clip)(TbVncViewer *viewer, gpointer data);  /* … for tb_vnc_viewer_take_clip() */
        void (*gone)(TbVncViewer *viewer, const char *reason,
                     gpointer data); /* `reason` for the log; borrowed */
} TbVncViewerOps;

typedef struct TbVncViewerStats {
        guint64 updates;   /* framebuffer updates sent */
        guint64 encode_us; /* time in the encoder and in writing */
} TbVncViewerStats;

/* `fd` is taken (non-blocking), `slot` is given back by the caller after tb_vnc_viewer_free(). `film`: of the same screen; borrowed; NULL:
 * there is none. `name` is the desktop's name. NULL when no thread or descriptor can be had: `fd` and the slot are the caller's still. */
TbVncViewer *tb_vnc_viewer_new(TbVncSlot *slot, int fd, TbVncScreen *screen, TbVncFilm *film,
                               const char *name, bool view_only, const TbVncViewerOps *ops, gpointer data,
                               GError **error);
GArray *tb_vnc_viewer_take(TbVncViewer *viewer); /* of TbVncInput: what waits; the caller owns it */
/* What the viewer copied last and was not taken yet, UTF-8; NULL: nothing. The caller frees. */
char *tb_vnc_viewer_take_clip(TbVncViewer *viewer);
void tb_vnc_viewer_clip(TbVncViewer *viewer,
                        const char *text);    /* what the device has copied: told to the viewer */
void tb_vnc_viewer_stop(TbVncViewer *viewer); /* asks the thread to end; `gone` follows */
void tb_vnc_viewer_free(TbVncViewer *viewer); /* stops if need be and joins; no callback from here on */
void tb_vnc_viewer_get_stats(TbVncViewer *viewer, TbVncViewerStats *ret_stats);
