/* How long events are kept: those of a plan go when their days are over, and clips that no event refers to are found and removed. */
#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "server/events/private.h"
#include "server/events/usage.h"
#include "server/store/sql.h"

#define EVERY_S 600
#define DAY_MS (86400 * G_GINT64_CONSTANT(1000))
#define CHARGES_MS (62 * DAY_MS) /* this month's and the last's */

/* --- events whose days are over --- */
typedef struct Owner {
        TbEvents *events;
        char *user; /* owned */
        gint64 before_ms;
} Owner;

static void expire(Owner *owner);

static void owner_free(Owner *owner)
{
        g_free(owner->user);
        g_free(owner);
}

static void on_expired(const TbDbResult *rows, const GError *error, gpointer data)
{
        Owner *owner = data;
        TbEvents *events = owner->events;
        guint n = error ? 0 : tb_db_rows(rows);
        for (guint i = 0; i < n; i++) {
                const char *blob = tb_db_get_text(rows, i, 1);
                if (blob)
                        tb_blobs_remove(events->blobs, blob, NULL, NULL, NULL);
                tb_event_say(events, *owner->user ? owner->user : NULL,
                             json_pack("{s:s, s:s}", "type", "event.removed", "event_id",
                                       tb_db_get_text(rows, i, 0)));
        }
        events->expired += n;
        if (n == TB_LIMIT_CLIPS_SWEPT)
                expire(owner);
        else
                owner_free(owner);
}

static void expire(Owner *owner)
{
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_event_expire);
        tb_db_text(call, owner->user);
        tb_db_int(call, owner->before_ms);
        tb_db_int(call, TB_LIMIT_CLIPS_SWEPT);
        if (!tb_db_submit_take(owner->events->db, call, on_expired, owner, NULL))
                owner_free(owner);
}

static void on_owners(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbEvents *events = data;
        gint64 now_ms = tb_clock_ms();
        for (guint i = 0; !error && i < tb_db_rows(rows); i++) {
                const char *user = tb_db_get_text(rows, i, 0);
                const TbEventPlan *plan = tb_usage_plan(events->options->plans, user);
                gint64 before_ms = plan && plan->keep_days ? now_ms - plan->keep_days * DAY_MS : 0;
                if (tb_db_get_int(rows, i, 1) >= before_ms)
                        continue;
                Owner *owner = g_new0(Owner, 1);
                *owner = (Owner){events, g_strdup(user), before_ms};
                expire(owner);
        }
}

static void look_at_rows(TbEvents *events)
{
        static const char *const gone[] = {tb_sql_ev_telling_forget, tb_sql_ev_attempt_forget,
                                           tb_sql_ev_job_forget};
        TbDbCall *owners = tb_db_call_reads(), *forget = tb_db_call_new();
        tb_db_statement(owners, tb_sql_event_owners);
        tb_db_submit_take(events->db, owners, on_owners, events, NULL);
        tb_db_statement(forget, tb_sql_ev_charge_forget);
        tb_db_int(forget, tb_clock_ms() - CHARGES_MS);
        for (gsize i = 0; i < G_N_ELEMENTS(gone); i++)
                tb_db_statement(forget, gone[i]);
        tb_db_submit_take(events->db, forget, NULL, NULL, NULL);
}

/* --- clips that no event refers to --- */
typedef struct Sweep {
        TbEvents *events;
        char **names; /* owned; what was found */
} Sweep;

static void look_at_clips(TbEvents *events);

/* All of a turn are removed, or were refused: these are found again the next time. */
static void end_turn(TbEvents *events)
{
        events->orphans += events->sweep_gone;
        if (events->sweep_gone)
                tb_log(TB_LOG_INFO, TB_F(), "%u clips that no event refers to were removed",
                       events->sweep_gone);
        events->sweep_gone = 0;
        if (events->swept)
                look_at_clips(events);
        else
                events->sweeping = false;
}

static void on_orphan(const TbBlobInfo *info G_GNUC_UNUSED, const GError *error, gpointer data)
{
        TbEvents *events = data;
        if (error)
                tb_log(TB_LOG_WARNING, TB_F(), "a clip that no event refers to stays for now: %s",
                       error->message);
        else
                events->sweep_gone++;
        if (--events->sweep_left == 0)
                end_turn(events);
}

