#include "host/vnc/shared.h"

#include <stdbool.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/thread.h"

#define TILE 32  /* pixels a side: what changes is told by tiles (damage.h) */
#define MOST 256 /* rectangles */
#define SPARE 16 /* blocks of memory that come again: new ones cost more than what is written into them */
#define SPARE_FROM 65536 /* bytes: what is less is malloc()'s own */

typedef struct Entry {
        TbVncKey key;
        TbVncCoded *coded; /* owned reference */
        bool made;
} Entry;

struct TbVncShared {
        TbMutex lock;
        TbCond made;
        /* protected by lock */
        GQueue entries; /* owned Entry, the newest first */
        gsize bytes;    /* of what was made */
        struct {
                guint8 *bytes; /* owned */
                gsize capacity;
        } spare[SPARE];
        guint spares;
        guint64 *changed;  /* owned: of each tile, the picture in which it changed last */
        int columns, rows; /* of tiles */
        int width, height; /* pixels */
};

TbVncShared *tb_vnc_shared_new(void)
{
        TbVncShared *shared = g_new0(TbVncShared, 1);
        tb_mutex_init(&shared->lock);
        tb_cond_init(&shared->made);
        g_queue_init(&shared->entries);
        return shared;
}

/* --- memory --- */
guint8 *tb_vnc_coded_room(TbVncCoded *coded, gsize size)
{
        TbVncShared *shared = coded->home;
        coded->size = coded->capacity = size;
        tb_mutex_lock(&shared->lock);
        for (guint i = 0; i < shared->spares && size >= SPARE_FROM; i++) {
                if (shared->spare[i].capacity < size || shared->spare[i].capacity > 2 * size)
                        continue;
                coded->bytes = shared->spare[i].bytes;
                coded->capacity = shared->spare[i].capacity;
                shared->spare[i] = shared->spare[--shared->spares];
                break;
        }
        tb_mutex_unlock(&shared->lock);
        if (!coded->bytes)
                coded->bytes = g_malloc(size + 1);
        return coded->bytes;
}

/* Under the lock. The oldest spare block makes room: sizes change with what is shown. */
static void coded_free(TbVncCoded *coded)
{
        TbVncShared *shared = coded->home;
        if (coded->capacity >= SPARE_FROM) {
                if (shared->spares == SPARE) {
                        g_free(shared->spare[0].bytes);
                        memmove(shared->spare, shared->spare + 1, (SPARE - 1) * sizeof *shared->spare);
                        shared->spares--;
                }
                shared->spare[shared->spares].bytes = coded->bytes;
                shared->spare[shared->spares++].capacity = coded->capacity;
        } else {
                g_free(coded->bytes);
        }
        g_free(coded->parts);
        g_free(coded);
}

void tb_vnc_coded_unref(TbVncCoded *coded)
{
        TbVncShared *shared = coded->home;
        tb_mutex_lock(&shared->lock);
        if (tb_ref_dec(&coded->ref))
                coded_free(coded);
        tb_mutex_unlock(&shared->lock);
}

static void drop(TbVncShared *shared, GList *link)
{
        Entry *entry = link->data;
        shared->bytes -= entry->coded->capacity;
        if (tb_ref_dec(&entry->coded->ref))
                coded_free(entry->coded);
        g_free(entry);
        g_queue_delete_link(&shared->entries, link);
}

void tb_vnc_shared_free(TbVncShared *shared)
{
        if (!shared)
                return;
        while (shared->entries.head)
                drop(shared, shared->entries.head);
        while (shared->spares > 0)
                g_free(shared->spare[--shared->spares].bytes);
        g_free(shared->changed);
        tb_cond_clear(&shared->made);
        tb_mutex_clear(&shared->lock);
        g_free(shared);
}

