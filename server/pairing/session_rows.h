#pragma once
/* Sessions as rows of the store, and as earlier versions wrote them. `wall_offset_ms`: wall clock - boot clock. */
#include "server/pairing/pairing_private.h"
#include "server/store/db.h"

void tb_session_row_put(TbDbCall *call, const TbSession *session, gint64 wall_offset_ms);
void tb_session_row_touch(TbDbCall *call, const TbSession *session, gint64 wall_offset_ms);
void tb_session_row_end(TbDbCall *call, const char *id);

/* A session that belongs to no pairing yet (tb_session_restore_take(), tb_session_free()); NULL: it makes no sense. Times from
 * the future are now. */
TbSession *tb_session_of_row(const TbDbResult *rows, guint row,
                             gint64 wall_offset_ms);                       /* of tb_sql_session_list */
TbSession *tb_session_of_json(const json_t *entry, gint64 wall_offset_ms); /* server-sessions.json */
