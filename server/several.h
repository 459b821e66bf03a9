#pragma once
/*
 * A server that may be one of several: where `database: url` and `redis: url` are given. One of them has the database and is the server
 * that all of them are; the others carry their clients to it. When it goes, another takes its place. Alone, this is the server and
 * nothing else. Main thread. docs/SCALE.md has the reasons.
 */
#include "server/config.h"
#include "server/server.h"

typedef struct TbSeveral TbSeveral;

/* `config` is borrowed, and must outlive it. */
TbSeveral *tb_several_new(const TbServerConfig *config, GError **error);
guint16 tb_several_port(const TbSeveral *several);
TbServer *tb_several_server(const TbSeveral *several); /* NULL: another has the database; borrowed */
/* Ends everything within grace_ms; then `done`. */
void tb_several_stop(TbSeveral *several, guint grace_ms, void (*done)(gpointer), gpointer data);
void tb_several_free(TbSeveral *several);
