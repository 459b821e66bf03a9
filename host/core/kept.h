#pragma once
/*
 * What rooms above core keep over restarts: one JSON file of the state folder each, written as a whole when it changes. Main thread.
 */
#include <jansson.h>

#include "host/core/core.h"

typedef enum TbKept {
        TB_KEPT_RULES,    /* rules.json: array (host/rules) */
        TB_KEPT_WEBHOOKS, /* webhooks.json: array of what is still to be told (host/rules) */
        TB_KEPTS
} TbKept;

json_t *tb_core_kept(TbCore *core, TbKept what);                  /* borrowed; empty when there is nothing */
void tb_core_keep(TbCore *core, TbKept what, json_t *value_take); /* takes its place, and is written */
