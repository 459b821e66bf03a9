#pragma once
/* The structs of host/core. Nobody outside this folder includes it. Main thread, all of it. */
#include "host/core/core.h"
#include "host/core/input/clip.h"
#include "host/core/input/holds.h"
#include "host/core/kept.h"
#include "host/core/lanes/worker.h"
#include "host/core/state/disk.h"
#include "host/core/state/samples.h"
#include "host/core/state/saver.h"
#include "host/core/state/sensor_log.h"
#include "lib/config.h"
#include "lib/job.h"
#include "lib/places.h"
#include "lib/secret.h"
#include "lib/statefile.h"
#include "lib/tally.h"

typedef struct TbLeaseState TbLeaseState; /* lease.c */
typedef struct TbAttachment TbAttachment; /* attach.c */
typedef struct TbDiscoverer TbDiscoverer; /* resources.c */

/* config_recording.c: the section, checked and whole; new reference */
json_t *tb_config_recording(TbConfigReader *reader, json_t *node);
/* config_uplink.c: the same; NULL: clips go nowhere */
json_t *tb_config_uplink(TbConfigReader *reader, json_t *node, const char *server_url,
                         const char *server_token, const char *server_ca);

typedef struct TbWatcher {
        guint id; /* 0: removed while a round of calls runs */
        void (*grew)(TbInterface *iface, gpointer user);
        gpointer user;
        TbPlace place;
} TbWatcher;

struct TbInterface {
        TbDevice *device; /* borrowed: the owner */
        char *name, *id;
        TbKind kind;
        TbAttachment *attachment; /* ref */
        guint lane;               /* index in the driver's lanes; the worker is attachment->workers[lane] */
        TbState state;
        char *reason; /* NULL: none */
        /* power */
        int commanded; /* -1: nothing yet; 0; 1 */
        TbPowerState power;
        gint64 power_at;  /* ms; 0: never read */
        char *power_left; /* the last command ended where it should not: how; NULL: well */
        /* console, logs */
        TbHistory *history;  /* owned */
        bool history_failed; /* the bus was told */
        bool history_behind; /* its lane is held for it */
        bool unopened;       /* its history is not open yet */
        GArray *watchers;    /* of TbWatcher */
        TbPlaces readers;
        guint next_watcher, watch_depth;
        /* sensors */
        TbSamples *samples; /* owned */
        /* input (host/core/input) */
        TbHolds *holds;        /* ref */
        GHashTable *lingering; /* who holds something by REST -> the timer that ends it */
        TbClip clip;           /* its clipboard */
        GPtrArray *joints;     /* borrowed TbJoint: calls under way that others may join (ops/join.c) */
        TbSerialSettings
                *line_before; /* owned: of its line, before a client of RFC 2217 changed it; NULL: none has */
        gint64 released_ms;   /* its tty is lent until then, by the wall clock; 0: it is not */
        char *released_by;    /* owned: who did; NULL: nobody */
        json_t *ports; /* owned: {"rfc2217": {"listen","open","why"?}, "tcp": …}; NULL: none was asked for */
};

struct TbDevice {
        TbCore *core; /* borrowed: the owner */
        char *id, *label;
        json_t *spec;           /* as given by config or REST; owned */
        bool stored;            /* made by REST: kept in devices.json, may be deleted */
        GPtrArray *interfaces;  /* owned TbInterface, in the order of the spec */
        GPtrArray *attachments; /* ref TbAttachment */
        TbLeaseState *lease;    /* owned */
        json_t *people;         /* owned: tb_core_set_people(); NULL: nobody */
        GQueue present; /* TbPresent, not owned: who watches at this host itself, the first who came first */
        guint64 changes; /* commands that may have changed it: each counts when it is queued and when it ended */
};

struct TbRoomCall; /* room_call.h */

