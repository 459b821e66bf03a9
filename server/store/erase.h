#pragma once
/*
 * All that the database has of one person, taken out (docs/PRIVACY.md). His rows go. What the audit log says of him stays as a fact
 * without him: a pseudonym stands in his place, his addresses and request ids are gone, and the chain holds (server/store/audit_row.h).
 */
#include "server/store/db.h"

typedef struct TbErasure {
        char *name, *user_id;         /* owned: of the account, and as the events know it */
        char *pseudonym;              /* owned */
        char *by, *address, *request; /* owned: of the entry that says so */
        gint64 id, at_ms;
        guint entries; /* of the audit log; set when the call has ended */
} TbErasure;

void tb_erasure_free(gpointer erasure);
/* Its rows are the names of his clips, "" for events without one. `erasure` is borrowed until the call has ended. */
TbDbCall *tb_erase_call(TbErasure *erasure);
/* So that nothing of it is left in what lies beside the database's file. */
TbDbCall *tb_erase_settle(void);
