#include "host/core/state/saver.h"

#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/statefile.h"

struct TbSaver {
        TbCore *core; /* borrowed */
        const char *name;
        json_t *(*make)(TbCore *core);
        char *problem; /* owned */
        guint timer;
        guint pause_ms;
};

TbSaver *tb_saver_new(TbCore *core, const char *name, json_t *(*make)(TbCore *))
{
        TbSaver *s = g_new0(TbSaver, 1);
        s->core = core;
        s->name = name;
        s->make = make;
        return s;
}

void tb_saver_free(TbSaver *s)
{
        if (!s)
                return;
        g_clear_handle_id(&s->timer, g_source_remove);
        g_free(s->problem);
        g_free(s);
}

static gboolean again(gpointer data)
{
        TbSaver *s = data;
        s->timer = 0;
        tb_saver_now(s, NULL);
        return G_SOURCE_REMOVE;
}

static void failed(TbSaver *s, const char *reason)
{
        bool first = !s->problem;
        g_free(s->problem);
        s->problem = g_strdup(reason);
        s->pause_ms = first ? TB_LIMIT_SAVE_RETRY_FIRST_MS : MIN(s->pause_ms * 2, TB_LIMIT_SAVE_RETRY_MS);
        g_clear_handle_id(&s->timer, g_source_remove);
        s->timer = g_timeout_add(s->pause_ms, again, s);
        if (!first)
                return;
        tb_log(TB_LOG_ERROR, TB_F(), "%s; tried again until it can", reason);
        tb_bus_publish(s->core->bus, "state.failed", NULL, NULL,
                       json_pack("{s:s, s:s}", "file", s->name, "reason", reason));
}

static void succeeded(TbSaver *s)
{
        g_clear_handle_id(&s->timer, g_source_remove);
        if (!s->problem)
                return;
        g_clear_pointer(&s->problem, g_free);
        tb_log(TB_LOG_INFO, TB_F(), "%s is saved again", s->name);
        tb_bus_publish(s->core->bus, "state.saved", NULL, NULL, json_pack("{s:s}", "file", s->name));
}

bool tb_saver_staged(TbSaver *s, const json_t *instead, GError **error)
{
        tb_assert_main();
        g_autoptr(GError) why = NULL;
        if (tb_state_save(s->core->state, s->name, instead, &why)) {
                succeeded(s);
                return true;
        }
        failed(s, why->message);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

bool tb_saver_now(TbSaver *s, GError **error)
{
        json_auto_t *all = s->make(s->core);
        return tb_saver_staged(s, all, error);
}

const char *tb_saver_problem(const TbSaver *s)
{
        return s->problem;
}
