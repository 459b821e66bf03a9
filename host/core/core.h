#pragma once
/*
 * The core of a host: owns all state (devices, interfaces, leases, history, resources), on the main thread.
 * Views (api, vnc, bridge) and media use this header; commands enter at tb_core_command() and nowhere else.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "drivers/driver.h"
#include "host/core/actor.h"
#include "host/core/config.h"
#include "host/core/console/history_reader.h"
#include "host/core/state/bus.h"
#include "lib/metrics.h"
#include "lib/places.h"

typedef struct TbCore TbCore;
typedef struct TbDevice TbDevice;
typedef struct TbInterface TbInterface;

typedef enum TbState {
        TB_STATE_OPENING, /* being reached for the first time */
        TB_STATE_READY,
        TB_STATE_ABSENT, /* not there: unplugged, powered off, unreachable; tried again */
        TB_STATE_FAULT,  /* there, but broken: reason says how */
        TB_STATE_CLOSING,
} TbState;
const char *tb_state_name(TbState state);

/* --- life --- */
/* `config` is borrowed and must stay. Opens nothing yet. */
TbCore *tb_core_new(const TbHostConfig *config, TbMetrics *metrics, GError **error);
void tb_core_start(TbCore *core); /* attaches the config's and the stored devices, starts discovery */
/* The configuration was read again: its devices become these ({id: spec}, checked; borrowed). What did not change is not touched; what
 * cannot be done is logged, and stays as it was. */
void tb_core_reconfigure(TbCore *core, json_t *devices);
void tb_core_stop(
        TbCore *core); /* interrupts and joins every worker; commands in flight fail with UNAVAILABLE */
void tb_core_free(TbCore *core);
TbBus *tb_core_bus(TbCore *core);
const TbHostConfig *tb_core_config(TbCore *core);

/* --- devices and interfaces (borrowed; valid until device.removed) --- */
TbDevice *tb_core_device(TbCore *core, const char *id, GError **error);
TbInterface *tb_core_interface(TbCore *core, const char *device, const char *name, GError **error);
/* The device's first interface of that kind; NULL when it has none. */
TbInterface *tb_device_interface_of(TbDevice *device, TbKind kind);
const char *tb_device_id(const TbDevice *device);
const char *tb_device_label(const TbDevice *device);
void tb_core_each_device(TbCore *core, void (*call)(TbDevice *device, gpointer user),
                         gpointer user); /* sorted by id */
void tb_device_each_interface(TbDevice *device, void (*call)(TbInterface *iface, gpointer user),
                              gpointer user);
const char *tb_interface_name(const TbInterface *iface);
TbKind tb_interface_kind(const TbInterface *iface);
TbDevice *tb_interface_device(const TbInterface *iface);
const char *tb_interface_id(const TbInterface *iface);     /* "board/video": stable key and log text */
const char *tb_interface_driver(const TbInterface *iface); /* static: name of what it is attached by */
const json_t *tb_interface_param(const TbInterface *iface,
                                 const char *name); /* of its attachment; borrowed */
TbState tb_interface_state(
        const TbInterface *iface,
        const char **ret_reason); /* reason: NULL when there is none; borrowed until the loop turns */
const void *tb_interface_ops(
        const TbInterface *iface); /* const TbPowerOps * …: only to see which ops are NULL, never to call */

json_t *tb_core_devices_json(TbCore *core); /* GET /host/devices; new reference */
const char *tb_core_devices_text(
        TbCore *core, gsize *ret_size);   /* the same as text, cached until something changes; borrowed */
json_t *tb_device_json(TbDevice *device); /* new reference */
json_t *tb_core_resources_json(TbCore *core);
json_t *tb_core_drivers_json(void);
/* {"adb":"running"|"stopped"…}: what drivers and core know of the services they use, for /host/health */
json_t *tb_core_services_json(TbCore *core);
/* What is not well with the host itself and with its devices, in words: array of strings; new reference. `names`: false
 * for who may not see the devices: how many, and not which. */
json_t *tb_core_problems_json(TbCore *core, bool names);

