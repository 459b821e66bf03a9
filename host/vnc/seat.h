#pragma once
/*
 * Seats: the viewers that were let in, each bound to the hub of its interface (pictures down) and to core's
 * one entrance (input up). Screens are made by the first viewer of a hub and end with its last, so that
 * nothing is captured while nobody watches. Main thread only.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/core/core.h"
#include "host/media/media.h"
#include "host/vnc/door.h"

typedef struct TbVncTicket {      /* what a guest wants to see, and as whom; the names, because devices may go
                                     meanwhile */
        char *device, *interface; /* owned */
        char *user;               /* owned: in logs, audit and leases */
        char *lease;              /* owned; NULL: none shown */
} TbVncTicket;

TbVncTicket *tb_vnc_ticket_new(TbInterface *iface, const char *user, const char *lease);
void tb_vnc_ticket_free(TbVncTicket *ticket);

typedef struct TbVncSeats TbVncSeats;

TbVncSeats *tb_vnc_seats_new(TbCore *core, TbMedia *media, GError **error);
void tb_vnc_seats_free(TbVncSeats *seats); /* ends every viewer; accepts NULL */
/* `guest->purpose` is a TbVncTicket. False: no seat or no such video any more, nothing was taken. */
bool tb_vnc_seats_take(TbVncSeats *seats, const TbVncGuest *guest);
const char *tb_vnc_seats_problem(const TbVncSeats *seats); /* nobody gets one: why; NULL: well */
/* Whether there may be a seat for this one (lib/places.h); false: TB_ERROR_LIMIT, fit for the viewer's eyes. */
bool tb_vnc_seats_room(TbVncSeats *seats, const char *user, const char *peer, GError **error);
