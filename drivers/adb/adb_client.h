#pragma once
/*
 * A phone through the adb server: find it, bring it back, open a service on it, run a command. Blocking, on
 * the caller's TbIo; one connection per service, as adb's own client does, so a target may be used by several
 * threads at once: it is only read after tb_adb_prepare().
 *
 * Errors: GONE = server or phone not there (again soon), DEVICE = there, but it cannot be used (unauthorized)
 * or broke the protocol, UNSUPPORTED = the phone refuses the service.
 */
#include <glib.h>
#include <stdbool.h>

#include "drivers/driver.h"
#include "drivers/transport/transport.h"

#define TB_ADB_ANSWER_MS 10000  /* the adb server answers a request within this, or is broken */
#define TB_ADB_CONNECT_MS 15000 /* host:connect: the server itself waits for 10 s */

enum { TB_ADB_SHELL_V2 = 1, TB_ADB_STAT_V2 = 2, TB_ADB_LS_V2 = 4, TB_ADB_CMD = 8 };

typedef struct TbAdbTarget {
        char *host; /* owned; of the adb server */
        guint16 port;
        bool local;   /* the server runs on this machine */
        char *serial; /* owned */
        bool network; /* the serial is host:port: the server can be told to connect to it */
        guint features;
} TbAdbTarget;

/* "host", "host:port", "tcp:host:port"; NULL or "": $ADB_HOST, then 127.0.0.1:5037. Pure but for the
 * environment. */
bool tb_adb_parse_server(const char *text, char **ret_host, guint16 *ret_port, GError **error);
bool tb_adb_target_init(TbAdbTarget *target, const TbInstance *instance, GError **error);
void tb_adb_target_clear(TbAdbTarget *target);

/* Reaches the phone, healing what can be healed (server not up yet, phone not connected, offline), and asks
 * for its features. */
bool tb_adb_prepare(TbIo *io, TbAdbTarget *target, GError **error);

/* A host: request whose answer is one text. Owned. */
char *tb_adb_query(TbIo *io, const TbAdbTarget *target, const char *service, int timeout_ms, GError **error);
/* A connection to the server on which `service` was accepted (host:track-devices-l). */
TbTransport *tb_adb_host_service(TbIo *io, const TbAdbTarget *target, const char *service, GError **error);
/* A connection on which the phone has accepted `service`. Heals once. */
TbTransport *tb_adb_service(TbIo *io, const TbAdbTarget *target, const char *service, GError **error);
/* One hex4 + text message, as host:track-devices sends. Owned. */
char *tb_adb_read_text(TbTransport *link, TbIo *io, int timeout_ms, GError **error);

/* Runs a command line in the phone's shell. out and err (may be NULL: thrown away) grow up to
 * TB_LIMIT_SHELL_OUTPUT. */
bool tb_adb_run(TbIo *io, const TbAdbTarget *target, const char *command, const void *input, gsize input_size,
                int *ret_code, GByteArray *out, GByteArray *err, GError **error);
/* The same for our own commands: standard output as text. A code other than 0 is UNPROCESSABLE with what it
 * said. */
char *tb_adb_ask(TbIo *io, const TbAdbTarget *target, const char *command, int *ret_code, GError **error);

/* True when something answers on the server's port. */
bool tb_adb_server_up(TbIo *io, const char *host, guint16 port);
