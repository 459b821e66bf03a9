#include "server/accounts/audit.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/server_limits.h"
#include "server/store/sql.h"

#define FLUSH_MS 300
#define BATCH 100       /* rows of one call */
#define TRIM_ROWS 500   /* written between looks at how many there are */
#define RECENT_MAX 4096 /* notes that are remembered as having been made lately */

typedef struct Entry {
        gint64 id, at_ms;
        char *fields[6]; /* owned: user, action, object, outcome, address, request */
} Entry;

struct TbAudit {
        TbDb *db;         /* borrowed */
        GQueue waiting;   /* owned Entry, oldest first */
        GHashTable *seen; /* what was noted lately, owned -> when it may be noted again, ms */
        GSource *timer;   /* ref; NULL: nothing waits */
        gint64 last_id;
        guint since_trim;
        guint64 written, lost;
        bool said;
};

static void entry_free(gpointer p)
{
        Entry *e = p;
        for (guint i = 0; i < G_N_ELEMENTS(e->fields); i++)
                g_free(e->fields[i]);
        g_free(e);
}

TbAudit *tb_audit_new(TbDb *db)
{
        TbAudit *a = g_new0(TbAudit, 1);
        a->db = db;
        a->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return a;
}

/* --- writing --- */
static void on_written(const TbDbResult *rows G_GNUC_UNUSED, const GError *error, gpointer data)
{
        TbAudit *a = data;
        if (error && !a->said)
                tb_log(TB_LOG_ERROR, TB_F(), "the audit log is not written: %s", error->message);
        a->said = error != NULL;
}

static void add_entry(TbDbCall *call, const Entry *e)
{
        tb_db_statement(call, tb_sql_audit_add);
        tb_db_int(call, e->id);
        tb_db_int(call, e->at_ms);
        for (guint i = 0; i < G_N_ELEMENTS(e->fields); i++)
                tb_db_text(call, e->fields[i]);
}

static void trim(TbAudit *a)
{
        TbDbCall *call = tb_db_call_new();
        a->since_trim = 0;
        tb_db_statement(call, tb_sql_audit_forget);
        tb_db_int(call, tb_server_limits.audit_rows);
        tb_db_submit_take(a->db, call, NULL, NULL, NULL);
}

/* False: the store takes no more now. */
static bool flush(TbAudit *a, TbDbDone done)
{
        while (a->waiting.length > 0 && tb_db_state(a->db) == TB_DB_RUNNING) {
                TbDbCall *call = tb_db_call_new();
                guint n = 0;
                for (GList *l = a->waiting.head; l && n < BATCH; l = l->next, n++)
                        add_entry(call, l->data);
                if (!tb_db_submit_take(a->db, call, done, a, NULL))
                        return false;
                for (guint i = 0; i < n; i++)
                        entry_free(g_queue_pop_head(&a->waiting));
                a->written += n;
                a->since_trim += n;
        }
        if (a->since_trim >= TRIM_ROWS)
                trim(a);
        return a->waiting.length == 0;
}

static gboolean on_timer(gpointer data)
{
        TbAudit *a = data;
        if (!flush(a, on_written))
                return G_SOURCE_CONTINUE;
        g_clear_pointer(&a->timer, g_source_unref);
        return G_SOURCE_REMOVE;
}

void tb_audit_free(TbAudit *a)
{
        if (!a)
                return;
        flush(a, NULL);
        if (a->timer) {
                g_source_destroy(a->timer);
                g_source_unref(a->timer);
        }
        g_queue_clear_full(&a->waiting, entry_free);
        g_hash_table_unref(a->seen);
        g_free(a);
}

static gboolean is_past(gpointer key G_GNUC_UNUSED, gpointer value, gpointer now)
{
        return *(gint64 *)value <= *(gint64 *)now;
}

