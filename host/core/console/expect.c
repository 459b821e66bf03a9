#include "host/core/console/expect.h"
#include "host/core/ceiling.h"

#include <string.h>

#include "host/core/console/pattern.h"
#include "host/core/private.h"
#include "lib/job.h"
#include "lib/limits.h"

#define HURRY_MS 300 /* for the last look, after the deadline; the command's own end comes later */
#define NOW_MS 2000  /* timeout_s 0: for a look at what is there */
#define CHUNK (16 * 1024)

typedef enum Outcome { COMPILED, WAITING, READING, FOUND, FAILED, NOT_FOUND } Outcome;

/* One expect: its job reads the history and searches, main says when. Main holds it for the command and for the job. */
typedef struct Expect {
        guint refs;              /* main */
        TbHistory *history;      /* ref */
        TbHistoryReader *reader; /* the job's while it is awake, but for what it waits for */
        char *text;
        gsize size;
        bool base64;
        gint final; /* atomic: no more bytes count than there are now; main sets it */
        /* the job's, and main's while it sleeps */
        TbPattern *pattern; /* NULL: not compiled yet */
        TbScan *scan;
        guint64 from, next; /* offsets: where the scan began, what to read next */
        guint64 stop;       /* bytes from here on do not count */
        bool end;           /* take the end of what is there for the end */
        Outcome outcome;
        GError *error;
        json_t *result;
        /* main's */
        TbCommand *command; /* borrowed: the owner; NULL: it was answered */
        TbInterface *iface; /* borrowed; valid with command */
        TbJob *job;         /* NULL: over */
        bool awake;         /* a turn comes or runs: what is the job's is not touched */
        bool quiet;         /* the end was looked at, and nothing came since */
        gint64 grew_us;     /* monotonic: when something came last */
        guint watch, timer, quiet_timer;
} Expect;

static void expect_unref(gpointer p)
{
        Expect *e = p;
        if (--e->refs > 0)
                return;
        tb_scan_free(e->scan);
        tb_pattern_free(e->pattern);
        tb_history_reader_free(e->reader);
        tb_history_unref(e->history);
        g_clear_error(&e->error);
        json_decref(e->result);
        g_free(e->text);
        g_free(e);
}

/* --- the job's thread --- */
typedef enum Fed { FED, ALL_FED, ON_DISK } Fed;

/* History may have moved on over bytes that were not looked at: a match never stands on both sides of that. */
static Fed feed(Expect *e)
{
        guint8 buf[CHUNK];
        guint64 at = 0;
        gsize want =
                (gsize)MIN(MIN(sizeof buf, tb_scan_room(e->scan)), e->stop > e->next ? e->stop - e->next : 0);
        gsize n = 0;
        if (want > 0) {
                tb_history_reader_seek(e->reader, (gint64)e->next);
                if (!tb_history_reader_peek(e->reader, buf, want, &n, &at))
                        return ON_DISK;
        }
        if (n == 0 || at >= e->stop)
                return ALL_FED;
        if (at != e->next) {
                tb_scan_free(e->scan);
                e->scan = tb_scan_new(e->pattern);
                e->from = at;
        }
        tb_scan_feed(e->scan, buf, n);
        e->next = at + n;
        return FED;
}

static TbJobTurn compile(Expect *e)
{
        e->pattern = tb_pattern_new(e->text, e->size, &e->error);
        e->outcome = e->pattern ? COMPILED : FAILED;
        if (!e->pattern)
                return TB_JOB_DONE;
        e->scan = tb_scan_new(e->pattern);
        return TB_JOB_SLEEP;
}

static TbJobTurn found(Expect *e)
{
        guint64 end = 0;
        e->result = tb_scan_match(e->scan, e->base64, &end);
        json_object_set_new(e->result, "offset", json_integer((json_int_t)(e->from + end)));
        e->outcome = FOUND;
        return TB_JOB_DONE;
}

static TbJobTurn nothing_left(Expect *e)
{
        if (!g_atomic_int_get(&e->final)) {
                e->outcome = WAITING;
                return TB_JOB_SLEEP;
        }
        if (!e->end) { /* the last look */
                e->end = true;
                return TB_JOB_AGAIN;
        }
        e->result = tb_scan_seen(e->scan, e->base64);
        json_object_set_new(e->result, "offset", json_integer((json_int_t)e->next));
        e->outcome = NOT_FOUND;
        return TB_JOB_DONE;
}

