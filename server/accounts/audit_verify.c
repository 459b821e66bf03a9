/* Whether the audit log is what was written: GET /api/audit/check, testbed-server --verify-audit, and the head of it at each start. */
#include "server/accounts/audit_verify.h"

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_trust.h"
#include "lib/log.h"
#include "server/accounts/audit_private.h"
#include "server/store/audit_chain.h"
#include "server/store/audit_check.h"

#define STORE_FILE "server.db"
#define TRIES 5 /* when the oldest go while it is read */

/* --- the route --- */
typedef struct Checking {
        TbAudit *audit;      /* borrowed */
        TbRequest *request;  /* ref */
        TbAuditCheck *check; /* owned; NULL: not begun */
        guint tries;
} Checking;

static void checking_free(Checking *c)
{
        tb_audit_end_job(c->audit);
        tb_audit_check_free(c->check);
        tb_request_unref(c->request);
        g_free(c);
}

static void ask(Checking *c, TbDbCall *call, TbDbDone done)
{
        g_autoptr(GError) error = NULL;
        if (tb_audit_ask(c->audit, call, done, c, &error))
                return;
        tb_request_reply_error(c->request, error);
        checking_free(c);
}

static void ask_head(Checking *c, TbDbDone done)
{
        TbDbCall *call = tb_db_call_reads();
        tb_audit_chain_head(call);
        ask(c, call, done);
}

static void ask_page(Checking *c);

static bool failed(Checking *c, const GError *error)
{
        if (error)
                tb_request_reply_error(c->request, error);
        if (error)
                checking_free(c);
        return error != NULL;
}

static void on_head(const TbDbResult *rows, const GError *error, gpointer data);

static void on_end(const TbDbResult *rows, const GError *error, gpointer data)
{
        Checking *c = data;
        if (failed(c, error))
                return;
        if (tb_audit_check_is_stale(c->check, rows) && ++c->tries < TRIES) {
                on_head(rows, NULL, c);
                return;
        }
        tb_request_add_header(c->request, "Cache-Control", "no-store");
        tb_request_reply_json(c->request, 200, tb_audit_check_end(c->check));
        checking_free(c);
}

static void on_page(const TbDbResult *rows, const GError *error, gpointer data)
{
        Checking *c = data;
        if (failed(c, error))
                return;
        tb_audit_check_rows(c->check, rows);
        if (tb_db_rows(rows) == TB_LIMIT_AUDIT_JOB_PAGE && tb_request_is_there(c->request))
                ask_page(c);
        else
                ask_head(c, on_end);
}

static void ask_page(Checking *c)
{
        TbDbCall *call = tb_db_call_reads();
        tb_audit_chain_page(call, tb_audit_check_after(c->check), tb_audit_check_to(c->check),
                            TB_LIMIT_AUDIT_JOB_PAGE);
        ask(c, call, on_page);
}

static void on_head(const TbDbResult *rows, const GError *error, gpointer data)
{
        Checking *c = data;
        if (failed(c, error))
                return;
        tb_audit_check_free(c->check);
        c->check = tb_audit_check_new(
                rows, json_string_value(json_object_get(tb_request_query(c->request), "head")));
        ask_page(c);
}

void tb_server_check_audit(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GError) error = NULL;
        if (!tb_audit_begin_job(server->audit, &error)) {
                tb_request_reply_error(request, error);
                return;
        }
        Checking *c = g_new0(Checking, 1);
        c->audit = server->audit;
        c->request = tb_request_ref(request);
        ask_head(c, on_head);
}

/* --- the command --- */
typedef struct Store {
        const TbDbEngine *engine;
        const char *where;
} Store;

static TbDbResult *run(const Store *store, TbDbCall *call_take, GError **error)
{
        TbDbResult *rows = NULL;
        return tb_db_run_now(store->engine, store->where, call_take, &rows, error) ? rows : NULL;
}

static TbDbResult *read_head(const Store *store, GError **error)
{
        TbDbCall *call = tb_db_call_reads();
        tb_audit_chain_head(call);
        return run(store, call, error);
}

