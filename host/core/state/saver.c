#include "host/core/state/saver.h"

#include <stdlib.h>
#include <string.h>

#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/log.h"

struct TbSaver {
        TbCore *core; /* borrowed */
        const char *name;
        json_t *(*make)(TbCore *core);
        guint place;             /* at the disk */
        guint64 handed, settled; /* numbers of contents */
        char *text;              /* owned: what was handed over last */
        bool stored;             /* `text` is in the file */
        bool staged;             /* `text` is not what is live */
        bool late;
        GQueue waiters; /* of owned Waiter */
        char *problem;  /* owned */
        guint timer;    /* the next try */
        guint deadline; /* of what was handed over */
        guint pause_ms;
};

typedef struct Waiter {
        guint64 number;
        void (*settled)(const GError *error, gpointer user);
        gpointer user;
} Waiter;

static void done(guint64 number, const char *why, gpointer data);

TbSaver *tb_saver_new(TbCore *core, const char *name, json_t *(*make)(TbCore *))
{
        TbSaver *s = g_new0(TbSaver, 1);
        s->core = core;
        s->name = name;
        s->make = make;
        s->place = tb_disk_place(core->disk, name, done, s);
        return s;
}

void tb_saver_free(TbSaver *s)
{
        if (!s)
                return;
        g_clear_handle_id(&s->timer, g_source_remove);
        g_clear_handle_id(&s->deadline, g_source_remove);
        g_queue_clear_full(&s->waiters, g_free);
        free(s->text);
        g_free(s->problem);
        g_free(s);
}

/* --- how it goes --- */
static void say_problem(TbSaver *s, const char *reason)
{
        bool first = !s->problem;
        g_free(s->problem);
        s->problem = g_strdup(reason);
        if (!first)
                return;
        tb_log(TB_LOG_ERROR, TB_F(), "%s; tried again until it can", reason);
        tb_bus_publish(s->core->bus, "state.failed", NULL, NULL,
                       json_pack("{s:s, s:s}", "file", s->name, "reason", reason));
}

static gboolean again(gpointer data)
{
        TbSaver *s = data;
        s->timer = 0;
        if (!tb_saver_busy(s)) /* else its end decides */
                tb_saver_now(s);
        return G_SOURCE_REMOVE;
}

static void failed(TbSaver *s, const char *reason)
{
        s->pause_ms =
                s->problem ? MIN(MAX(s->pause_ms * 2, TB_LIMIT_SAVE_RETRY_FIRST_MS), TB_LIMIT_SAVE_RETRY_MS)
                           : TB_LIMIT_SAVE_RETRY_FIRST_MS;
        g_clear_handle_id(&s->timer, g_source_remove);
        s->timer = g_timeout_add(s->pause_ms, again, s);
        say_problem(s, reason);
}

static void succeeded(TbSaver *s)
{
        g_clear_handle_id(&s->timer, g_source_remove);
        s->pause_ms = 0;
        if (!s->problem)
                return;
        g_clear_pointer(&s->problem, g_free);
        tb_log(TB_LOG_INFO, TB_F(), "%s is saved again", s->name);
        tb_bus_publish(s->core->bus, "state.saved", NULL, NULL, json_pack("{s:s}", "file", s->name));
}

/* Who waits for content up to `number`. Whoever is told may wait again, or make others cease to. */
static void tell(TbSaver *s, guint64 number, const GError *error)
{
        for (;;) {
                GList *i = s->waiters.head;
                while (i && ((const Waiter *)i->data)->number > number)
                        i = i->next;
                if (!i)
                        return;
                g_autofree Waiter *w = i->data;
                g_queue_delete_link(&s->waiters, i);
                w->settled(error, w->user);
        }
}

static GError *late_error(const TbSaver *s)
{
        return g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                           "%s is not stored yet: the disk of the state folder has not answered for %g s",
                           s->name, TB_LIMIT_DISK_LATE_MS / 1000.0);
}

static gboolean on_deadline(gpointer data)
{
        TbSaver *s = data;
        g_autoptr(GError) error = late_error(s);
        s->deadline = 0;
        s->late = true;
        say_problem(s, error->message);
        tell(s, s->handed, error);
        return G_SOURCE_REMOVE;
}

static void done(guint64 number, const char *why, gpointer data)
{
        TbSaver *s = data;
        g_autoptr(GError) error = why ? g_error_new_literal(TB_ERROR, TB_ERROR_INTERNAL, why) : NULL;
        s->settled = MAX(s->settled, number);
        s->late = false;
        g_clear_handle_id(&s->deadline, g_source_remove);
        if (tb_saver_busy(s)) /* the next one has its own time */
                s->deadline = g_timeout_add(TB_LIMIT_DISK_LATE_MS, on_deadline, s);
        else
                s->stored = !why;
        if (why)
                failed(s, why);
        else
                succeeded(s);
        tell(s, number, error);
        if (!s->staged || tb_saver_busy(s))
                return;
        json_auto_t *live = s->make(s->core);
        s->staged = false;
        if (!tb_saver_holds(s, live) && !why) /* nobody made it live: the file shall not say so */
                tb_saver_now(s);
}

/* --- what is to be stored --- */
static void hand_over(TbSaver *s, const json_t *value, bool staged)
{
        tb_assert_main();
        free(s->text);
        s->text = tb_state_text(value);
        g_assert(s->text); /* what was parsed can be said */
        s->stored = false;
        s->staged = staged;
        s->handed++;
        if (!s->deadline && !s->late)
                s->deadline = g_timeout_add(TB_LIMIT_DISK_LATE_MS, on_deadline, s);
        tb_disk_save(s->core->disk, s->place, s->handed, g_strdup(s->text));
}

void tb_saver_stage(TbSaver *s, const json_t *instead)
{
        hand_over(s, instead, true);
}

void tb_saver_now(TbSaver *s)
{
        json_auto_t *all = s->make(s->core);
        hand_over(s, all, false);
}

bool tb_saver_busy(const TbSaver *s)
{
        return s->settled < s->handed;
}

bool tb_saver_holds(const TbSaver *s, const json_t *value)
{
        if (!s->stored || tb_saver_busy(s))
                return false;
        char *text = tb_state_text(value);
        bool same = strcmp(text, s->text) == 0;
        free(text);
        return same;
}

void tb_saver_wait(TbSaver *s, void (*settled)(const GError *, gpointer), gpointer user)
{
        tb_assert_main();
        if (!tb_saver_busy(s) || s->late) {
                g_autoptr(GError) error = s->late ? late_error(s) : NULL;
                settled(error, user);
                return;
        }
        Waiter *w = g_new(Waiter, 1);
        *w = (Waiter){s->handed, settled, user};
        g_queue_push_tail(&s->waiters, w);
}

void tb_saver_unwait(TbSaver *s, gpointer user)
{
        for (GList *i = s->waiters.head; i; i = i->next) {
                if (((const Waiter *)i->data)->user != user)
                        continue;
                g_free(i->data);
                g_queue_delete_link(&s->waiters, i);
                return;
        }
}

const char *tb_saver_problem(const TbSaver *s)
{
        return s->problem;
}