static TbJobTurn turn(gpointer data, gint64 until_us)
{
        Expect *e = data;
        if (!e->pattern)
                return compile(e);
        if (g_atomic_int_get(&e->final) && e->stop == G_MAXUINT64)
                e->stop = tb_history_end(e->history);
        do {
                Fed fed = FED;
                while (g_get_monotonic_time() < until_us && (fed = feed(e)) == FED)
                        ;
                bool more = fed != ALL_FED, end = e->end && !more && tb_scan_room(e->scan) > 0;
                switch (tb_scan_step(e->scan, end, until_us, &e->error)) {
                case TB_SCAN_FOUND: return found(e);
                case TB_SCAN_FAILED: e->outcome = FAILED; return TB_JOB_DONE;
                case TB_SCAN_AGAIN: break;
                case TB_SCAN_MORE:
                        if (fed == ON_DISK) {
                                e->outcome = READING;
                                return TB_JOB_SLEEP;
                        }
                        if (more || (e->end && !end))
                                break;
                        return nothing_left(e);
                }
        } while (g_get_monotonic_time() < until_us);
        return TB_JOB_AGAIN;
}

/* --- main --- */
static void expect_stop(Expect *e)
{
        if (e->watch)
                tb_interface_unwatch(e->iface, e->watch);
        e->watch = 0;
        g_clear_handle_id(&e->timer, g_source_remove);
        g_clear_handle_id(&e->quiet_timer, g_source_remove);
        e->command = NULL;
        if (e->job)
                tb_job_cancel(g_steal_pointer(&e->job));
}

static void expect_free(gpointer p)
{
        expect_stop(p);
        expect_unref(p);
}

static void cancelled(TbCommand *c)
{
        expect_stop(c->scratch);
}

static void fail(Expect *e, GError *error_take, json_t *extra_take)
{
        TbCommand *c = e->command;
        expect_stop(e);
        tb_command_fail(c, error_take, extra_take);
}

static GError *not_in_time(const Expect *e, const char *why)
{
        return g_error_new(TB_ERROR, TB_ERROR_TIMEOUT, "%s: no match for /%s/ %s", e->iface->id, e->text,
                           why);
}

static void wake(Expect *e)
{
        e->awake = true;
        tb_job_wake(e->job);
}

static gboolean on_hurry(gpointer data)
{
        Expect *e = data;
        e->timer = 0;
        fail(e, not_in_time(e, "in time: the search did not keep up with what was printed"),
             json_pack("{s:b, s:s, s:I}", "matched", 0, "before", "", "offset",
                       (json_int_t)tb_history_end(e->history)));
        return G_SOURCE_REMOVE;
}

static void last_look(Expect *e, guint ms)
{
        g_atomic_int_set(&e->final, 1);
        e->timer = g_timeout_add(ms, on_hurry, e);
        if (!e->awake)
                wake(e);
}

static gboolean on_deadline(gpointer data)
{
        Expect *e = data;
        e->timer = 0;
        last_look(e, HURRY_MS);
        return G_SOURCE_REMOVE;
}

static gboolean on_quiet(gpointer data)
{
        Expect *e = data;
        gint64 left_ms = TB_LIMIT_EXPECT_QUIET_MS - (g_get_monotonic_time() - e->grew_us) / 1000;
        if (e->awake || left_ms > 0) { /* looked at again when it may be so */
                e->quiet_timer =
                        g_timeout_add((guint)CLAMP(left_ms, 10, TB_LIMIT_EXPECT_QUIET_MS), on_quiet, e);
                return G_SOURCE_REMOVE;
        }
        e->quiet_timer = 0;
        e->quiet = e->end = true;
        wake(e);
        return G_SOURCE_REMOVE;
}

/* The job searched all there is. */
static void wait_for_more(Expect *e)
{
        if (g_atomic_int_get(&e->final) || tb_history_end(e->history) > e->next) {
                e->quiet = e->end = false;
                wake(e);
                return;
        }
        e->end = false;
        if (!e->quiet && e->quiet_timer == 0)
                e->quiet_timer = g_timeout_add(TB_LIMIT_EXPECT_QUIET_MS, on_quiet, e);
}

static void on_grew(TbInterface *iface G_GNUC_UNUSED, gpointer data)
{
        Expect *e = data;
        e->grew_us = g_get_monotonic_time();
        if (e->awake || e->outcome != WAITING)
                return;
        e->quiet = false;
        wake(e);
}

