#pragma once
/* Which rows of a table that is kept in memory the database does not have as they are: a set of ids (GHashTable, owned
 * texts). Main thread. */
#include <glib.h>

#include "server/store/db.h"

/* `row`: NULL: it is no more. */
typedef void (*TbChangedWrite)(gconstpointer row, const char *id, TbDbCall *call);

/* Puts up to `max` changes into the call and gives their ids, for tb_changed_again() when it failed (owned); NULL: nothing
 * has changed. `rows`: id -> row. */
GPtrArray *tb_changed_write(GHashTable *changed, GHashTable *rows, guint max, TbChangedWrite write,
                            TbDbCall *call);
void tb_changed_again(GHashTable *changed, const GPtrArray *written);
void tb_changed_all(GHashTable *changed, GHashTable *rows); /* the file was begun anew */
