/* Lists by GET, with ETag: hosts, their devices, sessions; and all of them by event. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "server/list_sockets.h"
#include "server/server_private.h"

void tb_server_reply_list(TbRequest *request, TbServer *server, TbViewList list, const char *only)
{
        const TbViewAsk ask = {list, tb_request_caller(request), only};
        if (only && !tb_grants_pattern_valid(only)) {
                g_autoptr(GError) error = NULL;
                tb_error_set_field(&error, TB_ERROR_INVALID, list == TB_VIEW_HOSTS ? "host" : "device",
                                   "it must be %s", TB_GRANT_PATTERN_RULE);
                tb_request_reply_error(request, error);
                return;
        }
        g_autofree char *etag = NULL;
        g_autoptr(GBytes) text = tb_views_text(
                server->views, &ask, tb_request_header(request, "If-None-Match"), tb_clock_mono_ms(), &etag);
        if (etag)
                tb_request_add_header(request, "ETag", etag);
        tb_request_add_header(request, "Cache-Control",
                              "no-cache"); /* whoever keeps it asks whether it is so still */
        if (text)
                tb_request_reply_shared(request, 200, "application/json", text);
        else
                tb_request_reply_empty(request, 304);
}

static void list_hosts(TbRequest *request, gpointer data)
{
        tb_server_reply_list(request, data, TB_VIEW_HOSTS, tb_request_query_string(request, "host"));
}

static void list_devices(TbRequest *request, gpointer data)
{
        tb_server_reply_list(request, data, TB_VIEW_DEVICES, tb_request_query_string(request, "device"));
}

#define PATTERN(name_, help_)                                                                                \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .min = 1, .max = 2 * TB_LIMIT_ID + 1, .help = help_  \
        }
static const TbParam host_params[] = {PATTERN("host", "those alone: lab-1, lab-*"), TB_PARAM_END};
static const TbParam device_params[] = {PATTERN("device", "those alone: lab-1/board, lab-*/board, lab-1"),
                                        TB_PARAM_END};
static const TbParam event_params[] = {
        {.name = "list",
         .type = TB_PARAM_STRING,
         .max = 200,
         .help = "with commas: hosts (also without), devices, sessions, enrol, users, groups, logins, "
                 "telemetry"},
        PATTERN("device", "of hosts, devices and sessions those alone: lab-1/board, lab-*, lab-1/*"),
        TB_PARAM_END,
};

const TbRoute tb_server_list_routes[] = {
        {.method = "GET",
         .path = "/api/hosts",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .query = host_params,
         .handler = list_hosts,
         .tag = "hosts",
         .summary = "Hosts with presence and devices; If-None-Match",
         .answers = "200 application/json; 304"},
        {.method = "GET",
         .path = "/api/devices",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED,
         .query = device_params,
         .handler = list_devices,
         .tag = "hosts",
         .summary = "Devices of all hosts; If-None-Match",
         .answers = "200 application/json; 304"},
        {.method = "GET",
         .path = "/api/events",
         .role = TB_ROLE_VIEWER,
         .flags = TB_ROUTE_GRANTED | TB_ROUTE_STREAMING,
         .query = event_params,
         .handler = tb_list_stream,
         .tag = "hosts",
         .summary =
                 "Lists by event (Server-Sent Events): what has changed since an ETag; /ws has the same by "
                 "{\"subscribe\":[\"hosts\"]}",
         .answers = "200 text/event-stream; 400; 403"},
        {.method = NULL},
};