/* --- phones (host/phone): what their pairings need after a restart, in phones.json of the state folder --- */
json_t *tb_core_phones(TbCore *core);                        /* object by name; borrowed */
void tb_core_keep_phones(TbCore *core, json_t *phones_take); /* takes its place, and is written */

/* --- commands --- */
typedef struct TbCommand TbCommand;
/* Exactly once, on the main thread, never from inside tb_core_command(). Result is borrowed (NULL on error,
 * json null when there is nothing to say). */
typedef void (*TbCommandDone)(json_t *result, const GError *error, gpointer user);
typedef struct TbPayload {
        GBytes *bytes; /* console.write: instead of text/base64; borrowed (a reference is taken) */
        TbPipe *pipe;  /* files.read (we write), files.write and apps.install (we read); a reference is taken;
                          failed with the error when the command fails */
        gint64 size;   /* of the pipe's content; -1: unknown */
} TbPayload;
/*
 * The one entrance. verb = "<interface>.<op>" ("power.set", "uart1.write", "lease.take", "device.get");
 * params: borrowed object, may be NULL; payload: may be NULL. Checks role, lease, kind, params, limits,
 * state; writes the audit trail; calls the driver on its worker. The returned handle is valid until `done`
 * ran. `done` NULL: nobody waits.
 */
TbCommand *tb_core_command(TbCore *core, const TbActor *actor, const char *device, const char *verb,
                           json_t *params, const TbPayload *payload, TbCommandDone done, gpointer user);
/* `there` (of the `user` of `done`) is asked before a caller is given what only he could give back: can he still be
 * answered? Not set: yes, until the command is cancelled. */
void tb_command_set_there(TbCommand *command, bool (*there)(gpointer user));
/* Nobody waits any more: `done` will not be called; a driver call in progress is interrupted. */
void tb_command_cancel(TbCommand *command);
/* The connection `who` (TbActor's) is over: what it holds down on keyboards and pointers comes up, behind what it sent. */
void tb_core_left(TbCore *core, const char *who);

/* The verbs, for routes, OpenAPI and help. */
typedef enum TbVerbHttp {
        TB_VERB_PLAIN,
        TB_VERB_SPECIAL /* the api room has its own handler for it */
} TbVerbHttp;
typedef enum TbVerbFlags {
        TB_VERB_CONTROL = 1 << 0,  /* changes the device: a lease of somebody else refuses it */
        TB_VERB_FINISHES = 1 << 2, /* goes on when its caller leaves: what was begun ends in a stated state */
        TB_VERB_JOINS =
                1 << 3, /* reads a state: same calls that are under way together are one call of the lane */
        TB_VERB_QUIET = 1 << 1, /* too frequent for the audit trail and the timeline (input, console.write) */
        TB_VERB_ANY_DEVICE = 1 << 4, /* the device need not be there: device.add, device.remove */
} TbVerbFlags;
typedef struct TbVerb {
        const char
                *noun; /* "device", "lease": a verb of the device itself; NULL: of its interfaces of `kind` */
        TbKind kind;
        const char *op; /* NULL ends the table */
        TbRole role;    /* least role */
        TbVerbFlags flags;
        int timeout_ms; /* until the driver's answer; params "timeout_s" may ask for another */
        const TbParam *params;
        const char *method; /* REST: "PUT" */
        const char *path;   /* below /host/devices/{id}/{interface}: "", "/cycle", "/{package}/start" (path
                               params join params); of a noun the whole of it: "/host/devices/{id}/lease" */
        TbVerbHttp http;
        const char *summary;
        const char *answers; /* as in TbRoute */
} TbVerb;
const TbVerb *tb_core_verbs(void); /* of devices and of all kinds, one table */
const TbVerb *tb_core_verb(TbKind kind, const char *op);
const TbVerb *tb_core_device_verb(const char *noun, const char *op);
const char *tb_verb_noun(const TbVerb *verb); /* "power", "lease": the first word of the verb */
bool tb_is_device_noun(const char *word);     /* no interface can be called so */

/* --- leases --- */
json_t *tb_device_lease_json(
        TbDevice *device); /* {"holder","note","expires_at"} or json null: never the secret; new reference */

