#pragma once
#include "server/accounts/audit.h"
#include "server/config.h"

/* `testbed-server --verify-audit`: what it found, for people, beside a server that runs or without one; the caller frees. *ret_good:
 * nothing. NULL: it could not be read. `known` (nullable): a hash that must be in the chain. */
char *tb_audit_verify(const TbServerConfig *config, const char *known, bool *ret_good, GError **error);
/* Says in the log behind which hash the audit log goes on. Main thread. */
void tb_audit_tell_head(TbAudit *audit);