/* Whether the same was noted less than `each_s` ago. */
static bool is_repeated(TbAudit *a, const TbAuditNote *n, guint each_s)
{
        gint64 now_ms = tb_clock_mono_ms();
        g_autofree char *key =
                g_strjoin("\n", n->user, n->action, n->object ? n->object : "", n->outcome, NULL);
        const gint64 *until = g_hash_table_lookup(a->seen, key);
        if (until && now_ms < *until)
                return true;
        if (g_hash_table_size(a->seen) >= RECENT_MAX)
                g_hash_table_foreach_remove(a->seen, is_past, &now_ms);
        if (g_hash_table_size(a->seen) >= RECENT_MAX)
                g_hash_table_remove_all(a->seen);
        gint64 *next = g_new(gint64, 1);
        *next = now_ms + each_s * G_GINT64_CONSTANT(1000);
        g_hash_table_replace(a->seen, g_steal_pointer(&key), next);
        return false;
}

/* Ids are times, so that they go on after a restart, and a cursor stays right. */
static gint64 next_id(TbAudit *a)
{
        a->last_id = MAX(a->last_id + 1, tb_clock_us());
        return a->last_id;
}

void tb_audit_note(TbAudit *a, const TbAuditNote *n, guint each_s)
{
        if (each_s && is_repeated(a, n, each_s))
                return;
        if (a->waiting.length >= TB_LIMIT_SERVER_AUDIT_QUEUE) {
                a->lost++;
                return;
        }
        const char *const fields[] = {n->user, n->action, n->object, n->outcome, n->address, n->request};
        Entry *e = g_new0(Entry, 1);
        e->id = next_id(a);
        e->at_ms = tb_clock_ms();
        for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
                e->fields[i] = g_utf8_make_valid(fields[i] ? fields[i] : "", -1);
        g_queue_push_tail(&a->waiting, e);
        if (a->timer)
                return;
        a->timer = g_timeout_source_new(FLUSH_MS);
        g_source_set_callback(a->timer, on_timer, a, NULL);
        g_source_attach(a->timer, NULL);
}

/* --- reading --- */
typedef struct Reading {
        TbAuditRead done;
        gpointer data;
} Reading;

static void on_rows(const TbDbResult *rows, const GError *error, gpointer data)
{
        g_autofree Reading *r = data;
        static const char *const names[] = {"user", "action", "object", "outcome", "address", "request"};
        json_auto_t *out = error ? NULL : json_array();
        for (guint i = 0; out && i < tb_db_rows(rows); i++) {
                g_autofree char *at = tb_clock_rfc3339(tb_db_get_int(rows, i, 1));
                json_t *o = json_pack("{s:I, s:s}", "id", (json_int_t)tb_db_get_int(rows, i, 0), "at", at);
                for (guint c = 0; c < G_N_ELEMENTS(names); c++)
                        json_object_set_new(o, names[c], json_string(tb_db_get_text(rows, i, c + 2)));
                json_array_append_new(out, o);
        }
        r->done(out, error, r->data);
}

/* What LIKE makes of the beginning of an action: "users." -> "users.%". */
static char *begins(const char *text)
{
        GString *out = g_string_new(NULL);
        for (const char *c = text ? text : ""; *c; c++) {
                if (strchr("%_!", *c))
                        g_string_append_c(out, '!');
                g_string_append_c(out, *c);
        }
        g_string_append_c(out, '%');
        return g_string_free(out, FALSE);
}

bool tb_audit_read(TbAudit *a, const TbAuditFilter *f, TbAuditRead done, gpointer data, GError **error)
{
        TbDbCall *call = tb_db_call_reads();
        g_autofree char *action = begins(f->action);
        flush(a, on_written); /* in the same queue before it */
        tb_db_statement(call, tb_sql_audit_page);
        tb_db_int(call, f->before ? f->before : G_MAXINT64);
        tb_db_text(call, f->user ? f->user : "");
        tb_db_text(call, action);
        tb_db_text(call, f->object ? f->object : "");
        tb_db_text(call, f->request ? f->request : "");
        tb_db_int(call, f->from_ms);
        tb_db_int(call, f->to_ms ? f->to_ms : G_MAXINT64);
        tb_db_int(call, f->limit);
        Reading *r = g_new(Reading, 1);
        *r = (Reading){done, data};
        if (tb_db_submit_take(a->db, call, on_rows, r, error))
                return true;
        g_free(r);
        return false;
}

void tb_audit_metrics(GString *out, gpointer data)
{
        const TbAudit *a = data;
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_audit_rows_total", "Rows given to the audit log.",
                       (double)a->written);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_audit_lost_total",
                       "Rows of the audit log that the store did not take.", (double)a->lost);
}
