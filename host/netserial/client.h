#pragma once
/*
 * One connection to a console by TCP, plain or RFC 2217. It reads from the console's history at its own pace,
 * from where that was when it came; what it writes are commands "<console>.write", one at a time, in order with
 * its changes of settings. A device that goes away and comes back does not end it. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/core/core.h"
#include "lib/places.h"

typedef struct TbSerialClient TbSerialClient;

typedef struct TbSerialClientOptions {
        TbCore *core;       /* borrowed */
        TbInterface *iface; /* borrowed until tb_serial_client_free() */
        int fd;             /* taken; non-blocking */
        const char *peer;   /* copied: its address */
        const char *user;   /* copied: who it is; NULL: its address */
        const char *banner; /* copied: said first; NULL: nothing */
        int idle_s;         /* it ends when nothing passes for so long; 0: never */
        bool rfc2217;       /* false: bytes and nothing else */
        /* It has ended: free it. Called by the loop, never from inside a function of this header. */
        void (*ended)(TbSerialClient *client, gpointer data);
        gpointer data;
        TbPlace place; /* taken: among the connections of the host */
} TbSerialClientOptions;

/* NULL with TB_ERROR_LIMIT: the console has too many readers; fd and place stay the caller's. */
TbSerialClient *tb_serial_client_new(const TbSerialClientOptions *options, GError **error);
void tb_serial_client_free(TbSerialClient *client);
TbInterface *tb_serial_client_interface(const TbSerialClient *client);
bool tb_serial_client_speaks(const TbSerialClient *client); /* RFC 2217 */
/* Its line told {"overrun","parity","framing","break"}: how many. */
void tb_serial_client_line(TbSerialClient *client, const json_t *errors);
/* The modem lines of its console have changed: {"cts","dsr","dcd","ri"}. */
void tb_serial_client_modem(TbSerialClient *client, const json_t *lines);
