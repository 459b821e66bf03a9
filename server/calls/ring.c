/* Who is told what becomes of a call, wherever he has a page open: the room "user:<id>" of the original. */
#include <string.h>

#include "lib/clock.h"
#include "lib/limits_calls.h"
#include "server/calls/columns.h"
#include "server/calls/private.h"
#include "server/store/sql.h"

void tb_calls_tell(const TbCalls *calls, const char *user, const char *event, const json_t *data)
{
        const GPtrArray *his = tb_call_lines_of(calls, user);
        for (guint i = 0; his && i < his->len; i++)
                tb_call_line_send(g_ptr_array_index(his, i), event, data);
}

/* `row` of a statement whose first columns are those of call-get.sql. */
static json_t *ring_of(const TbDbResult *rows, guint row)
{
        gint64 until_ms = MAX(tb_db_get_int(rows, row, TB_CALL_COL_SCHEDULED), 0) + TB_LIMIT_CALL_RING_MS;
        bool scheduled = g_strcmp0(tb_db_get_text(rows, row, TB_CALL_COL_STATUS), "scheduled") == 0;
        g_autofree char *until =
                tb_clock_rfc3339(scheduled ? tb_clock_ms() + TB_LIMIT_CALL_RING_MS : until_ms);
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "callId",
                         tb_db_get_text(rows, row, TB_CALL_COL_ID), "callerId",
                         tb_db_get_text(rows, row, TB_CALL_COL_PROVIDER), "calleeId",
                         tb_db_get_text(rows, row, TB_CALL_COL_PATIENT), "providerId",
                         tb_db_get_text(rows, row, TB_CALL_COL_PROVIDER), "patientId",
                         tb_db_get_text(rows, row, TB_CALL_COL_PATIENT), "type",
                         tb_db_get_text(rows, row, TB_CALL_COL_TYPE), "roomId",
                         tb_db_get_text(rows, row, TB_CALL_COL_ROOM), "initiatedBy",
                         tb_db_get_text(rows, row, TB_CALL_COL_BY), "ringsUntil", until);
}

void tb_call_ring(TbCalls *calls, const TbDbResult *rows, const char *only)
{
        const char *by = tb_db_get_text(rows, 0, TB_CALL_COL_BY),
                   *id = tb_db_get_text(rows, 0, TB_CALL_COL_ID);
        json_auto_t *data = ring_of(rows, 0);
        for (guint i = 0; data && i < tb_db_rows(rows); i++) {
                const char *user = tb_db_get_text(rows, i, TB_CALL_COL_P_USER);
                bool waits = g_strcmp0(tb_db_get_text(rows, i, TB_CALL_COL_P_STATUS), "invited") == 0;
                if (!waits || (only ? g_strcmp0(user, only) != 0 : g_strcmp0(user, by) == 0))
                        continue;
                tb_calls_tell(calls, user, "incoming-call", data);
                if (calls->options.ring)
                        calls->options.ring(user, by, id, calls->options.data);
        }
}

static void on_ringing(TbCallWait *wait, const TbDbResult *rows)
{
        for (guint i = 0; wait->line && i < tb_db_rows(rows); i++) {
                json_auto_t *data = ring_of(rows, i);
                if (data)
                        tb_call_line_send(wait->line, "incoming-call", data);
        }
}

/* What was asked for first goes first: a line asks one thing at a time. */
void tb_call_ring_again(TbCallLine *line)
{
        TbCallWait *wait = tb_call_wait_new(line, "authenticate", NULL);
        line->waits = NULL; /* it may come into a call meanwhile */
        TbDbCall *store = tb_db_call_reads();
        tb_db_statement(store, tb_sql_call_ringing);
        tb_db_text(store, line->user);
        tb_call_wait_run(wait, store, on_ringing);
}

void tb_call_tell_changed(TbCalls *calls, const TbDbResult *rows, const char *by)
{
        const char *id = tb_db_get_text(rows, 0, TB_CALL_COL_ID),
                   *status = tb_db_get_text(rows, 0, TB_CALL_COL_STATUS),
                   *event = strcmp(status, "in_progress") == 0 ? "call-answered"
                            : strcmp(status, "cancelled") == 0 ? "call-cancelled"
                                                               : "call-ended";
        json_auto_t *data = json_pack("{s:s, s:s, s:s?, s:s?}", "callId", id, "status", status, "userId", by,
                                      "reason", tb_db_get_text(rows, 0, TB_CALL_COL_REASON));
        for (guint i = 0; data && i < tb_db_rows(rows); i++)
                tb_calls_tell(calls, tb_db_get_text(rows, i, TB_CALL_COL_P_USER), event, data);
        if (strcmp(event, "call-answered") == 0)
                return;
        if (calls->options.over)
                calls->options.over(id, calls->options.data);
        tb_call_room_end(calls->rooms, id);
}
