#pragma once
/*
 * What waits for slow readers of pushed answers and WebSockets. One reader has a ceiling of its own
 * (TB_LIMIT_WS_QUEUE, a stream's `max_queue`); hundreds of them together would have none. So the bytes are counted
 * for who reads and for all. Above TB_LIMIT_UNREAD_OF_ONE, or TB_LIMIT_UNREAD for all, those go who have had
 * something to read for longest, from the loop, never inside a call of their owner's: who reads is empty again and again
 * and comes last. Main thread.
 */
#include <glib.h>

typedef struct TbUnreadBook {
        GQueue readers;   /* TbUnread that have something to read, since longest first; not owned */
        GHashTable *ones; /* key -> bytes of one (gsize, owned); NULL: nobody has any */
        gsize all;
        GSource *source; /* ref; NULL: not needed yet */
} TbUnreadBook;

typedef struct TbUnread { /* of one reader; all zero: it is not counted */
        GList link;
        TbUnreadBook *book; /* borrowed */
        char *key;          /* owned (tb_place_key()); NULL: one who speaks for many: only the sum counts */
        gsize bytes;
        gint64 since_us; /* monotonic; bytes > 0: when the first of them came */
        void (*cut)(gpointer owner);
        gpointer owner; /* borrowed */
} TbUnread;

/* `user`, `peer`: nullable. `cut` ends the reader; it may call the owner of it. */
void tb_unread_begin(TbUnread *unread, TbUnreadBook *book, const char *user, const char *peer,
                     void (*cut)(gpointer owner), gpointer owner);
void tb_unread_set(TbUnread *unread, gsize bytes); /* so many wait for it now */
void tb_unread_end(TbUnread *unread);              /* it is gone; all zero is allowed */
void tb_unread_book_clear(TbUnreadBook *book);     /* nobody has anything */
