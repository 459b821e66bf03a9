#pragma once
/*
 * One state file that is written whenever what it holds has changed. A save that fails is tried again with a growing pause, until one
 * succeeds; meanwhile its reason stands in /host/health. The bus hears of the first failure (state.failed {file,reason}) and of the
 * end (state.saved {file}). Main thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbSaver TbSaver;
struct TbCore;

/* `make`: what the file is to hold now; new reference. `name` is static. */
TbSaver *tb_saver_new(struct TbCore *core, const char *name, json_t *(*make)(struct TbCore *core));
void tb_saver_free(TbSaver *saver); /* NULL is allowed; saves nothing */
bool tb_saver_now(TbSaver *saver, GError **error);
/* Saves `instead` of what it would make: a change that is not live yet. */
bool tb_saver_staged(TbSaver *saver, const json_t *instead, GError **error);
const char *tb_saver_problem(const TbSaver *saver); /* borrowed; NULL: the last save succeeded */