static void remove_orphan(TbEvents *events, const char *name)
{
        g_autoptr(GError) error = NULL;
        events->sweep_left++;
        if (!tb_blobs_remove(events->blobs, name, on_orphan, events, &error))
                on_orphan(NULL, error, events);
}

static void on_referred(const TbDbResult *rows, const GError *error, gpointer data)
{
        Sweep *sweep = data;
        TbEvents *events = sweep->events;
        g_autoptr(GHashTable) used = g_hash_table_new(g_str_hash, g_str_equal);
        guint n = g_strv_length(sweep->names);
        for (guint i = 0; !error && i < tb_db_rows(rows); i++)
                g_hash_table_add(used, (gpointer)tb_db_get_text(rows, i, 0));
        g_free(events->swept);
        events->swept = !error && n == TB_LIMIT_CLIPS_SWEPT ? g_strdup(sweep->names[n - 1]) : NULL;
        events->sweep_left = 1; /* this loop: the turn does not end within it */
        for (guint i = 0; !error && i < n; i++)
                if (!g_str_has_prefix(sweep->names[i], "recordings/") && /* theirs: server/recordings */
                    !g_hash_table_contains(used, sweep->names[i]))
                        remove_orphan(events, sweep->names[i]);
        g_strfreev(sweep->names);
        g_free(sweep);
        if (--events->sweep_left == 0)
                end_turn(events);
}

/* "sessions/S/events/E.webm" -> "E" */
static char *event_of(const char *blob)
{
        const char *leaf = strrchr(blob, '/');
        leaf = leaf ? leaf + 1 : blob;
        gsize n = strlen(leaf);
        if (g_str_has_suffix(leaf, ".webm"))
                n -= 5;
        else if (g_str_has_suffix(leaf, ".mp4"))
                n -= 4;
        return g_strndup(leaf, n);
}

static void on_names(char **names_take, const GError *error, gpointer data)
{
        TbEvents *events = data;
        if (error)
                tb_log(TB_LOG_WARNING, TB_F(), "clips that nobody refers to are not known: %s",
                       error->message);
        if (error || !*names_take) {
                g_strfreev(names_take);
                g_clear_pointer(&events->swept, g_free);
                events->sweeping = false;
                return;
        }
        Sweep *sweep = g_new0(Sweep, 1);
        *sweep = (Sweep){events, names_take};
        TbDbCall *call = tb_db_call_reads();
        for (char **name = names_take; *name; name++) {
                g_autofree char *event = event_of(*name);
                tb_db_statement(call, tb_sql_event_has_blob);
                tb_db_text(call, event);
                tb_db_text(call, *name);
        }
        g_autoptr(GError) full = NULL;
        if (!tb_db_submit_take(events->db, call, on_referred, sweep, &full))
                on_referred(NULL, full, sweep);
}

/* A day old, so that who restores things may see it; none that is older than the store: it may have been begun anew. */
static void look_at_clips(TbEvents *events)
{
        events->sweeping = tb_blobs_list(events->blobs, events->swept, events->born_ms,
                                         tb_clock_ms() - DAY_MS, TB_LIMIT_CLIPS_SWEPT, on_names, events);
}

static void on_born(const TbDbResult *rows, const GError *error, gpointer data)
{
        TbEvents *events = data;
        events->born_ms = error ? 0 : tb_db_get_int(rows, 0, 0);
        if (events->born_ms &&
            !events->sweeping) /* with a bucket that is slow the one before may not be over */
                look_at_clips(events);
}

static gboolean on_time(gpointer data)
{
        TbEvents *events = data;
        TbDbCall *call = tb_db_call_reads();
        look_at_rows(events);
        tb_db_statement(call, tb_sql_migrations_first);
        tb_db_submit_take(events->db, call, on_born, events, NULL);
        return G_SOURCE_CONTINUE;
}

void tb_event_keep_start(TbEvents *events)
{
        events->keep_timer = g_timeout_source_new_seconds(EVERY_S);
        g_source_set_callback(events->keep_timer, on_time, events, NULL);
        g_source_attach(events->keep_timer, NULL);
        on_time(events);
}

void tb_event_keep_stop(TbEvents *events)
{
        g_free(events->swept);
        if (!events->keep_timer)
                return;
        g_source_destroy(events->keep_timer);
        g_source_unref(events->keep_timer);
}
