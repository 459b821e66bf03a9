#pragma once
/*
 * The driver contract. A driver is one folder: <name>.c (this contract), <name>_proto.[ch] (pure: build
 * requests, parse replies), README.md, test_*.c, fixtures/. The build finds it by its folder; it exports
 * `const TbDriver tb_driver_<name>`. It sees lib/, this header, drivers/transport/ and its own C library:
 * never host/, never another driver. It never knows who asked and never touches another thread.
 *
 * A driver serves *kinds* through *lanes*. A lane is one worker thread with one connection: its state, its
 * open/close/pump, and the ops of the kinds it serves; a kind is offered when its ops pointer is set. qemu
 * has four lanes (machine: power; console; screen: video + input), a serial port has one. Core calls
 * everything of one lane on its worker, one call at a time (but see `parallel`); every wait goes through the
 * TbIo it passes.
 *
 * - open -> pump, ops, pump, … -> close
 * - open fails: tried again with a growing pause; state ABSENT for TB_ERROR_GONE, FAULT otherwise
 * - pump returns false: close -> open again; the device was lost, the error is the reason that users see
 */
#include <glib.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>

#include "drivers/transport/io.h"
#include "drivers/transport/lan.h"
#include "lib/error.h"
#include "lib/frame.h"
#include "lib/param.h"
#include "lib/pipe.h"
#include "lib/sound.h"
#include "lib/uri.h"

typedef enum TbKind {
        TB_KIND_POWER,
        TB_KIND_CONSOLE,
        TB_KIND_VIDEO,
        TB_KIND_AUDIO,
        TB_KIND_INPUT,
        TB_KIND_SENSORS,
        TB_KIND_GPIO,
        TB_KIND_SHELL,
        TB_KIND_FILES,
        TB_KIND_APPS,
        TB_KIND_LOGS,
        TB_KIND_INSTRUMENT,
        TB_KIND_MOUNT,
        TB_KINDS
} TbKind;

/* "power", "console", …: also the default interface name. */
const char *tb_kind_name(TbKind kind);

typedef struct TbDriver TbDriver;
typedef struct TbLane TbLane;
typedef struct TbInstance TbInstance;

/* What is asked of an outlet: what core knows of it; what it reads; to be off, to be on. */
typedef enum TbOutletAsk { TB_OUTLET_LOOK, TB_OUTLET_READ, TB_OUTLET_OFF, TB_OUTLET_ON } TbOutletAsk;

/* events: what a lane may tell, from its worker only. Implemented by core; copies what it is given. */
typedef enum TbPowerObserved { TB_POWER_UNKNOWN, TB_POWER_OFF, TB_POWER_ON } TbPowerObserved;

typedef struct TbPowerState {
        TbPowerObserved observed;  /* read back from the hardware, never what was commanded */
        double watts, volts, amps; /* NAN: not measured */
        double energy_wh;          /* counter; NAN: not measured */
        bool autostarted;          /* switched on by the driver, because its parameters ask for that */
} TbPowerState;

typedef struct TbSample {
        const char *stream;   /* "load.1m", "battery.level": stable; TB_NAME_STREAM of lib/name.h */
        const char *quantity; /* "temperature", "power", "voltage", "ratio", … */
        const char *unit;     /* UCUM-like: "Cel", "W", "V", "%", "By", "1" */
        double value;
        gint64 t_ms; /* epoch; 0: now */
} TbSample;

