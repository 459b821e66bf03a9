#include "host/core/state/bus.h"

#include <string.h>

#include "host/core/state/bus_private.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/thread.h"

void tb_bus_item_unref(TbBusItem *item)
{
        if (--item->refs > 0)
                return;
        tb_event_forget_texts(&item->event);
        g_free(item->event.texts);
        g_free((char *)item->event.type);
        g_free((char *)item->event.device);
        g_free((char *)item->event.interface);
        json_decref(item->event.data);
        g_free(item);
}

TbBus *tb_bus_new(void)
{
        TbBus *bus = g_new0(TbBus, 1);
        g_queue_init(&bus->kept);
        for (guint i = 0; i < TB_BUS_SHARES; i++)
                g_queue_init(&bus->shares[i]);
        bus->own = g_ptr_array_new_with_free_func(g_free);
        bus->devices = g_ptr_array_new_with_free_func(g_free);
        tb_bus_readers_init(bus);
        /* Ids go on rising over restarts, so that a reader's Last-Event-ID never names a newer event of
         * another run. */
        bus->last_id = bus->gone_id = (guint64)tb_clock_ms() * 1000;
        return bus;
}

void tb_bus_free(TbBus *bus)
{
        if (!bus)
                return;
        tb_bus_readers_clear(bus);
        for (guint i = 0; i < TB_BUS_SHARES; i++)
                g_queue_clear(&bus->shares[i]);
        g_queue_clear_full(&bus->kept, (GDestroyNotify)tb_bus_item_unref);
        g_ptr_array_free(bus->own, TRUE);
        g_ptr_array_free(bus->devices, TRUE);
        g_free(bus);
}

static void sweep_list(GPtrArray *list)
{
        for (guint i = list->len; i-- > 0;) {
                const TbBusSubscriber *s = g_ptr_array_index(list, i);
                if (s->id == 0)
                        g_ptr_array_remove_index(list, i);
        }
}

static void sweep(TbBus *bus)
{
        if (bus->depth > 0 || !bus->dirty)
                return;
        sweep_list(bus->own);
        sweep_list(bus->devices);
        bus->dirty = false;
}

static void tell(GPtrArray *list, const TbEvent *event)
{
        for (guint i = 0; i < list->len; i++) {
                const TbBusSubscriber *s = g_ptr_array_index(list, i);
                if (s->id != 0)
                        s->call(event, s->user);
        }
}

/* Those first who hold what the event is about. */
static void deliver(TbBus *bus, TbBusItem *item)
{
        item->refs++;
        bus->depth++;
        tell(bus->own, &item->event);
        if (g_str_has_prefix(item->event.type, "device."))
                tell(bus->devices, &item->event);
        tb_bus_readers_add(bus, item);
        bus->depth--;
        sweep(bus);
        tb_bus_item_unref(item);
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
        TbBusItem *k = link->data;
        if (k->share == TB_BUS_SHARES) {
                bus->gone_id = k->event.id;
                bus->dropped = true;
        }
        bus->bytes -= k->bytes;
        g_queue_delete_link(&bus->kept, link);
        tb_bus_item_unref(k);
}

static const guint share_limits[TB_BUS_SHARES] = {[TB_BUS_REFUSALS] = TB_LIMIT_BUS_REFUSALS,
                                                  [TB_BUS_VIEWERS] = TB_LIMIT_BUS_VIEWERS,
                                                  [TB_BUS_PHONES] = TB_LIMIT_BUS_PHONES};

/* Nothing goes while somebody walks the list or reads an event. */
static void make_room(TbBus *bus)
{
        if (bus->depth > 0)
                return;
        for (guint i = 0; i < TB_BUS_SHARES; i++)
                while (bus->shares[i].length > share_limits[i])
                        drop(bus, g_queue_pop_head(&bus->shares[i]));
        while (bus->kept.length > TB_LIMIT_BUS_REPLAY ||
               (bus->bytes > TB_LIMIT_BUS_BYTES && bus->kept.length > 1)) {
                const TbBusItem *oldest = bus->kept.head->data;
                if (oldest->share < TB_BUS_SHARES) /* it is the oldest of its share, too */
                        g_queue_pop_head(&bus->shares[oldest->share]);
                drop(bus, bus->kept.head);
        }
}

