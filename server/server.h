#pragma once
/* The pairing server as one object: HTTP, WebSockets, the pairing state machine, its clock. Main thread. */
#include "server/config.h"

typedef struct TbServer TbServer;

TbServer *tb_server_new(const TbServerConfig *config,
                        GError **error); /* config is borrowed and must outlive it */
guint16 tb_server_port(TbServer *server);
/* Ends everything within grace_ms; then `done`. */
void tb_server_stop(TbServer *server, guint grace_ms, void (*done)(gpointer), gpointer data);
/* Looks for accounts that a command has added. */
void tb_server_read_users(TbServer *server);
/* Tokens were taken back: ends what `users` have open, and the connections of `hosts`. Both end with NULL. */
void tb_server_end_users(TbServer *server, const char *const *users, const char *const *hosts);
void tb_server_free(TbServer *server);
