#pragma once
/*
 * TbVncScreen: the pictures of one video interface on their way to its VNC viewers. A thread of its own makes
 * each picture BGRX (only when it is not), finds out what changed (only when the source does not say), once
 * for all viewers, and gives every viewer the newest picture and what changed since the last one that this
 * viewer took. Viewers encode straight from the shared, immutable picture: nothing is copied.
 *
 * Thread: main, except tb_vnc_screen_push() (any) and tb_vnc_watcher_take() (the watcher's own).
 */
#include <rfb/rfb.h>
#include <rfb/rfbregion.h>

#include "host/vnc/motion.h"
#include "host/vnc/shared.h"
#include "lib/frame.h"
#include "lib/thread.h"

typedef struct TbVncScreen TbVncScreen;
typedef struct TbVncWatcher TbVncWatcher;

TbVncScreen *tb_vnc_screen_new(const char *name, GError **error); /* NULL: no thread can be had */
void tb_vnc_screen_free(TbVncScreen *screen); /* after its last watcher, and after the last push returned */
/* A frame sink: `frame` is borrowed. Returns at once. */
void tb_vnc_screen_push(void *screen, TbFrame *frame);

/* `wake` (borrowed) is raised when there is something to take; raised at once when there is a picture
 * already. */
TbVncWatcher *tb_vnc_screen_watch(TbVncScreen *screen, TbInterruptor *wake);
void tb_vnc_watcher_free(TbVncWatcher *watcher); /* accepts NULL */
typedef struct TbVncTaken {
        guint64 picture;    /* its number */
        TbVncMotion motion; /* of all pictures that came, whoever took them; `moves` is not kept here */
} TbVncTaken;
/* The newest picture (the caller owns the reference), what of it in *ret, and in `damage` (added) what changed since the last take. NULL:
 * nothing new. */
TbFrame *tb_vnc_watcher_take(TbVncWatcher *watcher, sraRegionPtr damage, TbVncTaken *ret);
TbVncShared *tb_vnc_watcher_shared(TbVncWatcher *watcher); /* any thread; as long as the screen */
