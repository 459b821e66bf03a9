#include "host/bridge/away.h"

#include "host/bridge/observer.h"
#include "lib/limits.h"

#define SWEEP_MS 1000

bool tb_away_is_over(const TbAway *away, gint64 now_us)
{
        return away->ready_us && now_us - away->ready_us >= TB_LIMIT_OBSERVER_AWAY_S * G_USEC_PER_SEC;
}

static gboolean on_sweep(gpointer data)
{
        TbAway *away = data;
        bool over = tb_away_is_over(away, g_get_monotonic_time());
        guint left = 0;
        for (guint i = away->observers->len; i-- > 0;) {
                TbObserver *o = g_ptr_array_index(away->observers, i);
                if (!tb_observer_is_let_go(o))
                        continue;
                if (over || !tb_observer_flows(o))
                        g_ptr_array_remove_index_fast(away->observers, i);
                else
                        left++;
        }
        if (left > 0)
                return G_SOURCE_CONTINUE;
        away->sweep = 0;
        return G_SOURCE_REMOVE;
}

void tb_away_let_go(TbAway *away, GPtrArray *observers)
{
        away->observers = observers;
        for (guint i = observers->len; i-- > 0;)
                if (!tb_observer_let_go(g_ptr_array_index(observers, i)))
                        g_ptr_array_remove_index_fast(observers, i);
        if (observers->len > 0 && !away->sweep)
                away->sweep = g_timeout_add(SWEEP_MS, on_sweep, away);
}

void tb_away_clear(TbAway *away)
{
        if (away->sweep)
                g_source_remove(away->sweep);
        away->sweep = 0;
}