/* --- what changed when --- */
static void mark(TbVncShared *shared, sraRect r, guint64 picture)
{
        for (int y = MAX(r.y1, 0) / TILE; y < MIN((r.y2 + TILE - 1) / TILE, shared->rows); y++)
                for (int x = MAX(r.x1, 0) / TILE; x < MIN((r.x2 + TILE - 1) / TILE, shared->columns); x++)
                        shared->changed[y * shared->columns + x] = picture;
}

void tb_vnc_shared_changed(TbVncShared *shared, sraRegionPtr region, guint64 picture, int width, int height)
{
        sraRect r;
        tb_mutex_lock(&shared->lock);
        if (width != shared->width || height != shared->height) {
                shared->width = width;
                shared->height = height;
                shared->columns = (width + TILE - 1) / TILE;
                shared->rows = (height + TILE - 1) / TILE;
                g_free(shared->changed);
                shared->changed = g_new0(guint64, (gsize)shared->columns * (gsize)shared->rows);
                mark(shared, (sraRect){0, 0, width, height}, picture);
        }
        sraRectangleIterator *i = sraRgnGetIterator(region);
        while (sraRgnIteratorNext(i, &r))
                mark(shared, r, picture);
        sraRgnReleaseIterator(i);
        tb_mutex_unlock(&shared->lock);
}

/* A tile that changed after it says nothing of what was there before: then the content is this very picture's. */
guint64 tb_vnc_shared_picture(TbVncShared *shared, guint64 picture, int x, int y, int width, int height)
{
        guint64 last = 0;
        tb_mutex_lock(&shared->lock);
        for (int row = y / TILE; row < MIN((y + height + TILE - 1) / TILE, shared->rows); row++)
                for (int column = x / TILE; column < MIN((x + width + TILE - 1) / TILE, shared->columns);
                     column++)
                        last = MAX(last, shared->changed[row * shared->columns + column]);
        bool whole = x + width <= shared->width && y + height <= shared->height;
        tb_mutex_unlock(&shared->lock);
        return whole ? MIN(last, picture) : picture;
}

/* --- what was made --- */
static Entry *find(TbVncShared *shared, const TbVncKey *key)
{
        for (GList *l = shared->entries.head; l; l = l->next)
                if (memcmp(&((Entry *)l->data)->key, key, sizeof *key) == 0)
                        return l->data;
        return NULL;
}

/* The oldest go; what is being made stays, somebody waits for it. */
static void make_room(TbVncShared *shared)
{
        for (GList *l = shared->entries.tail, *before; l; l = before) {
                before = l->prev;
                if (shared->entries.length <= MOST && shared->bytes <= TB_LIMIT_VNC_SHARED)
                        return;
                if (((Entry *)l->data)->made)
                        drop(shared, l);
        }
}

TbVncCoded *tb_vnc_shared_get(TbVncShared *shared, const TbVncKey *key,
                              void (*make)(const TbVncKey *key, TbVncCoded *coded, gpointer data),
                              gpointer data)
{
        tb_mutex_lock(&shared->lock);
        Entry *entry = find(shared, key);
        TbVncCoded *coded;
        if (entry) {
                coded = entry->coded;
                tb_ref_inc(&coded->ref);
                while ((entry = find(shared, key)) && entry->coded == coded && !entry->made)
                        tb_cond_wait_until(&shared->made, &shared->lock, -1);
                tb_mutex_unlock(&shared->lock);
                return coded;
        }
        coded = g_new0(TbVncCoded, 1);
        tb_ref_init(&coded->ref);
        coded->home = shared;
        tb_ref_inc(&coded->ref);
        entry = g_new0(Entry, 1);
        entry->key = *key;
        entry->coded = coded;
        g_queue_push_head(&shared->entries, entry);
        tb_mutex_unlock(&shared->lock);

        make(key, coded, data);

        tb_mutex_lock(&shared->lock);
        entry->made = true;
        shared->bytes += coded->capacity;
        make_room(shared);
        tb_cond_broadcast(&shared->made);
        tb_mutex_unlock(&shared->lock);
        return coded;
}
