#pragma once
/*
 * What the lanes of one machine share: the names in run_dir, nothing else. Each lane has its own thread; they
 * meet in the file system:
 *   qmp, serial, vnc   sockets, made by QEMU, removed by the machine lane once QEMU is gone
 *   pid                the process, while it runs
 *   off                why the machine is off, one line; written before the sockets go
 */
#include "drivers/driver.h"
#include "drivers/transport/rfb.h"
#include "drivers/transport/transport.h"

#define QEMU_SERIAL_LABEL "console"

/* --- a socket that comes and goes with the machine (link.c) --- */
typedef struct QemuLink {
        int watch;        /* inotify on run_dir; owned; -1: closed */
        const char *dir;  /* borrowed */
        const char *name; /* "serial" */
} QemuLink;
bool qemu_link_open(QemuLink *link, const char *dir, const char *name, GError **error);
void qemu_link_close(QemuLink *link);
/* NULL: the machine is off, or QEMU does not listen yet; then qemu_link_wait(). */
TbTransport *qemu_link_connect(QemuLink *link, TbIo *io);
bool qemu_link_there(const QemuLink *link); /* the socket exists: QEMU runs, or has just ended */
/* Until something changed since the last qemu_link_connect(), or the worker is woken. */
void qemu_link_wait(QemuLink *link, TbIo *io);
/* Why the machine is off; the caller frees. */
char *qemu_off_reason(TbInstance *self);

/* --- the lanes: their state, their functions (machine.c, console.c, screen.c) --- */
struct Qmp;
typedef struct QemuMachine {
        TbInstance base;
        TbChild *child;  /* owned; NULL: off */
        struct Qmp *qmp; /* owned; NULL: off */
        GString *tail;   /* owned; the last of its stderr */
        bool tried_autostart, autostarted;
        bool expected; /* the end of the process was asked for, or the guest powered itself off */
        bool faulty;   /* up->fault() was told */
} QemuMachine;
extern const TbPowerOps qemu_power;
bool qemu_machine_open(TbInstance *self, TbIo *io, GError **error);
void qemu_machine_close(TbInstance *self);
bool qemu_machine_pump(TbInstance *self, TbIo *io, GError **error);

typedef struct QemuConsole {
        TbInstance base;
        QemuLink link;
        TbTransport *serial; /* owned; NULL: the machine is off */
} QemuConsole;
extern const TbConsoleOps qemu_console;
bool qemu_console_open(TbInstance *self, TbIo *io, GError **error);
void qemu_console_close(TbInstance *self);
bool qemu_console_pump(TbInstance *self, TbIo *io, GError **error);

typedef struct QemuScreen {
        TbInstance base;
        QemuLink link;
        TbRfb *rfb;  /* owned; NULL: the machine is off */
        int max_fps; /* 0: nobody watches */
} QemuScreen;
extern const TbVideoOps qemu_video;
extern const TbInputOps qemu_input;
bool qemu_screen_open(TbInstance *self, TbIo *io, GError **error);
void qemu_screen_close(TbInstance *self);
bool qemu_screen_pump(TbInstance *self, TbIo *io, GError **error);

/* The command line (argv.c). Pure. The caller frees with g_strfreev(). */
char **qemu_argv(const TbUri *uri, json_t *params, const char *run_dir);
