#include "server/store/audit_chain.h"

#include <string.h>

#include "server/store/private.h"
#include "server/store/sql.h"

#define PAGE 500 /* rows that are chained at once by the migration */

typedef struct Head {
        gint64 id, base_id;
        char *hash, *base_hash; /* owned */
} Head;

static void head_clear(Head *head)
{
        g_free(head->hash);
        g_free(head->base_hash);
}

TbDbFault tb_audit_lane_run(const TbAuditLane *lane, TbDbCall *call_take, TbDbResult **ret_rows)
{
        TbDbFault fault = TB_DB_OK;
        TbDbResult *rows = tb_db_result_new();
        for (guint i = 0; i < call_take->statements->len && !fault; i++)
                fault = lane->engine->run(lane->connection,
                                          &g_array_index(call_take->statements, TbDbStatement, i),
                                          lane->until_us, rows, lane->error);
        tb_db_call_free(call_take);
        if (ret_rows)
                *ret_rows = rows;
        else
                tb_db_result_free(rows);
        return fault;
}

/* From here to the end of the transaction nobody else adds an entry. */
static TbDbFault lock_head(const TbAuditLane *lane, Head *ret)
{
        TbDbCall *call = tb_db_call_new();
        TbDbResult *rows;
        tb_db_statement(call, tb_sql_audit_head_first);
        tb_db_text(call, TB_AUDIT_GENESIS);
        tb_db_statement(call, tb_sql_audit_head_lock);
        TbDbFault fault = tb_audit_lane_run(lane, call, &rows);
        if (!fault && tb_db_rows(rows) == 1)
                *ret = (Head){tb_db_get_int(rows, 0, 0), tb_db_get_int(rows, 0, 2),
                              g_strdup(tb_db_get_text(rows, 0, 1)), g_strdup(tb_db_get_text(rows, 0, 3))};
        tb_db_result_free(rows);
        return fault;
}

static TbDbFault set_head(const TbAuditLane *lane, const Head *head)
{
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_audit_head_set);
        tb_db_int(call, head->id);
        tb_db_text(call, head->hash);
        tb_db_int(call, head->base_id);
        tb_db_text(call, head->base_hash);
        return tb_audit_lane_run(lane, call, NULL);
}

static void follow(Head *head, TbAuditRow *row)
{
        tb_audit_row_chain(row, head->hash ? head->hash : TB_AUDIT_GENESIS);
        g_free(head->hash);
        head->hash = g_strdup(row->hash);
        head->id = row->id;
}

static TbDbFault add_row(const TbAuditLane *lane, Head *head, TbAuditRow *row)
{
        TbDbCall *call = tb_db_call_new();
        row->id = MAX(row->id, head->id + 1);
        follow(head, row);
        tb_db_statement(call, tb_sql_audit_add);
        tb_db_int(call, row->id);
        tb_db_int(call, row->at_ms);
        for (guint i = 0; i < TB_AUDIT_FIELDS; i++)
                tb_db_text(call, row->fields[i]);
        tb_db_text(call, row->salts);
        tb_db_text(call, row->prev);
        tb_db_text(call, row->hash);
        return tb_audit_lane_run(lane, call, NULL);
}

/* --- adding --- */
static TbDbFault add_rows(const TbDbEngine *engine, gpointer connection, gint64 until_us, gpointer data,
                          GError **error)
{
        const TbAuditLane lane = {engine, connection, until_us, error};
        const GPtrArray *rows = data;
        Head head = {0};
        TbDbFault fault = lock_head(&lane, &head);
        for (guint i = 0; i < rows->len && !fault; i++)
                fault = add_row(&lane, &head, g_ptr_array_index(rows, i));
        if (!fault)
                fault = set_head(&lane, &head);
        head_clear(&head);
        return fault;
}

TbDbFault tb_audit_lane_hold(const TbAuditLane *lane)
{
        Head head = {0};
        TbDbFault fault = lock_head(lane, &head);
        head_clear(&head);
        return fault;
}

