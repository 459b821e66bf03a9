#pragma once
/*
 * Where other servers bring their clients, at the one that has the database. Each connection begins with a line that says for whom, and
 * shows the secret that stands in the database for those who are its servers; what comes behind it is the client's. Main thread.
 */
#include <glib.h>

#include "server/cluster/splice.h"

typedef struct TbEntry TbEntry;

/* Where it listens; the port is tb_entry_port(). `brought` takes client->fd. */
TbEntry *tb_entry_new(const char *address, guint16 port, TbPoller *poller,
                      void (*brought)(const TbClient *client, gpointer data), gpointer data, GError **error);
void tb_entry_open(TbEntry *entry, const char *secret); /* who shows it comes in; NULL: nobody */
guint16 tb_entry_port(const TbEntry *entry);
guint tb_entry_unproven(const TbEntry *entry); /* that have not said for whom */
void tb_entry_free(TbEntry *entry);            /* accepts NULL */

#define TB_ENTRY_LINE 512 /* bytes of that line */
/* "testbed 1 SECRET PEER LOCAL tls|plain" (without its end); false: it is none, or of another secret. Fills all of it but fd. Pure. */
bool tb_entry_line_parse(const char *line, const char *secret, TbClient *ret);
