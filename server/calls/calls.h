#pragma once
/*
 * Calls between two people: REST of the original (requirements S3.R1 to S3.R6), whose clients work unchanged. The store is the truth; nothing
 * of a call is kept here. Main thread.
 */
#include <glib.h>

#include "lib/http/http.h"
#include "server/store/db.h"

typedef struct TbCalls TbCalls;

TbCalls *tb_calls_new(TbDb *db);       /* borrowed; outlives the calls */
void tb_calls_free(TbCalls *calls);    /* NULL is fine */
extern const TbRoute tb_call_routes[]; /* their data is the TbCalls */
void tb_calls_metrics(GString *out, gpointer calls);