const char *tb_core_lease_holder(const TbDevice *device); /* borrowed; NULL: nobody has it */
/* It ends when `holder` has it (else nothing happens); what he holds down comes up, what he has begun is stopped at its next step.
 * `reason`: of the event lease.ended; `why`: for him. */
void tb_core_end_lease_of(TbDevice *device, const char *holder, const char *reason, const char *why);
/* What `user` has begun there stops at its next step: he may not control it any more. */
void tb_core_stop_user(TbDevice *device, const char *user, const char *why);

/* --- people --- */
/* Who is with the device, as GET /host/devices/{id} says ("people"). Told by an event "people.changed" when it is not as before. */
/* Those from elsewhere, all of them; taken. */
void tb_core_set_people(TbDevice *device, json_t *people_take);
/* One who is with it at this host itself, or by a request that is carried to it, until tb_core_absent(), which frees it (NULL is fine;
 * the device may be gone before; NULL: nobody is there). */
typedef struct TbPresent TbPresent;
typedef struct TbPresence {
        const char *user, *peer; /* copied; peer: his address, nullable */
        TbRole role;
        const char *
                by; /* static: "webrtc", "vnc", "mjpeg", "port" (a console's), "console" (its WebSocket, told of who has
                         * nothing else open) */
        bool guest; /* by a link: `user` is who made it */
} TbPresence;
TbPresent *tb_core_present(TbDevice *device, const TbPresence *who);
void tb_core_absent(TbPresent *present);

/* --- console --- */
/* For who writes a stream to a console, at the end of a "<console>.write" of `size` bytes: how many of them the device has. True: it
 * is as it should be (error NULL), or the rest is kept and written again (the line is slow or held, the lane is full). False: the
 * rest is lost: the device is gone or off, or nobody knows. */
bool tb_console_goes_on(const json_t *result, const GError *error, gsize size, gsize *ret_taken);
TbHistory *tb_interface_history(TbInterface *iface); /* CONSOLE and LOGS; borrowed */
/* `grew` runs after bytes arrived; who follows has a TbHistoryReader and reads at his own pace.
 * `by` takes a place among the readers of this console (TB_LIMIT_CONSOLE_READERS); NULL: it is counted elsewhere. Returns an id > 0; 0: there is no place (TB_ERROR_LIMIT). */
guint tb_interface_watch(TbInterface *iface, const TbPlaceBy *by,
                         void (*grew)(TbInterface *iface, gpointer user), gpointer user, GError **error);
void tb_interface_unwatch(TbInterface *iface, guint id);
guint tb_interface_watchers(TbInterface *iface);

/* Rows of a table: what a device may have besides its name and its attachments: whether it may be away, and the TCP
 * ports that it asks for. */
#define TB_PARAM_DEVICE_MORE                                                                                 \
        {.name = "optional",                                                                                 \
         .type = TB_PARAM_BOOL,                                                                              \
         .help = "it may be away: that is no problem of the host's (GET /host/health)"},                     \
                {.name = "vnc",                                                                              \
                 .type = TB_PARAM_INT,                                                                       \
                 .min = 1,                                                                                   \
                 .max = 65535,                                                                               \
                 .help = "a VNC port of its own"},                                                           \
                {.name = "rfc2217",                                                                          \
                 .type = TB_PARAM_ANY,                                                                       \
                 .help = "a TCP port that speaks RFC 2217 for the first console, {listen, allow}, or "       \
                         "{console: port or {listen, allow}}"},                                              \
        {                                                                                                    \
                .name = "tcp", .type = TB_PARAM_ANY, .help = "the same for bare bytes"                       \
        }
/* A TCP port that a device asks for a console; `field`: "rfc2217", "tcp". */
typedef struct TbConsolePort {
        const char *field;
        char *address; /* NULL: not said, loopback */
        guint16 port;
        GArray *allow; /* TbNetRange: who may connect; NULL: not said */
        char *user;    /* who they are: the user whose lease is theirs; NULL: nobody's */
        char *banner;  /* said to whoever connects, and CR LF; NULL: nothing */
        int idle_s;    /* a connection on which nothing comes or goes for so long ends; 0: it stays */
        int clients;   /* at once; 0: what the host allows */
        bool keep;     /* what its last client of RFC 2217 set the line to stays */
} TbConsolePort;
/* The TCP port of its own at which VNC viewers see it; 0: none was asked for. */
guint16 tb_device_vnc_port(const TbDevice *device);
void tb_device_each_port(TbDevice *device, const char *field,
                         void (*call)(TbInterface *console, const TbConsolePort *port, gpointer user),
                         gpointer user);
