/* What host/phone keeps over restarts, in <state>/phones.json. */
#include "host/core/private.h"
#include "lib/log.h"

#define FILE_NAME "phones.json"

static json_t *make(TbCore *core)
{
        return json_incref(core->phones);
}

void tb_phones_load(TbCore *core)
{
        g_autoptr(GError) unread = NULL;
        core->phones = core->state ? tb_state_load(core->state, FILE_NAME, JSON_OBJECT, &unread) : NULL;
        if (unread)
                tb_log(TB_LOG_ERROR, TB_F(), "%s; phones have to be paired again", unread->message);
        if (!core->phones)
                core->phones = json_object();
        core->save_phones = tb_saver_new(core, FILE_NAME, make);
}

void tb_phones_unload(TbCore *core)
{
        tb_saver_free(core->save_phones);
        json_decref(core->phones);
}

json_t *tb_core_phones(TbCore *core)
{
        return core->phones;
}

void tb_core_keep_phones(TbCore *core, json_t *phones_take)
{
        json_decref(core->phones);
        core->phones = phones_take;
        tb_saver_now(core->save_phones);
}
