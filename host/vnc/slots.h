#pragma once
/*
 * What libvncserver needs per viewer, made once at the start, because of two of its traps:
 *   - It calls select(), so its descriptors must lie below FD_SETSIZE (1024); a host with many WebRTC peers
 * has used those up. A slot reserves a low descriptor: it refers to /dev/null while nobody uses it, dup2()
 * puts a viewer's socket there, and it never becomes free.
 *   - rfbGetScreen() initialises a mutex of the whole process again, under the feet of whoever holds it.
 * Screens are therefore made before the first viewer's thread starts, and used again. Every viewer has a
 * screen of its own with itself as the only client: then nothing of libvncserver is shared between threads.
 * Thread: main, except where it says otherwise.
 */
#include <glib.h>
#include <rfb/rfb.h>
#include <stdbool.h>

#include "host/vnc/aside.h"

#define TB_VNC_PROVEN "0.9.14" /* of libvncserver; docs/UPSTREAM.md */

typedef struct TbVncSlots TbVncSlots;
typedef struct TbVncSlot {
        int fd;                   /* owned; below FD_SETSIZE */
        rfbScreenInfoPtr screen;  /* owned */
        rfbClientPtr client;      /* owned by the viewer's thread; NULL: none */
        rfbCursorPtr cursor;      /* owned */
        gpointer user;            /* the viewer's */
        bool buttons;             /* buttons.h: it sends extended pointer events */
        bool tell_buttons;        /* and is to be told that we take them */
        bool places, tell_places; /* the same of keys by place: places.h */
        bool film;                /* show.h: it wants H.264 before all else */
        TbVncAside aside;
} TbVncSlot;

/* Per process: one at a time, before any viewer's thread runs. */
TbVncSlots *tb_vnc_slots_new(guint n, GError **error);
/* What is expected of the library's inside is tried once, at the start: NULL, or why viewers cannot be served (then no slot is
 * idle, and everything else goes on). Borrowed. */
const char *tb_vnc_slots_problem(const TbVncSlots *slots);
void tb_vnc_slots_free(TbVncSlots *slots);       /* accepts NULL; all slots were given back */
TbVncSlot *tb_vnc_slots_take(TbVncSlots *slots); /* NULL: all in use */
void tb_vnc_slots_give(TbVncSlots *slots, TbVncSlot *slot);
guint tb_vnc_slots_idle(const TbVncSlots *slots);

/* a viewer that takes nothing for so long is cut; it blocks nobody but itself */
#define TB_VNC_STALL_MS 20000

/*
 * The viewer's thread. Makes libvncserver believe in a connection that has finished its greeting, and puts
 * `fd` (taken) below it: the greeting runs over a socket pair, in memory, so that the library never waits for
 * an unknown peer. `ret_init`: what the library answered to ClientInit, to be sent to the viewer. The screen
 * has its size, frame buffer and name already.
 */
bool tb_vnc_slot_adopt(TbVncSlot *slot, int fd, GByteArray *ret_init, GError **error);
/* The viewer's thread: an update of one empty rectangle of a pseudo-encoding, for a viewer that waits for one. False: it takes
 * nothing any more. */
bool tb_vnc_slot_say(TbVncSlot *slot, gint32 encoding);
bool tb_vnc_slot_announce(TbVncSlot *slot); /* the same of all that it asked about: buttons, places, aside */
bool tb_vnc_slot_send(const TbVncSlot *slot, const guint8 *bytes,
                      gsize size); /* waits as the library does; the same */
void tb_vnc_slot_drop(
        TbVncSlot *slot); /* the viewer's thread: ends the connection and the library's client */
