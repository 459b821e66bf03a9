#pragma once
/* A history in a test that has nothing else to do: each call runs the main loop until the disk has answered. */
#include "host/core/console/history_reader.h"

static inline void histories_ready(gpointer user G_GNUC_UNUSED)
{
}

static inline void histories_settle(void)
{
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

static inline TbHistory *histories_open(const char *dir, guint64 limit)
{
        TbHistory *h = tb_history_open(dir, limit);
        g_assert_true(tb_history_flush(h, 60000));
        histories_settle();
        g_assert_true(tb_history_is_open(h));
        return h;
}

/* And everything of it is on the disk, and its files are closed. */
static inline void histories_close(TbHistory *h)
{
        tb_history_close(h);
        histories_settle(); /* words on their way hold it */
        tb_histories_stop();
        histories_settle();
}

static inline gsize histories_read(TbHistory *h, guint64 from, void *buf, gsize size, guint64 *ret_at)
{
        TbHistoryReader *r = tb_history_reader_new(h, (gint64)from, histories_ready, NULL);
        gsize n;
        while ((n = tb_history_reader_read(r, buf, size, ret_at)) == 0 && tb_history_reader_waits(r))
                g_main_context_iteration(NULL, TRUE);
        tb_history_reader_free(r);
        return n;
}

static inline json_t *histories_lines(TbHistory *h, guint64 from, guint limit, guint64 *ret_next)
{
        TbHistoryReader *r = tb_history_reader_new(h, (gint64)from, histories_ready, NULL);
        json_t *lines;
        while (!(lines = tb_history_reader_lines(r, limit, ret_next)))
                g_main_context_iteration(NULL, TRUE);
        tb_history_reader_free(r);
        return lines;
}
