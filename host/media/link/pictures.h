#pragma once
/*
 * Decoded pictures and sound of phones on their way from testbed-media to testbed-host: a stream socket of their own, one way, so that 40 MB a
 * second pass neither the link's queue nor the host's loop. A picture is a head and its three planes (I420) without gaps, a block of sound a head and its samples (S16LE, interleaved,
 * TB_PICTURES_RATE). The
 * child waits where the host is slow, and its next pictures are left out meanwhile. The host takes what comes as hostile. Pure.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_PICTURE_HEAD 16
#define TB_PICTURES_RATE 48000  /* Hz, of sound */
#define TB_PICTURES_CHANNELS 2  /* at most */
#define TB_PICTURES_FRAMES 9600 /* of a block, at most: TB_LIMIT_SOUND_BLOCK_MS */

typedef struct TbPictureHead {
        guint32 id;               /* of the peer */
        guint32 width, height;    /* 1..TB_LIMIT_VIDEO_SIDE; 0: it is sound */
        guint32 frames, channels; /* of sound; 0: it is a picture */
} TbPictureHead;

void tb_picture_head_write(const TbPictureHead *head, guint8 ret_bytes[TB_PICTURE_HEAD]);
/* False: it is none, and nothing after it can be understood. */
bool tb_picture_head_read(const guint8 bytes[TB_PICTURE_HEAD], TbPictureHead *ret_head);
