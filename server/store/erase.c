#include "server/store/erase.h"

#include <string.h>

#include "server/store/audit_chain.h"
#include "server/store/private.h"
#include "server/store/sql.h"

#define PAGE 200 /* rows of the audit log that are in memory at once */

void tb_erasure_free(gpointer data)
{
        TbErasure *e = data;
        g_free(e->name);
        g_free(e->user_id);
        g_free(e->pseudonym);
        g_free(e->by);
        g_free(e->address);
        g_free(e->request);
        g_free(e);
}

/* Guests are called after who made their link: "guest: Bert (link of anna)". */
static char *like_guests(const char *name)
{
        GString *out = g_string_new("guest%(link of ");
        for (const char *c = name; *c; c++) {
                if (strchr("%_!", *c))
                        g_string_append_c(out, '!');
                g_string_append_c(out, *c);
        }
        g_string_append(out, ")");
        return g_string_free(out, FALSE);
}

static bool is_of_word(char c)
{
        return g_ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
}

/* "anna" is in "token of anna", and not in "savanna". */
static bool names(const char *text, const char *name)
{
        for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
                if ((at == text || !is_of_word(at[-1])) && !is_of_word(at[strlen(name)]))
                        return true;
        return false;
}

/* Whatever of the entry leads to him. */
static void seal(const TbErasure *e, TbAuditRow *row)
{
        bool own = strcmp(row->fields[TB_AUDIT_USER], e->name) == 0;
        bool guest = !own && g_str_has_prefix(row->fields[TB_AUDIT_USER], "guest") &&
                     strstr(row->fields[TB_AUDIT_USER], e->name);
        static const TbAuditField of_him[] = {TB_AUDIT_ADDRESS, TB_AUDIT_REQUEST},
                                  about[] = {TB_AUDIT_ACTION, TB_AUDIT_OBJECT};
        if (own || guest)
                tb_audit_row_seal(row, TB_AUDIT_USER, e->pseudonym);
        for (guint i = 0; (own || guest) && i < G_N_ELEMENTS(of_him); i++)
                tb_audit_row_seal(row, of_him[i], "");
        for (guint i = 0; i < G_N_ELEMENTS(about); i++)
                if (own ? names(row->fields[about[i]], e->name) : strcmp(row->fields[about[i]], e->name) == 0)
                        tb_audit_row_seal(row, about[i], e->pseudonym);
        if (!own && !guest &&
            strcmp(row->fields[TB_AUDIT_ACTION], "login") ==
                    0) /* he signed in: nobody yet, from where he is */
                for (guint i = 0; i < G_N_ELEMENTS(of_him); i++)
                        tb_audit_row_seal(row, of_him[i], "");
}

static TbDbCall *page_after(const TbErasure *e, gint64 after)
{
        g_autofree char *guests = like_guests(e->name);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_erase_audit_page);
        tb_db_int(call, after);
        tb_db_text(call, e->name);
        tb_db_text(call, guests);
        tb_db_int(call, PAGE);
        return call;
}

static TbDbCall *put(const TbAuditRow *row)
{
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_erase_audit);
        tb_db_int(call, row->id);
        tb_db_text(call, row->fields[TB_AUDIT_USER]);
        tb_db_text(call, row->fields[TB_AUDIT_ACTION]);
        tb_db_text(call, row->fields[TB_AUDIT_OBJECT]);
        tb_db_text(call, row->fields[TB_AUDIT_ADDRESS]);
        tb_db_text(call, row->fields[TB_AUDIT_REQUEST]);
        tb_db_text(call, row->salts);
        return call;
}

static TbDbFault seal_page(const TbAuditLane *lane, TbErasure *e, gint64 *after, guint *ret_rows)
{
        TbDbResult *rows;
        TbDbFault fault = tb_audit_lane_run(lane, page_after(e, *after), &rows);
        *ret_rows = fault ? 0 : tb_db_rows(rows);
        for (guint i = 0; i < *ret_rows && !fault; i++) {
                TbAuditRow *row = tb_audit_chain_row(rows, i);
                seal(e, row);
                *after = row->id;
                fault = tb_audit_lane_run(lane, put(row), NULL);
                tb_audit_row_free(row);
        }
        e->entries += *ret_rows;
        tb_db_result_free(rows);
        return fault;
}

/* With the head held: nobody adds an entry of his meanwhile. */
static TbDbFault seal_all(const TbDbEngine *engine, gpointer connection, gint64 until_us, gpointer data,
                          GError **error)
{
        const TbAuditLane lane = {engine, connection, until_us, error};
        TbErasure *e = data;
        gint64 after = G_MININT64;
        guint rows = PAGE;
        e->entries = 0;
        TbDbFault fault = tb_audit_lane_hold(&lane);
        while (rows == PAGE && !fault)
                fault = seal_page(&lane, e, &after, &rows);
        if (fault)
                return fault;
        g_autofree char *object = g_strdup_printf("%s %u", e->pseudonym, e->entries);
        const char *const fields[TB_AUDIT_FIELDS] = {e->by, "privacy.erase", object,
                                                     "ok",  e->address,      e->request};
        return tb_audit_lane_add(&lane, e->id, e->at_ms, fields);
}

TbDbCall *tb_erase_call(TbErasure *e)
{
        static const char *const his[] = {tb_sql_erase_jobs,
                                          tb_sql_erase_attempts,
                                          tb_sql_erase_tellings,
                                          tb_sql_erase_subscriptions,
                                          tb_sql_erase_links,
                                          tb_sql_erase_invites,
                                          tb_sql_erase_endpoints,
                                          tb_sql_erase_watches,
                                          tb_sql_erase_devices,
                                          tb_sql_erase_logins,
                                          tb_sql_erase_people,
                                          tb_sql_erase_charges,
                                          tb_sql_erase_events,
                                          tb_sql_erase_recordings,
                                          tb_sql_erase_recording_views,
                                          tb_sql_erase_recording_tracks,
                                          tb_sql_erase_recording_people,
                                          tb_sql_erase_recording_links,
                                          tb_sql_erase_call_guests,
                                          tb_sql_erase_call_people,
                                          tb_sql_erase_calls,
                                          tb_sql_erase_call_ends};
        TbDbCall *call = tb_db_call_new();
        for (guint i = 0; i < G_N_ELEMENTS(his); i++) {
                tb_db_statement(call, his[i]);
                tb_db_text(call, e->name);
                tb_db_text(call, e->user_id);
        }
        tb_db_call_program(call, seal_all, e, NULL);
        return call;
}

TbDbCall *tb_erase_settle(void)
{
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_erase_settle);
        return call;
}
