#pragma once
/*
 * What sensors said, on the disk: sensors.jsonl (seconds, or single samples; bounded) and sensors-day.jsonl (steps of
 * TB_LIMIT_LONG_STEP_MS), each with the file before it. A line: {"d":"board","i":"sensors","s":"load.1m","q":"load","u":"1",
 * "p":[[t,value] or [t,min,mean,max,n], …]}; {"forget":"board"}: that device was removed. Written every five seconds by the
 * disk's thread, read once at the start by it: meanwhile sensors go on. A file with lines that are none is kept aside, and what it
 * says is used. Main thread.
 */
#include <glib.h>

#include "host/core/state/disk.h"
#include "host/core/state/samples.h"

struct TbCore;
typedef struct TbSensorLog TbSensorLog;

/* Reads what is there, in the background. */
TbSensorLog *tb_sensor_log_new(struct TbCore *core);
void tb_sensor_log_free(TbSensorLog *log); /* NULL is allowed; writes what is unsaved */
void tb_sensor_log_save(TbSensorLog *log); /* now; NULL is allowed */
/* Device `id` and its past are no more. NULL is allowed. */
void tb_sensor_log_forget(TbSensorLog *log, const char *id);
/* In words: what was set aside, or is not written; borrowed; NULL: well. */
const char *tb_sensor_log_problem(const TbSensorLog *log);

/* --- lines; pure, any thread --- */
void tb_sensor_line_write(GString *out, const char *device, const char *interface, const TbStreamRows *rows);
/* One line without its end. Into `samples` of ("device/interface") in `all`, a table of owned TbSamples by owned keys, made where missing.
 * False: it is none. */
bool tb_sensor_line_read(GHashTable *all, const char *line, gsize size, bool is_long);