struct TbCore {
        const TbHostConfig *config; /* borrowed */
        TbBus *bus;
        TbMetrics *metrics;    /* borrowed; may be NULL */
        TbJobs *jobs;          /* owned: what is computed for callers */
        gsize lines_held;      /* bytes of lines that are collected for callers; atomic */
        GTree *devices;        /* id -> owned TbDevice, sorted */
        GHashTable *commands;  /* set of running TbCommand: those that are not answered yet */
        GHashTable *at_work;   /* set of TbCommand that are with a worker, answered or not */
        GHashTable *resources; /* uri -> json_t */
        GPtrArray *discoverers;
        char *devices_text; /* cache of GET /host/devices; NULL: stale */
        gsize devices_size;
        guint64 changes; /* as those of a device, of all of them and of the buses */
        guint ending;    /* workers that were released and did not end yet */
        bool stopping;
        TbStateDir *state;       /* owned: the state folder, locked; NULL: only on trial (--check) */
        TbDisk *disk;            /* owned: who writes in it */
        TbSensorLog *sensor_log; /* owned; NULL: not started */
        TbSaver *save_devices, *save_leases, *save_cycles; /* owned */
        bool store_waits;                                  /* tb_store_change() asked to be called again */
        TbSaver *save_phones;                              /* owned */
        json_t *phones;                                    /* owned: what phones.json is to hold */
        struct {
                json_t *value; /* owned */
                TbSaver *saver;
        } kept[TB_KEPTS];        /* kept.h */
        json_t *unknown_devices; /* {id: spec}: stored, and not attached here: carried over; owned */
        json_t *unknown_leases;  /* {id: entry}; owned */
        char *state_problem;     /* a state file that was not understood at start: where it is kept; owned */
        const struct TbRecordingOps *recorder; /* static; NULL: none (recording.h) */
        void *recorder_data;                   /* borrowed */
        void (*finds)(struct TbRoomCall *call, TbInterface *iface, json_t *params, void *data); /* find.h */
        void *finds_data;                                                                       /* borrowed */
        TbTally *refusals;                                                                      /* owned */
        struct {
                GQueue all; /* TbWant, not owned: device/wants.c */
                void (*changed)(gpointer user);
                gpointer user;
        } wants;
        TbMetric *commands_total, *command_seconds, *command_errors;
};

/* attach.c: one URI of one device with its lanes. Shared by the interfaces that name the same URI. */
struct TbAttachment {
        guint ref;
        TbCore *core; /* borrowed */
        const TbDriver *driver;
        TbUri *uri;
        json_t *params;
        char *run_dir, *shown; /* shown: the redacted URI, for texts */
        char *spelled;         /* … with the parameters of an object: what would attach the same */
        TbSecrets *secrets;    /* owned: what no text about it may hold */
        json_t *facts;         /* owned: what a lane told of it (TbUp.facts); NULL: nothing */
        guint n_lanes, live;   /* live: workers that did not end yet */
        TbWorker **workers;    /* NULL: that lane is not used */
};
TbAttachment *tb_attachment_new(TbCore *core, const char *device, guint number, json_t *spec, GError **error);
TbAttachment *tb_attachment_ref(TbAttachment *attachment);
void tb_attachment_unref(TbAttachment *attachment);
bool tb_attachment_same(const TbAttachment *attachment, const TbAttachment *other);
guint tb_attachment_lanes(const TbAttachment *attachment); /* bit mask of the lanes that this URI offers */
void tb_attachment_start(TbAttachment *attachment,
                         TbDevice *device); /* a worker for every lane that an interface uses */
void tb_attachment_release(TbAttachment *attachment);

/* device.c */
TbDevice *tb_device_new(TbCore *core, const char *id, json_t *spec, GError **error);
void tb_device_start(TbDevice *device);
void tb_device_free(TbDevice *device); /* releases its workers; they end by themselves */
/* people.c */
json_t *tb_device_people_json(TbDevice *device); /* new reference; NULL: nobody */
void tb_device_people_free(TbDevice *device);    /* who is there stays, without it */
/* device_ports.c: `field` of the spec names consoles of the device and TCP ports. */
bool tb_device_check_ports(TbDevice *device, const char *field, GError **error);
/* Whether the ports that `fresh` asks for can be opened; those of `old` (nullable), whose place it takes, can. TB_ERROR_BUSY. */
bool tb_device_check_bind(TbDevice *fresh, TbDevice *old, GError **error);
/* outlets.c: `from` asks an outlet of another interface. */
void tb_outlets_ask(const TbInterface *from, TbOutletCall *call);
/* Before `fresh` is in `core`, in the place of `old` (nullable): nothing is in itself (INVALID), and none of its outlets is another
 * device's (BUSY, naming both). */
