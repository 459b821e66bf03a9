#pragma once
/*
 * Which key the instances of a host name came with when they were first seen. Names are not authority: who comes under a
 * known name with another key is not the host that everybody means. The table is in memory and written behind (server/
 * persist.c); TB_LIMIT_HOST_KEYS bindings, the one that was not seen for longest goes first. Times are wall-clock
 * ms. Main thread.
 */
#include <glib.h>

#include "server/store/db.h"

typedef struct TbHostKey {
        char *name, *instance; /* owned */
        char *key;             /* owned; the public key as the host sends it */
        gint64 first_ms, last_ms;
} TbHostKey;

typedef struct TbHostKeys TbHostKeys;

TbHostKeys *tb_host_keys_new(void);
void tb_host_keys_free(TbHostKeys *keys);
/* Borrowed until the next put or forget. `instance` NULL: the one of that name that was seen last. NULL: unknown. */
const TbHostKey *tb_host_keys_find(TbHostKeys *keys, const char *name, const char *instance);
/* Seen now: makes the binding, or renews it (`first_ms` stays). */
void tb_host_keys_put(TbHostKeys *keys, const char *name, const char *instance, const char *key,
                      gint64 now_ms);
/* What an admin does when a host was replaced on purpose. False: there was none. */
bool tb_host_keys_forget(TbHostKeys *keys, const char *name, const char *instance);
guint tb_host_keys_size(TbHostKeys *keys);

/* --- the store's side --- */
void tb_host_keys_load(TbHostKeys *keys,
                       const TbDbResult *rows); /* of tb_sql_host_list; what is newer here stays */
/* Puts up to `max` changes into the call and gives what to hand to tb_host_keys_again() when it failed (owned); NULL:
 * nothing has changed. */
GPtrArray *tb_host_keys_write(TbHostKeys *keys, TbDbCall *call, guint max);
void tb_host_keys_again(TbHostKeys *keys, GPtrArray *written);
void tb_host_keys_all_again(TbHostKeys *keys); /* the file was begun anew */