static bool read_pages(const Store *store, TbAuditCheck *check, GError **error)
{
        for (guint n = TB_LIMIT_AUDIT_JOB_PAGE; n == TB_LIMIT_AUDIT_JOB_PAGE;) {
                TbDbCall *call = tb_db_call_reads();
                tb_audit_chain_page(call, tb_audit_check_after(check), tb_audit_check_to(check),
                                    TB_LIMIT_AUDIT_JOB_PAGE);
                TbDbResult *rows = run(store, call, error);
                if (!rows)
                        return false;
                tb_audit_check_rows(check, rows);
                n = tb_db_rows(rows);
                tb_db_result_free(rows);
        }
        return true;
}

static json_t *check_all(const Store *store, const char *known, GError **error)
{
        json_t *said = NULL;
        bool ok = true;
        TbDbResult *head = read_head(store, error);
        for (guint i = 0; head && ok && !said && i < TRIES; i++) {
                g_autoptr(TbAuditCheck) check = tb_audit_check_new(head, known);
                tb_db_result_free(head);
                ok = read_pages(store, check, error);
                head = ok ? read_head(store, error) : NULL;
                if (head && (i + 1 == TRIES || !tb_audit_check_is_stale(check, head)))
                        said = tb_audit_check_end(check);
        }
        tb_db_result_free(head);
        return said;
}

static char *words_of(const json_t *said)
{
        GString *out = g_string_new(NULL);
        gsize i;
        json_t *one;
        json_int_t found = json_integer_value(json_object_get(said, "found"));
        const char *first = json_string_value(json_object_get(said, "first")),
                   *last = json_string_value(json_object_get(said, "last"));
        g_string_append_printf(out, "%" JSON_INTEGER_FORMAT " entries",
                               json_integer_value(json_object_get(said, "entries")));
        if (first)
                g_string_append_printf(out, ", from %s to %s", first, last);
        g_string_append_printf(out, "; the newest hash is %s\n",
                               json_string_value(json_object_get(said, "head")));
        json_array_foreach (json_object_get(said, "findings"), i, one) {
                const char *at = json_string_value(json_object_get(one, "at"));
                if (at)
                        g_string_append_printf(out, "entry %" JSON_INTEGER_FORMAT " of %s: ",
                                               json_integer_value(json_object_get(one, "id")), at);
                g_string_append_printf(out, "%s\n", json_string_value(json_object_get(one, "what")));
        }
        if (found)
                g_string_append_printf(
                        out, "the audit log is NOT what was written: %" JSON_INTEGER_FORMAT " finding%s",
                        found, found > 1 ? "s" : "");
        else
                g_string_append(out, "the audit log is what was written");
        return g_string_free(out, FALSE);
}

char *tb_audit_verify(const TbServerConfig *config, const char *known, bool *ret_good, GError **error)
{
        g_autofree char *file = g_build_filename(config->state_dir, STORE_FILE, NULL);
        const Store store = {tb_db_engine_of(config->database, error),
                             config->database ? config->database : file};
        if (!config->database && !g_file_test(file, G_FILE_TEST_EXISTS)) {
                tb_set_error(error, TB_ERROR_NOT_FOUND,
                             "%s: there is no store (which state folder it is says --state-dir)", file);
                return NULL;
        }
        json_auto_t *said = store.engine ? check_all(&store, known, error) : NULL;
        if (!said)
                return NULL;
        *ret_good = json_is_true(json_object_get(said, "ok"));
        return words_of(said);
}

/* --- at the start --- */
static void on_first_head(const TbDbResult *rows, const GError *error G_GNUC_UNUSED,
                          gpointer data G_GNUC_UNUSED)
{
        if (tb_db_rows(rows) > 0)
                tb_log(TB_LOG_INFO, TB_F("head", tb_db_get_text(rows, 0, 1)),
                       "the audit log goes on behind this hash: whoever keeps this line can have it looked "
                       "for later "
                       "(--verify-audit --head)");
}

void tb_audit_tell_head(TbAudit *audit)
{
        TbDbCall *call = tb_db_call_reads();
        tb_audit_chain_head(call);
        tb_audit_ask(audit, call, on_first_head, NULL, NULL);
}
