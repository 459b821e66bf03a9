#include "host/core/input/release.h"

#include "lib/limits.h"
#include "lib/log.h"

/* --- worker --- */
void tb_release_sweep(TbHolds *holds, TbInstance *instance, TbIo *io)
{
        g_autoptr(GArray) events = g_array_new(FALSE, FALSE, sizeof(TbInput));
        g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
        tb_holds_sweep(holds, events, strings);
        const TbInputOps *ops = instance->lane->input;
        /* One that cannot be lifted keeps none of the others down. Nobody's authority is asked for letting go. */
        for (guint at = 0, done = 0; at < events->len; at += done + 1) {
                g_autoptr(GError) error = NULL;
                const TbInput *rest = &g_array_index(events, TbInput, at);
                const guint n = events->len - at;
                if (ops->send(instance, io, rest, n, &done, &error)) /* lint: steps - */
                        break;
                tb_log(TB_LOG_DEBUG, TB_F("device", instance->device), "letting go: %s", error->message);
        }
}

typedef struct Release {
        TbCall call;
        TbHolds *holds; /* ref */
        char *who;      /* NULL: all who were let go */
} Release;

static bool exec(TbCall *call, TbInstance *instance, TbIo *io, GError **error G_GNUC_UNUSED)
{
        Release *r = (Release *)call;
        tb_release_sweep(r->holds, instance, io);
        tb_holds_forget(r->holds, r->who); /* what comes after it is of a new connection */
        return true;
}

static void done(TbCall *call)
{
        Release *r = (Release *)call;
        if (call->error) /* it never ran: the lane is closed, and has let go of everything */
                tb_holds_drop(r->holds, r->who);
        tb_holds_unref(r->holds);
        g_clear_error(&call->error);
        g_free(r->who);
        g_free(r);
}

/* --- main --- */
static void stop_timer(TbInterface *iface, const char *who)
{
        guint timer = GPOINTER_TO_UINT(g_hash_table_lookup(iface->lingering, who));
        if (timer)
                g_source_remove(timer);
        g_hash_table_remove(iface->lingering, who);
}

/* A lane that is closed has let go of everything itself. */
static void let_go(TbInterface *iface, const char *who)
{
        if (!iface->holds || (who && !tb_holds_knows(iface->holds, who)))
                return;
        if (who)
                stop_timer(iface, who);
        tb_holds_let_go(iface->holds, who);
        TbWorker *worker = tb_interface_worker(iface);
        if (!worker)
                return;
        Release *r = g_new0(Release, 1);
        r->holds = tb_holds_ref(iface->holds);
        r->who = g_strdup(who);
        r->call = (TbCall){.exec = exec, .done = done, .deadline_us = G_MAXINT64, .rank = TB_CALL_CHANGES};
        if (!tb_worker_call(worker, &r->call, NULL))
                done(&r->call);
}

void tb_release_device(TbDevice *device)
{
        for (guint i = 0; i < device->interfaces->len; i++)
                let_go(g_ptr_array_index(device->interfaces, i), NULL);
}

static void left(TbDevice *device, gpointer who)
{
        for (guint i = 0; i < device->interfaces->len; i++)
                let_go(g_ptr_array_index(device->interfaces, i), who);
}

void tb_core_left(TbCore *core, const char *who)
{
        tb_assert_main();
        tb_core_each_device(core, left, (gpointer)who);
}

typedef struct Linger {
        TbInterface *iface; /* borrowed: it ends the timer */
        char *who;
} Linger;

static Linger *linger_new(TbInterface *iface, const char *who)
{
        Linger *l = g_new0(Linger, 1);
        *l = (Linger){.iface = iface, .who = g_strdup(who)};
        return l;
}

static void linger_free(gpointer data)
{
        Linger *l = data;
        g_free(l->who);
        g_free(l);
}

static gboolean on_silence(gpointer data)
{
        Linger *l = data;
        g_hash_table_remove(l->iface->lingering, l->who);
        let_go(l->iface, l->who);
        return G_SOURCE_REMOVE;
}

void tb_release_resume(TbInterface *iface, const char *who)
{
        stop_timer(iface, who);
}

void tb_release_linger(TbInterface *iface, const char *who)
{
        if (!tb_holds_knows(iface->holds, who))
                return;
        stop_timer(iface, who);
        guint timer = g_timeout_add_full(G_PRIORITY_DEFAULT, TB_LIMIT_INPUT_REST_MS, on_silence,
                                         linger_new(iface, who), linger_free);
        g_hash_table_insert(iface->lingering, g_strdup(who), GUINT_TO_POINTER(timer));
}

void tb_release_forget(TbInterface *iface)
{
        GHashTableIter iter;
        gpointer timer;
        if (iface->lingering) {
                g_hash_table_iter_init(&iter, iface->lingering);
                while (g_hash_table_iter_next(&iter, NULL, &timer))
                        g_source_remove(GPOINTER_TO_UINT(timer));
                g_hash_table_unref(iface->lingering);
        }
        tb_holds_unref(iface->holds);
}
