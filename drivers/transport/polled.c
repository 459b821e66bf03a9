#include "drivers/transport/polled.h"

void tb_polled_init(TbPolled *p, const TbInstance *self, guint misses)
{
        *p = (TbPolled){.interval_ms = (int)json_integer_value(json_object_get(self->params, "poll_ms")),
                        .most = misses};
}

static void put_off(TbPolled *p, int ms)
{
        p->due_us = g_get_monotonic_time() + (gint64)ms * 1000;
}

bool tb_polled_wait(TbPolled *p, TbIo *io)
{
        gint64 left_us = p->due_us - g_get_monotonic_time();
        return left_us <= 0 || tb_io_wait(io, NULL, 0, (int)(left_us / 1000 + 1)) == TB_WAIT_TIMEOUT;
}

static void tell(TbPolled *p, TbInstance *self, const char *reason)
{
        if (reason || p->faulty)
                self->up->fault(self, reason);
        p->faulty = reason != NULL;
}

void tb_polled_seen(TbPolled *p, TbInstance *self)
{
        tell(p, self, NULL);
        p->misses = p->busy = 0;
        put_off(p, p->interval_ms);
}

bool tb_polled_missed(TbPolled *p, TbInstance *self, const char *whom, GError *why_take, GError **error)
{
        g_autoptr(GError) why = why_take;
        if (g_error_matches(why, TB_ERROR, TB_ERROR_INTERRUPTED))
                return true; /* a command waits, or the lane ends; the look is still due */
        if (g_error_matches(why, TB_ERROR, TB_ERROR_BUSY)) {
                p->misses = 0;
                p->busy++;
                const gint64 longer_ms = (gint64)p->interval_ms << MIN(p->busy, 8);
                put_off(p, MAX(p->interval_ms, (int)MIN(longer_ms, TB_POLLED_PAUSE_MS)));
                tell(p, self, tb_error_detail(why));
                return true;
        }
        put_off(p, p->interval_ms);
        if (++p->misses < p->most && !g_error_matches(why, TB_ERROR, TB_ERROR_GONE)) {
                tell(p, self, tb_error_detail(why));
                return true;
        }
        tell(p, self, NULL); /* from here on the state says why */
        if (g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT))
                tb_set_error(error, TB_ERROR_GONE, "%s stopped answering: has it power and network?", whom);
        else
                g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

bool tb_polled_first(TbInstance *self, TbIo *io, TbPolledGet get, GError **error)
{
        TbPowerState state;
        if (!get(self, io, &state, error))
                return false;
        self->up->power(self, &state);
        return true;
}

bool tb_polled_power(TbPolled *p, TbInstance *self, TbIo *io, bool whole, TbPolledGet get, GError **error)
{
        GError *why = NULL;
        if (!tb_polled_wait(p, io))
                return true;
        bool in_pump = io->in_pump;
        io->in_pump = in_pump && !whole;
        bool seen = tb_polled_first(self, io, get, &why);
        io->in_pump = in_pump;
        if (!seen)
                return tb_polled_missed(p, self, self->uri->shown, why, error);
        tb_polled_seen(p, self);
        return true;
}
