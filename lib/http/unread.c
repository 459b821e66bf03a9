#include "lib/http/unread.h"

#include "lib/limits.h"
#include "lib/places.h"

#define GRACE_US (G_USEC_PER_SEC)    /* nobody goes before: a quick reader gets as long to read */
#define LOOK_US (G_USEC_PER_SEC / 4) /* while there is too much and all have come just now */

typedef struct BookSource {
        GSource source;
        TbUnreadBook *book; /* borrowed */
} BookSource;

static gsize *of_one(TbUnreadBook *book, const char *key)
{
        return book->ones && key ? g_hash_table_lookup(book->ones, key) : NULL;
}

static bool is_too_much(TbUnreadBook *book, const TbUnread *u)
{
        const gsize *own = of_one(book, u->key);
        return book->all > TB_LIMIT_UNREAD || (own && *own > TB_LIMIT_UNREAD_OF_ONE);
}

/* The next one to go; NULL: nobody. *ret_later: somebody will be, who has come just now. */
static TbUnread *next_to_go(TbUnreadBook *book, gint64 now_us, bool *ret_later)
{
        for (GList *l = book->readers.head; l; l = l->next) {
                TbUnread *u = l->data;
                if (!is_too_much(book, u))
                        continue;
                if (now_us - u->since_us >= GRACE_US)
                        return u;
                *ret_later = true;
                return NULL; /* the others came later */
        }
        return NULL;
}

static gboolean look(GSource *source, GSourceFunc callback G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        TbUnreadBook *book = ((BookSource *)source)->book;
        gint64 now_us = g_get_monotonic_time();
        bool later = false;
        g_source_set_ready_time(source, -1);
        for (TbUnread *u; (u = next_to_go(book, now_us, &later));) {
                gpointer owner = u->owner;
                void (*cut)(gpointer) = u->cut;
                g_assert(cut);    /* who waits has begun */
                tb_unread_end(u); /* what it holds goes with it */
                cut(owner);
        }
        if (later)
                g_source_set_ready_time(source, now_us + LOOK_US);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs look_funcs = {.dispatch = look};

static void look_soon(TbUnreadBook *book)
{
        if (!book->source) {
                book->source = g_source_new(&look_funcs, sizeof(BookSource));
                ((BookSource *)book->source)->book = book;
                g_source_set_name(book->source, "tb_unread");
                g_source_attach(book->source, g_main_context_get_thread_default());
        }
        if (g_source_get_ready_time(book->source) < 0)
                g_source_set_ready_time(book->source, 0);
}

static void add_to_one(TbUnreadBook *book, const char *key, gsize more, gsize less)
{
        if (!key)
                return;
        if (!book->ones)
                book->ones = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        gsize *own = g_hash_table_lookup(book->ones, key);
        if (!own)
                g_hash_table_insert(book->ones, g_strdup(key), own = g_new0(gsize, 1));
        *own += more;
        *own -= less;
        if (*own == 0)
                g_hash_table_remove(book->ones, key);
}

void tb_unread_begin(TbUnread *u, TbUnreadBook *book, const char *user, const char *peer,
                     void (*cut)(gpointer owner), gpointer owner)
{
        *u = (TbUnread){.book = book, .key = tb_place_key(user, peer), .cut = cut, .owner = owner};
        u->link.data = u;
}

void tb_unread_set(TbUnread *u, gsize bytes)
{
        TbUnreadBook *book = u->book;
        if (!book || bytes == u->bytes)
                return;
        book->all += bytes;
        book->all -= u->bytes;
        add_to_one(book, u->key, bytes, u->bytes);
        if (u->bytes == 0) {
                u->since_us = g_get_monotonic_time();
                g_queue_push_tail_link(&book->readers, &u->link);
        } else if (bytes == 0) {
                g_queue_unlink(&book->readers, &u->link);
        }
        bool grew = bytes > u->bytes;
        u->bytes = bytes;
        if (grew && is_too_much(book, u))
                look_soon(book);
}

void tb_unread_end(TbUnread *u)
{
        tb_unread_set(u, 0);
        g_free(u->key);
        *u = (TbUnread){0};
}

void tb_unread_book_clear(TbUnreadBook *book)
{
        g_assert(book->all == 0);
        if (book->source)
                g_source_destroy(book->source);
        g_clear_pointer(&book->source, g_source_unref);
        g_clear_pointer(&book->ones, g_hash_table_unref);
}
