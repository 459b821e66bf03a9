/* What rooms above core keep over restarts. */
#include "host/core/kept.h"
#include "host/core/private.h"
#include "lib/log.h"

static json_t *make_rules(TbCore *core)
{
        return json_incref(core->kept[TB_KEPT_RULES].value);
}

static json_t *make_webhooks(TbCore *core)
{
        return json_incref(core->kept[TB_KEPT_WEBHOOKS].value);
}

static const struct {
        const char *file, *lost;
        json_t *(*make)(TbCore *core);
} files[TB_KEPTS] = {
        [TB_KEPT_RULES] = {"rules.json", "rules that were made by REST are gone", make_rules},
        [TB_KEPT_WEBHOOKS] = {"webhooks.json", "what rules had still to tell is gone", make_webhooks},
};

void tb_kept_load(TbCore *core)
{
        for (int i = 0; i < TB_KEPTS; i++) {
                g_autoptr(GError) unread = NULL;
                json_t *value =
                        core->state ? tb_state_load(core->state, files[i].file, JSON_ARRAY, &unread) : NULL;
                if (unread)
                        tb_log(TB_LOG_ERROR, TB_F(), "%s; %s", unread->message, files[i].lost);
                core->kept[i].value = value ? value : json_array();
                core->kept[i].saver = tb_saver_new(core, files[i].file, files[i].make);
        }
}

void tb_kept_unload(TbCore *core)
{
        for (int i = 0; i < TB_KEPTS; i++) {
                tb_saver_free(core->kept[i].saver);
                json_decref(core->kept[i].value);
        }
}

const char *tb_kept_problem(TbCore *core)
{
        for (int i = 0; i < TB_KEPTS; i++)
                if (tb_saver_problem(core->kept[i].saver))
                        return tb_saver_problem(core->kept[i].saver);
        return NULL;
}

json_t *tb_core_kept(TbCore *core, TbKept what)
{
        return core->kept[what].value;
}

void tb_core_keep(TbCore *core, TbKept what, json_t *value_take)
{
        json_decref(core->kept[what].value);
        core->kept[what].value = value_take;
        tb_saver_now(core->kept[what].saver);
}
