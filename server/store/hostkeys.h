#pragma once
/*
 * Which key the instances of a host name came with when they were first seen. Names are not authority: who comes under a
 * known name with another key is not the host that everybody means. The table is in memory and written behind (server/
 * persist.c). It has TB_LIMIT_HOST_KEYS bindings, TB_LIMIT_HOST_KEYS_EACH of one network, and no newcomer takes the place
 * of one that may be needed: a host that is connected, one that was unseen for less than TB_LIMIT_HOST_KEY_DAYS, or less than a
 * day where it was here for less than TB_LIMIT_HOST_KEY_BRIEF_S in all. But of the network that has most, the youngest such brief
 * one makes room for a newcomer of a network with fewer. Times are wall-clock ms. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/rate.h"
#include "server/store/db.h"

typedef struct TbHostKey {
        char *name, *instance; /* owned */
        char *key;             /* owned; the public key as the host sends it */
        gint64 first_ms, last_ms;
        char net[TB_NET_KEY]; /* whose share it takes; "": nobody's, as after a restart until it comes again */
        bool names_server;    /* its proofs name this server */
        bool present;         /* connected: last_ms is of lately, not of now */
} TbHostKey;

typedef struct TbHostKeys TbHostKeys;

TbHostKeys *tb_host_keys_new(void);
void tb_host_keys_free(TbHostKeys *keys);
/* Borrowed until the next put or forget. `instance` NULL: the one of that name that was seen last. NULL: unknown. */
const TbHostKey *tb_host_keys_find(TbHostKeys *keys, const char *name, const char *instance);
/* Seen now: makes the binding, or renews it (`first_ms` stays). `net`: of tb_net_share_key(), NULL: no share. False: there is no room
 * for one more. */
bool tb_host_keys_put(TbHostKeys *keys, const char *name, const char *instance, const char *key,
                      const char *net, gint64 now_ms);
/* It is connected now, is so still, or was until now. What is unknown is left alone. */
void tb_host_keys_present(TbHostKeys *keys, const char *name, const char *instance, bool present,
                          gint64 now_ms);
bool tb_host_keys_key_names_server(TbHostKeys *keys, const char *key); /* under whatever name */
/* From now on a proof of this key that names no server is not its own. What is unknown is left alone. */
void tb_host_keys_names_server(TbHostKeys *keys, const char *name, const char *instance);
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
