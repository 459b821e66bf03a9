#pragma once
/*
 * Where clients come in while another server has the database: the public socket, with TLS if there is any, each client carried to that
 * server. While it is not known which one that is they wait; when it takes too long they are told so (503). Main thread.
 */
#include <glib.h>

#include "lib/tls.h"
#include "server/cluster/splice.h"

typedef struct TbDoor TbDoor;

/* `listen_fd`: stays the caller's, and open. `lost` (nullable): that server does not answer. `tls` nullable; a ref is taken. */
TbDoor *tb_door_new(TbPoller *poller, int listen_fd, TbTls *tls, void (*lost)(gpointer data), gpointer data,
                    GError **error);
/* From now on there: those that were carried elsewhere end, those who wait go. */
void tb_door_lead_to(TbDoor *door, const char *address, guint16 port, const char *secret);
/* Nobody new is let in; `done` (nullable) when those inside have nothing under way, or `grace_ms` are over. */
void tb_door_close(TbDoor *door, guint grace_ms, void (*done)(gpointer data), gpointer data);
/* Ends those who are carried. Who waits is given to `rest` (nullable: he ends, too), who takes client->fd. Accepts NULL. */
void tb_door_free(TbDoor *door, void (*rest)(const TbClient *client, gpointer data), gpointer data);
guint tb_door_waiting(const TbDoor *door); /* who wait, at most TB_LIMIT_DOOR_WAITING; more in the kernel */
guint tb_door_clients(const TbDoor *door); /* who are carried */
