#pragma once
/* A file that is read no faster than it may be sent, and says how far it is. */
#include <gio/gio.h>
#include <stdbool.h>

/* `kbps` 0: as fast as it goes. `progress(data, bytes)`: so many more were read, on the reading thread. NULL with *error (GIO's). */
GInputStream *tb_paced_open(const char *path, guint kbps, void (*progress)(void *data, gint64 bytes),
                            void *data, gint64 *ret_size, GError **error);
