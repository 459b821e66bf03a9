#pragma once
/* A listening TCP socket of the main loop. Main thread. */
#include <glib.h>
#include <stdbool.h>

typedef struct TbListener TbListener;
/* `connection`: takes `fd` (non-blocking, TCP_NODELAY); `peer` is its address as text, borrowed. `address`: a
 * numeric one. */
TbListener *tb_listener_new(const char *address, guint16 port,
                            void (*connection)(int fd, const char *peer, gpointer data), gpointer data,
                            GError **error);
/* The same on a socket that listens already, which it takes. */
TbListener *tb_listener_of(int fd_take, void (*connection)(int fd, const char *peer, gpointer data),
                           gpointer data);
guint16 tb_listener_port(const TbListener *listener);
void tb_listener_free(TbListener *listener); /* accepts NULL */
