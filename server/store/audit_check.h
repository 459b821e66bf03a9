#pragma once
/*
 * Whether the audit log is what was written: entries that were changed, put in or taken out. Pure but for its words: rows and head come
 * from who reads them, the oldest first. Any thread, one at a time.
 *
 * Who can write into the database can also compute a whole chain anew. What he cannot do is make one that holds a hash that somebody has
 * noted elsewhere: that is what `known` is for.
 */
#include <jansson.h>

#include "server/store/audit_row.h"
#include "server/store/db.h"

#define TB_AUDIT_FINDINGS 100 /* that are told; all are counted */

typedef struct TbAuditCheck TbAuditCheck;

/* `head`: the answer of audit-head-get.sql, before the first row. `known` (nullable): a hash that must be in the chain. */
TbAuditCheck *tb_audit_check_new(const TbDbResult *head, const char *known);
void tb_audit_check_free(TbAuditCheck *check);          /* NULL is fine */
gint64 tb_audit_check_after(const TbAuditCheck *check); /* the next rows are those with a larger id, up to */
gint64 tb_audit_check_to(const TbAuditCheck *check);    /* this one */
void tb_audit_check_rows(TbAuditCheck *check, const TbDbResult *rows);
/* {"ok", "entries", "erased", "first", "last", "head", "findings": [{"id", "at", "kind", "what"}], "found"}. */
json_t *tb_audit_check_end(TbAuditCheck *check);
/* The oldest went while it was read (the head says so now): what was found may be that, so it begins again. */
bool tb_audit_check_is_stale(const TbAuditCheck *check, const TbDbResult *head_now);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbAuditCheck, tb_audit_check_free)
