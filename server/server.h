#pragma once
/* The pairing server as one object: HTTP, WebSockets, the pairing state machine, its clock. Main thread. */
#include "server/cluster/beats.h"
#include "server/config.h"

typedef struct TbServer TbServer;

/* `config` and `beats` (nullable: it is alone) are borrowed and must outlive it. `listener`: a socket that listens already, which
 * stays the caller's; NULL: by the configuration. */
TbServer *tb_server_new_on(const TbServerConfig *config, const int *listener, TbBeats *beats, GError **error);
/* All that the store has is in memory: the store is its own. */
bool tb_server_has_store(const TbServer *server);
void tb_server_take(TbServer *server, int fd, const char *peer, const char *local,
                    bool tls); /* tb_http_take() */
guint16 tb_server_port(TbServer *server);
/* Ends everything within grace_ms; then `done`. */
void tb_server_stop(TbServer *server, guint grace_ms, void (*done)(gpointer), gpointer data);
/* Looks for accounts that a command has added. */
void tb_server_read_users(TbServer *server);
/* Tokens were taken back: ends what `users` have open, and the connections of `hosts`. Both end with NULL. */
void tb_server_end_users(TbServer *server, const char *const *users, const char *const *hosts);
void tb_server_free(TbServer *server);