/* The last client of RFC 2217 has left: the line is set again as before the first one changed it, or, `keep`, stays as it is. */
void tb_interface_line_return(TbInterface *console, bool keep);
/* What became of it, for GET of the console: {"listen","open","why"?}. */
void tb_interface_set_port(TbInterface *console, const char *field, json_t *state_take);

/* --- video --- */
/* The media hub is the one consumer of an interface's frames. `frame` (takes it) and `no_signal` run on the
 * worker's thread. */
typedef struct TbVideoSink {
        void (*frame)(TbFrame *frame_take, gpointer user);
        void (*no_signal)(const char *reason, gpointer user);
} TbVideoSink;
/* Starts the source, and starts it again after every loss until stop. After tb_interface_video_stop()
 * returned no call comes any more. */
void tb_interface_video_start(TbInterface *iface, int max_fps, const TbVideoSink *sink, gpointer user);
void tb_interface_video_stop(TbInterface *iface);

/* --- audio --- */
/* The sound hub is the one consumer of an interface's sound; as with video. */
typedef struct TbSoundSink {
        void (*sound)(TbSound *sound_take, gpointer user);
        void (*no_sound)(const char *reason, gpointer user);
} TbSoundSink;
void tb_interface_audio_start(TbInterface *iface, const TbSoundSink *sink, gpointer user);
void tb_interface_audio_stop(TbInterface *iface);
/* What the host itself measured of what this interface gives: told by the sensors of its attachment, or else by the first ones that the
 * device has. False: it has none. */
bool tb_interface_measured(TbInterface *iface, const TbSample *sample);
TbInterface *tb_interface_teller(TbInterface *iface); /* who tells it; NULL: nobody. Borrowed */

/* --- sensors --- */
/* A row of a table: which streams are wanted. */
#define TB_PARAM_STREAMS                                                                                     \
        {                                                                                                    \
                .name = "stream", .type = TB_PARAM_STRING, .max = 1024,                                      \
                .help = "only these streams: names with commas"                                              \
        }
/*
 * Who wants to know what sensors say that are only made while somebody does (host/analysis): streams over REST and sockets,
 * rules. By name, so that a want outlives a device that is attached anew.
 */
typedef struct TbWant TbWant;
/* `interface` NULL: every one of the device; `streams` NULL: all of them. Copied. */
TbWant *tb_core_want(TbCore *core, const char *device, const char *interface, const char *const *streams);
void tb_core_unwant(TbWant *want); /* accepts NULL */
/* Somebody wants it. `named`: and said so by the stream's name: what costs privacy (a microphone) does not start because a
 * page shows all there is. */
bool tb_core_wanted(TbCore *core, const char *device, const char *interface, const char *stream, bool named);
/* `changed` (NULL: nobody) is called after each change; one listener. */
void tb_core_listen_wants(TbCore *core, void (*changed)(gpointer user), gpointer user);
json_t *tb_interface_samples(TbInterface *iface); /* {stream:{t,seq,quantity,unit,value}}; new reference */

/* --- input --- */
/* The text that was copied last, by the device or into it; NULL: none yet. Borrowed. For those alone who may control the device
 * (tb_core_may_control()). Each new one is told by an event "input.clipboard". */
const char *tb_interface_clipboard(const TbInterface *iface);
/* A lease of somebody else does not keep this one away from the device; his role is looked at, too. */
bool tb_core_may_control(TbDevice *device, const TbActor *actor);

/* --- the host's buses (usb) --- */
typedef enum TbBusOp { TB_BUS_TREE, TB_BUS_POWER, TB_BUS_RESET } TbBusOp;
void tb_core_host_bus(TbCore *core, const TbActor *actor, const char *bus, TbBusOp op, const char *port,
                      bool on, TbCommandDone done, gpointer user);
