#pragma once
/* How far a transfer is: on a terminal's standard error, at most ten times a second. */
#include <glib.h>

#include "client/cli.h"

typedef struct TbCliProgress {
        const char *name; /* borrowed */
        gint64 size;      /* -1: not known */
        guint64 done;
        gint64 shown_ms; /* boot clock */
        bool shown, wanted;
} TbCliProgress;

void tb_cli_progress_begin(TbCliProgress *p, const TbCli *cli, const char *name, gint64 size);
void tb_cli_progress_add(gsize bytes, gpointer progress);
void tb_cli_progress_end(TbCliProgress *p);
