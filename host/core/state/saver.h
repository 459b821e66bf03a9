#pragma once
/*
 * One state file that is written, by the disk's thread, whenever what it holds has changed. A save that fails is tried again with a
 * growing pause, until one succeeds; one that the disk does not answer within TB_LIMIT_DISK_LATE_MS is late: callers wait no longer.
 * Meanwhile the reason stands in /host/health. The bus hears of the first failure (state.failed {file,reason}) and of the end
 * (state.saved {file}). Main thread.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbSaver TbSaver;
struct TbCore;

/* `make`: what the file is to hold now; new reference. `name` is static. */
TbSaver *tb_saver_new(struct TbCore *core, const char *name, json_t *(*make)(struct TbCore *core));
void tb_saver_free(TbSaver *saver); /* NULL is allowed; saves nothing */
void tb_saver_now(TbSaver *saver);
/* Saves `instead` of what it would make: a change that is not live yet. Unless it is live when its waiters were told, the file
 * gets what is. */
void tb_saver_stage(TbSaver *saver, const json_t *instead);
bool tb_saver_busy(const TbSaver *saver); /* something that was handed over is not settled */
bool tb_saver_holds(const TbSaver *saver,
                    const json_t *value); /* the file holds exactly this, and nothing else is under way */
/* `settled` is called once: what was handed over so far is on disk, or `error` says why not, or why that is not known. At once where
 * nothing is under way, or it is late already. */
void tb_saver_wait(TbSaver *saver, void (*settled)(const GError *error, gpointer user), gpointer user);
void tb_saver_unwait(TbSaver *saver, gpointer user);
const char *tb_saver_problem(const TbSaver *saver); /* borrowed; NULL: the last save succeeded */
