#pragma once
/*
 * The event bus: everything that happens on a host, in one order, with one clock. Views (REST, WebSocket,
 * bridge, page) subscribe; the last TB_LIMIT_BUS_REPLAY lasting events are kept for Last-Event-ID. Main
 * thread only.
 *
 * Types are matched whole, by everybody who filters. They are words with dots between (lib/name.h, TB_NAME_TYPE):
 * device.added device.removed device.changed · interface.state {state,reason} · power.state
 * {commanded,observed,…} · power.left (the same, reason: a command did not end as it should) ·
 * lease.taken lease.renewed(transient) lease.expiring lease.ended {holder,reason} ·
 * resource.added resource.removed · command {verb,user,via,ok,…} · history.stopped history.resumed ·
 * state.failed state.saved {file} · discovery.fault discovery.running {driver} ·
 * viewer.joined viewer.left · media.state · server.connected server.lost · driver's own types · sample (transient) · line
 * (transient: log lines)
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbBus TbBus;

typedef struct TbEvent {
        guint64 id; /* rises by one per lasting event; 0: transient, not kept */
        gint64 t;   /* ms since the epoch */
        const char *type;
        const char *device;    /* NULL: the host itself */
        const char *interface; /* NULL: the whole device */
        json_t *data;          /* object, borrowed */
} TbEvent;

typedef void (*TbEventCall)(const TbEvent *event, gpointer user);

TbBus *tb_bus_new(void);
void tb_bus_free(TbBus *bus);
void tb_bus_publish(TbBus *bus, const char *type, const char *device, const char *interface,
                    json_t *data_take);
/* Lasting, but of these TB_LIMIT_BUS_REFUSALS are kept at most: what strangers cause pushes nothing else out of the replay. */
void tb_bus_publish_refusal(TbBus *bus, const char *type, const char *device, const char *interface,
                            json_t *data_take);
void tb_bus_publish_transient(TbBus *bus, const char *type, const char *device, const char *interface,
                              json_t *data_take);
/* Subscribers may unsubscribe anybody, themselves included, and publish, from inside the call. Returns an id
 * > 0. */
guint tb_bus_subscribe(TbBus *bus, TbEventCall call, gpointer user);
void tb_bus_unsubscribe(TbBus *bus, guint id);
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
bool tb_event_is_sample(const TbEvent *event);
