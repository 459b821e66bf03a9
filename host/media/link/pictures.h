#pragma once
/*
 * Decoded pictures of phones on their way from testbed-media to testbed-host: a stream socket of their own, one way, so that 40 MB a
 * second pass neither the link's queue nor the host's loop. A picture is a head and its three planes (I420) without gaps. The
 * child waits where the host is slow, and its next pictures are left out meanwhile. The host takes what comes as hostile. Pure.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_PICTURE_HEAD 16

typedef struct TbPictureHead {
        guint32 id;            /* of the peer */
        guint32 width, height; /* 1..TB_LIMIT_VIDEO_SIDE */
} TbPictureHead;

void tb_picture_head_write(const TbPictureHead *head, guint8 ret_bytes[TB_PICTURE_HEAD]);
/* False: it is none, and nothing after it can be understood. */
bool tb_picture_head_read(const guint8 bytes[TB_PICTURE_HEAD], TbPictureHead *ret_head);
