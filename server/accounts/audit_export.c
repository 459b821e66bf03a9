/* GET /api/audit/export: the log as a file, page by page as fast as it is taken. */
#include <string.h>

#include "lib/clock.h"
#include "lib/csv.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/limits_trust.h"
#include "server/accounts/audit_private.h"
#include "server/store/audit_chain.h"

#define QUEUE (8 * 1024 * 1024) /* bytes: a page whose entries are as long as they may be */

typedef struct Export {
        TbAudit *audit;     /* borrowed */
        TbRequest *request; /* ref: its query is the filter's */
        TbAuditFilter filter;
        TbPush *push; /* NULL: not begun, or gone */
        bool csv, begun, asking, gone;
        gint64 after;
} Export;

static void ask(Export *e);

static void export_free(Export *e)
{
        tb_audit_end_job(e->audit);
        tb_request_unref(e->request);
        g_free(e);
}

static void on_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        Export *e = data;
        e->push = NULL;
        e->gone = true;
        if (!e->asking)
                export_free(e);
}

static void on_room(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        ask(data);
}

/* --- one entry --- */
static void add_json(GString *out, const TbDbResult *rows, guint at, const TbAuditRow *row)
{
        json_auto_t *o = tb_audit_json(rows, at);
        json_object_set_new(o, "salts", json_string(row->salts));
        json_object_set_new(o, "prev", json_string(row->prev));
        json_object_set_new(o, "hash", json_string(row->hash));
        g_autofree char *text = tb_json_text(o, NULL);
        g_string_append(out, text);
        g_string_append_c(out, '\n');
}

static void add_csv(GString *out, const TbAuditRow *row)
{
        g_autofree char *at = tb_clock_rfc3339(row->at_ms);
        const char *const chain[] = {row->salts, row->prev, row->hash};
        g_string_append_printf(out, "%" G_GINT64_FORMAT ",%s", row->id, at);
        for (guint i = 0; i < TB_AUDIT_FIELDS + G_N_ELEMENTS(chain); i++) {
                const char *text = i < TB_AUDIT_FIELDS ? row->fields[i] : chain[i - TB_AUDIT_FIELDS];
                g_string_append_c(out, ',');
                tb_csv_text(out, text ? text : "");
        }
        g_string_append(out, "\r\n");
}

static GBytes *text_of(Export *e, const TbDbResult *rows)
{
        GString *out = g_string_new(NULL);
        if (e->csv && !e->begun)
                g_string_append(out, "id,at,user,action,object,outcome,address,request,salts,prev,hash\r\n");
        for (guint i = 0; i < tb_db_rows(rows); i++) {
                TbAuditRow *row = tb_audit_chain_row(rows, i);
                if (e->csv)
                        add_csv(out, row);
                else
                        add_json(out, rows, i, row);
                e->after = row->id;
                tb_audit_row_free(row);
        }
        return g_string_free_to_bytes(out);
}

/* --- page by page --- */
static bool begin(Export *e)
{
        tb_request_add_header(e->request, "Cache-Control", "no-store");
        tb_request_add_header(e->request, "Vary", "Accept");
        tb_request_add_header(e->request, "Content-Disposition",
                              e->csv ? "attachment; filename=\"audit.csv\""
                                     : "attachment; filename=\"audit.jsonl\"");
        e->push = tb_request_reply_push(
                e->request, e->csv ? "text/csv; charset=utf-8" : "application/x-ndjson", QUEUE, on_gone, e);
        return e->push != NULL;
}

static void on_rows(const TbDbResult *rows, const GError *error, gpointer data)
{
        Export *e = data;
        e->asking = false;
        if (e->gone) {
                export_free(e);
                return;
        }
        if (error && !e->begun) {
                tb_request_reply_error(e->request, error);
                export_free(e);
                return;
        }
        if (error) { /* what has come is not all: the client sees a body that was cut */
                tb_push_fail(e->push);
                return;
        }
        g_autoptr(GBytes) text = text_of(e, rows);
        if (!e->begun && !begin(e)) {
                export_free(e);
                return;
        }
        e->begun = true;
        bool taken = g_bytes_get_size(text) == 0 || tb_push_send(e->push, text);
        if (!taken)
                tb_push_fail(e->push);
        else if (tb_db_rows(rows) < TB_LIMIT_AUDIT_JOB_PAGE)
                tb_push_close(e->push);
        else
                tb_push_on_room(e->push, on_room);
}

static void ask(Export *e)
{
        g_autoptr(GError) error = NULL;
        e->asking = tb_audit_read_on(e->audit, &e->filter, e->after, on_rows, e, &error);
        if (e->asking)
                return;
        if (e->begun) {
                tb_push_fail(e->push);
        } else {
                tb_request_reply_error(e->request, error);
                export_free(e);
        }
}

void tb_server_export_audit(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GError) error = NULL;
        TbAuditFilter filter;
        if (!tb_audit_filter_of(request, &filter, &error) || !tb_audit_begin_job(server->audit, &error)) {
                tb_request_reply_error(request, error);
                return;
        }
        const char *accept = tb_request_header(request, "Accept"),
                   *format = json_string_value(json_object_get(tb_request_query(request), "format"));
        Export *e = g_new0(Export, 1);
        e->audit = server->audit;
        e->request = tb_request_ref(request);
        e->filter = filter;
        e->filter.limit = TB_LIMIT_AUDIT_JOB_PAGE;
        e->after = G_MININT64;
        e->csv = format ? strcmp(format, "csv") == 0
                        : accept && strstr(accept, "text/csv") && !strstr(accept, "json");
        ask(e);
}
