#pragma once
/*
 * Observers while the server is away. Who is connected with us watches and controls on; the server, when it is back, names
 * them again (tb_observer_take_back()), and whom it does not name for TB_LIMIT_OBSERVER_AWAY_S is not there any more. One
 * whose peer connection ends meanwhile goes with it. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbAway {
        gint64 ready_us;      /* when the server has accepted us; 0: it is away. Set by the owner */
        GPtrArray *observers; /* borrowed */
        guint sweep;          /* source; while one is let go */
} TbAway;

/* The server is lost: of `observers` (owned TbObserver) those stay that have a peer connection. */
void tb_away_let_go(TbAway *away, GPtrArray *observers);
void tb_away_clear(TbAway *away);
/* Whether who has not been named by now will not be. */
bool tb_away_is_over(const TbAway *away, gint64 now_us);