typedef struct TbUp {
        void (*bytes)(TbInstance *self, const void *data, gsize size); /* console output */
        /* one log line, without its end; t_ms 0: now */
        void (*line)(TbInstance *self, const char *line, gint64 t_ms);
        void (*sample)(TbInstance *self, const TbSample *sample);
        void (*power)(TbInstance *self, const TbPowerState *state); /* seen without being asked */
        void (*frame)(TbInstance *self, TbFrame *frame_take);       /* straight to the media hub */
        void (*no_signal)(TbInstance *self, const char *reason); /* the source works, there is no picture */
        void (*sound)(TbInstance *self, TbSound *sound_take);    /* straight to the media hub */
        void (*no_sound)(TbInstance *self, const char *reason); /* the source works, and gives none (muted) */
        /* on the bus: "modem", "screen-off", …; data may be NULL */
        void (*event)(TbInstance *self, const char *type, json_t *data_take);
        void (*fault)(TbInstance *self, const char *reason); /* still open, but broken; NULL: well again */
        /* What it is, for people: {"model": "Pixel 8", "android": "14"}, a few texts; instead of what was told before. */
        void (*facts)(TbInstance *self, json_t *facts_take);
        /* The device has copied this: UTF-8, line ends are \n, TB_LIMIT_CLIPBOARD bytes at most. Not what copy() gave it. */
        void (*clipboard)(TbInstance *self, const char *text);
        /* Asks an outlet of another device, named "psu-a/power": core does it as a command of its own (lease, audit and deadline of
         * that device hold) and answers what was observed. Waits in `io`; ended early (TIMEOUT, INTERRUPTED), what was begun there ends by
         * itself. NOT_FOUND: there is none of that name; GONE: it is not reached; others as power.set. A driver
         * that calls it names the parameter: TbDriver.members. */
        bool (*outlet)(TbInstance *self, TbIo *io, const char *member, TbOutletAsk ask, TbPowerState *ret,
                       GError **error);
} TbUp;

/* --- a lane's state begins with this --- */
struct TbInstance {
        const TbDriver *driver;
        const TbLane *lane;
        const TbUp *up;
        const TbUri *uri;   /* borrowed, immutable */
        json_t *params;     /* borrowed, immutable: validated by driver->params, defaults filled in */
        const char *device; /* borrowed: device id, for texts */
        /* borrowed: a private folder of this attachment (sockets, pid files); the same for all its lanes;
         * exists */
        const char *run_dir;
        gpointer host; /* core's */
};

/* --- ops per kind. All: worker thread; false with an error; results are only written on success. --- */
typedef struct TbPowerOps {
        /* core reads back by get afterwards */
        bool (*set)(TbInstance *self, TbIo *io, bool on, GError **error);
        bool (*get)(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error);
        /* NULL: core does off, wait, on */
        bool (*cycle)(TbInstance *self, TbIo *io, int off_ms, GError **error);
} TbPowerOps;

typedef enum TbParity {
        TB_PARITY_NONE,
        TB_PARITY_ODD,
        TB_PARITY_EVEN,
        TB_PARITY_MARK,
        TB_PARITY_SPACE
} TbParity;
typedef enum TbFlow { TB_FLOW_NONE, TB_FLOW_RTSCTS, TB_FLOW_XONXOFF } TbFlow;
typedef struct TbSerialSettings {
        int baud, data_bits, stop_bits;
        TbParity parity;
        TbFlow flow;
        int dtr, rts;          /* 0, 1; -1: leave / unknown */
        int cts, dsr, dcd, ri; /* read only; -1: unknown */
} TbSerialSettings;

typedef struct TbConsoleOps {
        /* io->taken counts along; at the io's deadline it fails with TIMEOUT, and core writes the rest in another turn */
        bool (*write)(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error);
        /* both NULL: no line settings */
        bool (*get)(TbInstance *self, TbIo *io, TbSerialSettings *ret, GError **error);
        bool (*set)(TbInstance *self, TbIo *io, const TbSerialSettings *settings, GError **error);
        /* What the line is set to, or will be when it comes (dtr, rts -1: as the kernel has it), and the same for later: the line
         * is not there, the lane not open. Both NULL: no wishes are kept. */
        void (*wanted)(TbInstance *self, TbSerialSettings *ret);
        bool (*want)(TbInstance *self, TbIo *io, const TbSerialSettings *settings, GError **error);
        bool (*send_break)(TbInstance *self, TbIo *io, int ms, GError **error); /* NULL: no break */
        /* NULL: it is no terminal. 1..TB_LIMIT_TERMINAL_SIDE each; its program is told (SIGWINCH) */
        bool (*resize)(TbInstance *self, TbIo *io, int columns, int rows, GError **error);
        /* It holds a tty that a program of the host (esptool, picocom) may be lent: core closes the lane for a while and opens it again. */
        bool releases;
} TbConsoleOps;

typedef struct TbVideoOps {
        /* Frames flow from start to stop, by up->frame() from pump. max_fps is a wish; sources that know what
         * changed send nothing while nothing changes, but always one frame soon after start. */
        bool (*start)(TbInstance *self, TbIo *io, int max_fps, GError **error);
        void (*stop)(TbInstance *self, TbIo *io);
} TbVideoOps;

