#include "host/core/state/disk.h"

#include <string.h>

#include "host/core/state/grown_file.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/rate.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define PLACES 8

typedef struct Place {
        const char *name;
        void (*done)(guint64 number, const char *why, gpointer user); /* main */
        gpointer user;                                                /* main */
        char *text;                                                   /* waits; owned; protected */
        guint64 number;                                               /* protected */
} Place;

typedef struct Work {
        void (*work)(TbStateDir *dir, gpointer data);
        gpointer data;
        gsize size;
} Work;

struct TbDisk {
        TbRefCount ref;
        TbStateDir *dir; /* borrowed */
        TbMutex lock;
        TbCond changed;
        Place places[PLACES];
        guint n_places;     /* main */
        TbGrownFile *audit; /* owned; the thread's */
        GQueue lines;       /* owned; protected */
        gsize lines_bytes;  /* with those that are being written; protected */
        guint64 more;       /* lines that found no room; protected */
        GQueue works;       /* of owned Work; protected */
        gsize works_bytes;  /* of those that wait; protected */
        gint64 busy_us;     /* since when it is at it; 0: idle; protected */
        bool stop, ended;   /* protected */
        bool telling;       /* audit_failed is on its way; protected */
        char *untaken; /* why the last line of the audit trail was not written; NULL: it was; owned; protected */
        TbThread *thread; /* main; NULL: not needed yet, or none can be had */
        char *no_thread;  /* main; owned: why not */
        bool closed;      /* main */
        TbBucket waits;   /* main: microseconds that it may wait for lines */
        bool late; /* main: the disk was not quick lately; nobody waits for it until it has caught up */
        void (*audit_failed)(const char *why, gpointer user); /* main */
        gpointer user;
};

static void disk_unref(gpointer data)
{
        TbDisk *d = data;
        if (!tb_ref_dec(&d->ref))
                return;
        for (guint i = 0; i < PLACES; i++)
                g_free(d->places[i].text);
        g_queue_clear_full(&d->lines, g_free);
        g_queue_clear_full(&d->works, g_free); /* tb_disk_free() has given up what they hold */
        tb_grown_file_close(d->audit);
        tb_cond_clear(&d->changed);
        tb_mutex_clear(&d->lock);
        g_free(d->no_thread);
        g_free(d->untaken);
        g_free(d);
}

/* --- what main is told --- */
typedef struct News {
        TbDisk *disk; /* ref */
        Place *place; /* NULL: the audit trail */
        guint64 number;
        char *why;
} News;

static void news_free(News *n)
{
        disk_unref(n->disk);
        g_free(n->why);
        g_free(n);
}

static void tell(gpointer data)
{
        News *n = data;
        if (!n->place) {
                tb_mutex_lock(&n->disk->lock);
                n->disk->telling = false;
                tb_mutex_unlock(&n->disk->lock);
        }
        if (!n->disk->closed && n->place)
                n->place->done(n->number, n->why, n->place->user);
        else if (!n->disk->closed)
                n->disk->audit_failed(n->why, n->disk->user);
        news_free(n);
}

static void post(TbDisk *d, Place *place, guint64 number, const char *why)
{
        News *n = g_new(News, 1);
        tb_ref_inc(&d->ref);
        *n = (News){d, place, number, g_strdup(why)};
        if (!tb_main_post(tell, n))
                news_free(n);
}

/* --- the thread --- */
static void set_busy(TbDisk *d, gint64 since_us)
{
        d->busy_us = since_us;
        tb_cond_broadcast(&d->changed);
}

/* Lock held, and given back while it writes. */
static bool save_turn(TbDisk *d)
{
        for (guint i = 0; i < PLACES; i++) {
                Place *p = &d->places[i];
                if (!p->text)
                        continue;
                g_autofree char *text = g_steal_pointer(&p->text);
                g_autoptr(GError) error = NULL;
                guint64 number = p->number;
                set_busy(d, g_get_monotonic_time());
                tb_mutex_unlock(&d->lock);
                bool ok = tb_state_write(d->dir, p->name, text, strlen(text), &error);
                post(d, p, number, ok ? NULL : error->message);
                tb_mutex_lock(&d->lock);
                set_busy(d, 0);
                return true;
        }
        return false;
}

/* The line that says how many there was no room for; the caller frees. */
static char *line_of_more(guint64 more)
{
        g_autofree char *time = tb_clock_rfc3339(tb_clock_ms()),
                        *text = g_strdup_printf("%" G_GUINT64_FORMAT
                                                " more commands: the disk did not take their lines",
                                                more);
        json_auto_t *o = json_pack("{s:s, s:I, s:s, s:s, s:n}", "verb", "(not written)", "more",
                                   (json_int_t)more, "text", text, "time", time, "device");
        g_autofree char *dumped = tb_json_text(o, NULL);
        return g_strconcat(dumped, "\n", NULL);
}

