#pragma once
/*
 * The door of the VNC room: a socket comes in, its greeting (hello.h) runs on the main loop without ever
 * waiting for the peer, and what was let in goes on to a viewer thread. So a peer that is not known yet costs
 * a descriptor and a few hundred bytes, never a thread or a viewer's slot. Main thread only.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/vnc/hello.h"

#define TB_VNC_GREETING_MS 10000 /* until the greeting must be over */
#define TB_VNC_GUESTS 64         /* greetings at once; further connections are closed */
/* per address in TB_VNC_WRONG_WINDOW_S; then it is refused without a try */
#define TB_VNC_WRONG_PASSWORDS 5
#define TB_VNC_WRONG_WINDOW_S 60

typedef struct TbVncDoor TbVncDoor;

typedef struct TbVncGuest {
        int fd; /* taken by `enter` when it returns true */
        TbRole role;
        const char *peer; /* address for logs; borrowed */
        gpointer purpose; /* as given */
} TbVncGuest;

typedef struct TbVncDoorOps {
        /* False: not taken, the door closes the socket. */
        bool (*enter)(const TbVncGuest *guest, gpointer data);
} TbVncDoorOps;

TbVncDoor *tb_vnc_door_new(const TbVncDoorOps *ops, gpointer data);
void tb_vnc_door_free(TbVncDoor *door); /* closes every guest's socket */
/* Takes `fd` (any stream socket) and `purpose` (freed by `free_purpose`, also after `enter`). */
void tb_vnc_door_knock(TbVncDoor *door, int fd, const char *peer, const TbVncHelloOptions *options,
                       gpointer purpose, GDestroyNotify free_purpose);
