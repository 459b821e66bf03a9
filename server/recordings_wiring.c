/* Where recordings touch the rest of the server: calls whose people are told, the audit log. */
#include "server/server_private.h"

static void tell(const char *user, const char *event, const json_t *data_of_event, gpointer data)
{
        tb_calls_tell(((TbServer *)data)->calls, user, event, data_of_event);
}

static void note(const TbRecordingNote *n, gpointer data)
{
        tb_audit_note(((TbServer *)data)->audit,
                      &(TbAuditNote){.user = n->user,
                                     .action = n->action,
                                     .object = n->object,
                                     .outcome = "ok",
                                     .address = n->address,
                                     .request = n->request},
                      0);
}

static const char *base(TbRequest *request, gpointer data)
{
        return tb_server_base_url(request, data);
}

void tb_server_begin_recordings(TbServer *server)
{
        server->recordings = tb_recordings_new(&(TbRecordingsOptions){.db = tb_persist_db(server->persist),
                                                                      .blobs = server->blobs,
                                                                      .config = &server->config->recordings,
                                                                      .tell = tell,
                                                                      .note = note,
                                                                      .base = base,
                                                                      .data = server});
        tb_metrics_collector(server->metrics, tb_recordings_metrics, server->recordings);
}

void tb_server_add_recording_routes(TbServer *server)
{
        tb_http_add_routes(server->http, tb_recording_routes, server->recordings);
        tb_http_add_routes(server->http, tb_recording_read_routes, server->recordings);
}
