/* All verbs in one table, joined once from the tables of each kind. */
#include <string.h>

#include "host/core/command.h"
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
        for (; table->verb.op; table++)
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
        {{.op = "get",
          .role = TB_ROLE_VIEWER,
          .quiet = true,
          .params = tb_no_params,
          .timeout_ms = 5000,
          .summary = "What GET of the device answers"},
         device_get},
        {{.op = NULL}, NULL},
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
        static TbVerb all[64]; /* the last one stays empty: the end of the table */
        static bool joined;
        for (guint k = 0, n = 0; k < TB_KINDS && !joined; k++) {
                for (const TbVerbRun *run = tables[k]; run->verb.op; run++) {
                        g_assert(n + 1 < G_N_ELEMENTS(all));
                        all[n++] = run->verb;
                }
        }
        joined = true;
        return all;
}