/* Lock held, and given back while it writes. */
static bool audit_turn(TbDisk *d)
{
        g_autofree char *line = g_queue_pop_head(&d->lines);
        guint64 more = line ? 0 : d->more;
        if (!line && !more)
                return false;
        d->more -= more;
        gsize size = line ? strlen(line) : 0;
        set_busy(d, g_get_monotonic_time());
        tb_mutex_unlock(&d->lock);
        if (!line)
                line = line_of_more(more);
        g_autofree char *why = tb_grown_file_write(d->audit, d->dir, line);
        tb_mutex_lock(&d->lock);
        d->lines_bytes -= size;
        set_busy(d, 0);
        g_free(d->untaken);
        d->untaken = g_strdup(why);
        bool said = why && !d->telling;
        d->telling |= said;
        if (said)
                post(d, NULL, 0, why);
        return true;
}

/* Lock held, and given back while it is at it. */
static bool work_turn(TbDisk *d)
{
        g_autofree Work *w = g_queue_pop_head(&d->works);
        if (!w)
                return false;
        d->works_bytes -= w->size;
        set_busy(d, g_get_monotonic_time());
        tb_mutex_unlock(&d->lock);
        w->work(d->dir, w->data);
        tb_mutex_lock(&d->lock);
        set_busy(d, 0);
        return true;
}

static void run(gpointer data)
{
        TbDisk *d = data;
        tb_mutex_lock(&d->lock);
        for (;;) {
                /* Files first: their callers wait for an answer. */
                if (save_turn(d) || audit_turn(d) || work_turn(d))
                        continue;
                if (d->stop)
                        break;
                tb_cond_wait_until(&d->changed, &d->lock, -1);
        }
        d->ended = true;
        tb_cond_broadcast(&d->changed);
        tb_mutex_unlock(&d->lock);
        disk_unref(d);
}

/* --- main --- */
static bool start(TbDisk *d)
{
        g_autoptr(GError) error = NULL;
        if (d->thread)
                return true;
        tb_ref_inc(&d->ref);
        d->thread = tb_thread_try_start("state", run, d, &error);
        g_free(d->no_thread);
        d->no_thread = d->thread ? NULL : g_strdup(error->message);
        if (!d->thread)
                disk_unref(d);
        return d->thread != NULL;
}

TbDisk *tb_disk_new(TbStateDir *dir, void (*audit_failed)(const char *, gpointer), gpointer user)
{
        TbDisk *d = g_new0(TbDisk, 1);
        tb_ref_init(&d->ref);
        tb_mutex_init(&d->lock);
        tb_cond_init(&d->changed);
        g_queue_init(&d->lines);
        g_queue_init(&d->works);
        d->dir = dir;
        d->audit = tb_grown_file_new("audit.jsonl", "audit.1.jsonl", TB_LIMIT_AUDIT);
        d->audit_failed = audit_failed;
        d->user = user;
        return d;
}

guint tb_disk_place(TbDisk *d, const char *name, void (*done)(guint64, const char *, gpointer), gpointer user)
{
        tb_assert_main();
        g_assert(d->n_places < PLACES);
        d->places[d->n_places] = (Place){.name = name, .done = done, .user = user};
        return d->n_places++;
}

void tb_disk_save(TbDisk *d, guint place, guint64 number, char *text_take)
{
        tb_assert_main();
        Place *p = &d->places[place];
        tb_mutex_lock(&d->lock);
        g_free(p->text);
        p->text = text_take;
        p->number = number;
        tb_cond_broadcast(&d->changed);
        tb_mutex_unlock(&d->lock);
        if (!start(d))
                post(d, p, number, d->no_thread);
}

/* On a disk that is well a line takes microseconds, and is there when its command is answered. One that is slow each time is waited
 * for as well, but no longer than a small part of main's time. */
static void wait_briefly(TbDisk *d)
{
        gint64 begun = g_get_monotonic_time();
        tb_bucket_charge(&d->waits, TB_LIMIT_AUDIT_WAITS_US, TB_LIMIT_AUDIT_WAITS_US, 0, begun);
        gint64 most = MIN((gint64)d->waits.tokens, TB_LIMIT_AUDIT_WAIT_MS * G_TIME_SPAN_MILLISECOND);
        if (d->late || most <= 0)
                return;
        tb_mutex_lock(&d->lock);
        while (!d->late && d->lines_bytes > 0)
                d->late = !tb_cond_wait_until(&d->changed, &d->lock, begun + most);
        tb_mutex_unlock(&d->lock);
        gint64 now = g_get_monotonic_time();
        tb_bucket_charge(&d->waits, TB_LIMIT_AUDIT_WAITS_US, TB_LIMIT_AUDIT_WAITS_US, (double)(now - begun),
                         now);
}

