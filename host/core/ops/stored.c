/* Commands whose answer promises that something is on disk: they wait for it, main does not. */
#include "host/core/ops/command.h"
#include "host/core/private.h"

void tb_command_stop_storing(TbCommand *c)
{
        tb_saver_unwait(c->core->save_devices, c);
        tb_saver_unwait(c->core->save_leases, c);
}

static void stored(const GError *error G_GNUC_UNUSED,
                   gpointer data) /* it is tried again, and health says so */
{
        TbCommand *c = data;
        c->on_cancel = NULL;
        tb_command_succeed(c, g_steal_pointer(&c->result));
}

void tb_command_succeed_stored(TbCommand *c, TbSaver *saver, json_t *result_take)
{
        c->result = result_take;
        tb_command_on_cancel(c, tb_command_stop_storing);
        tb_saver_wait(saver, stored, c);
}

/* --- changes of the stored devices --- */
typedef struct Change { /* the command's scratch */
        bool (*run)(TbCommand *command, json_t *spec, GError **error);
        json_t *spec; /* owned */
        bool begun;
} Change;

static void change_free(gpointer data)
{
        Change *change = data;
        json_decref(change->spec);
        g_free(change);
}

/* The device may have changed hands while the disk was at it. */
static bool still_may(TbCommand *c, GError **error)
{
        TbDevice *device = c->controls ? tb_core_device(c->core, c->device_id, NULL) : NULL;
        return !device || tb_lease_allows(device, &c->actor, error);
}

static void fail(TbCommand *c, const char *why, TbErrorCode code)
{
        tb_command_fail(c,
                        g_error_new(TB_ERROR, code,
                                    "nothing was changed, because it would not survive a restart: %s", why),
                        NULL);
}

static void attempt(const GError *failed, gpointer data)
{
        TbCommand *c = data;
        Change *change = c->scratch;
        GError *error = NULL;
        c->on_cancel = NULL;
        if (failed) {
                fail(c, failed->message, (TbErrorCode)failed->code);
                return;
        }
        c->core->store_waits = false;
        bool ok = (!change->begun || still_may(c, &error)) && change->run(c, change->spec, &error);
        change->begun = true;
        if (ok) {
                tb_command_succeed(c, g_steal_pointer(&c->result));
        } else if (!tb_store_waits(c->core)) {
                tb_command_fail(c, error, NULL);
        } else {
                g_clear_error(&error);
                c->core->store_waits = false;
                tb_command_on_cancel(c, tb_command_stop_storing);
                tb_saver_wait(c->core->save_devices, attempt, c);
        }
}

void tb_command_store(TbCommand *c, bool (*run)(TbCommand *, json_t *, GError **), json_t *spec_take)
{
        Change *change = g_new0(Change, 1);
        change->run = run;
        change->spec = spec_take;
        c->scratch = change;
        c->scratch_free = change_free;
        attempt(NULL, c);
}
