/* Lines of a history for a caller: made in turns on a job's thread, because a long log is megabytes; what is on the disk alone
 * comes by the history's reader, and the job sleeps until then. */
#include "host/core/ceiling.h"
#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/job.h"
#include "lib/limits.h"

#define AT_ONCE 200 /* lines of one look */
#define NODE 400    /* bytes of a line in memory beside its text, about */

typedef struct Lines {
        guint refs;              /* main: the command's and the job's */
        TbHistory *history;      /* ref */
        TbHistoryReader *reader; /* the job's, but while it sleeps */
        TbCommand *command;      /* main; borrowed: the owner */
        TbJob *job;              /* main; NULL: over */
        TbJobs *jobs;            /* borrowed */
        gsize *all;              /* borrowed; of all callers, atomic */
        /* the job's */
        guint64 next; /* where its reader stands */
        guint left;   /* lines that are still wanted */
        gsize bytes;  /* of text */
        gsize held;   /* of memory, counted in `all` */
        json_t *lines;
} Lines;

static void free_tree(gpointer data)
{
        json_decref(data);
}

static void count(Lines *l, gssize bytes)
{
        l->held += (gsize)bytes;
        g_atomic_pointer_add(l->all, bytes);
}

static void lines_unref(gpointer data)
{
        Lines *l = data;
        if (--l->refs > 0)
                return;
        tb_history_reader_free(l->reader);
        tb_history_unref(l->history);
        if (l->held > 0)
                tb_jobs_destroy(l->jobs, free_tree, l->lines);
        else
                json_decref(l->lines);
        count(l, -(gssize)l->held);
        g_free(l);
}

/* Adds what finds room; the last line begins below the limit, and the next look begins behind it. */
static gsize add(Lines *l, json_t *some)
{
        gsize n = 0;
        for (; n < json_array_size(some) && l->bytes < TB_LIMIT_LOG_BYTES; n++) {
                json_t *line = json_array_get(some, n);
                gsize text = json_string_length(json_object_get(line, "text"));
                l->bytes += text;
                count(l, (gssize)(text + NODE));
                json_array_append(l->lines, line);
        }
        if (n < json_array_size(some))
                l->next = (guint64)json_integer_value(json_object_get(json_array_get(some, n), "offset"));
        l->left -= (guint)n;
        return n;
}

static TbJobTurn turn(gpointer data, gint64 until_us)
{
        Lines *l = data;
        do {
                json_auto_t *some = tb_history_reader_peek_lines(l->reader, MIN(l->left, AT_ONCE), &l->next);
                if (!some)
                        return TB_JOB_SLEEP;
                gsize n = add(l, some);
                tb_history_reader_seek(l->reader, (gint64)l->next);
                if (n == 0 || l->left == 0 || l->bytes >= TB_LIMIT_LOG_BYTES ||
                    (gsize)g_atomic_pointer_get(l->all) >= TB_LIMIT_LOGS_HELD)
                        return TB_JOB_DONE;
        } while (g_get_monotonic_time() < until_us);
        return TB_JOB_AGAIN;
}

static void slept(gpointer data)
{
        const Lines *l = data;
        tb_history_reader_fetch(l->reader);
}

static void fetched(gpointer data)
{
        const Lines *l = data;
        if (l->job)
                tb_job_wake(l->job);
}

static void lines_stop(TbCommand *c)
{
        Lines *l = c->scratch;
        if (l->job)
                tb_job_cancel(g_steal_pointer(&l->job));
}

static void scratch_free(gpointer data)
{
        Lines *l = data;
        if (l->job)
                tb_job_cancel(g_steal_pointer(&l->job));
        lines_unref(l);
}

static void done(gpointer data)
{
        Lines *l = data;
        TbCommand *c = l->command;
        l->job = NULL;
        json_t *answer = json_pack("{s:o, s:I, s:I, s:I}", "lines", g_steal_pointer(&l->lines), "next",
                                   (json_int_t)l->next, "start", (json_int_t)tb_history_start(l->history),
                                   "offset", (json_int_t)tb_history_end(l->history));
        count(l, -(gssize)l->held); /* the answer's reader is charged for it now */
        lines_unref(l);
        tb_command_succeed(c, answer);
}

/* "since": ms since the epoch, as "t" of a line, or RFC 3339. */
static bool read_wish(TbCommand *c, TbHistoryWish *ret, GError **error)
{
        const char *since = tb_command_string(c, "since");
        guint64 ms = 0;
        *ret = (TbHistoryWish){.tail = (guint)tb_command_int(c, "tail")};
        if ((since != NULL) + (ret->tail > 0) + (tb_command_int(c, "from") > 0) > 1) {
                tb_error_set_field(error, TB_ERROR_INVALID, since ? "since" : "tail",
                                   "from, tail and since are three ways to say where to begin: give one");
                return false;
        }
        if (!since)
                return true;
        if (!g_ascii_string_to_unsigned(since, 10, 1, G_MAXINT64, &ms, NULL)) {
                g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(since, NULL);
                gint64 at = time ? g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000
                                 : 0;
                if (at <= 0) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "since",
                                           "\"%.40s\" is no time: give milliseconds since 1970 as \"t\" of a "
                                           "line, or 2026-11-30T12:00:00Z",
                                           since);
                        return false;
                }
                ms = (guint64)at;
        }
        ret->since_ms = (gint64)ms;
        return true;
}

void tb_command_lines(TbCommand *c)
{
        GError *error = NULL;
        TbHistoryWish wish;
        if (!read_wish(c, &wish, &error)) {
                tb_command_fail(c, error, NULL);
                return;
        }
        Lines *l = g_new0(Lines, 1);
        l->refs = 2;
        l->command = c;
        l->jobs = c->core->jobs;
        l->all = &c->core->lines_held;
        l->history = tb_history_ref(c->iface->history);
        l->next = (guint64)tb_command_int(c, "from");
        l->left = wish.tail ? TB_LIMIT_LOG_LINES : (guint)tb_command_int(c, "limit");
        l->reader = tb_history_reader_new(l->history, (gint64)l->next, fetched, l);
        tb_history_reader_wish(l->reader, &wish);
        l->lines = json_array();
        c->scratch = l;
        c->scratch_free = scratch_free;
        tb_command_on_cancel(c, lines_stop);
        l->job = tb_jobs_start(c->core->jobs,
                               &(TbJobOptions){.by = tb_actor_place(tb_command_actor(c)),
                                               .turn = turn,
                                               .slept = slept,
                                               .done = done,
                                               .drop = lines_unref,
                                               .data = l},
                               &error);
        if (!l->job) {
                lines_unref(l);
                tb_command_fail(c, error, NULL);
        }
}
