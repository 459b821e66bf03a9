/* All verbs in one table, joined once from the tables of each kind. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"

static const TbVerbRun *const tables[TB_KINDS] = {
        [TB_KIND_POWER] = tb_power_verbs, [TB_KIND_CONSOLE] = tb_console_verbs,
        [TB_KIND_VIDEO] = tb_video_verbs, [TB_KIND_AUDIO] = tb_audio_verbs,
        [TB_KIND_INPUT] = tb_input_verbs, [TB_KIND_SENSORS] = tb_sensors_verbs,
        [TB_KIND_GPIO] = tb_gpio_verbs,   [TB_KIND_SHELL] = tb_shell_verbs,
        [TB_KIND_FILES] = tb_files_verbs, [TB_KIND_APPS] = tb_apps_verbs,
        [TB_KIND_LOGS] = tb_logs_verbs,   [TB_KIND_INSTRUMENT] = tb_instrument_verbs,
        [TB_KIND_MOUNT] = tb_mount_verbs,
};

/* What a device itself can do; no interface can bear these names. */
static const TbVerbRun *const of_device[] = {tb_device_verbs, tb_lease_verbs, tb_recording_verbs};

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

const TbVerbRun *tb_device_verb_run(const char *noun, const char *op)
{
        for (guint i = 0; i < G_N_ELEMENTS(of_device); i++)
                if (strcmp(of_device[i]->verb.noun, noun) == 0)
                        return find(of_device[i], op);
        return NULL;
}

bool tb_is_device_noun(const char *word)
{
        for (guint i = 0; i < G_N_ELEMENTS(of_device); i++)
                if (strcmp(of_device[i]->verb.noun, word) == 0)
                        return true;
        return false;
}

const char *tb_verb_noun(const TbVerb *verb)
{
        return verb->noun ? verb->noun : tb_kind_name(verb->kind);
}

const TbVerb *tb_core_verb(TbKind kind, const char *op)
{
        const TbVerbRun *run = tb_verb_run(kind, op);
        return run ? &run->verb : NULL;
}

const TbVerb *tb_core_device_verb(const char *noun, const char *op)
{
        const TbVerbRun *run = tb_device_verb_run(noun, op);
        return run ? &run->verb : NULL;
}

static void append(GArray *all, const TbVerbRun *table)
{
        for (; table && table->verb.op; table++)
                g_array_append_val(all, table->verb);
}

const TbVerb *tb_core_verbs(void)
{
        static GArray *all; /* zero-terminated: an empty row is the end of the table */
        if (!all) {
                all = g_array_new(TRUE, TRUE, sizeof(TbVerb));
                for (guint i = 0; i < G_N_ELEMENTS(of_device); i++)
                        append(all, of_device[i]);
                for (guint k = 0; k < TB_KINDS; k++)
                        append(all, tables[k]);
        }
        return (const TbVerb *)(void *)all->data;
}
