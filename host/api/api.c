#include "host/api/api.h"

#include <string.h>

#include "host/api/private.h"

static void on_event(const TbEvent *event, gpointer user)
{
        tb_api_consoles_event(user, event);
        tb_compat_scope_event(user, event);
}

TbApi *tb_api_new(TbHttp *http, TbCore *core, TbMedia *media, TbMetrics *metrics)
{
        TbApi *api = g_new0(TbApi, 1);
        api->http = http;
        api->core = core;
        api->media = media;
        api->metrics = metrics;
        api->started_us = g_get_monotonic_time();
        api->routes = g_ptr_array_new();
        api->mounts = json_object();
        api->whep = g_hash_table_new(g_str_hash, g_str_equal);
        g_queue_init(&api->consoles);
        api->bus = tb_bus_subscribe(tb_core_bus(core), on_event, api);
        tb_api_add_system(api);
        tb_api_add_devices(api);
        tb_api_add_events(api);
        tb_api_add_clipboard(api);
        tb_api_add_usb(api);
        tb_api_add_compat(api);
        tb_api_add_ws(api);
        tb_api_add_console(api);
        tb_api_add_video(api);
        tb_api_add_audio(api);
        tb_api_add_whep(api);
        tb_api_add_streams(api);
        tb_api_add_files(api);
        tb_api_add_verbs(api);
        tb_api_add_refusals(api);
        return api;
}

void tb_api_set_services(TbApi *api, json_t *(*services)(gpointer data), gpointer data)
{
        api->services = services;
        api->services_data = data;
}

void tb_api_set_restart(TbApi *api, void (*restart)(gpointer data), gpointer data)
{
        api->restart = restart;
        api->restart_data = data;
}

void tb_api_listen(TbApi *api)
{
        api->pdudaemon = tb_compat_listen(api);
}

void tb_api_stop(TbApi *api)
{
        api->stopping = true;
        g_clear_pointer(&api->pdudaemon, tb_compat_unlisten);
        tb_api_whep_stop(api);
        tb_api_consoles_stop(api);
        if (api->bus)
                tb_bus_unsubscribe(tb_core_bus(api->core), api->bus);
        api->bus = 0;
}

void tb_api_free(TbApi *api)
{
        if (!api)
                return;
        tb_api_stop(api);
        g_assert(g_queue_is_empty(&api->consoles));
        g_assert(g_hash_table_size(api->whep) == 0);
        g_hash_table_unref(api->whep);
        tb_whep_gone_clear(&api->whep_gone);
        json_decref(api->mounts);
        tb_api_routes_free(api);
        g_free(api);
}
