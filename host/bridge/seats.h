#pragma once
/*
 * The leases of those who come by the server's links. A lease belongs to who took it; who comes by a link is only as long here as the server
 * says so. So the lease ends when he has left and is not back in time, and at once when he may not control any more. Pure: what is true
 * is brought by who asks, again and again; after a restart of either side nothing has to be known from before. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbSeats {
        GHashTable *of; /* device -> Seat */
} TbSeats;

typedef enum TbSeatSight {
        TB_SEAT_THERE,   /* he is an observer that may control */
        TB_SEAT_MAY_NOT, /* he is one that may not */
        TB_SEAT_AWAY,    /* the server names him not */
        TB_SEAT_UNKNOWN, /* the server is away: nobody can say */
} TbSeatSight;

void tb_seats_init(TbSeats *seats);
void tb_seats_clear(TbSeats *seats);
/* Whether the lease of `device` that `holder` (NULL: nobody) has is to end now. Somebody who is not by a link is left alone. */
bool tb_seats_look(TbSeats *seats, const char *device, const char *holder, TbSeatSight sight, gint64 now_ms);
bool tb_seats_any(const TbSeats *seats); /* one is to be looked at again */