TbDbFault tb_audit_lane_add(const TbAuditLane *lane, gint64 id, gint64 at_ms, const char *const fields[])
{
        Head head = {0};
        TbAuditRow *row = g_new0(TbAuditRow, 1);
        row->id = id;
        row->at_ms = at_ms;
        for (guint i = 0; i < TB_AUDIT_FIELDS; i++)
                row->fields[i] = g_strdup(fields[i]);
        TbDbFault fault = lock_head(lane, &head);
        if (!fault)
                fault = add_row(lane, &head, row);
        if (!fault)
                fault = set_head(lane, &head);
        head_clear(&head);
        tb_audit_row_free(row);
        return fault;
}

static void free_rows(gpointer rows)
{
        g_ptr_array_unref(rows);
}

TbDbCall *tb_audit_chain_add(GPtrArray *rows_take)
{
        TbDbCall *call = tb_db_call_new();
        tb_db_call_program(call, add_rows, rows_take, free_rows);
        for (guint i = 0; i < rows_take->len; i++) {
                const TbAuditRow *row = g_ptr_array_index(rows_take, i);
                for (guint f = 0; f < TB_AUDIT_FIELDS; f++)
                        call->bytes += strlen(row->fields[f]);
                call->bytes += sizeof *row;
        }
        return call;
}

/* --- what goes for its age --- */
typedef struct Trim {
        gint64 keep, id, at_ms;
} Trim;

/* The last one that goes; 0: none does. */
static TbDbFault look_for_cut(const TbAuditLane *lane, gint64 keep, gint64 *ret_id, char **ret_hash)
{
        TbDbCall *call = tb_db_call_new();
        TbDbResult *rows;
        tb_db_statement(call, tb_sql_audit_cut);
        tb_db_int(call, keep);
        TbDbFault fault = tb_audit_lane_run(lane, call, &rows);
        if (!fault && tb_db_rows(rows) == 1) {
                *ret_id = tb_db_get_int(rows, 0, 0);
                *ret_hash = g_strdup(tb_db_get_text(rows, 0, 1));
        }
        tb_db_result_free(rows);
        return fault;
}

/* What was cut away is part of the chain. */
static TbDbFault cut(const TbAuditLane *lane, const Trim *trim, Head *head)
{
        TbAuditRow *said = g_new0(TbAuditRow, 1);
        TbDbCall *call = tb_db_call_new();
        for (guint i = 0; i < TB_AUDIT_FIELDS; i++)
                said->fields[i] = g_strdup(i == TB_AUDIT_ACTION    ? "audit.forget"
                                           : i == TB_AUDIT_OUTCOME ? "ok"
                                                                   : "");
        g_free(said->fields[TB_AUDIT_OBJECT]);
        said->fields[TB_AUDIT_OBJECT] =
                g_strdup_printf("%" G_GINT64_FORMAT " %s", head->base_id, head->base_hash);
        said->id = trim->id;
        said->at_ms = trim->at_ms;
        tb_db_statement(call, tb_sql_audit_forget);
        tb_db_int(call, head->base_id);
        TbDbFault fault = tb_audit_lane_run(lane, call, NULL);
        if (!fault)
                fault = add_row(lane, head, said);
        tb_audit_row_free(said);
        return fault ? fault : set_head(lane, head);
}

static TbDbFault trim_rows(const TbDbEngine *engine, gpointer connection, gint64 until_us, gpointer data,
                           GError **error)
{
        const TbAuditLane lane = {engine, connection, until_us, error};
        const Trim *trim = data;
        Head head = {0};
        gint64 id = 0;
        g_autofree char *hash = NULL;
        TbDbFault fault = lock_head(&lane, &head);
        if (!fault)
                fault = look_for_cut(&lane, trim->keep, &id, &hash);
        if (!fault && hash) { /* there are more; the entry that says so is one of those that are left */
                g_clear_pointer(&hash, g_free);
                fault = look_for_cut(&lane, trim->keep - 1, &id, &hash);
        }
        if (!fault && hash && id > head.base_id) {
                head.base_id = id;
                g_free(head.base_hash);
                head.base_hash = g_steal_pointer(&hash);
                fault = cut(&lane, trim, &head);
        }
        head_clear(&head);
        return fault;
}

