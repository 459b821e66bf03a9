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

#define TB_QEMU_SERIAL_LABEL "console"

/* --- a socket that comes and goes with the machine (link.c) --- */
typedef struct TbQemuLink {
        int watch;        /* inotify on run_dir; owned; -1: closed */
        const char *dir;  /* borrowed */
        const char *name; /* "serial" */
} TbQemuLink;
bool tb_qemu_link_open(TbQemuLink *link, const char *dir, const char *name, GError **error);
void tb_qemu_link_close(TbQemuLink *link);
/* NULL: the machine is off, or QEMU does not listen yet; then tb_qemu_link_wait(). */
TbTransport *tb_qemu_link_connect(TbQemuLink *link, TbIo *io);
bool tb_qemu_link_there(const TbQemuLink *link); /* the socket exists: QEMU runs, or has just ended */
/* Until something changed since the last tb_qemu_link_connect(), or the worker is woken. */
void tb_qemu_link_wait(TbQemuLink *link, TbIo *io);
/* Why the machine is off; the caller frees. */
char *tb_qemu_off_reason(TbInstance *self);

/* --- the lanes: their state, their functions (machine.c, console.c, screen.c) --- */
struct TbQemuQmp;
typedef struct TbQemuMachine {
        TbInstance base;
        TbChild *child;        /* owned; NULL: off */
        struct TbQemuQmp *qmp; /* owned; NULL: off */
        GString *tail;         /* owned; the last of its stderr */
        bool tried_autostart, autostarted;
        bool expected; /* the end of the process was asked for, or the guest powered itself off */
        bool faulty;   /* up->fault() was told */
} TbQemuMachine;
extern const TbPowerOps tb_qemu_power;
bool tb_qemu_machine_open(TbInstance *self, TbIo *io, GError **error);
void tb_qemu_machine_close(TbInstance *self);
bool tb_qemu_machine_pump(TbInstance *self, TbIo *io, GError **error);

typedef struct TbQemuConsole {
        TbInstance base;
        TbQemuLink link;
        TbTransport *serial; /* owned; NULL: the machine is off */
} TbQemuConsole;
extern const TbConsoleOps tb_qemu_console;
bool tb_qemu_console_open(TbInstance *self, TbIo *io, GError **error);
void tb_qemu_console_close(TbInstance *self);
bool tb_qemu_console_pump(TbInstance *self, TbIo *io, GError **error);

typedef struct TbQemuScreen {
        TbInstance base;
        TbQemuLink link;
        TbRfb *rfb;     /* owned; NULL: the machine is off */
        int max_fps;    /* 0: nobody watches */
        bool no_layout; /* the one that was asked for is not there */
} TbQemuScreen;
extern const TbVideoOps tb_qemu_video;
extern const TbInputOps tb_qemu_input;
bool tb_qemu_screen_open(TbInstance *self, TbIo *io, GError **error);
void tb_qemu_screen_close(TbInstance *self);
bool tb_qemu_screen_pump(TbInstance *self, TbIo *io, GError **error);

/* The command line (argv.c). Pure. The caller frees with g_strfreev(). */
char **tb_qemu_argv(const TbUri *uri, json_t *params, const char *run_dir);
