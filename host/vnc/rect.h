#pragma once
/* Rectangles of an update, on the wire. Thread: the viewer's. */
#include <glib.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "host/vnc/slots.h"

#define TB_VNC_RECT_HEAD 12 /* bytes of a rectangle's head */

void tb_vnc_put16(guint8 *to, int number);
void tb_vnc_put32(guint8 *to, guint32 number);
void tb_vnc_put_head(guint8 *to, int x, int y, int width, int height, gint32 encoding);
/* Waits as the library does, and is woken by the end of the socket. `vector` is used up. False: the viewer takes nothing any more. */
bool tb_vnc_send_vector(const TbVncSlot *slot, struct iovec *vector, gsize n);
