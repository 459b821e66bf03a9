/* Where events touch the rest of the server. */
#include "server/server_private.h"

static void on_tried(const char *event_id, const json_t *attempt, gpointer data)
{
        TbServer *server = data;
        tb_events_note_attempt(server->events, event_id, attempt);
}

static void on_told(json_t *event, gpointer data)
{
        tb_notify_event(((TbServer *)data)->notify, event);
}

void tb_server_begin_events(TbServer *server)
{
        const TbEventsOptions *options = &server->config->events;
        server->telling = (TbNotifyOptions){.url = options->webhook_url,
                                            .secret = options->webhook_secret,
                                            .timeout_s = options->notify_timeout_s,
                                            .retries = options->notify_retries,
                                            .tried = on_tried,
                                            .data = server};
        server->notify = tb_notify_new(&server->telling);
        server->blobs = tb_blobs_new(&tb_blob_folder, options->clips, options->quota_bytes);
        server->events =
                tb_events_new(options, tb_persist_db(server->persist), server->blobs, on_told, server);
        tb_events_limits(options);
        tb_metrics_collector(server->metrics, tb_blobs_metrics, server->blobs);
        tb_metrics_collector(server->metrics, tb_events_metrics, server->events);
        tb_metrics_collector(server->metrics, tb_notify_metrics, server->notify);
}

void tb_server_add_event_routes(TbServer *server)
{
        static const TbRoute *const tables[] = {tb_event_session_routes, tb_event_routes,
                                                tb_event_upload_routes, tb_event_worker_routes};
        for (gsize i = 0; i < G_N_ELEMENTS(tables); i++)
                tb_http_add_routes(server->http, tables[i], server->events);
}

void tb_server_end_events(TbServer *server)
{
        tb_notify_free(server->notify);
        tb_events_free(server->events);
        tb_blobs_free(server->blobs);
}
