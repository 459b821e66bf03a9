#include "host/bridge/seats.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/places.h" /* TB_VIA_SERVER */

typedef struct Seat {
        char *holder;   /* owned */
        gint64 away_ms; /* since when he is; -1: he is not */
} Seat;

static void seat_free(gpointer p)
{
        Seat *seat = p;
        g_free(seat->holder);
        g_free(seat);
}

void tb_seats_init(TbSeats *seats)
{
        seats->of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seat_free);
}

void tb_seats_clear(TbSeats *seats)
{
        g_clear_pointer(&seats->of, g_hash_table_unref);
}

static bool is_by_link(const char *holder)
{
        return holder && g_str_has_suffix(holder, TB_VIA_SERVER) && strstr(holder, TB_LINK_OF);
}

bool tb_seats_look(TbSeats *seats, const char *device, const char *holder, TbSeatSight sight, gint64 now_ms)
{
        Seat *seat = g_hash_table_lookup(seats->of, device);
        if (!is_by_link(holder)) {
                if (seat)
                        g_hash_table_remove(seats->of, device);
                return false;
        }
        if (!seat || strcmp(seat->holder, holder) != 0) {
                seat = g_new0(Seat, 1);
                seat->holder = g_strdup(holder);
                seat->away_ms = -1;
                g_hash_table_replace(seats->of, g_strdup(device), seat);
        }
        if (sight == TB_SEAT_MAY_NOT)
                return true;
        if (sight != TB_SEAT_AWAY) {
                seat->away_ms = -1;
                return false;
        }
        if (seat->away_ms < 0)
                seat->away_ms = now_ms;
        return now_ms - seat->away_ms >= TB_LIMIT_SEAT_AWAY_S * 1000;
}

bool tb_seats_any(const TbSeats *seats)
{
        return g_hash_table_size(seats->of) > 0;
}
