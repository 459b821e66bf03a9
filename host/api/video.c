/* Video as pictures: state, snapshots, MJPEG. WebRTC is whep.c. */
#include <string.h>

#include "host/api/private.h"
#include "host/media/still/still.h"
#include "lib/limits.h"

#define BOUNDARY "frame"

static TbHub *hub_of(TbApi *api, TbRequest *request, TbInterface *iface)
{
        g_autoptr(GError) error = NULL;
        TbHub *hub = NULL;
        if (api->media)
                hub = tb_media_find_hub(api->media, tb_device_id(tb_interface_device(iface)),
                                        tb_interface_name(iface), &error);
        else
                tb_set_error(&error, TB_ERROR_UNAVAILABLE, "this host runs without video");
        if (!hub)
                tb_request_reply_error(request, error);
        return hub;
}

static void get_state(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        TbHub *hub = hub_of(api, request, iface);
        if (!hub)
                return;
        const char *reason = NULL;
        json_t *o = tb_hub_to_json(hub);
        json_object_set_new(o, "interface_state",
                            json_string(tb_state_name(tb_interface_state(iface, &reason))));
        if (reason)
                json_object_set_new(o, "reason", json_string(reason));
        json_object_set_new(o, "media", json_string(tb_media_state_name(api->media)));
        tb_request_reply_json(request, 200, o);
}

/* --- one picture --- */
typedef struct Shot {
        TbRequest *request; /* ref */
        TbStill *still;     /* borrowed until done */
        const char *type;   /* static */
} Shot;

static void shot_free(Shot *s)
{
        tb_request_unref(s->request);
        g_free(s);
}

static void shot_done(void *data, GBytes *image, gint64 taken_us, const GError *error)
{
        Shot *s = data;
        tb_request_on_gone(s->request, NULL, NULL);
        if (error) {
                tb_request_reply_error(s->request, error);
        } else {
                g_autofree char *taken = g_strdup_printf("%" G_GINT64_FORMAT, taken_us / 1000);
                tb_request_add_header(s->request, "X-Taken-At", taken);
                tb_request_add_header(s->request, "Cache-Control", "no-store");
                tb_request_reply_bytes(s->request, 200, s->type, image);
        }
        shot_free(s);
}

static void shot_gone(TbRequest *request G_GNUC_UNUSED, gpointer data)
{
        Shot *s = data;
        tb_still_cancel(s->still);
        shot_free(s);
}

static void snapshot(TbApi *api, TbRequest *request, TbInterface *iface, TbStillFormat format)
{
        TbHub *hub = hub_of(api, request, iface);
        if (!hub)
                return;
        json_t *query = tb_request_query(request);
        Shot *s = g_new0(Shot, 1);
        s->request = tb_request_ref(request);
        s->type = format == TB_STILL_PNG ? "image/png" : "image/jpeg";
        int quality = (int)json_integer_value(json_object_get(query, "quality"));
        int timeout_ms = (int)(json_number_value(json_object_get(query, "timeout_s")) * 1000);
        s->still = tb_still_take(api->media, hub, format, quality, timeout_ms, shot_done, s);
        tb_still_set_width(s->still, (int)json_integer_value(json_object_get(query, "width")));
        tb_request_on_gone(request, shot_gone, s);
}

static void snapshot_png(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        snapshot(api, request, iface, TB_STILL_PNG);
}

static void snapshot_jpg(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        snapshot(api, request, iface, TB_STILL_JPEG);
}

/* --- MJPEG --- */
typedef struct Viewer {
        TbPush *push;   /* borrowed; NULL: gone */
        TbMjpeg *mjpeg; /* owned */
        TbPresent *present;
} Viewer;

static void viewer_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        Viewer *v = data;
        tb_mjpeg_free(v->mjpeg);
        tb_core_absent(v->present);
        g_free(v);
}

/* A reader that is behind gets no old pictures: one waits at most, the next ones are left out until it went.
 */
static void viewer_frame(void *data, GBytes *jpeg, gint64 taken_us)
{
        Viewer *v = data;
        if (!v->push || tb_push_queued(v->push) > 0)
                return;
        gsize size = 0;
        const void *picture = g_bytes_get_data(jpeg, &size);
        GByteArray *part = g_byte_array_sized_new((guint)size + 160);
        g_autofree char *head = g_strdup_printf(
                "--" BOUNDARY
                "\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\nX-Timestamp: %" G_GINT64_FORMAT
                ".%06d\r\n\r\n",
                size, taken_us / G_USEC_PER_SEC, (int)(taken_us % G_USEC_PER_SEC));
        g_byte_array_append(part, (const guint8 *)head, (guint)strlen(head));
        g_byte_array_append(part, picture, (guint)size);
        g_byte_array_append(part, (const guint8 *)"\r\n", 2);
        g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(part);
        tb_push_send(v->push, bytes);
}