typedef struct TbAudioOps {
        /* Sound flows from start to stop, by up->sound() from pump: one block behind the other without a gap, silence as zeros, 5 to
         * TB_LIMIT_SOUND_BLOCK_MS ms each (10 is good), with the time at which its first sample was taken as the driver knows it best (the
         * host smooths it). One format from start to stop. */
        bool (*start)(TbInstance *self, TbIo *io, GError **error);
        void (*stop)(TbInstance *self, TbIo *io);
} TbAudioOps;

typedef enum TbInputType {
        TB_INPUT_KEY,
        TB_INPUT_TEXT,
        TB_INPUT_POINTER,
        TB_INPUT_TAP,
        TB_INPUT_SWIPE,
        TB_INPUT_SCROLL
} TbInputType;
typedef enum TbKeyAction { TB_KEY_PRESS /* down and up */, TB_KEY_DOWN, TB_KEY_UP } TbKeyAction;
typedef struct TbInput {
        TbInputType type;
        /* KEY: KeyboardEvent.key ("Enter", "a", "ArrowUp", "Control") or, for keys that the names of browsers do not tell
         * apart, X's name of the keysym ("KP_5", "Shift_R", "dead_acute"); NULL: `code` says it. TEXT: UTF-8, line ends
         * are \n */
        const char *text;
        const char *
                code; /* KEY: KeyboardEvent.code, the key at that place whatever is printed on it; NULL: by `text` */
        TbKeyAction action;
        /* KEY of one character: Control, Alt and Meta that are down have no part in it. TEXT is always so. */
        bool exact;
        double x, y;   /* pixels of the video; POINTER, TAP, SCROLL; SWIPE: start */
        double x2, y2; /* SWIPE: end; SCROLL: dx, dy in whole wheel clicks, +y = down */
        int buttons;   /* POINTER: mask 1 left, 2 right, 4 middle, 8 back, 16 forward (MouseEvent.buttons) */
        int ms;        /* SWIPE: duration */
} TbInput;

/*
 * Who holds what is core's (host/core/input): a key comes up when its last holder lets go. A character arrives as that
 * character, whatever modifiers and locks are on at the device; they are as before afterwards.
 */
typedef struct TbInputOps {
        /* In order. False: *ret_done events were done, and the next one was not, because this way in cannot make it
         * (INVALID, UNPROCESSABLE, UNSUPPORTED: the error names it; core goes on behind it) or because the device
         * failed. A TEXT is typed wholly or, when a character of it cannot be made, not at all. Up for a key that is not
         * down is no error. */
        bool (*send)(TbInstance *self, TbIo *io, const TbInput *events, guint n, guint *ret_done,
                     GError **error);
        /* Into the device's clipboard: text as in up->clipboard(). NULL: it has none that we reach */
        bool (*copy)(TbInstance *self, TbIo *io, const char *text, GError **error);
} TbInputOps;

typedef struct TbSensorOps {
        int interval_ms; /* how often core asks when the parameter "interval_ms" does not say */
        /* tells by up->sample(); NULL: pump tells */
        bool (*sample)(TbInstance *self, TbIo *io, GError **error);
} TbSensorOps;

/* `sensors` of a lane with audio: the host measures what it hears, and tells audio.rms and audio.peak (dBFS) while somebody
 * listens. A lane that samples something itself tells these streams beside its own. */
extern const TbSensorOps tb_audio_levels;

typedef struct TbGpioOps {
        /* Every line, in order, into an array: {"line", "direction": "in" or "out", "on", "pin"?}. `on` is active, whatever the level. A
         * change of an input is told by up->event("gpio.edge", {line, on}), at most TB_LIMIT_EDGES_PER_S, and as a sample of that name. */
        bool (*list)(TbInstance *self, TbIo *io, json_t *into, GError **error);
        /* INVALID with the field "line": there is none of that name, or it is an input */
        bool (*set)(TbInstance *self, TbIo *io, const char *line, bool on, GError **error);
} TbGpioOps;

typedef struct TbShellRequest {
        const char *command;     /* for the device's own shell; or */
        const char *const *argv; /* exact arguments: the driver quotes them exactly */
        const void *input;
        gsize input_size;
} TbShellRequest;
typedef struct TbShellResult {
        int exit_code;
        /* made by core; bounded by TB_LIMIT_SHELL_OUTPUT, the driver stops with TB_ERROR_TOO_LARGE */
        GByteArray *out, *err;
} TbShellResult;
typedef struct TbShellOps {
        bool (*run)(TbInstance *self, TbIo *io, const TbShellRequest *request, TbShellResult *ret,
                    GError **error);
} TbShellOps;

