#pragma once
/*
 * tool.h - the phone's own commands (getprop, input, pm, ...)
 *
 * /system/bin/<tool> is a link to this program. Started under such a name it is a small client (client.c): it
 * sends its arguments to the main process over the tool socket and prints what comes back. The main process
 * (tool.c) looks the name up in sim_tools and runs the function on the phone's state.
 *
 * Wire, one request per connection: u32 LE length, then the folder and the arguments, each ended by NUL.
 * Answers: u8 kind, u32 LE length, bytes; kinds below; EXIT carries one byte and is the last.
 */
#include <glib.h>
#include <stdbool.h>

#include "tests/sim/android/phone.h"

#define SIM_TOOL_ENV "TESTBED_SIM_SOCKET" /* name of the abstract socket */
#define SIM_REQUEST_MAX (256u << 10)
#define SIM_LATER (-1) /* the tool answers by sim_call_exit() */

enum { SIM_OUT = 1, SIM_ERR, SIM_EXIT };

typedef struct SimCall {
        SimPhone *phone; /* borrowed */
        char **argv;     /* owned by the connection */
        int argc;
        const char *cwd;                      /* owned by the connection */
        GString *out, *err;                   /* what the tool has said so far; sent when it returns */
        void *data;                           /* the tool's own */
        void (*cancel)(struct SimCall *call); /* set by a tool that answers later: free data, stop */
} SimCall;

typedef struct {
        const char *name;
        int (*run)(SimCall *call);            /* exit code or SIM_LATER */
        int (*client)(int argc, char **argv); /* instead of asking: runs in the client process */
} SimTool;

extern const SimTool sim_tools[];
extern const guint sim_n_tools;
const SimTool *sim_tool_find(const char *name);

/* For tools that answer later. */
void sim_call_flush(SimCall *call);
void sim_call_exit(SimCall *call, int code);

/* The socket in the main process. */
typedef struct SimToolServer SimToolServer;
SimToolServer *sim_tool_server_new(SimPhone *phone); /* sets SIM_TOOL_ENV */
void sim_tool_server_free(SimToolServer *server);

/* client.c: run argv as a client; returns the exit code. */
int sim_client_main(int argc, char **argv);
/* Ask the main process; what it prints goes to *out and stderr. Returns the exit code, -1 when it cannot be
 * reached. */
int sim_client_ask(int argc, char **argv, GByteArray *out);
int sim_client_screencap(int argc, char **argv);
bool sim_write_all(int fd, const void *data, size_t len);
int sim_client_pm(int argc, char **argv); /* install.c */
int sim_client_cmd(int argc, char **argv);

/* apk.c: the package name inside an APK, owned, and which split of it it is (NULL: its base); NULL with a reason in err. */
char *sim_apk_package(const char *path, char **ret_split, GString *err);

/* tools_*.c */
int sim_tool_getprop(SimCall *call);
int sim_tool_setprop(SimCall *call);
int sim_tool_settings(SimCall *call);
int sim_tool_wm(SimCall *call);
int sim_tool_dumpsys(SimCall *call);
int sim_tool_input(SimCall *call);
int sim_tool_pm(SimCall *call);
int sim_tool_am(SimCall *call);
int sim_tool_monkey(SimCall *call);
int sim_tool_cmd(SimCall *call);
int sim_tool_logcat(SimCall *call);
int sim_tool_log(SimCall *call);
int sim_tool_picture(SimCall *call);
int sim_tool_reboot(SimCall *call);
int sim_tool_svc(SimCall *call);
int sim_tool_ui(SimCall *call);
int sim_tool_refused(SimCall *call);