bool tb_device_check_outlets(TbCore *core, const TbDevice *fresh, const TbDevice *old, GError **error);
/* config_devices.c */
void tb_config_check_devices(TbHostConfig *config, TbConfigReader *reader);
/* device_usb.c: something of the device hangs at USB port `port` ("1-1.4") of this host or behind it. */
bool tb_device_hangs_at(TbDevice *device, const char *port);
TbInterface *tb_device_find(TbDevice *device, const char *name);

/* interface.c */
TbInterface *tb_interface_new(TbDevice *device, const char *name, TbKind kind, TbAttachment *attachment,
                              guint lane);
void tb_interface_free(TbInterface *iface);
void tb_interface_tell_state(TbInterface *iface); /* on the bus */
/* interface_history.c */
void tb_interface_open_history(TbInterface *iface);
void tb_interface_started(TbInterface *iface); /* its lane has a worker */
void tb_interface_grew(TbInterface *iface);    /* its history */
/* interface.c */
json_t *tb_interface_json(const TbInterface *iface);
json_t *tb_interface_power_json(const TbInterface *iface);
TbWorker *tb_interface_worker(const TbInterface *iface);
void tb_interfaces_kick(
        TbCore *core,
        const TbDriver *driver); /* hardware of this driver has appeared: who waits for it tries at once */
void tb_interface_saw_power(TbInterface *iface, const TbPowerState *state); /* publishes what changed */
void tb_interface_tell_power(TbInterface *iface); /* a command begins or has ended: a passing power.state */
void tb_interface_left_power(TbInterface *iface,
                             const char *reason); /* publishes power.left; NULL: well again */
void tb_interface_add_sample(TbInterface *iface, const TbSample *sample);
extern const TbWorkerOps tb_interface_worker_ops; /* owner: TbLaneOwner */
typedef struct TbLaneOwner {                      /* whom the events of one lane concern */
        TbDevice *device;                         /* borrowed */
        TbAttachment *attachment;
        guint lane;
} TbLaneOwner;

/* changes.c */
void tb_device_insert(TbCore *core, TbDevice *device, bool stored); /* among the others; takes it */
/* core.c */
void tb_core_changed(TbCore *core); /* the device list is stale */
/* What device.add, .patch and .remove (ops/device.c) do; who asks had its role and the lease checked. The ceiling for what comes
 * from the server is checked here, because it depends on what is attached. {id,label?,attach} as in the contract; on disk before it
 * is live: while that takes they fail and tb_store_waits() says so: they are called again, from the start. */
TbDevice *tb_core_add_device(TbCore *core, const TbActor *actor, json_t *spec, GError **error); /* borrowed */
bool tb_core_patch_device(TbCore *core, const TbActor *actor, const char *id, json_t *patch, GError **error);
bool tb_core_remove_device(TbCore *core, const TbActor *actor, const char *id, GError **error);

/* ops/revoke.c: commands that end without having asked for it */
/* The device changes hands: commands that control it end (TB_ERROR_LOCKED), those that wait and those that run, but for callers of
 * whom `keeps` says that they stay. `why`: "bob took its lease". */
void tb_commands_revoke(TbDevice *device, bool (*keeps)(const TbActor *actor, gpointer data), gpointer data,
                        const char *why);
/* Operation of a command that is changing, or waits to change, this interface ("cycle"); NULL: none. Borrowed, static. */
const char *tb_command_changing(const TbInterface *iface);
void tb_commands_of_removed(TbCore *core, TbDevice *device); /* fails what is in flight for it */

/* lease.c */
TbLeaseState *tb_lease_new(TbDevice *device);
void tb_lease_free(TbLeaseState *lease);
bool tb_lease_allows(TbDevice *device, const TbActor *actor, GError **error); /* TB_ERROR_LOCKED */
void tb_lease_used(TbDevice *device, const TbActor *actor); /* an API call by the holder is a heartbeat */
void tb_leases_load(TbCore *core);
void tb_leases_save(TbCore *core);
void tb_cycles_load(
        TbCore *core); /* ops/cycles.c: says which outlets a cycle may have left off; interfaces are there */
