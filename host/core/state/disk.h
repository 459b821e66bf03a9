#pragma once
/*
 * The one thread that writes in the state folder while the host runs: whole files (saver.h), the audit trail, what sensors said (sensor_log.h). A disk that
 * stands still keeps this thread and nobody else: main hands over and goes on. What waits is counted: of each file the latest
 * content, of the audit trail TB_LIMIT_AUDIT_QUEUE bytes; lines beyond are counted, and a line tells how many. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

#include "lib/statefile.h"

typedef struct TbDisk TbDisk;

/* Borrows `dir`. What cannot be written of the audit trail comes to `audit_failed`, on main, in words. */
TbDisk *tb_disk_new(TbStateDir *dir, void (*audit_failed)(const char *why, gpointer user), gpointer user);
/* Waits at most TB_LIMIT_DISK_STOP_MS for what was handed over, calls nobody afterwards. False: the disk keeps the thread, which
 * holds `dir` until the process ends; the log says what is given up. NULL is allowed. */
bool tb_disk_free(TbDisk *disk);

/* A file of the folder. `name` is static. `done`: the newest content with a number of at most `number` is on disk, or `why` not. */
guint tb_disk_place(TbDisk *disk, const char *name,
                    void (*done)(guint64 number, const char *why, gpointer user), gpointer user);
/* Takes the place of what waits there. `number` grows. */
void tb_disk_save(TbDisk *disk, guint place, guint64 number, char *text_take);
/* One line with its line end. Waits for it TB_LIMIT_AUDIT_WAIT_MS at most, for all TB_LIMIT_AUDIT_WAITS_US in a second, and not at
 * all while the disk is behind. */
void tb_disk_audit(TbDisk *disk, char *line_take);
/* Something else on that thread, behind files and the audit trail: `work` gets `data`, once, and owns it. False: TB_LIMIT_DISK_WORKS bytes
 * wait already, or no thread can be had; `data` stays the caller's. `size`: what it holds. */
bool tb_disk_run(TbDisk *disk, gsize size, void (*work)(TbStateDir *dir, gpointer data), gpointer data);
/* Waits until all is written. False: not within `ms`. */
bool tb_disk_flush(TbDisk *disk, int ms);
/* In words, when the disk has not answered for TB_LIMIT_DISK_LATE_MS, no thread can be had, or the last line of the audit trail could
 * not be written; the caller frees. NULL: well. */
char *tb_disk_problem(TbDisk *disk);
