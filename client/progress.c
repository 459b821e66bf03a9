#include "client/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "client/out.h"
#include "lib/clock.h"

#define EVERY_MS 100

void tb_cli_progress_begin(TbCliProgress *p, const TbCli *cli, const char *name, gint64 size)
{
        *p = (TbCliProgress){.name = name,
                             .size = size,
                             /* The first piece is shown at once, the next each EVERY_MS. */
                             .shown_ms = tb_clock_mono_ms() - EVERY_MS,
                             .wanted = isatty(STDERR_FILENO) && !tb_cli_flag(cli, "quiet")};
}

void tb_cli_progress_add(gsize bytes, gpointer progress)
{
        TbCliProgress *p = progress;
        p->done += bytes;
        gint64 now = tb_clock_mono_ms();
        if (!p->wanted || now - p->shown_ms < EVERY_MS)
                return;
        g_autofree char *done = g_format_size(p->done), *name = tb_cli_clean(p->name);
        p->shown_ms = now;
        p->shown = true;
        if (p->size > 0)
                fprintf(stderr, "\r%s  %s  %d %% \033[K", name, done,
                        (int)(p->done * 100 / (guint64)p->size));
        else
                fprintf(stderr, "\r%s  %s \033[K", name, done);
}

void tb_cli_progress_end(TbCliProgress *p)
{
        if (p->shown)
                fputs("\r\033[K", stderr);
}
