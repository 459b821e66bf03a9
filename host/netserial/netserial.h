#pragma once
/*
 * Consoles as TCP ports, for tools that know nothing else: RFC 2217 (labgrid's NetworkSerialPort, pyserial's
 * rfc2217://, telnet) and bare bytes (nc, socat, gdb). A device asks for them, for its first console or by the
 * console's name:
 *
 *   board: {attach: …, rfc2217: 4001, tcp: {console: 4002, console2: {listen: "10.1.0.5:4003", allow: [10.1.0.0/16]}}}
 *
 * Neither can carry a token. A number alone is a port that is open while no tokens are configured, on loopback or
 * with --insecure; with `allow` it is bound where `listen` says, tokens or not, and open to those addresses. A
 * first line that is HTTP or TLS ends the connection before a byte reaches the board (first.h): any web page can
 * send one. Leases are core's business: who may not write is cut off. A line that goes away and comes back does
 * not end a connection. GET of the console says what became of its ports. Main thread.
 */
#include <glib.h>

#include "host/core/core.h"

typedef struct TbNetSerial TbNetSerial;

/* Opens the ports of every device, and of each that comes. One that cannot be opened is a warning. */
TbNetSerial *tb_netserial_new(TbCore *core);
/* Ends every connection. Before tb_core_free(). Accepts NULL. */
void tb_netserial_free(TbNetSerial *netserial);
