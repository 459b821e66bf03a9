/*
 * Readers of the bus: sockets and event streams, up to TB_LIMIT_HTTP_STREAMS of them. Events times readers is more than main may
 * do in one piece, so an event gets a place, each reader goes on from place to place, and the readers take turns. A
 * place is empty again when all have passed it. Who is told has nothing to wait for: a reader whose peer is slow takes
 * what comes, and leaves out what does not fit (docs/CONTROL.md).
 */
#include <string.h>

#include "host/core/state/bus_private.h"
#include "lib/thread.h"

#define PIECE 32 /* events for one reader, then the next reader's turn comes */

G_STATIC_ASSERT((TB_LIMIT_BUS_WAITING & (TB_LIMIT_BUS_WAITING - 1)) == 0);

typedef struct BusSource {
        GSource source;
        TbBus *bus; /* borrowed */
} BusSource;

static TbBusItem **place(TbBusReaders *r, guint64 at)
{
        return &r->waiting[at & (TB_LIMIT_BUS_WAITING - 1)];
}

static void clear_place(TbBusReaders *r, guint64 at)
{
        TbBusItem *item = *place(r, at);
        if (item) {
                *place(r, at) = NULL;
                r->bytes -= item->bytes;
                if (item->event.id == 0) {
                        r->passing--;
                        r->passing_bytes -= item->bytes;
                }
                if (item != r->told)
                        tb_event_forget_texts(&item->event);
                tb_bus_item_unref(item);
        }
        while (r->first < r->end && !*place(r, r->first))
                r->first++;
}

/* The reader has passed that place. */
static void passed(TbBusReaders *r, guint64 at)
{
        TbBusItem *item = *place(r, at);
        if (item && --item->waits == 0)
                clear_place(r, at);
}

/* --- room --- */
static guint stream_of(const TbEvent *event)
{
        if (!tb_event_is_sample(event))
                return 0;
        const char *stream = json_string_value(json_object_get(event->data, "stream"));
        const char *names[] = {event->device, event->interface, stream};
        guint hash = 5381;
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
                hash = hash * 33 + (names[i] ? g_str_hash(names[i]) : 0);
        return MAX(hash, 1);
}

static bool same_stream(const TbBusItem *a, const TbBusItem *b)
{
        return a->stream == b->stream && g_strcmp0(a->event.device, b->event.device) == 0 &&
               g_strcmp0(a->event.interface, b->event.interface) == 0 &&
               json_equal(json_object_get(a->event.data, "stream"), json_object_get(b->event.data, "stream"));
}

/* A sample or line goes, for `fresh` to come: the latest wins. */
static void leave_one_out(TbBusReaders *r, const TbBusItem *fresh)
{
        guint64 oldest = r->end;
        for (guint64 at = r->first; at < r->end; at++) {
                const TbBusItem *item = *place(r, at);
                if (!item || item->event.id != 0)
                        continue;
                if (oldest == r->end)
                        oldest = at;
                if (fresh->stream == 0 || same_stream(item, fresh)) {
                        oldest = at;
                        break;
                }
        }
        clear_place(r, oldest);
}

static void make_room(TbBusReaders *r, const TbBusItem *fresh)
{
        while (fresh->event.id == 0 && r->passing > 0 &&
               (r->passing >= TB_LIMIT_BUS_PASSING || r->passing_bytes > TB_LIMIT_BUS_BYTES / 4))
                leave_one_out(r, fresh);
        while (r->first < r->end &&
               (r->end - r->first >= TB_LIMIT_BUS_WAITING || r->bytes > TB_LIMIT_BUS_BYTES))
                clear_place(r, r->first); /* its readers find out in lost_some() */
}

/* --- turns --- */
/* What had no place any more when the reader's turn came. False: it left. */
static bool lost_some(TbBusReader *reader, guint64 lasting_before)
{
        guint64 lost = lasting_before - reader->seen;
        reader->seen = lasting_before;
        if (lost > 0 && reader->lost)
                reader->lost(lost, reader->user);
        return reader->id != 0;
}

/* False: it has had all that there is. */
static bool one_event(TbBusReaders *r, TbBusReader *reader)
{
        reader->next = MAX(reader->next, r->first);
        TbBusItem *item = NULL;
        while (reader->next < r->end && !(item = *place(r, reader->next)))
                reader->next++;
        if (!item) {
                lost_some(reader, r->lasting);
                return false;
        }
        guint64 at = reader->next++;
        item->refs++;
        r->told = item;
        if (lost_some(reader, item->before)) {
                reader->seen += item->event.id != 0;
                reader->read(&item->event, reader->user);
        }
        r->told = NULL;
        if (*place(r, at) == item)
                passed(r, at);
        else
                tb_event_forget_texts(&item->event);
        tb_bus_item_unref(item);
        return true;
}

