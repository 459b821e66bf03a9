#pragma once
/*
 * The event bus: everything that happens on a host, in one order, with one clock. Views (REST, WebSocket,
 * bridge, page) subscribe; the last TB_LIMIT_BUS_REPLAY lasting events are kept for Last-Event-ID. Main
 * thread only.
 *
 * Types are matched whole, by everybody who filters. They are words with dots between (lib/name.h, TB_NAME_TYPE):
 * device.added device.removed device.changed · interface.state {state,reason} · power.state
 * {commanded,observed,…} · power.left (the same, reason: a command did not end as it should) ·
 * lease.taken lease.renewed(transient) lease.asked(transient) {by,note} lease.expiring lease.ended {holder,reason} ·
 * resource.added resource.removed · command {verb,user,via,ok,…} · history.stopped history.resumed ·
 * state.failed state.saved {file} · discovery.fault discovery.running {driver} ·
 * recording.mode recording.clip {clip,state,…} recording.stopped recording.resumed {reason} · viewer.joined viewer.left · media.state · server.connected server.lost · driver's own types · sample (transient) · line
 * (transient: log lines)
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbBus TbBus;
typedef struct TbEventTexts TbEventTexts;

typedef struct TbEvent {
        guint64 id; /* rises by one per lasting event; 0: transient, not kept */
        gint64 t;   /* ms since the epoch */
        const char *type;
        const char *device;    /* NULL: the host itself */
        const char *interface; /* NULL: the whole device */
        json_t *data;          /* object, borrowed */
        TbEventTexts *texts;   /* the bus's; NULL: it was not published */
} TbEvent;

typedef enum TbEventForm { TB_EVENT_MESSAGE, TB_EVENT_JSON } TbEventForm;

typedef void (*TbEventCall)(const TbEvent *event, gpointer user);
typedef void (*TbEventRead)(const TbEvent *event, gpointer user);

TbBus *tb_bus_new(void);
void tb_bus_free(TbBus *bus);
void tb_bus_publish(TbBus *bus, const char *type, const char *device, const char *interface,
                    json_t *data_take);
/* What strangers can cause at their rate: lasting, but each sort has a share of the replay and pushes nothing else out of it. */
typedef enum TbBusShare {
        TB_BUS_REFUSALS, /* commands that were refused or failed: TB_LIMIT_BUS_REFUSALS */
        TB_BUS_VIEWERS,  /* who comes to watch, and leaves: TB_LIMIT_BUS_VIEWERS */
        TB_BUS_PHONES,   /* fingers and buttons of phones, and how phones are: TB_LIMIT_BUS_PHONES */
        TB_BUS_SHARES
} TbBusShare;
void tb_bus_publish_share(TbBus *bus, TbBusShare share, const char *type, const char *device,
                          const char *interface, json_t *data_take);
void tb_bus_publish_transient(TbBus *bus, const char *type, const char *device, const char *interface,
                              json_t *data_take);
/*
 * For the host's own parts, which are few: called by the publisher, before publish returns. Subscribers may unsubscribe
 * anybody, themselves included, and publish, from inside the call. Returns an id > 0.
 */
guint tb_bus_subscribe(TbBus *bus, TbEventCall call, gpointer user);
/* The same for any number of those who hold something of a device and let go of it in time: device.* alone. */
guint tb_bus_follow_devices(TbBus *bus, TbEventCall call, gpointer user);
/*
 * For whoever reads, of whom there may be a thousand: told in turns of the loop with a budget (TB_LIMIT_TURN_US), each in the
 * order of what happened; the first TB_LIMIT_BUS_AT_ONCE of a turn by the publisher. While more than TB_LIMIT_BUS_PASSING samples
 * and lines wait for their turn, a sample takes the place of the one before it of its stream, or the oldest is left out;
 * of lasting events `lost` (NULL: nothing is said) tells how many were left out when more than TB_LIMIT_BUS_WAITING wait. Both
 * calls may unsubscribe and publish. What `read` says of an event it takes from tb_event_text().
 */
guint tb_bus_read(TbBus *bus, TbEventRead read, void (*lost)(guint64 events, gpointer user), gpointer user);
void tb_bus_unsubscribe(TbBus *bus, guint id); /* any of them; 0: nothing */
guint64 tb_bus_last_id(TbBus *bus);
/* Calls for every kept event with an id above `after` (0: from the beginning). False when some in between are
 * no longer kept (the reader should reload). */
bool tb_bus_replay(TbBus *bus, guint64 after, TbEventCall call, gpointer user);
/*
 * The one form of what happened, as lib/proto/messages.json has it, on /host/ws, data channels, relay and event streams:
 * {"type":"event","event","id"?,"t","device"?,"interface"?,"data"}, for a sample {"type":"sample","stream","t","seq",
 * "quantity","unit","value","device","interface"}. The caller owns the reference.
 */
json_t *tb_event_message(const TbEvent *event);
/* The same for Server-Sent Events, where `type` is the event's name, as their readers have always known it, and a sample is
 * in `data` as well. */
json_t *tb_event_json(const TbEvent *event);
/* The text of the one or the other, NUL behind it: made once for all who read. Borrowed, for the time of the call. */
const char *tb_event_text(const TbEvent *event, TbEventForm form, gsize *ret_size);
bool tb_event_is_sample(const TbEvent *event);