void tb_api_mjpeg(TbApi *api, TbRequest *request, TbInterface *iface, const TbVerb *verb G_GNUC_UNUSED)
{
        g_autoptr(GError) error = NULL;
        TbHub *hub = hub_of(api, request, iface);
        if (!hub)
                return;
        json_t *query = tb_request_query(request);
        Viewer *v = g_new0(Viewer, 1);
        const TbPlaceBy by = tb_api_place_by(request);
        const TbMjpegForm form = {.fps = (int)json_integer_value(json_object_get(query, "fps")),
                                  .quality = (int)json_integer_value(json_object_get(query, "quality"))};
        v->mjpeg = tb_mjpeg_new(api->media, hub, &by, &form, viewer_frame, v, &error);
        if (!v->mjpeg) {
                tb_request_reply_error(request, error);
                g_free(v);
                return;
        }
        v->push = tb_request_reply_push(request, "multipart/x-mixed-replace; boundary=" BOUNDARY,
                                        TB_LIMIT_REPLY, viewer_gone, v);
        if (!v->push) {
                viewer_gone(NULL, v);
                return;
        }
        const TbPresence who = tb_api_presence(request, "mjpeg");
        v->present = tb_core_present(tb_interface_device(iface), &who);
}

/* <img> fetches a picture again only from a URL that is new to it. */
#define FRESH                                                                                                \
        {                                                                                                    \
                .name = "t", .type = TB_PARAM_STRING, .max = 32, .help = "ignored: makes the URL a new one"  \
        }

static const TbParam png_params[] = {
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = 60,
         .fallback = "5",
         .unit = "s",
         .help = "how long to wait for a picture"},
        FRESH,
        TB_PARAM_END,
};
static const TbParam jpg_params[] = {
        {.name = "quality",
         .type = TB_PARAM_INT,
         .min = 10,
         .max = 95,
         .fallback = "85",
         .unit = "%",
         .help = "of the JPEG"},
        {.name = "width",
         .type = TB_PARAM_INT,
         .min = 16,
         .max = TB_LIMIT_VIDEO_SIDE,
         .help = "pixels that are enough, for a thumbnail: the picture is made smaller, never larger"},
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = 60,
         .fallback = "5",
         .unit = "s",
         .help = "how long to wait for a picture"},
        FRESH,
        TB_PARAM_END,
};
static const TbParam mjpeg_params[] = {
        {.name = "fps",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 30,
         .fallback = "10",
         .unit = "1/s",
         .help = "pictures a second at most"},
        {.name = "quality",
         .type = TB_PARAM_INT,
         .min = 10,
         .max = 95,
         .fallback = "80",
         .unit = "%",
         .help = "of each JPEG"},
        FRESH,
        TB_PARAM_END,
};

static const TbApiRoute routes[] = {
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "GET", .path = "", .query = tb_no_params},
         .call = get_state,
         .op = "get"},
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "GET",
                   .path = "/snapshot.png",
                   .role = TB_ROLE_VIEWER,
                   .query = png_params,
                   .summary = "One picture now, also with nobody watching",
                   .answers = "200 image/png; 404; 503; 504"},
         .call = snapshot_png},
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "GET",
                   .path = "/snapshot.jpg",
                   .role = TB_ROLE_VIEWER,
                   .query = jpg_params,
                   .summary = "One picture now, also with nobody watching",
                   .answers = "200 image/jpeg; 404; 503; 504"},
         .call = snapshot_jpg},
        {.kind = TB_KIND_VIDEO,
         .route = {.method = "GET",
                   .path = "/stream.mjpeg",
                   .role = TB_ROLE_VIEWER,
                   .flags = TB_ROUTE_STREAMING,
                   .query = mjpeg_params,
                   .summary = "Motion JPEG, for <img>, ffmpeg, labgrid's HTTPVideoStream",
                   .answers = "200 multipart/x-mixed-replace; 404; 429"},
         .call = tb_api_mjpeg},
        {.route = {.method = NULL}},
};

void tb_api_add_video(TbApi *api)
{
        tb_api_add_interface_routes(api, routes);
}
