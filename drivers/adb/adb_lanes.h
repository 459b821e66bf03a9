#pragma once
/*
 * The lanes of an attached phone (drivers/driver.h). Every lane's state begins with TbAdbLane; only its own
 * worker touches it.
 *
 * - ops: shell, files, apps, sensors: a connection per call, several calls at once (adb_ops.c, adb_files.c, adb_apps.c)
 * - input: one shell that stays open and takes `input` commands (adb_type.c)
 * - screen: video by raw screencap (adb_screen.c)
 * - log: logs by logcat (adb_logs.c)
 * - terminal: console, a shell in a terminal (adb_console.c)
 */
#include "drivers/adb/adb_client.h"
#include "drivers/adb/adb_input.h"
#include "drivers/adb/adb_log_seen.h"
#include "drivers/driver.h"

typedef struct TbAdbLane {
        TbInstance instance; /* first */
        TbAdbTarget target;
        char *identity; /* owned: ro.serialno of the phone that answered first at a network address; NULL: none yet. Survives close */
} TbAdbLane;

bool tb_adb_lane_open(TbInstance *self, TbIo *io, GError **error); /* target set, phone reached */
void tb_adb_lane_finalize(TbInstance *self);

bool tb_adb_ops_open(TbInstance *self, TbIo *io, GError **error); /* and tells what phone it is */
extern const TbShellOps tb_adb_shell_ops;
extern const TbSensorOps tb_adb_sensor_ops;
extern const TbFilesOps tb_adb_files_ops;
extern const TbAppsOps tb_adb_apps_ops;
bool tb_adb_install(TbInstance *self, TbIo *io, TbPipe *from, gint64 size, char **ret_package,
                    GError **error);

typedef struct TbAdbInputLane {
        TbAdbLane lane;    /* first */
        TbTransport *link; /* owned; NULL: to be opened again */
        GByteArray *in;    /* owned: shell packets that are not parsed yet */
        guint sequence;
        TbAdbInput state;
} TbAdbInputLane;
extern const TbInputOps tb_adb_input_ops;
bool tb_adb_input_open(TbInstance *self, TbIo *io, GError **error);
void tb_adb_input_close(TbInstance *self);
bool tb_adb_input_pump(TbInstance *self, TbIo *io, GError **error);

typedef struct TbAdbScreenLane {
        TbAdbLane lane;     /* first */
        TbTransport *watch; /* owned: host:track-devices */
        TbFramePool *pool;  /* owned */
        TbFrame *last;      /* owned: what was pushed last; NULL: push the next one */
        bool running, dark;
        int max_fps;
        guint failures;
        gint64 changed_us, next_us;
} TbAdbScreenLane;
extern const TbVideoOps tb_adb_video_ops;
bool tb_adb_screen_open(TbInstance *self, TbIo *io, GError **error);
void tb_adb_screen_close(TbInstance *self);
bool tb_adb_screen_pump(TbInstance *self, TbIo *io, GError **error);
void tb_adb_screen_finalize(TbInstance *self);

typedef struct TbAdbLogLane {
        TbAdbLane lane;    /* first */
        TbTransport *link; /* owned */
        GByteArray *in;    /* owned: a line that has no end yet */
        TbAdbLogSeen seen; /* survives close */
} TbAdbLogLane;
extern const TbLogsOps tb_adb_logs_ops;
bool tb_adb_logs_open(TbInstance *self, TbIo *io, GError **error);
void tb_adb_logs_close(TbInstance *self);
bool tb_adb_logs_pump(TbInstance *self, TbIo *io, GError **error);

typedef struct TbAdbConsoleLane {
        TbAdbLane lane;    /* first */
        TbTransport *link; /* owned */
        GByteArray *in;    /* owned: packets that are not parsed yet */
        GByteArray *out;   /* owned: packets that are not sent yet */
        int columns, rows; /* survive close; 0: nobody has said */
} TbAdbConsoleLane;
extern const TbConsoleOps tb_adb_console_ops;
bool tb_adb_console_open(TbInstance *self, TbIo *io, GError **error);
void tb_adb_console_close(TbInstance *self);
bool tb_adb_console_pump(TbInstance *self, TbIo *io, GError **error);

/* adb_discovery.c */
extern const TbDiscoveryOps tb_adb_discovery_ops;
