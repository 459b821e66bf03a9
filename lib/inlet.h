#pragma once
/*
 * TbInlet: what the threads of one source tell the main loop, in order, with a ceiling. Nothing is refused here:
 * above the ceiling the inlet is full, and its sender waits until tb_inlet_room_fd() is readable before it makes
 * more, so that what it reads from (a tty, a socket) throttles the device by itself.
 *
 * Main delivers in turns of TB_LIMIT_TURN_US, a slice of each inlet after the other; between two turns it serves
 * sockets and timers. tb_main_post() is an inlet without a ceiling.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbInlet TbInlet;

/* lib/thread.c, for tb_main_init(): the calling thread is main from here on. */
void tb_thread_declare_main(void);

/* NULL: no descriptor is left (TB_ERROR_UNAVAILABLE). Main thread. */
TbInlet *tb_inlet_new(gsize ceiling, GError **error);
/* What is queued still runs. Main thread, after its senders have ended. */
void tb_inlet_free(TbInlet *inlet);
/* `cost`: bytes that `data` holds until call(data) ran. False after tb_main_stop(): the caller keeps it. Any thread. */
bool tb_inlet_post(TbInlet *inlet, gsize cost, void (*call)(gpointer), gpointer data);
/* Held, or more than the ceiling is queued: it has room again at half of it. Any thread. */
bool tb_inlet_full(TbInlet *inlet);
/* Who takes what comes out is behind: the inlet counts as full until it is let go. What is queued still comes. Main. */
void tb_inlet_hold(TbInlet *inlet, bool hold);
int tb_inlet_room_fd(TbInlet *inlet); /* readable while it is not full; borrowed */
