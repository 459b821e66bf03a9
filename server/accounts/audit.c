#include "server/accounts/audit.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_trust.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "lib/server_limits.h"
#include "lib/text.h"
#include "server/store/audit_chain.h"
#include "server/store/sql.h"

#define FLUSH_MS 300
#define BATCH 100       /* rows of one call */
#define TRIM_ROWS 500   /* written between looks at how many there are */
#define RECENT_MAX 4096 /* notes that are remembered as having been made lately */

struct TbAudit {
        TbDb *db;             /* borrowed */
        GQueue waiting;       /* owned TbAuditRow, oldest first */
        GHashTable *seen;     /* what was noted lately, owned -> when it may be noted again, ms */
        GSource *timer;       /* ref; NULL: nothing waits */
        GPtrArray *under_way; /* owned Batch, owned: what the store has and has not answered */
        guint jobs;           /* exports and checks */
        gint64 last_id;
        guint since_trim;
        guint64 written, lost;
        bool said;
};

TbAudit *tb_audit_new(TbDb *db)
{
        TbAudit *a = g_new0(TbAudit, 1);
        a->db = db;
        a->under_way = g_ptr_array_new_with_free_func(g_free);
        a->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return a;
}

/* --- writing --- */
static void arm(TbAudit *a);

/* Entries under way to the store: they come back when it was its medium that failed. */
typedef struct Batch {
        TbAudit *audit;
        GPtrArray *rows; /* the call's */
} Batch;

static gint by_id(gconstpointer one, gconstpointer other, gpointer data G_GNUC_UNUSED)
{
        const TbAuditRow *a = one, *b = other;
        return a->id < b->id ? -1 : a->id > b->id;
}

static void take_back(TbAudit *a, GPtrArray *rows)
{
        while (rows->len > 0)
                g_queue_insert_sorted(&a->waiting, g_ptr_array_steal_index(rows, rows->len - 1), by_id, NULL);
        arm(a);
}

static void on_written(const TbDbResult *done G_GNUC_UNUSED, const GError *error, gpointer data)
{
        Batch *batch = data;
        TbAudit *a = batch->audit;
        if (error && !a->said)
                tb_log(TB_LOG_ERROR, TB_F(), "the audit log is not written: %s", error->message);
        a->said = error != NULL;
        if (!error)
                a->written += batch->rows->len;
        else if (g_error_matches(error, TB_ERROR, TB_ERROR_UNAVAILABLE) ||
                 g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT))
                take_back(a, batch->rows);
        else
                a->lost += batch->rows->len;
        g_ptr_array_remove_fast(a->under_way, batch);
}

static void trim(TbAudit *a)
{
        a->since_trim = 0;
        tb_db_submit_take(a->db,
                          tb_audit_chain_trim(tb_server_limits.audit_rows, tb_clock_us(), tb_clock_ms()),
                          NULL, NULL, NULL);
}

/* False: the store takes no more now. `last`: nobody hears any more what became of it. */
static bool flush(TbAudit *a, bool last)
{
        while (a->waiting.length > 0 && tb_db_state(a->db) == TB_DB_RUNNING) {
                GPtrArray *rows = g_ptr_array_new_with_free_func(tb_audit_row_free);
                for (guint i = 0; i < BATCH && a->waiting.length > 0; i++)
                        g_ptr_array_add(rows, g_queue_pop_head(&a->waiting));
                guint n = rows->len;
                Batch *batch = last ? NULL : g_new(Batch, 1);
                if (batch)
                        *batch = (Batch){a, g_ptr_array_ref(rows)};
                bool taken = tb_db_submit_take(a->db, tb_audit_chain_add(rows), last ? NULL : on_written,
                                               batch, NULL);
                if (!taken && batch)
                        take_back(a, batch->rows);
                if (batch) { /* the call has them, too, and is freed after its `done` */
                        g_ptr_array_unref(batch->rows);
                        if (taken)
                                g_ptr_array_add(a->under_way, batch);
                        else
                                g_free(batch);
                }
                if (!taken)
                        return false;
                a->since_trim += n;
        }
        if (a->since_trim >= TRIM_ROWS)
                trim(a);
        return a->waiting.length == 0;
}

static gboolean on_timer(gpointer data)
{
        TbAudit *a = data;
        if (!flush(a, false))
                return G_SOURCE_CONTINUE;
        g_clear_pointer(&a->timer, g_source_unref);
        return G_SOURCE_REMOVE;
}

static void arm(TbAudit *a)
{
        if (a->timer)
                return;
        a->timer = g_timeout_source_new(FLUSH_MS);
        g_source_set_callback(a->timer, on_timer, a, NULL);
        g_source_attach(a->timer, NULL);
}

void tb_audit_free(TbAudit *a)
{
        if (!a)
                return;
        flush(a, true);
        if (a->timer) {
                g_source_destroy(a->timer);
                g_source_unref(a->timer);
        }
        g_queue_clear_full(&a->waiting, tb_audit_row_free);
        g_hash_table_unref(a->seen);
        g_ptr_array_unref(a->under_way);
        g_free(a);
}

static gboolean is_past(gpointer key G_GNUC_UNUSED, gpointer value, gpointer now)
{
        return *(gint64 *)value <= *(gint64 *)now;
}