void tb_disk_audit(TbDisk *d, char *line_take)
{
        tb_assert_main();
        gsize size = strlen(line_take);
        tb_mutex_lock(&d->lock);
        d->late = d->late && d->lines_bytes > 0;
        bool room = d->more == 0 && d->lines_bytes + size <= TB_LIMIT_AUDIT_QUEUE;
        if (room) {
                g_queue_push_tail(&d->lines, line_take);
                d->lines_bytes += size;
                tb_cond_broadcast(&d->changed);
        } else {
                g_free(line_take);
                d->more++;
        }
        tb_mutex_unlock(&d->lock);
        if (start(d))
                wait_briefly(d);
}

bool tb_disk_run(TbDisk *d, gsize size, void (*work)(TbStateDir *dir, gpointer data), gpointer data)
{
        tb_assert_main();
        if (!start(d))
                return false;
        tb_mutex_lock(&d->lock);
        bool room = d->works_bytes + size <= TB_LIMIT_DISK_WORKS;
        if (room) {
                Work *w = g_new(Work, 1);
                *w = (Work){work, data, size};
                g_queue_push_tail(&d->works, w);
                d->works_bytes += size;
                tb_cond_broadcast(&d->changed);
        }
        tb_mutex_unlock(&d->lock);
        return room;
}

bool tb_disk_flush(TbDisk *d, int ms)
{
        tb_assert_main();
        gint64 until = g_get_monotonic_time() + (gint64)ms * G_TIME_SPAN_MILLISECOND;
        bool waits = true, in_time = d->thread != NULL;
        tb_mutex_lock(&d->lock);
        for (;;) {
                waits = d->busy_us > 0 || d->lines.length > 0 || d->more > 0 || d->works.length > 0;
                for (guint i = 0; i < PLACES; i++)
                        waits |= d->places[i].text != NULL;
                if (!waits || !in_time)
                        break;
                in_time = tb_cond_wait_until(&d->changed, &d->lock, until);
        }
        tb_mutex_unlock(&d->lock);
        return !waits;
}

static void log_given_up(TbDisk *d)
{
        g_autoptr(GString) files = g_string_new(NULL);
        tb_mutex_lock(&d->lock);
        for (guint i = 0; i < PLACES; i++)
                if (d->places[i].text)
                        g_string_append_printf(files, ", the last change of %s", d->places[i].name);
        guint64 lines = d->lines.length + d->more;
        tb_mutex_unlock(&d->lock);
        tb_log(TB_LOG_ERROR, TB_F(),
               "the disk of the state folder does not answer: what was being written, %" G_GUINT64_FORMAT
               " lines of the audit trail%s are given up",
               lines, files->str);
}

bool tb_disk_free(TbDisk *d)
{
        if (!d)
                return true;
        tb_assert_main();
        bool done = tb_disk_flush(d, TB_LIMIT_DISK_STOP_MS);
        d->closed = true;
        if (!done)
                log_given_up(d);
        tb_mutex_lock(&d->lock);
        d->stop = true;
        tb_cond_broadcast(&d->changed);
        tb_mutex_unlock(&d->lock);
        if (done)
                tb_thread_join(g_steal_pointer(&d->thread));
        bool free_of_it = d->thread == NULL;
        disk_unref(d);
        return free_of_it;
}

char *tb_disk_problem(TbDisk *d)
{
        tb_assert_main();
        tb_mutex_lock(&d->lock);
        gint64 since = d->busy_us;
        guint64 more = d->more;
        g_autofree char *untaken = g_strdup(d->untaken);
        tb_mutex_unlock(&d->lock);
        gint64 ms = since ? (g_get_monotonic_time() - since) / G_TIME_SPAN_MILLISECOND : 0;
        if (d->no_thread)
                return g_strdup_printf("nothing is written in the state folder: %s", d->no_thread);
        if (ms < TB_LIMIT_DISK_LATE_MS)
                return untaken ? g_strdup_printf("the audit trail is not written: %s", untaken) : NULL;
        g_autofree char *lost =
                more ? g_strdup_printf("; %" G_GUINT64_FORMAT " lines of the audit trail found no room", more)
                     : g_strdup("");
        return g_strdup_printf("the disk of the state folder has not answered for %" G_GINT64_FORMAT
                               " s: what changes now is not stored yet%s",
                               ms / 1000, lost);
}