TbDbCall *tb_audit_chain_trim(gint64 keep, gint64 id, gint64 at_ms)
{
        TbDbCall *call = tb_db_call_new();
        Trim *trim = g_new(Trim, 1);
        *trim = (Trim){keep, id, at_ms};
        tb_db_call_program(call, trim_rows, trim, g_free);
        return call;
}

/* --- reading --- */
TbAuditRow *tb_audit_chain_row(const TbDbResult *rows, guint at)
{
        TbAuditRow *row = g_new0(TbAuditRow, 1);
        row->id = tb_db_get_int(rows, at, 0);
        row->at_ms = tb_db_get_int(rows, at, 1);
        for (guint i = 0; i < TB_AUDIT_FIELDS; i++) /* somebody else's hand may have left none */
                row->fields[i] =
                        g_strdup(tb_db_get_text(rows, at, i + 2) ? tb_db_get_text(rows, at, i + 2) : "");
        row->salts = g_strdup(tb_db_get_text(rows, at, 8));
        row->prev = g_strdup(tb_db_get_text(rows, at, 9));
        row->hash = g_strdup(tb_db_get_text(rows, at, 10));
        return row;
}

void tb_audit_chain_page(TbDbCall *call, gint64 after, gint64 to, guint limit)
{
        tb_db_statement(call, tb_sql_audit_chain_page);
        tb_db_int(call, after);
        tb_db_int(call, to);
        tb_db_int(call, limit);
}

void tb_audit_chain_head(TbDbCall *call)
{
        tb_db_statement(call, tb_sql_audit_head_get);
}

/* --- what was there before there was a chain --- */
static TbDbFault chain_row(const TbAuditLane *lane, Head *head, TbAuditRow *row)
{
        TbDbCall *call = tb_db_call_new();
        follow(head, row);
        tb_db_statement(call, tb_sql_audit_chain);
        tb_db_int(call, row->id);
        tb_db_text(call, row->salts);
        tb_db_text(call, row->prev);
        tb_db_text(call, row->hash);
        return tb_audit_lane_run(lane, call, NULL);
}

static TbDbFault chain_page(const TbAuditLane *lane, Head *head, guint *ret_rows)
{
        TbDbCall *call = tb_db_call_new();
        TbDbResult *rows;
        tb_audit_chain_page(call, head->id, G_MAXINT64, PAGE);
        TbDbFault fault = tb_audit_lane_run(lane, call, &rows);
        *ret_rows = fault ? 0 : tb_db_rows(rows);
        for (guint i = 0; i < *ret_rows && !fault; i++) {
                TbAuditRow *row = tb_audit_chain_row(rows, i);
                fault = chain_row(lane, head, row);
                tb_audit_row_free(row);
        }
        tb_db_result_free(rows);
        return fault;
}

TbDbFault tb_audit_chain_old(const TbDbEngine *engine, gpointer connection, GError **error)
{
        const TbAuditLane lane = {engine, connection, -1, error};
        Head head = {.id = G_MININT64, .base_hash = g_strdup(TB_AUDIT_GENESIS)};
        guint rows = PAGE;
        TbDbFault fault = TB_DB_OK;
        while (rows == PAGE && !fault)
                fault = chain_page(&lane, &head, &rows);
        if (!fault && head.hash) {
                Head first = {0};
                fault = lock_head(&lane, &first); /* makes it */
                head_clear(&first);
                if (!fault)
                        fault = set_head(&lane, &head);
        }
        head_clear(&head);
        return fault;
}