/* Whether the same was noted less than `each_s` ago. */
static bool is_repeated(TbAudit *a, const TbAuditRow *row, guint each_s)
{
        gint64 now_ms = tb_clock_mono_ms();
        char *const *f = row->fields;
        g_autofree char *key = g_strjoin("\n", f[TB_AUDIT_USER], f[TB_AUDIT_ACTION], f[TB_AUDIT_OBJECT],
                                         f[TB_AUDIT_OUTCOME], NULL);
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

/* Names and paths are the sender's choice: none of them breaks or turns the line in which somebody reads it. */
static char *fit(const char *field)
{
        g_autofree char *valid = g_utf8_make_valid(field ? field : "", -1);
        return tb_text_line(valid, TB_LIMIT_URI);
}

static TbAuditRow *row_of(const TbAuditNote *n)
{
        const char *const fields[] = {n->user, n->action, n->object, n->outcome, n->address, n->request};
        TbAuditRow *e = g_new0(TbAuditRow, 1);
        for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
                e->fields[i] = fit(fields[i]);
        return e;
}

void tb_audit_note(TbAudit *a, const TbAuditNote *n, guint each_s)
{
        TbAuditRow *e = row_of(n);
        if (each_s && is_repeated(a, e, each_s)) {
                tb_audit_row_free(e);
                return;
        }
        if (a->waiting.length >= TB_LIMIT_SERVER_AUDIT_QUEUE) {
                a->lost++;
                tb_audit_row_free(e);
                return;
        }
        e->id = next_id(a);
        e->at_ms = tb_clock_ms();
        g_queue_push_tail(&a->waiting, e);
        arm(a);
}

/* --- reading --- */
json_t *tb_audit_json(const TbDbResult *rows, guint row)
{
        g_autofree char *at = tb_clock_rfc3339(tb_db_get_int(rows, row, 1));
        json_t *o = json_pack("{s:I, s:s}", "id", (json_int_t)tb_db_get_int(rows, row, 0), "at", at);
        for (guint c = 0; c < TB_AUDIT_FIELDS; c++)
                json_object_set_new(o, tb_audit_fields[c], json_string(tb_db_get_text(rows, row, c + 2)));
        return o;
}

typedef struct Reading {
        TbAuditRead done;
        gpointer data;
} Reading;

static void on_rows(const TbDbResult *rows, const GError *error, gpointer data)
{
        g_autofree Reading *r = data;
        json_auto_t *out = error ? NULL : json_array();
        for (guint i = 0; out && i < tb_db_rows(rows); i++)
                json_array_append_new(out, tb_audit_json(rows, i));
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

/* The conditions that a page and an export have. */
static void add_filter(TbDbCall *call, const TbAuditFilter *f)
{
        g_autofree char *action = begins(f->action);
        tb_db_text(call, f->user ? f->user : "");
        tb_db_text(call, action);
        tb_db_text(call, f->object ? f->object : "");
        tb_db_text(call, f->request ? f->request : "");
        tb_db_int(call, f->from_ms);
        tb_db_int(call, f->to_ms ? f->to_ms : G_MAXINT64);
        tb_db_int(call, f->limit);
}

bool tb_audit_read(TbAudit *a, const TbAuditFilter *f, TbAuditRead done, gpointer data, GError **error)
{
        TbDbCall *call = tb_db_call_reads();
        flush(a, false); /* in the same queue before it */
        tb_db_statement(call, tb_sql_audit_page);
        tb_db_int(call, f->before ? f->before : G_MAXINT64);
        add_filter(call, f);
        Reading *r = g_new(Reading, 1);
        *r = (Reading){done, data};
        if (tb_db_submit_take(a->db, call, on_rows, r, error))
                return true;
        g_free(r);
        return false;
}

bool tb_audit_read_on(TbAudit *a, const TbAuditFilter *f, gint64 after, TbDbDone done, gpointer data,
                      GError **error)
{
        TbDbCall *call = tb_db_call_reads();
        flush(a, false);
        tb_db_statement(call, tb_sql_audit_export);
        tb_db_int(call, after);
        add_filter(call, f);
        return tb_db_submit_take(a->db, call, done, data, error);
}

bool tb_audit_begin_job(TbAudit *a, GError **error)
{
        if (a->jobs < TB_LIMIT_AUDIT_JOBS) {
                a->jobs++;
                return true;
        }
        tb_set_error(error, TB_ERROR_BUSY,
                     "%d exports or checks of the audit log run already; try again when one has ended",
                     TB_LIMIT_AUDIT_JOBS);
        return false;
}

void tb_audit_end_job(TbAudit *a)
{
        a->jobs--;
}

bool tb_audit_ask(TbAudit *a, TbDbCall *call_take, TbDbDone done, gpointer data, GError **error)
{
        flush(a, false);
        return tb_db_submit_take(a->db, call_take, done, data, error);
}

void tb_audit_metrics(GString *out, gpointer data)
{
        const TbAudit *a = data;
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_audit_rows_total", "Rows given to the audit log.",
                       (double)a->written);
        tb_metrics_one(out, TB_METRIC_COUNTER, "testbed_audit_lost_total",
                       "Rows of the audit log that the store did not take.", (double)a->lost);
}
