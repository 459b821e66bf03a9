#pragma once
/*
 * What testbed-media gives up, as far as the kernel at hand allows. It keeps its sockets, the clock, and reading
 * of libraries, GStreamer's plugins and the resolver's files. In two steps, because a thread inherits what the
 * first does, and the second shuts what only loading needs.
 */
#include <glib.h>

#include "host/media/link/message.h"

/* First of all, while there is one thread: ends with the parent, gains no privileges, sees no file but those
 * that loading needs (Landlock), closes every descriptor above `keep`. Bits of TbLinkGot. */
guint32 tb_sandbox_begin(int keep, guint32 *ret_landlock);
/* Everything is loaded, no stranger has been heard yet: an unprivileged user, no new programs, no sockets but
 * those of IP (seccomp), no memory for others to read. Bits of TbLinkGot. */
guint32 tb_sandbox_complete(void);
