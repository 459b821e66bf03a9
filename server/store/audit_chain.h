#pragma once
/*
 * What is written into the audit log, in the one order that all have who write into this database: whoever adds entries holds the row
 * of its head until his transaction has ended, so two servers (or a command beside a server) make one chain and no two ends.
 */
#include "server/store/audit_row.h"
#include "server/store/db.h"

/* Adds them, in their order. Each gets its id (its own, or the next one that is free), `prev` and `hash` on the lane. `rows` (TbAuditRow)
 * is the call's; who wants them back after a call that failed takes them out of it in `done`. */
TbDbCall *tb_audit_chain_add(GPtrArray *rows_take);
/* The oldest go, so that `keep` are left; an entry "audit.forget" says which was the last of them. */
TbDbCall *tb_audit_chain_trim(gint64 keep, gint64 id, gint64 at_ms);
/* A row of what audit-chain-page.sql and audit-export.sql give. */
TbAuditRow *tb_audit_chain_row(const TbDbResult *rows, guint row);
/* The statement of a page, and of the head, for who checks. */
void tb_audit_chain_page(TbDbCall *call, gint64 after, gint64 to, guint limit);
void tb_audit_chain_head(TbDbCall *call);