static void sweep(TbBusReaders *r)
{
        for (guint i = r->all->len; r->dirty && i-- > 0;) {
                const TbBusReader *reader = g_ptr_array_index(r->all, i);
                if (reader->id == 0)
                        g_ptr_array_remove_index(r->all, i);
        }
        r->dirty = false;
}

/* In turns, until nobody has anything to be told, `most` were told, or it is late (0: never). */
static guint tell(TbBusReaders *r, guint most, gint64 until_us)
{
        guint told = 0;
        r->telling = true;
        for (guint idle = 0; idle < r->all->len && told < most;) {
                if (r->turn >= r->all->len)
                        r->turn = 0;
                TbBusReader *reader = g_ptr_array_index(r->all, r->turn);
                guint n = 0;
                while (reader->id != 0 && n < PIECE && told < most && one_event(r, reader)) {
                        n++;
                        told++;
                        if (until_us && g_get_monotonic_time() >= until_us)
                                most = told;
                }
                if (told < most || n == PIECE)
                        r->turn++;
                idle = n > 0 ? 0 : idle + 1;
        }
        r->telling = false;
        sweep(r);
        return told;
}

static gboolean prepare(GSource *source, gint *timeout)
{
        TbBusReaders *r = &((BusSource *)source)->bus->readers;
        r->at_once = TB_LIMIT_BUS_AT_ONCE;
        *timeout = -1;
        return r->first < r->end;
}

static gboolean dispatch(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        tell(&((BusSource *)source)->bus->readers, G_MAXUINT, g_get_monotonic_time() + TB_LIMIT_TURN_US);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs funcs = {.prepare = prepare, .dispatch = dispatch};

void tb_bus_readers_init(TbBus *bus)
{
        TbBusReaders *r = &bus->readers;
        r->all = g_ptr_array_new_with_free_func(g_free);
        r->at_once = TB_LIMIT_BUS_AT_ONCE;
        r->source = g_source_new(&funcs, sizeof(BusSource));
        ((BusSource *)r->source)->bus = bus;
        g_source_set_name(r->source, "tb_bus_readers");
        g_source_attach(r->source, g_main_context_get_thread_default());
}

void tb_bus_readers_clear(TbBus *bus)
{
        TbBusReaders *r = &bus->readers;
        while (r->first < r->end)
                clear_place(r, r->first);
        g_source_destroy(r->source);
        g_source_unref(r->source);
        g_ptr_array_unref(r->all);
}

void tb_bus_readers_add(TbBus *bus, TbBusItem *item)
{
        TbBusReaders *r = &bus->readers;
        if (r->live == 0)
                return;
        item->stream = stream_of(&item->event);
        make_room(r, item);
        item->refs++;
        item->before = r->lasting;
        item->waits = r->live;
        *place(r, r->end++) = item;
        r->bytes += item->bytes;
        if (item->event.id == 0) {
                r->passing++;
                r->passing_bytes += item->bytes;
        } else {
                r->lasting++;
        }
        if (!r->telling && r->at_once > 0)
                r->at_once -= tell(r, r->at_once, 0);
}

guint tb_bus_read(TbBus *bus, TbEventRead read, void (*lost)(guint64 events, gpointer user), gpointer user)
{
        tb_assert_main();
        TbBusReaders *r = &bus->readers;
        TbBusReader *reader = g_new(TbBusReader, 1);
        *reader = (TbBusReader){++bus->last_subscriber, read, lost, user, r->end, r->lasting};
        g_ptr_array_add(r->all, reader);
        r->live++;
        return reader->id;
}

bool tb_bus_readers_remove(TbBus *bus, guint id)
{
        TbBusReaders *r = &bus->readers;
        for (guint i = 0; i < r->all->len; i++) {
                TbBusReader *reader = g_ptr_array_index(r->all, i);
                if (reader->id != id)
                        continue;
                for (guint64 at = MAX(reader->next, r->first); at < r->end; at++)
                        passed(r, at);
                reader->id = 0;
                r->live--;
                r->dirty = true;
                if (!r->telling)
                        sweep(r);
                return true;
        }
        return false;
}
