#include "host/core/state/bus.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/thread.h"

typedef struct Kept {
        TbEvent event; /* strings and data owned */
        bool refusal;
        gsize bytes;
} Kept;

typedef struct Subscriber {
        guint id; /* 0: unsubscribed while a publish runs */
        TbEventCall call;
        gpointer user; /* borrowed */
} Subscriber;

struct TbBus {
        guint64 last_id;
        guint64 gone_id;        /* the last event that is no longer kept, refusals apart */
        bool dropped;           /* there was one */
        GQueue kept;            /* of Kept, oldest first */
        gsize bytes;            /* of them, about */
        GQueue refusals;        /* of links of kept */
        GPtrArray *subscribers; /* owned Subscribers */
        guint next_subscriber;
        guint depth; /* publishes that are running: the list only grows meanwhile */
        bool dirty;  /* a subscriber left meanwhile */
};

static void kept_free(gpointer p)
{
        Kept *k = p;
        g_free((char *)k->event.type);
        g_free((char *)k->event.device);
        g_free((char *)k->event.interface);
        json_decref(k->event.data);
        g_free(k);
}

TbBus *tb_bus_new(void)
{
        TbBus *bus = g_new0(TbBus, 1);
        g_queue_init(&bus->kept);
        g_queue_init(&bus->refusals);
        bus->subscribers = g_ptr_array_new_with_free_func(g_free);
        /* Ids go on rising over restarts, so that a reader's Last-Event-ID never names a newer event of
         * another run. */
        bus->last_id = bus->gone_id = (guint64)tb_clock_ms() * 1000;
        return bus;
}

void tb_bus_free(TbBus *bus)
{
        if (!bus)
                return;
        g_queue_clear(&bus->refusals);
        g_queue_clear_full(&bus->kept, kept_free);
        g_ptr_array_free(bus->subscribers, TRUE);
        g_free(bus);
}

static void sweep(TbBus *bus)
{
        for (guint i = bus->subscribers->len; i-- > 0;) {
                Subscriber *s = g_ptr_array_index(bus->subscribers, i);
                if (s->id == 0)
                        g_ptr_array_remove_index(bus->subscribers, i);
        }
        bus->dirty = false;
}

static void deliver(TbBus *bus, const TbEvent *event)
{
        bus->depth++;
        for (guint i = 0; i < bus->subscribers->len; i++) {
                Subscriber *s = g_ptr_array_index(bus->subscribers, i);
                if (s->id != 0)
                        s->call(event, s->user);
        }
        if (--bus->depth == 0 && bus->dirty)
                sweep(bus);
}

/* Types come from drivers too: what readers could not name, or not read, does not get through. Takes `data`; NULL: refused. */
static json_t *checked_data(const char *type, json_t *data_take)
{
        if (!tb_name_valid(TB_NAME_TYPE, type)) {
                g_autofree char *shown = g_utf8_make_valid(type, (gssize)MIN(strlen(type), TB_LIMIT_ID));
                tb_log(TB_LOG_WARNING, TB_F("type", shown), "an event is not told: its type must have %s",
                       tb_name_rule(TB_NAME_TYPE));
                json_decref(data_take);
                return NULL;
        }
        if (!data_take || json_is_object(data_take))
                return data_take ? data_take : json_object();
        return json_pack("{s:o}", "value", data_take);
}

static void drop(TbBus *bus, GList *link)
{
        Kept *k = link->data;
        if (!k->refusal) {
                bus->gone_id = k->event.id;
                bus->dropped = true;
        }
        bus->bytes -= k->bytes;
        g_queue_delete_link(&bus->kept, link);
        kept_free(k);
}

/* Nothing goes while somebody walks the list or reads an event. */
static void make_room(TbBus *bus)
{
        if (bus->depth > 0)
                return;
        while (bus->refusals.length > TB_LIMIT_BUS_REFUSALS)
                drop(bus, g_queue_pop_head(&bus->refusals));
        while (bus->kept.length > TB_LIMIT_BUS_REPLAY ||
               (bus->bytes > TB_LIMIT_BUS_BYTES && bus->kept.length > 1)) {
                if (bus->kept.head == g_queue_peek_head(&bus->refusals))
                        g_queue_pop_head(&bus->refusals);
                drop(bus, bus->kept.head);
        }
}

