#pragma once
/* What the routes of the audit log share. */
#include "server/server_private.h"

/* Of a request's query; its texts are the request's. */
bool tb_audit_filter_of(TbRequest *request, TbAuditFilter *ret, GError **error);
void tb_server_export_audit(TbRequest *request, gpointer server);
void tb_server_check_audit(TbRequest *request, gpointer server);
