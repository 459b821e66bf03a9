#pragma once
/*
 * A conversation of docs/CONTROL.md about one device: on the host's own /host/ws, or, through a pairing server, in a session on
 * the device (docs/PROTOCOL.md), because WebSockets are not carried. It comes again after a loss.
 */
#include <stdbool.h>

#include "client/api.h"

typedef struct TbCliSocket TbCliSocket;

/* The socket may be freed from none of them. */
typedef struct TbCliSocketOps {
        void (*opened)(gpointer data);                   /* at first, and again: subscriptions begin anew */
        void (*message)(json_t *message, gpointer data); /* borrowed */
        void (*lost)(const char *why,
                     gpointer data); /* commands under way are not answered; it is tried again */
        void (*failed)(GError *error_take, gpointer data); /* it is not tried again */
} TbCliSocketOps;

/* `again_s`: how long a connection that was open is tried again. `device` is borrowed. */
TbCliSocket *tb_cli_socket_new(TbCli *cli, const TbCliDevice *device, double again_s,
                               const TbCliSocketOps *ops, gpointer data);
bool tb_cli_socket_send(TbCliSocket *socket, json_t *message_take); /* false: it is not open */
/* A command of `verb` for the device, with our lease: its id; 0: not open. */
gint64 tb_cli_socket_command(TbCliSocket *socket, const char *verb, json_t *params_take);
void tb_cli_socket_free(TbCliSocket *socket); /* accepts NULL */
