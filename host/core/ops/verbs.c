/* All verbs in one table, joined once from the tables of each kind. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"

static const TbVerbRun *const tables[TB_KINDS] = {
        [TB_KIND_POWER] = tb_power_verbs,     [TB_KIND_CONSOLE] = tb_console_verbs,
        [TB_KIND_VIDEO] = tb_video_verbs,     [TB_KIND_INPUT] = tb_input_verbs,
        [TB_KIND_SENSORS] = tb_sensors_verbs, [TB_KIND_SHELL] = tb_shell_verbs,
        [TB_KIND_FILES] = tb_files_verbs,     [TB_KIND_APPS] = tb_apps_verbs,
        [TB_KIND_LOGS] = tb_logs_verbs,       [TB_KIND_INSTRUMENT] = tb_instrument_verbs,
};

static const TbVerbRun *find(const TbVerbRun *table, const char *op)
{
        for (; table && table->verb.op; table++)
                if (strcmp(table->verb.op, op) == 0)
                        return table;
        return NULL;
}

const TbVerbRun *tb_verb_run(TbKind kind, const char *op)
{
        return find(tables[kind], op);
}

static void device_get(TbCommand *c)
{
        tb_command_succeed(c, tb_device_json(c->device));
}

static const TbVerbRun device_verbs[] = {
        {.verb = {.op = "get",
                  .role = TB_ROLE_VIEWER,
                  .flags = TB_VERB_QUIET,
                  .params = tb_no_params,
                  .timeout_ms = 5000,
                  .summary = "What GET of the device answers"},
         .start = device_get},
        {.verb = {.op = NULL}},
};

const TbVerbRun *tb_device_verb_run(const char *noun, const char *op)
{
        return find(strcmp(noun, "device") == 0 ? device_verbs : tb_lease_verbs, op);
}

const TbVerb *tb_core_verb(TbKind kind, const char *op)
{
        const TbVerbRun *run = tb_verb_run(kind, op);
        return run ? &run->verb : NULL;
}

const TbVerb *tb_core_verbs(void)
{
        static GArray *all; /* zero-terminated: an empty row is the end of the table */
        if (!all) {
                all = g_array_new(TRUE, TRUE, sizeof(TbVerb));
                for (guint k = 0; k < TB_KINDS; k++)
                        for (const TbVerbRun *run = tables[k]; run && run->verb.op; run++)
                                g_array_append_val(all, run->verb);
        }
        return (const TbVerb *)(void *)all->data;
}
