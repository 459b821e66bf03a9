#include "host/core/lanes/outlet.h"

#include "lib/refcount.h"

struct TbOutletCall {
        TbRefCount ref; /* the worker's, main's */
        char *member;
        TbOutletAsk ask;
        TbInterruptor *done;
        TbMutex lock;
        TbPowerState state; /* protected by lock */
        GError *error;      /* owned; protected by lock */
};

static void unref(TbOutletCall *call)
{
        if (!tb_ref_dec(&call->ref))
                return;
        tb_interruptor_free(call->done);
        tb_mutex_clear(&call->lock);
        g_clear_error(&call->error);
        g_free(call->member);
        g_free(call);
}

TbOutletCall *tb_outlet_call_new(const char *member, TbOutletAsk ask)
{
        TbInterruptor *done = tb_interruptor_try_new(NULL);
        if (!done)
                return NULL;
        TbOutletCall *call = g_new0(TbOutletCall, 1);
        tb_ref_init(&call->ref);
        tb_ref_inc(&call->ref);
        tb_mutex_init(&call->lock);
        call->member = g_strdup(member);
        call->ask = ask;
        call->done = done;
        return call;
}

const char *tb_outlet_call_member(const TbOutletCall *call)
{
        return call->member;
}

TbOutletAsk tb_outlet_call_ask(const TbOutletCall *call)
{
        return call->ask;
}

void tb_outlet_call_answer(TbOutletCall *call, const TbPowerState *state, GError *error_take)
{
        tb_mutex_lock(&call->lock);
        if (error_take)
                call->error = error_take;
        else
                call->state = *state;
        tb_mutex_unlock(&call->lock);
        tb_interruptor_raise(call->done);
        unref(call);
}

bool tb_outlet_call_wait(TbOutletCall *call, TbIo *io, TbPowerState *ret, GError **error)
{
        struct pollfd done = {.fd = tb_interruptor_fd(call->done), .events = POLLIN};
        TbWait waited = tb_io_wait(io, &done, 1, -1);
        bool ok = waited == TB_WAIT_READY;
        if (!ok) {
                tb_io_fail(waited, call->member,
                           error); /* what was begun ends by itself, and is told there */
        } else {
                tb_mutex_lock(&call->lock);
                ok = !call->error;
                if (ok)
                        *ret = call->state;
                else
                        g_propagate_error(error, g_steal_pointer(&call->error));
                tb_mutex_unlock(&call->lock);
        }
        unref(call);
        return ok;
}
