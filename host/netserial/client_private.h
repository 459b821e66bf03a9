#pragma once
/* A client from inside: client.c is its bytes, requests.c what it asks for by telnet and RFC 2217. Main thread. */
#include "host/netserial/client.h"
#include "host/netserial/comport.h"
#include "host/netserial/telnet.h"

struct TbSerialClient {
        TbSerialClientOptions options;
        char *peer, *user, *device, *lease; /* lease: NULL until it has shown one */
        guint idle;                         /* timer of options.idle_s */
        gint64 moved_us;                    /* when something passed last, either way */
        guint watch;                        /* of the history */
        TbPresent *present;                 /* owned; it is with the device, by the name that it goes by */
        guint in_watch, out_watch, end_idle;
        guint timer; /* the first bytes are held back until it fires or more came; then: it has to read what is left */
        bool admitted;           /* they are no browser's */
        TbHistoryReader *reader; /* owned; of the history: stands at what is sent next */
        GByteArray *out;         /* for the socket */
        GByteArray *in;          /* of the socket, not yet looked at */
        GByteArray *pending;     /* data for the device */
        TbCommand *command;      /* in progress; NULL: none */
        GBytes *writing;         /* owned; of the write in progress, or of one that is tried again */
        guint retry;             /* the lane is full: a timer */
        int held;                /* writes in a row of which the device took nothing */
        bool eof, suspended, ending;
        bool deaf; /* it reads no more: what it has sent is written, then it ends */
        bool last; /* the other side has said its last: it is sent what it is owed, no more of the console */

        /* RFC 2217 */
        TbTelnet telnet;
        TbComPort port;
        bool known;   /* `port` is what the console said */
        bool wired;   /* a real line, which may refuse */
        bool request; /* telnet.sub waits for an answer */
        guint8 modem; /* the last NOTIFY-MODEMSTATE */
        guint8 modem_mask, line_mask;
        json_t *modem_missed; /* owned: the lines as they are, to be told; NULL: told */
        guint8 line_missed;   /* errors of the line, to be told */
        gint64 break_us;      /* since when; 0: no break */
};

/* It is closed by the loop; one that speaks telnet is told why first, unless that is its own doing. */
void tb_serial_client_end(TbSerialClient *client, const char *reason);
void tb_serial_client_flush(TbSerialClient *client);
void tb_serial_client_step(TbSerialClient *client); /* goes on where it can */
/* "<console>.<op>", as this client; one at a time. */
void tb_serial_client_run(TbSerialClient *client, const char *op, json_t *params, GBytes *bytes,
                          TbCommandDone done);
bool tb_serial_client_not_allowed(const GError *error);
void tb_serial_client_known(TbSerialClient *client); /* goes by another user's name now */

/* requests.c */
/* The request in telnet.sub, or telnet.brk; everything that came before it has been written. */
void tb_serial_request(TbSerialClient *client);
/* Notices wait, the latest of each, while it does not read. */
void tb_serial_tell_missed(TbSerialClient *client);
void tb_serial_get_settings(TbSerialClient *client);
