#pragma once
/* A real X server (or VNC server) of a test, on a display number of its own, and programs on it. */
#include "drivers/transport/transport.h"

typedef struct XServer {
        TbChild *child; /* owned */
        int display;
} XServer;

/* `display` < 0: one that no other process's has. `program`: "Xvfb" or "Xvnc". */
void xserver_start(XServer *server, const char *program, const char *size, int display);
void xserver_stop(XServer *server); /* SIGKILL: as when it crashes */
/* Runs a program on the display to its end; asserts that it succeeded. Its output is returned; the caller
 * frees. */
char *xserver_run(XServer *server, const char *const *argv);
TbChild *xserver_spawn(XServer *server, const char *const *argv, guint flags);
void xserver_paint(XServer *server, const char *colour); /* the root window: "#rrggbb" */
