/* The text that was copied last on the device or into it: who may type there may have it, and nobody else. */
#include "host/core/ops/clipboard.h"

#include <string.h>

#include "host/core/input/made.h"
#include "host/core/private.h"
#include "lib/limits.h"

const TbParam tb_clipboard_params[] = {
        {.name = "text",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = TB_LIMIT_CLIPBOARD,
         .help = "UTF-8"},
        TB_PARAM_END,
};

/* False: the command was failed. */
static bool has_one(TbCommand *c)
{
        const TbInputOps *ops = tb_interface_ops(c->iface);
        if (ops->copy)
                return true;
        GError *error = NULL;
        tb_set_error(&error, TB_ERROR_UNSUPPORTED, "the clipboard behind %s is not in this driver's reach",
                     c->iface->id);
        tb_command_fail(c, error, NULL);
        return false;
}

void tb_clipboard_get(TbCommand *c)
{
        const char *text = tb_interface_clipboard(c->iface);
        if (has_one(c))
                tb_command_succeed(c, text ? json_pack("{s:s}", "text", text) : NULL);
}

static bool exec_set(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        return TB_STEP(c, instance->lane->input->copy, instance, io, tb_command_string(c, "text"), error);
}

static void after_set(TbCommand *c)
{
        if (c->iface)
                tb_interface_set_clipboard(c->iface, tb_command_string(c, "text"), c->actor.who);
        tb_command_succeed(c, NULL);
}

static void settle_set(TbCommand *c)
{
        json_auto_t *events =
                json_pack("[{s:s, s:O}]", "type", "copy", "text", json_object_get(c->params, "text"));
        tb_command_tell_input(c, events, NULL, 0);
}

void tb_clipboard_set(TbCommand *c)
{
        c->settle = settle_set;
        g_autofree char *plain = tb_made_line_ends(tb_command_string(c, "text"));
        if (plain)
                json_object_set_new(c->params, "text", json_string(plain));
        if (has_one(c))
                tb_command_dispatch(c, exec_set, after_set);
}
