/* The end of commands that did not ask for it: who lost the lease, what an emergency overtakes, devices that are removed, the end
 * of the host. */
#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/error.h"

bool tb_command_may_step(TbCommand *c, GError **error)
{
        if (!g_atomic_int_get(&c->revoked))
                return true;
        tb_set_error(error, TB_ERROR_INTERRUPTED, "stopped before its next step");
        return false;
}

/* All of them at once: while one is told, the worker must not go on with the next. */
static GPtrArray *revoke_all(TbCore *core, bool (*ends)(const TbCommand *, gpointer), gpointer data)
{
        GPtrArray *list = g_ptr_array_new();
        GHashTableIter iter;
        gpointer c;
        g_hash_table_iter_init(&iter, core->commands);
        while (g_hash_table_iter_next(&iter, &c, NULL)) {
                if (!ends(c, data))
                        continue;
                g_atomic_int_set(&((TbCommand *)c)->revoked, 1);
                g_ptr_array_add(list, c);
        }
        return list;
}

/* Answering one may end others: a caller that gives up. */
static void withdraw_list(TbCore *core, GPtrArray *list, TbErrorCode code, const char *why)
{
        for (guint i = 0; i < list->len; i++) {
                TbCommand *c = g_ptr_array_index(list, i);
                if (g_hash_table_contains(core->commands, c) &&
                    g_atomic_int_get(&c->revoked)) /* not a new one in its place */
                        tb_command_withdraw(c, g_error_new(TB_ERROR, (int)code, "%s %s was stopped: %s",
                                                           c->device_id, c->verb_text, why));
        }
}

typedef struct Handover {
        TbDevice *device;
        bool (*keeps)(const TbActor *actor, gpointer data);
        gpointer data;
} Handover;

static bool loses(const TbCommand *c, gpointer data)
{
        const Handover *h = data;
        return c->device == h->device && c->controls && !c->overrides && !c->answered &&
               !c->leads && /* it ends with the last one who waits for it */
               !h->keeps(&c->actor, h->data);
}

void tb_commands_revoke(TbDevice *device, bool (*keeps)(const TbActor *, gpointer), gpointer data,
                        const char *why)
{
        Handover h = {device, keeps, data};
        g_autoptr(GPtrArray) list = revoke_all(device->core, loses, &h);
        withdraw_list(device->core, list, TB_ERROR_LOCKED, why);
}

/* An emergency never ends another one: two people who press at once, or one who presses again, would keep the device on. */
static bool is_overtaken(const TbCommand *c, gpointer data)
{
        const TbCommand *urgent = data;
        return !c->urgent && c->controls && c->iface && c->dispatched && !c->answered &&
               tb_interface_worker(c->iface) == tb_interface_worker(urgent->iface);
}

void tb_commands_overtake(TbCommand *urgent)
{
        g_autofree char *why = g_strdup_printf("an emergency off by %s", urgent->actor.user);
        g_autoptr(GPtrArray) list = revoke_all(urgent->core, is_overtaken, urgent);
        withdraw_list(urgent->core, list, TB_ERROR_BUSY, why);
}

static void withdraw_all(TbCore *core, TbDevice *device, TbErrorCode code, const char *why)
{
        g_autoptr(GList) all = g_hash_table_get_keys(core->commands);
        for (GList *l = all; l; l = l->next) {
                TbCommand *c = l->data;
                /* answering one may end others: a caller that gives up */
                if (!g_hash_table_contains(core->commands, c) || (device && c->device != device))
                        continue;
                tb_command_withdraw(c, g_error_new(TB_ERROR, (int)code, "%s", why));
                if (device &&
                    g_hash_table_contains(core->commands, c)) { /* answered, told on the next turn */
                        c->device = NULL;
                        c->iface = NULL;
                }
        }
}

void tb_commands_of_removed(TbCore *core, TbDevice *device)
{
        withdraw_all(core, device, TB_ERROR_NOT_FOUND, "the device was removed");
        GHashTableIter
                iter; /* those that were answered come back from their worker when the device is no more */
        gpointer p;
        g_hash_table_iter_init(&iter, core->at_work);
        while (g_hash_table_iter_next(&iter, &p, NULL)) {
                TbCommand *c = p;
                if (c->device != device)
                        continue;
                c->device = NULL;
                c->iface = NULL;
        }
}

void tb_commands_stop(TbCore *core)
{
        withdraw_all(core, NULL, TB_ERROR_UNAVAILABLE, "the host is stopping");
}

/* --- a caller who leaves by himself --- */
void tb_command_set_there(TbCommand *c, bool (*there)(gpointer user))
{
        c->there = there;
}

bool tb_command_caller_is_there(const TbCommand *c)
{
        return c->done && (!c->there || c->there(c->user));
}
