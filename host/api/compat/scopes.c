/* Telescopes as astrophotograph's programs know them: the list, actions by REST, MJPEG, status as Server-Sent Events. */
#include "host/api/compat/scopes.h"

#include <string.h>

#include "host/api/compat/scope_words.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/limits.h"

#define BEHIND (64 * 1024) /* bytes waiting above which a status is left out: the next one is as good */

json_t *tb_scope_state(TbApi *api, const char *device)
{
        return json_object_get(api->mounts, device);
}

void tb_compat_scope_event(TbApi *api, const TbEvent *event)
{
        if (!event->device)
                return;
        if (strcmp(event->type, "mount.state") == 0)
                json_object_set(api->mounts, event->device, event->data);
        else if (strcmp(event->type, "device.removed") == 0)
                json_object_del(api->mounts, event->device);
}

bool tb_scope_is_connected(TbInterface *mount)
{
        return tb_interface_state(mount, NULL) == TB_STATE_READY;
}

typedef struct Search {
        TbApi *api;
        const char *name;
        TbInterface *found;
} Search;

static void match(TbDevice *device, gpointer data)
{
        Search *s = data;
        TbInterface *mount = tb_device_interface_of(device, TB_KIND_MOUNT);
        const char *id = tb_device_id(device), *label = tb_device_label(device),
                   *serial = json_string_value(json_object_get(tb_scope_state(s->api, id), "serial"));
        bool exact = strcmp(id, s->name) == 0;
        if (mount &&
            (exact || (!s->found && (g_strcmp0(label, s->name) == 0 || g_strcmp0(serial, s->name) == 0))))
                s->found = mount;
}

TbInterface *tb_scope_find(TbApi *api, const char *name, GError **error)
{
        Search s = {api, name ? name : "", NULL};
        tb_core_each_device(api->core, match, &s);
        if (!s.found)
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "telescope_name",
                                   "there is no telescope of that name here: GET /api/telescopes lists them");
        return s.found;
}

/* "stacked" is the interface of that name, else the second picture, else what there is. */
typedef struct Pictures {
        const char *wanted;
        TbInterface *named, *first, *second;
} Pictures;

static void look(TbInterface *iface, gpointer data)
{
        Pictures *p = data;
        if (tb_interface_kind(iface) != TB_KIND_VIDEO)
                return;
        if (strcmp(tb_interface_name(iface), p->wanted) == 0)
                p->named = iface;
        if (!p->first)
                p->first = iface;
        else if (!p->second)
                p->second = iface;
}

TbInterface *tb_scope_video(TbInterface *mount, const char *stream, GError **error)
{
        const bool stacked = g_strcmp0(stream, "stacked") == 0;
        Pictures p = {.wanted = stacked ? "stacked" : "live"};
        tb_device_each_interface(tb_interface_device(mount), look, &p);
        TbInterface *video = p.named ? p.named : stacked && p.second ? p.second : p.first;
        if (!video)
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "%s has no picture: attach it with one (seestar://…)",
                             tb_device_id(tb_interface_device(mount)));
        return video;
}

json_t *tb_scope_describe(TbApi *api, TbInterface *mount)
{
        const char *id = tb_device_id(tb_interface_device(mount)), *reason = NULL;
        json_t *state = tb_scope_state(api, id), *model = json_object_get(state, "model"),
               *serial = json_object_get(state, "serial");
        bool connected = tb_interface_state(mount, &reason) == TB_STATE_READY;
        return json_pack("{s:s, s:s, s:O, s:O, s:b, s:s, s:s?}", "id", id, "name", id, "serial_number",
                         serial ? serial : json_null(), "product_model", model ? model : json_null(),
                         "connected", connected, "status", connected ? "online" : "offline", "reason",
                         reason);
}

typedef struct List {
        TbApi *api;
        json_t *all;
} List;

static void add(TbDevice *device, gpointer data)
{
        List *list = data;
        TbInterface *mount = tb_device_interface_of(device, TB_KIND_MOUNT);
        if (mount)
                json_array_append_new(list->all, tb_scope_describe(list->api, mount));
}

json_t *tb_scope_list(TbApi *api)
{
        List list = {api, json_array()};
        tb_core_each_device(api->core, add, &list);
        return list.all;
}

/* --- routes --- */
/* The telescope of {name}; NULL: 404 was answered. */
static TbInterface *scope_of(TbApi *api, TbRequest *request)
{
        g_autoptr(GError) error = NULL;
        TbInterface *mount = tb_scope_find(api, tb_request_arg(request, "name"), &error);
        if (!mount)
                tb_request_reply_error(request, error);
        return mount;
}

static void list(TbRequest *request, gpointer data)
{
        tb_request_reply_json(request, 200, tb_scope_list(data));
}

static void reply(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        tb_request_reply_json(request, 200,
                              json_pack("{s:b, s:O}", "success", 1, "result", result ? result : json_null()));
}

static void act(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        g_autoptr(GError) error = NULL;
        TbInterface *mount = scope_of(api, request);
        if (!mount)
                return;
        g_autofree char *action = g_strdup(tb_request_arg(request, "action"));
        const char *op = NULL;
        if (strcmp(action, "focus-inc") == 0 || strcmp(action, "focus_inc") == 0) {
                g_free(action);
                action = g_strdup("focus_increment");
        }
        json_auto_t *params = tb_scope_command(action, tb_request_json(request), &op, &error);
        if (!params) {
                tb_request_reply_error(request, error);
                return;
        }
        g_autofree char *verb = g_strdup_printf("%s.%s", tb_interface_name(mount), op);
        tb_api_run(api, request,
                   &(TbApiRun){.device = tb_device_id(tb_interface_device(mount)),
                               .verb = verb,
                               .params = params,
                               .reply = reply});
}