json_t *tb_cycles_json(TbCore *core); /* what cycles.json is to hold; new reference */
json_t *tb_leases_json(TbCore *core); /* what leases.json is to hold; new reference */
/* A device that is put in the place of another has its lease. */
void tb_lease_move(TbDevice *from, TbDevice *to);
bool tb_lease_is_held(const TbDevice *device);
bool tb_lease_is_holder(const TbDevice *device, const TbActor *actor);
bool tb_lease_is_shown(const TbDevice *device, const TbActor *actor); /* X-Lease is this lease */
/* Nobody holds it. `note`: nullable. {"holder","note","expires_at","lease"}, the one time that the secret is told; new reference */
json_t *tb_lease_take(TbDevice *device, const TbActor *actor, const char *note, gint64 ttl_ms);
void tb_lease_extend(TbDevice *device, gint64 ttl_ms); /* from now on; ttl_ms 0: for as long as before */
void tb_lease_end(TbDevice *device,
                  const char *by); /* `by`: who takes it over; NULL: the holder gives it back */
/* Who waits until nobody holds it. Exactly one of the three is called, once, unless it ceases to wait before. */
typedef struct TbLeaseWaiter {
        void (*free_now)(gpointer data); /* its turn: takes it at once, or leaves it to the next */
        void (*removed)(gpointer data);  /* the device has gone */
        /* who has it said no; `by`: who that is, borrowed */
        void (*refused)(gpointer data, const char *by);
        gpointer data;
        const char *user; /* borrowed while it waits */
        guint64 ask;      /* its number; set by tb_lease_wait() */
} TbLeaseWaiter;
/* Copies `waiter`; its number, 0: TB_ERROR_LIMIT, so many wait already, or so many of this user. */
guint64 tb_lease_wait(TbDevice *device, const TbLeaseWaiter *waiter, GError **error);
/* Who has the lease gives it to who waits by that number, before all others, or refuses it. TB_ERROR_NOT_FOUND: he does not wait any more. */
bool tb_lease_answer(TbDevice *device, guint64 ask, bool grant, const char *by, GError **error);
void tb_lease_unwait(TbDevice *device, gpointer data);

/* store.c: devices made by REST */
void tb_store_load(TbCore *core);
json_t *tb_store_json(TbCore *core); /* what devices.json is to hold; new reference */
/* On disk before it is live: `spec` NULL removes. False: nothing has changed; tb_store_waits() then tells whether it is being stored. */
bool tb_store_change(TbCore *core, const char *id, json_t *spec, GError **error);
/* The change that failed just now, for TB_ERROR_BUSY, is to be made again when core->save_devices has settled. */
bool tb_store_waits(const TbCore *core);

/* phones.c */
void tb_phones_load(TbCore *core);
void tb_phones_unload(TbCore *core);

/* kept.c */
void tb_kept_load(TbCore *core);
void tb_kept_unload(TbCore *core);
const char *tb_kept_problem(TbCore *core); /* borrowed; NULL: all is written */

/* resources.c */
void tb_resources_start(TbCore *core);
void tb_resources_stop(TbCore *core);
void tb_resources_free(TbCore *core);
json_t *tb_resources_services(TbCore *core);
void tb_resources_problems(TbCore *core, json_t *list); /* appends what discovery cannot do, in words */

/* problems.c: what /host/health says of the devices */
void tb_devices_problems(TbCore *core, json_t *list, bool names); /* appends a text for each; see core.h */
void tb_devices_services(TbCore *core, json_t *services); /* {driver: state of what its devices are behind} */

/* audit.c: who did what, on the bus, in the log and in audit.jsonl */
void tb_audit_open(TbCore *core);
void tb_audit_close(TbCore *core);
void tb_audit_failed(const char *why, gpointer core); /* for TbDisk */
void tb_audit(TbCore *core, const TbActor *actor, const char *device, const char *verb, json_t *params,
              const GError *error, gint64 ms);