static void begin(Expect *e)
{
        const TbCommand *c = e->command;
        json_t *asked = json_object_get(c->params, "timeout_s");
        gint64 left_ms = (c->call.deadline_us - g_get_monotonic_time()) / 1000;
        e->watch = tb_interface_watch(e->iface, NULL, on_grew, e, NULL);
        if (json_number_value(asked) * 1000 < 1) {
                last_look(e, NOW_MS);
                return;
        }
        e->timer = g_timeout_add((guint)MAX(left_ms, 0), on_deadline, e);
        wake(e);
}

static void sent(TbCommand *c)
{
        json_decref(c->result);
        c->result = NULL;
        begin(c->scratch);
}

/* The pattern is good. */
static void go(Expect *e)
{
        TbCommand *c = e->command;
        const char *send = tb_command_string(c, "send");
        if (!send) {
                begin(e);
        } else if (tb_command_require_control(c)) {
                c->bytes = g_bytes_new(send, json_string_length(json_object_get(c->params, "send")));
                c->call.rank = TB_CALL_CHANGES;
                tb_console_write(c, sent);
        }
}

static void slept(gpointer data)
{
        Expect *e = data;
        if (e->outcome == READING) { /* awake until it has what it wants */
                tb_history_reader_fetch(e->reader);
                return;
        }
        e->awake = false;
        if (e->outcome == COMPILED)
                go(e);
        else
                wait_for_more(e);
}

static void fetched(gpointer data)
{
        const Expect *e = data;
        if (e->job)
                tb_job_wake(e->job);
}

static void done(gpointer data)
{
        Expect *e = data;
        e->job = NULL;
        json_t *result = g_steal_pointer(&e->result);
        if (e->outcome == FOUND) {
                TbCommand *c = e->command;
                expect_stop(e);
                tb_command_succeed(c, result);
        } else {
                GError *error = e->outcome == FAILED ? g_steal_pointer(&e->error)
                                                     : not_in_time(e, "in time; \"before\" is what was seen");
                fail(e, error, result);
        }
        expect_unref(e);
}

void tb_expect_start(TbCommand *c)
{
        json_t *from = json_object_get(c->params, "from"), *pattern = json_object_get(c->params, "pattern");
        guint64 end = tb_history_end(c->iface->history);
        if (from && (guint64)json_integer_value(from) > end) {
                GError *wrong = NULL;
                tb_error_set_field(&wrong, TB_ERROR_INVALID, "from",
                                   "offset %" JSON_INTEGER_FORMAT
                                   " is behind the end of the history (%" G_GUINT64_FORMAT ")",
                                   json_integer_value(from), end);
                tb_command_fail(c, wrong, NULL);
                return;
        }
        Expect *e = g_new0(Expect, 1);
        e->refs = 2;
        e->command = c;
        e->iface = c->iface;
        e->history = tb_history_ref(c->iface->history);
        e->size = json_string_length(pattern);
        e->text = g_memdup2(json_string_value(pattern), e->size + 1);
        e->base64 = json_is_true(json_object_get(c->params, "base64"));
        e->from = from ? MAX((guint64)json_integer_value(from), tb_history_start(e->history))
                       : tb_history_end(e->history);
        e->next = e->from;
        e->reader = tb_history_reader_new(e->history, (gint64)e->from, fetched, e);
        e->stop = G_MAXUINT64;
        e->grew_us = g_get_monotonic_time();
        e->awake = true;
        c->scratch = e;
        c->scratch_free = expect_free;
        tb_command_on_cancel(c, cancelled);
        GError *error = NULL;
        e->job = tb_jobs_start(c->core->jobs,
                               &(TbJobOptions){.by = tb_actor_place(tb_command_actor(c)),
                                               .turn = turn,
                                               .slept = slept,
                                               .done = done,
                                               .drop = expect_unref,
                                               .data = e},
                               &error);
        if (!e->job) {
                expect_unref(e);
                tb_command_fail(c, error, NULL);
        }
}

const TbParam tb_expect_params[] = {
        {.name = "pattern",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EXPECT_PATTERN,
         .help = "a regular expression (PCRE2) over bytes, ^ and $ at every line; matches of up to 256 KiB "
                 "are found. "
                 "What more output could still change is taken when the console was quiet for 1 s, or at the "
                 "deadline"},
        {.name = "send",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_CONSOLE_WRITE,
         .help = "sent first; needs control"},
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = TB_LIMIT_COMMAND_S,
         .fallback = "10",
         .unit = "s",
         .help = "how long to wait; 0: what is there now decides"},
        {.name = "from",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .help = "history offset to look from; default: now"},
        {.name = "base64",
         .type = TB_PARAM_BOOL,
         .help = "answer also with \"base64\": {match, groups, before}, the bytes as the device printed "
                 "them"},
        TB_PARAM_END,
};