static void viewstate(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        TbInterface *mount = scope_of(api, request);
        if (mount)
                tb_request_reply_json(
                        request, 200,
                        tb_scope_status(tb_scope_state(api, tb_device_id(tb_interface_device(mount))),
                                        tb_scope_is_connected(mount), tb_clock_ms()));
}

static void pictures(TbApi *api, TbRequest *request, TbInterface *mount)
{
        g_autoptr(GError) error = NULL;
        TbInterface *video = tb_scope_video(mount, tb_request_query_string(request, "stream_type"), &error);
        if (video)
                tb_api_mjpeg(api, request, video, NULL);
        else
                tb_request_reply_error(request, error);
}

static void video_stream(TbRequest *request, gpointer data)
{
        TbInterface *mount = scope_of(data, request);
        if (mount)
                pictures(data, request, mount);
}

/* What theirs has of a made-up telescope: the first that there is. */
static void test_stream(TbRequest *request, gpointer data)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *all = tb_scope_list(data);
        const char *id = json_string_value(json_object_get(json_array_get(all, 0), "id"));
        TbInterface *mount = tb_scope_find(data, id, &error);
        if (mount)
                pictures(data, request, mount);
        else
                tb_request_reply_error(request, error);
}

/* --- status as it comes --- */
typedef struct Reader {
        TbApi *api;   /* borrowed */
        TbPush *push; /* borrowed */
        char *device;
        guint bus;
} Reader;

static void reader_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        Reader *r = data;
        tb_bus_unsubscribe(tb_core_bus(r->api->core), r->bus);
        g_free(r->device);
        g_free(r);
}

static void reader_tell(Reader *r)
{
        TbInterface *mount = tb_scope_find(r->api, r->device, NULL);
        json_auto_t *status = tb_scope_status(tb_scope_state(r->api, r->device),
                                              mount && tb_scope_is_connected(mount), tb_clock_ms());
        g_autofree char *text = tb_json_text(status, NULL);
        if (tb_push_queued(r->push) <= BEHIND)
                tb_sse_send(r->push, NULL, NULL, text);
}

static void reader_event(const TbEvent *event, gpointer data)
{
        Reader *r = data;
        if (g_strcmp0(event->device, r->device) == 0 &&
            (strcmp(event->type, "mount.state") == 0 || strcmp(event->type, "interface.state") == 0))
                reader_tell(r);
}

static void status_stream(TbRequest *request, gpointer data)
{
        TbApi *api = data;
        TbInterface *mount = scope_of(api, request);
        if (!mount)
                return;
        Reader *r = g_new0(Reader, 1);
        r->api = api;
        r->device = g_strdup(tb_device_id(tb_interface_device(mount)));
        r->push = tb_request_reply_sse(request, reader_gone, r);
        if (!r->push) {
                reader_gone(NULL, r);
                return;
        }
        reader_tell(r);
        r->bus = tb_bus_read(tb_core_bus(api->core), reader_event, NULL, r);
}

static const TbParam stream_params[] = {
        {.name = "stream_type",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("live", "stacked"),
         .fallback = "\"live\"",
         .help = "which picture"},
        TB_PARAM_END,
};

#define ROUTE(method_, path_, role_, flags_, handler_, summary_, answers_)                                   \
        .method = method_, .path = path_, .role = role_, .flags = TB_ROUTE_FOREIGN | (flags_),               \
        .handler = handler_, .tag = "compatibility", .summary = summary_, .answers = answers_

static const TbRoute routes[] = {
        {ROUTE("GET", "/api/telescopes", TB_ROLE_VIEWER, 0, list,
               "ALP Experimental: the telescopes of this host", "200 application/json Compat")},
        {ROUTE("GET", "/api/telescopes/{name}/viewstate", TB_ROLE_VIEWER, 0, viewstate,
               "ALP Experimental: how a telescope is", "200 application/json Compat; 404")},
        {ROUTE("GET", "/api/telescopes/{name}/status/stream", TB_ROLE_VIEWER, TB_ROUTE_STREAMING,
               status_stream, "ALP Experimental: how it is, as it changes", "200 text/event-stream; 404")},
        {ROUTE("GET", "/api/telescopes/{name}/video-stream", TB_ROLE_VIEWER, TB_ROUTE_STREAMING, video_stream,
               "ALP Experimental: its picture as MJPEG", "200 multipart/x-mixed-replace; 404; 429; 503"),
         .query = stream_params},
        {ROUTE("GET", "/api/webrtc/test/video-stream", TB_ROLE_VIEWER, TB_ROUTE_STREAMING, test_stream,
               "ALP Experimental: the first telescope's picture as MJPEG",
               "200 multipart/x-mixed-replace; 404; 429; 503")},
        {ROUTE("POST", "/api/telescopes/{name}/{action}", TB_ROLE_OPERATOR, 0, act,
               "ALP Experimental: goto, move, park, focus, focus-inc, start_imaging, stop_imaging, set_gain, "
               "set_exposure, "
               "scenery, set_image_enhancement",
               "200 application/json Compat; 400; " TB_COMPAT_LANE),
         .body = TB_BODY_JSON},
        {.method = NULL},
};

void tb_compat_add_scopes(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
        tb_compat_add_scope_sessions(api);
        tb_compat_add_scope_ws(api);
}