typedef struct TbFileInfo {
        bool directory;
        gint64 size;  /* -1: unknown */
        guint32 mode; /* permission bits */
        gint64 mtime_ms;
} TbFileInfo;
typedef struct TbFilesOps {
        bool (*stat)(TbInstance *self, TbIo *io, const char *path, TbFileInfo *ret, GError **error);
        /* into an array, {name,directory,size,mode,mtime} each */
        bool (*list)(TbInstance *self, TbIo *io, const char *path, json_t *into, GError **error);
        /* core finishes the pipe */
        bool (*read)(TbInstance *self, TbIo *io, const char *path, TbPipe *to, GError **error);
        bool (*write)(TbInstance *self, TbIo *io, const char *path, guint32 mode, TbPipe *from,
                      GError **error);
        /* `recursive`: a folder with all that is in it; else only an empty one */
        bool (*remove)(TbInstance *self, TbIo *io, const char *path, bool recursive, GError **error);
        /* never over what is there: TB_ERROR_BUSY with the field "to" */
        bool (*rename)(TbInstance *self, TbIo *io, const char *path, const char *to, GError **error);
} TbFilesOps;

typedef struct TbAppsOps {
        /* into an array, {package, …} each */
        bool (*list)(TbInstance *self, TbIo *io, json_t *into, GError **error);
        bool (*install)(TbInstance *self, TbIo *io, TbPipe *from, gint64 size, char **ret_package,
                        GError **error);
        bool (*remove)(TbInstance *self, TbIo *io, const char *package, GError **error);
        bool (*start)(TbInstance *self, TbIo *io, const char *package, GError **error);
        bool (*stop)(TbInstance *self, TbIo *io, const char *package, GError **error);
} TbAppsOps;

/* Log lines come by up->line() from pump for as long as the lane is open; core keeps the history. */
typedef struct TbLogsOps {
        const char *format; /* "threadtime": named in GET /host/drivers */
} TbLogsOps;

typedef struct TbInstrumentOps {
        bool (*query)(TbInstance *self, TbIo *io, const char *query, char **ret_reply, GError **error);
} TbInstrumentOps;

/* A telescope, or any other mount with a camera. Each begins something and answers when the device has taken it; how far it
 * is, is told by `event` ("mount.state", which is what `get` answers) and by get. */
typedef enum TbMountAction {
        TB_MOUNT_GOTO,
        TB_MOUNT_MOVE,
        TB_MOUNT_STOP,
        TB_MOUNT_PARK,
        TB_MOUNT_TRACK,
        TB_MOUNT_SYNC,
        TB_MOUNT_FOCUS,
        TB_MOUNT_EXPOSURE,
        TB_MOUNT_GAIN,
        TB_MOUNT_VIEW,
        TB_MOUNT_STACK,
        TB_MOUNT_ENHANCE,
        TB_MOUNT_ASK,
        TB_MOUNT_ACTIONS
} TbMountAction;
typedef struct TbMountOps {
        /* What is known of it, as docs/CONTROL.md says of `mount.get`; new reference. */
        json_t *(*get)(TbInstance *self, TbIo *io, GError **error);
        /* `params`: borrowed, as the tables of host/core/ops/mount.c have validated them. UNSUPPORTED: it has no such thing.
         * *ret: of ASK, what the device answers; of the others NULL, and core gets afterwards. */
        bool (*act)(TbInstance *self, TbIo *io, TbMountAction action, json_t *params, json_t **ret,
                    GError **error);
} TbMountOps;