static void publish(TbBus *bus, const char *type, const char *device, const char *interface,
                    json_t *data_take, bool refusal)
{
        tb_assert_main();
        json_t *data = checked_data(type, data_take);
        if (!data)
                return;
        Kept *k = g_new0(Kept, 1);
        k->refusal = refusal;
        k->bytes = sizeof *k + tb_json_weight(data);
        bus->bytes += k->bytes;
        k->event = (TbEvent){
                .id = ++bus->last_id,
                .t = tb_clock_ms(),
                .type = g_strdup(type),
                .device = g_strdup(device),
                .interface = g_strdup(interface),
                .data = data,
        };
        g_queue_push_tail(&bus->kept, k);
        if (refusal)
                g_queue_push_tail(&bus->refusals, bus->kept.tail);
        make_room(bus);
        deliver(bus, &k->event);
}

void tb_bus_publish(TbBus *bus, const char *type, const char *device, const char *interface,
                    json_t *data_take)
{
        publish(bus, type, device, interface, data_take, false);
}

void tb_bus_publish_refusal(TbBus *bus, const char *type, const char *device, const char *interface,
                            json_t *data_take)
{
        publish(bus, type, device, interface, data_take, true);
}

void tb_bus_publish_transient(TbBus *bus, const char *type, const char *device, const char *interface,
                              json_t *data_take)
{
        tb_assert_main();
        json_t *data = checked_data(type, data_take);
        if (!data)
                return;
        TbEvent event = {
                .t = tb_clock_ms(), .type = type, .device = device, .interface = interface, .data = data};
        deliver(bus, &event);
        json_decref(data);
}

guint tb_bus_subscribe(TbBus *bus, TbEventCall call, gpointer user)
{
        tb_assert_main();
        Subscriber *s = g_new(Subscriber, 1);
        *s = (Subscriber){++bus->next_subscriber, call, user};
        g_ptr_array_add(bus->subscribers, s);
        return s->id;
}

void tb_bus_unsubscribe(TbBus *bus, guint id)
{
        tb_assert_main();
        for (guint i = 0; i < bus->subscribers->len; i++) {
                Subscriber *s = g_ptr_array_index(bus->subscribers, i);
                if (s->id != id || id == 0)
                        continue;
                if (bus->depth == 0) {
                        g_ptr_array_remove_index(bus->subscribers, i);
                } else {
                        s->id = 0;
                        bus->dirty = true;
                }
                return;
        }
}

guint64 tb_bus_last_id(TbBus *bus)
{
        return bus->last_id;
}

bool tb_bus_replay(TbBus *bus, guint64 after, TbEventCall call, gpointer user)
{
        tb_assert_main();
        bool complete = after >= bus->gone_id && after <= bus->last_id;
        if (after == 0) /* from the beginning */
                complete = !bus->dropped;
        bus->depth++; /* nothing is dropped from `kept` while we walk it */
        for (GList *l = bus->kept.head; l; l = l->next) {
                const Kept *k = l->data;
                if (k->event.id > after)
                        call(&k->event, user);
        }
        bus->depth--;
        if (bus->depth == 0 && bus->dirty)
                sweep(bus);
        return complete;
}

bool tb_event_is_sample(const TbEvent *event)
{
        return event->id == 0 && strcmp(event->type, "sample") == 0;
}

static json_t *message_of(const TbEvent *event, const char *type)
{
        json_t *o = json_object();
        json_object_set_new(o, "type", json_string(type));
        if (tb_event_is_sample(event))
                json_object_update(o, event->data);
        else
                json_object_set_new(o, "event", json_string(event->type));
        if (event->id)
                json_object_set_new(o, "id", json_integer((json_int_t)event->id));
        if (!json_object_get(o, "t"))
                json_object_set_new(o, "t", json_integer(event->t));
        if (event->device)
                json_object_set_new(o, "device", json_string(event->device));
        if (event->interface)
                json_object_set_new(o, "interface", json_string(event->interface));
        return o;
}

json_t *tb_event_message(const TbEvent *event)
{
        if (tb_event_is_sample(event))
                return message_of(event, "sample");
        json_t *o = message_of(event, "event");
        json_object_set(o, "data", event->data);
        return o;
}

json_t *tb_event_json(const TbEvent *event)
{
        json_t *o = message_of(event, event->type);
        json_object_set(o, "data", event->data);
        return o;
}
