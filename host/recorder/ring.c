#include "host/recorder/ring.h"

#include "lib/refcount.h"
#include "lib/thread.h"

#define OVERHEAD (sizeof(TbRecord) + 64) /* about, of one record besides its bytes */

typedef struct Key {
        guint64 seq;
        gint64 at_us;
} Key;

struct TbRing {
        TbRefCount ref;
        gsize limit;
        TbFlight *flight; /* owned */
        TbMutex lock;
        GQueue records; /* owned TbRecord; protected by lock, as all below */
        GQueue keys;    /* owned Key: keyframes in `records` */
        gsize bytes;
        gint64 keep_us, newest_us;
        guint64 next_seq, lost;
        guint64 had, taken; /* the first that the reader never had; that he gets next */
        bool reads;
};

void tb_record_free(TbRecord *record)
{
        g_bytes_unref(record->bytes);
        g_free(record);
}

TbRing *tb_ring_new(gsize limit)
{
        TbRing *ring = g_new0(TbRing, 1);
        tb_ref_init(&ring->ref);
        tb_mutex_init(&ring->lock);
        ring->limit = limit;
        ring->flight = tb_flight_new();
        g_queue_init(&ring->records);
        g_queue_init(&ring->keys);
        return ring;
}

TbRing *tb_ring_ref(TbRing *ring)
{
        tb_ref_inc(&ring->ref);
        return ring;
}

static gsize weight(const TbRecord *record)
{
        return g_bytes_get_size(record->bytes) + OVERHEAD;
}

static void drop_head(TbRing *ring)
{
        TbRecord *record = g_queue_pop_head(&ring->records);
        Key *key = g_queue_peek_head(&ring->keys);
        ring->bytes -= weight(record);
        if (key && key->seq == record->seq)
                g_free(g_queue_pop_head(&ring->keys));
        if (ring->reads && record->seq >= ring->taken) {
                ring->taken = record->seq + 1;
                ring->lost++;
        }
        tb_record_free(record);
}

void tb_ring_unref(TbRing *ring)
{
        if (!tb_ref_dec(&ring->ref))
                return;
        while (ring->records.head)
                drop_head(ring);
        tb_flight_free(ring->flight);
        tb_mutex_clear(&ring->lock);
        g_free(ring);
}

/* The second keyframe is old enough: nobody needs the first one, nor what hangs on it. */
static void trim(TbRing *ring)
{
        gint64 until_us = ring->newest_us - ring->keep_us;
        guint64 from = ring->next_seq;
        if (ring->keep_us > 0) {
                const Key *second;
                while ((second = g_queue_peek_nth(&ring->keys, 1)) && second->at_us <= until_us)
                        g_free(g_queue_pop_head(&ring->keys));
                const Key *first = g_queue_peek_head(&ring->keys);
                from = first ? first->seq : ring->next_seq;
        }
        const TbRecord *head;
        while ((head = g_queue_peek_head(&ring->records)) && head->seq < from &&
               (!ring->reads || head->seq < ring->taken) && (ring->keep_us == 0 || head->at_us < until_us))
                drop_head(ring);
        while (ring->bytes > ring->limit)
                drop_head(ring);
}

void tb_ring_keep(TbRing *ring, gint64 us)
{
        tb_mutex_lock(&ring->lock);
        ring->keep_us = us;
        trim(ring);
        tb_mutex_unlock(&ring->lock);
}

void tb_ring_add(TbRing *ring, TbRecordKind kind, bool key, gint64 at_us, const void *bytes, gsize size)
{
        TbRecord *record = g_new(TbRecord, 1);
        tb_mutex_lock(&ring->lock);
        *record = (TbRecord){ring->next_seq++, at_us, kind, key, g_bytes_new(bytes, size)};
        g_queue_push_tail(&ring->records, record);
        ring->bytes += weight(record);
        ring->newest_us = at_us;
        if (key) {
                Key *k = g_new(Key, 1);
                *k = (Key){record->seq, at_us};
                g_queue_push_tail(&ring->keys, k);
        }
        trim(ring);
        tb_mutex_unlock(&ring->lock);
}

void tb_ring_begin(TbRing *ring)
{
        tb_mutex_lock(&ring->lock);
        const Key *key = NULL;
        for (GList *l = ring->keys.head; l && (!key || ((Key *)l->data)->seq <= ring->had); l = l->next)
                key = l->data;
        ring->taken = key ? MIN(ring->had, key->seq) : ring->had;
        ring->reads = true;
        ring->lost = 0;
        tb_mutex_unlock(&ring->lock);
}

void tb_ring_end(TbRing *ring)
{
        tb_mutex_lock(&ring->lock);
        ring->reads = false;
        trim(ring);
        tb_mutex_unlock(&ring->lock);
}

guint64 tb_ring_take(TbRing *ring, GPtrArray *out)
{
        tb_mutex_lock(&ring->lock);
        GList *l = ring->records.tail;
        while (l && ((TbRecord *)l->data)->seq > ring->taken)
                l = l->prev;
        if (!l) /* the first that he has not had went long ago */
                l = ring->records.head;
        else if (((TbRecord *)l->data)->seq < ring->taken)
                l = l->next;
        for (; l; l = l->next) {
                const TbRecord *record = l->data;
                if (record->seq < ring->had && record->kind != TB_RECORD_VIDEO)
                        continue;
                TbRecord *copy = g_memdup2(l->data, sizeof(TbRecord));
                g_bytes_ref(copy->bytes);
                g_ptr_array_add(out, copy);
        }
        ring->taken = ring->had = ring->next_seq;
        guint64 lost = ring->lost;
        ring->lost = 0;
        trim(ring);
        tb_mutex_unlock(&ring->lock);
        return lost;
}

TbFlight *tb_ring_flight(TbRing *ring)
{
        return ring->flight;
}

void tb_ring_state(TbRing *ring, TbRingState *ret)
{
        tb_mutex_lock(&ring->lock);
        const TbRecord *first = g_queue_peek_head(&ring->records);
        const Key *key = g_queue_peek_tail(&ring->keys);
        *ret = (TbRingState){ring->bytes, first ? first->at_us : 0, first ? ring->newest_us : 0,
                             key ? key->at_us : 0};
        tb_mutex_unlock(&ring->lock);
}
