#pragma once
/*
 * transport.h - adbd's side of the ADB transport protocol over TCP: CNXN, AUTH, OPEN, OKAY, WRTE, CLSE
 *
 * Source of the facts: AOSP packages/modules/adb protocol.txt, adb.h, transport.cpp. Every stream is joined
 * to a file descriptor that service.c hands out, as in adbd: bytes of WRTE go into it, bytes that come out
 * become WRTE, one at a time until the other side's OKAY. Main loop only.
 */
#include <glib.h>
#include <stdbool.h>

#include "tests/sim/android/phone.h"

typedef struct SimTransport SimTransport;

/* Takes listen_fd. port = what it is bound to. */
SimTransport *sim_transport_new(SimPhone *phone, int listen_fd);
void sim_transport_free(SimTransport *t);

int sim_transport_port(const SimTransport *t);
guint sim_transport_connections(const SimTransport *t);
guint sim_transport_streams(const SimTransport *t);

void sim_transport_drop(SimTransport *t); /* close every connection now */
/* Stop accepting at all (connection refused), or accept again on the same port. */
bool sim_transport_refuse(SimTransport *t, bool refuse);
void sim_transport_mute(SimTransport *t, bool mute); /* accept, but never answer: "offline" */
void sim_transport_require_auth(SimTransport *t,
                                bool on); /* "unauthorized" until sim_transport_authorize() */
void sim_transport_authorize(SimTransport *t);
void sim_transport_slow(SimTransport *t, guint ms); /* hold every answer back for this long */