/* Takes `data`. */
static TbBusItem *item_new(const char *type, const char *device, const char *interface, json_t *data_take)
{
        TbBusItem *item = g_new0(TbBusItem, 1);
        item->refs = 1;
        item->bytes = sizeof *item + tb_json_weight(data_take);
        item->event = (TbEvent){
                .t = tb_clock_ms(),
                .type = g_strdup(type),
                .device = g_strdup(device),
                .interface = g_strdup(interface),
                .data = data_take,
                .texts = g_new0(TbEventTexts, 1),
        };
        return item;
}

static void publish(TbBus *bus, const char *type, const char *device, const char *interface,
                    json_t *data_take, TbBusShare share)
{
        tb_assert_main();
        json_t *data = checked_data(type, data_take);
        if (!data)
                return;
        TbBusItem *k = item_new(type, device, interface, data);
        k->event.id = ++bus->last_id;
        k->share = share;
        bus->bytes += k->bytes;
        g_queue_push_tail(&bus->kept, k);
        if (share < TB_BUS_SHARES)
                g_queue_push_tail(&bus->shares[share], bus->kept.tail);
        make_room(bus);
        deliver(bus, k);
}

void tb_bus_publish(TbBus *bus, const char *type, const char *device, const char *interface,
                    json_t *data_take)
{
        publish(bus, type, device, interface, data_take, TB_BUS_SHARES);
}

void tb_bus_publish_share(TbBus *bus, TbBusShare share, const char *type, const char *device,
                          const char *interface, json_t *data_take)
{
        publish(bus, type, device, interface, data_take, share);
}

void tb_bus_publish_transient(TbBus *bus, const char *type, const char *device, const char *interface,
                              json_t *data_take)
{
        tb_assert_main();
        json_t *data = checked_data(type, data_take);
        if (!data)
                return;
        TbBusItem *item = item_new(type, device, interface, data);
        deliver(bus, item);
        tb_bus_item_unref(item);
}

static guint subscribe(TbBus *bus, GPtrArray *list, TbEventCall call, gpointer user)
{
        tb_assert_main();
        TbBusSubscriber *s = g_new(TbBusSubscriber, 1);
        *s = (TbBusSubscriber){++bus->last_subscriber, call, user};
        g_ptr_array_add(list, s);
        return s->id;
}

guint tb_bus_subscribe(TbBus *bus, TbEventCall call, gpointer user)
{
        return subscribe(bus, bus->own, call, user);
}

guint tb_bus_follow_devices(TbBus *bus, TbEventCall call, gpointer user)
{
        return subscribe(bus, bus->devices, call, user);
}

static bool unsubscribe(TbBus *bus, GPtrArray *list, guint id)
{
        for (guint i = 0; i < list->len; i++) {
                TbBusSubscriber *s = g_ptr_array_index(list, i);
                if (s->id != id)
                        continue;
                s->id = 0;
                bus->dirty = true;
                sweep(bus);
                return true;
        }
        return false;
}

void tb_bus_unsubscribe(TbBus *bus, guint id)
{
        tb_assert_main();
        if (id != 0 && !unsubscribe(bus, bus->own, id) && !unsubscribe(bus, bus->devices, id))
                tb_bus_readers_remove(bus, id);
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
                TbBusItem *k = l->data;
                if (k->event.id <= after)
                        continue;
                call(&k->event, user);
                if (k->waits == 0) /* the past is kept as data alone */
                        tb_event_forget_texts(&k->event);
        }
        bus->depth--;
        sweep(bus);
        return complete;
}
