#pragma once
/*
 * TbFlight: the pictures that a device's encoder was given and has not put out yet. A clip is cut when those of its time are there, not
 * when a busy machine should have had them; and what is left out on the way is counted, so that a gap in a film is said and not
 * guessed. Any thread; none waits.
 */
#include <glib.h>

typedef struct TbFlight TbFlight;

TbFlight *tb_flight_new(void);
void tb_flight_free(TbFlight *flight); /* accepts NULL */

/* `mono_us`: when it was taken, which tells it from all others; `wall_us`: the same by the wall clock. */
void tb_flight_given(TbFlight *flight, gint64 mono_us, gint64 wall_us);
/* The encoder put out the picture of that moment. Returns how many of before it will not come any more: newer ones took their place. */
guint tb_flight_put(TbFlight *flight, gint64 mono_us);
/* The oldest that is still to come of before `until_us` (wall clock): when it was taken, by the wall clock; 0: none. */
gint64 tb_flight_owes(TbFlight *flight, gint64 until_us);
void tb_flight_clear(TbFlight *flight); /* the encoder has gone: nothing of it comes any more */