/* --- lane, driver --- */
struct TbLane {
        const char *name; /* NULL ends the table; "console", "screen": thread and log name */
        /* of the state struct that begins with TbInstance; zeroed by core, survives close and re-open */
        gsize size;
        /* 0 or 1: one call at a time. N: up to N ops at once, each with its own TbIo, no pump; ops then only
         * read the state that open made. */
        guint parallel;
        /* Longest pause between two attempts to open it, where looking costs little; 0: TB_LIMIT_OPEN_RETRY_MS. */
        int retry_ms;
        bool (*open)(TbInstance *self, TbIo *io, GError **error); /* NULL: nothing to open */
        void (*close)(TbInstance *self);                          /* after a failed open too; NULL: nothing */
        /* blocks until TB_WAIT_WAKE/STOP or some work is done; NULL: nothing to watch */
        bool (*pump)(TbInstance *self, TbIo *io, GError **error);
        void (*finalize)(TbInstance *self); /* once, before core frees the state; NULL: nothing */
        const TbPowerOps *power;
        const TbConsoleOps *console;
        const TbVideoOps *video;
        const TbAudioOps *audio;
        const TbInputOps *input;
        const TbSensorOps *sensors;
        const TbGpioOps *gpio;
        const TbShellOps *shell;
        const TbFilesOps *files;
        const TbAppsOps *apps;
        const TbLogsOps *logs;
        const TbInstrumentOps *instrument;
        const TbMountOps *mount;
};

/* Hardware that is there and not attached. One worker per driver, whether or not a device uses it. */
typedef struct TbDiscovery TbDiscovery;
struct TbDiscovery { /* a driver's discovery state begins with this */
        /* again = update */
        void (*found)(TbDiscovery *self, const char *uri, const char *label, const char *why,
                      json_t *properties_take);
        void (*lost)(TbDiscovery *self, const char *uri);
        /* on the bus: "usb.added", … */
        void (*event)(TbDiscovery *self, const char *type, json_t *data_take);
        void (*fault)(TbDiscovery *self, const char *reason); /* it goes on, but not well; NULL: well again */
        guint network; /* TbDiscoveryNetwork: what the configuration allows */
        gpointer host;
};
/* What a discovery may say into the local network. Who only listens to this machine asks nobody. */
typedef enum TbDiscoveryNetwork {
        TB_DISCOVERY_MDNS = 1,
        TB_DISCOVERY_BROADCAST = 2,
} TbDiscoveryNetwork;
typedef struct TbDiscoveryOps {
        gsize size;
        bool (*open)(TbDiscovery *self, TbIo *io, GError **error);
        bool (*pump)(TbDiscovery *self, TbIo *io, GError **error);
        void (*close)(TbDiscovery *self);
        /* A bus of the host that this driver owns (only "usb": GET /host/usb …); all NULL for others. Same
         * worker as pump. */
        const char *bus;
        json_t *(*bus_tree)(TbDiscovery *self, TbIo *io, GError **error);
        /* answers what was read back */
        bool (*bus_power)(TbDiscovery *self, TbIo *io, const char *port, bool on, json_t **ret_state,
                          GError **error);
        bool (*bus_reset)(TbDiscovery *self, TbIo *io, const char *port, GError **error);
} TbDiscoveryOps;

struct TbDriver {
        const char *name;           /* = folder name = URI scheme */
        const char *summary;        /* one sentence for GET /host/drivers */
        const char *example;        /* an attach URI */
        const char *const *schemes; /* further schemes; NULL: none */
        const TbParam *params;      /* of the URI's query or of the object form; NULL: none */
        /* More than the table can say (host missing, path not absolute). Main thread, pure. NULL: nothing. */
        bool (*check)(const TbUri *uri, json_t *params, GError **error);
        /* Which lanes this URI offers (bit i = lanes[i]); NULL: all. Main thread, pure. */
        guint (*lanes_of)(const TbUri *uri, json_t *params);
        const TbLane *lanes;
        const TbDiscoveryOps *discovery; /* NULL: none */
        const TbLanService *services;    /* what announces itself by mDNS as its hardware; NULL: none */
        const TbLanProbe *probes;        /* what answers a broadcast; NULL: none */
        /* Its parameters name programs or their arguments: whoever may attach it can run what they like here. */
        bool starts_programs;
        /* Its parameter that lists outlets of other devices, with commas, which it switches by up->outlet(); NULL: none. Nothing is in
         * itself: core sees to it. */
        const char *members;
        /* What it tells as events comes at the rate of somebody outside: they have a share of the replay, and no more. */
        bool strangers;
};

/* Every driver folder, sorted by name; generated. NULL-terminated. */
extern const TbDriver *const tb_drivers[];
const TbDriver *tb_driver_find(const char *scheme);
const void *tb_lane_ops(const TbLane *lane, TbKind kind); /* NULL: not offered */
