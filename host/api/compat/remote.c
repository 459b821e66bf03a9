/* VirtualPyTest's remote: POST /host/remote/{takeScreenshot,screenshotAndDump,getApps,tapCoordinates,dumpUi}. */
#include <string.h>

#include "host/api/compat/private.h"
#include "host/media/still/still.h"
#include "lib/limits.h"

/* --- pictures: PNG in base64 --- */
typedef struct Shot {
        TbApi *api;
        TbRequest *request; /* ref */
        TbStill *still;     /* borrowed until done */
        json_t *elements;   /* owned; NULL: none are wanted */
} Shot;

static void shot_free(Shot *s)
{
        json_decref(s->elements);
        tb_request_unref(s->request);
        g_free(s);
}

static void shot_done(void *data, GBytes *image, gint64 taken_us G_GNUC_UNUSED, const GError *error)
{
        Shot *s = data;
        tb_request_on_gone(s->request, NULL, NULL);
        if (error) {
                tb_request_reply_error(s->request, error);
        } else {
                gsize size = 0;
                const void *png = g_bytes_get_data(image, &size);
                g_autofree char *text = g_base64_encode(png, size);
                json_t *o = json_pack("{s:s}", "screenshot", text);
                if (s->elements)
                        json_object_set(o, "elements", s->elements);
                tb_compat_succeed(s->request, o);
        }
        shot_free(s);
}

static void shot_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        Shot *s = data;
        tb_still_cancel(s->still);
        shot_free(s);
}

/* `elements`: borrowed; NULL: without */
static void take(TbApi *api, TbRequest *request, json_t *elements)
{
        g_autoptr(GError) error = NULL;
        TbInterface *video = tb_compat_interface(api, request, TB_KIND_VIDEO);
        if (!video)
                return;
        TbHub *hub = NULL;
        if (api->media)
                hub = tb_media_find_hub(api->media, tb_compat_device_id(request), tb_interface_name(video),
                                        &error);
        else
                tb_set_error(&error, TB_ERROR_UNAVAILABLE, "this host runs without video");
        if (!hub) {
                tb_request_reply_error(request, error);
                return;
        }
        Shot *s = g_new0(Shot, 1);
        *s = (Shot){.api = api,
                    .request = tb_request_ref(request),
                    .elements = elements ? json_incref(elements) : NULL};
        s->still = tb_still_take(api->media, hub, TB_STILL_PNG, 0, 0, shot_done, s);
        tb_request_on_gone(request, shot_gone, s);
}

static void screenshot(TbRequest *request, gpointer data)
{
        take(data, request, NULL);
}

static void take_with(TbApi *api, TbRequest *request, json_t *elements, gpointer data G_GNUC_UNUSED)
{
        take(api, request, elements);
}

/* The dump first: the picture is then not older than what it shows. */
static void screenshot_and_dump(TbRequest *request, gpointer data)
{
        if (tb_compat_interface(data, request, TB_KIND_VIDEO))
                tb_compat_dump(data, request, take_with, NULL, NULL);
}

static void say_elements(TbApi *api G_GNUC_UNUSED, TbRequest *request, json_t *elements,
                         gpointer data G_GNUC_UNUSED)
{
        tb_compat_succeed(request, json_pack("{s:O}", "elements", elements));
}

static void dump_ui(TbRequest *request, gpointer data)
{
        tb_compat_dump(data, request, say_elements, NULL, NULL);
}

/* --- apps --- */
/* "org.example.camera" -> "camera": a phone does not tell labels by pm. */
static void say_apps(TbRequest *request, json_t *result, gpointer data G_GNUC_UNUSED)
{
        json_t *apps = json_array(), *app;
        size_t i;
        json_array_foreach (result, i, app) {
                const char *package = json_string_value(json_object_get(app, "package"));
                const char *dot = package ? strrchr(package, '.') : NULL;
                if (package)
                        json_array_append_new(apps, json_pack("{s:s, s:s}", "packageName", package, "label",
                                                              dot ? dot + 1 : package));
        }
        tb_compat_succeed(request, json_pack("{s:o}", "apps", apps));
}

static void get_apps(TbRequest *request, gpointer data)
{
        TbInterface *iface = tb_compat_interface(data, request, TB_KIND_APPS);
        if (iface)
                tb_compat_run(data, request, iface, "list", NULL, say_apps, NULL, NULL);
}

/* --- a tap --- */
static void say_tapped(TbRequest *request, json_t *result G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
        json_t *given = tb_request_json(request);
        tb_compat_succeed(request, json_pack("{s:o}", "message",
                                             json_sprintf("Tap executed at coordinates (%g, %g)",
                                                          json_number_value(json_object_get(given, "x")),
                                                          json_number_value(json_object_get(given, "y")))));
}

static void tap(TbRequest *request, gpointer data)
{
        json_t *given = tb_request_json(request);
        TbInterface *iface = tb_compat_interface(data, request, TB_KIND_INPUT);
        if (iface)
                tb_compat_run(data, request, iface, "send",
                              json_pack("[{s:s, s:O, s:O}]", "type", "tap", "x", json_object_get(given, "x"),
                                        "y", json_object_get(given, "y")),
                              say_tapped, NULL, NULL);
}

#define COORDINATE(name_)                                                                                    \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_NUMBER, .required = true, .min = -1, .max = 100000,          \
                .unit = "px", .help = "pixels of the video"                                                  \
        }
static const TbParam tap_params[] = {COORDINATE("x"), COORDINATE("y"), TB_COMPAT_DEVICE, TB_PARAM_END};

#define ANSWERS "200 application/json Compat; 413; " TB_COMPAT_LANE
static const TbRoute routes[] = {
        TB_COMPAT_ROUTE("/host/remote/takeScreenshot", TB_ROLE_VIEWER, tb_compat_device_params, screenshot,
                        "VirtualPyTest: the screen now, PNG in base64", ANSWERS),
        TB_COMPAT_ROUTE("/host/remote/screenshotAndDump", TB_ROLE_OPERATOR, tb_compat_device_params,
                        screenshot_and_dump, "VirtualPyTest: the screen now, and its elements", ANSWERS),
        TB_COMPAT_ROUTE("/host/remote/dumpUi", TB_ROLE_OPERATOR, tb_compat_device_params, dump_ui,
                        "VirtualPyTest: the elements of the screen, by uiautomator", ANSWERS),
        TB_COMPAT_ROUTE("/host/remote/getApps", TB_ROLE_VIEWER, tb_compat_device_params, get_apps,
                        "VirtualPyTest: installed packages", ANSWERS),
        TB_COMPAT_ROUTE("/host/remote/tapCoordinates", TB_ROLE_OPERATOR, tap_params, tap,
                        "VirtualPyTest: a tap on the screen", ANSWERS),
        {.method = NULL},
};

void tb_compat_add_remote(TbApi *api)
{
        tb_http_add_routes(api->http, routes, api);
}
