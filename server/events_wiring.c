/* Where events touch the rest of the server. */
#include "server/server_private.h"

void tb_server_begin_events(TbServer *server)
{
        const TbEventsOptions *options = &server->config->events;
        server->blobs = tb_blobs_new(&options->blob);
        server->events =
                tb_events_new(options, tb_persist_db(server->persist), server->blobs, server->config->url);
        tb_events_limits(options);
        tb_metrics_collector(server->metrics, tb_blobs_metrics, server->blobs);
        tb_metrics_collector(server->metrics, tb_events_metrics, server->events);
}

void tb_server_add_event_routes(TbServer *server)
{
        static const TbRoute *const tables[] = {tb_event_session_routes,   tb_event_routes,
                                                tb_event_upload_routes,    tb_event_worker_routes,
                                                tb_event_recipient_routes, tb_event_link_routes,
                                                tb_event_usage_routes};
        for (gsize i = 0; i < G_N_ELEMENTS(tables); i++)
                tb_http_add_routes(server->http, tables[i], server->events);
}

void tb_server_end_events(TbServer *server)
{
        tb_events_free(server->events);
        tb_blobs_free(server->blobs);
}

void tb_server_forget_clip(TbServer *server, const char *blob)
{
        if (blob && *blob) /* one that cannot be removed now is found later: no event refers to it */
                tb_blobs_remove(server->blobs, blob, NULL, NULL, NULL);
}

void tb_server_forget_event_logins(TbServer *server, const char *user)
{
        tb_events_forget_logins(server->events, user);
}
