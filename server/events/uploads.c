/* Clips: POST /events/upload/initiate, PUT /events/{event_id}/upload, POST /events/{event_id}/upload/finalize. */
#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "server/events/private.h"
#include "server/events/usage.h"
#include "server/store/sql.h"

#define UPLOAD_S 900 /* what a client is told that it has */

/* --- POST /events, POST /events/upload/initiate --- */
/* Into the bucket, as the event says what is to come; what is finished, or larger than a bucket takes at once, goes through here. */
static void tell_where(TbAsk *ask, json_t *event_take)
{
        TbBlobs *blobs = ask->events->blobs;
        g_autoptr(GError) error = NULL;
        const char *url = json_string_value(json_object_get(ask->kept, "url")),
                   *blob = json_string_value(json_object_get(event_take, "clip_blob_name"));
        bool waits = blob && !json_is_string(json_object_get(event_take, "clip_uploaded_at"));
        g_autofree char *granted = waits ? tb_blobs_grant_put(blobs, blob,
                                                              json_integer_value(json_object_get(
                                                                      event_take, "clip_size_bytes")),
                                                              &error)
                                         : NULL,
                        *lies = granted ? tb_blobs_uri(blobs, blob) : NULL;
        guint good_s = granted ? ask->events->options->blob.grant_s : UPLOAD_S;
        if (error) {
                json_decref(event_take);
                tb_ask_error(ask, error);
                return;
        }
        json_t *headers = granted ? tb_blobs_grant_headers(blobs) : json_object();
        json_object_set(headers, "Content-Type", json_object_get(event_take, "clip_mime"));
        tb_ask_json(ask, 200,
                    json_pack("{s:o, s:s, s:s, s:o, s:s, s:o}", "event", event_take, "upload_url",
                              granted ? granted : url, "blob_url", granted ? lies : url, "expires_at",
                              tb_event_time(tb_clock_ms() + good_s * 1000LL), "upload_method", "PUT",
                              "upload_headers", headers));
}

static void on_added(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "session not found");
                return;
        }
        if (!tb_db_get_text(rows, 0, 0)) { /* the session is there, and the event is not */
                tb_usage_refuse(ask);
                return;
        }
        json_t *event = tb_event_of_row(rows, 0);
        const char *session = json_string_value(json_object_get(ask->kept, "session_id"));
        if (!tb_event_has_text(event, "session_id", session)) {
                json_decref(event);
                tb_ask_refuse(ask, TB_ERROR_BUSY, "event_id already exists for a different session");
                return;
        }
        if (json_integer_value(json_object_get(event, "cursor")) ==
            json_integer_value(json_object_get(ask->kept, "seq"))) {
                ask->events->events++;
                ask->events->credits += (guint64)json_integer_value(json_object_get(ask->kept, "credits"));
                tb_event_changed(ask->events, event, false);
        }
        if (json_object_get(ask->kept, "url"))
                tell_where(ask, event);
        else
                tb_ask_json(ask, 200, event);
}

static gint64 next_seq(TbEvents *events)
{
        events->last_seq = MAX(events->last_seq + 1, tb_clock_us());
        return events->last_seq;
}

typedef struct Clip {
        const char *status, *uri, *container, *blob; /* container, blob NULL: it lies elsewhere */
} Clip;

static void add_event(TbAsk *ask, const Clip *clip)
{
        const json_t *in = ask->kept;
        gint64 seq = next_seq(ask->events);
        const char *session = json_string_value(json_object_get(in, "session_id")),
                   *device = json_string_value(json_object_get(in, "device_id"));
        json_object_set_new(ask->kept, "seq", json_integer(seq));
        TbDbCall *call = tb_db_call_new();
        tb_usage_charge(ask, call, seq, (guint)json_integer_value(json_object_get(in, "credits")));
        tb_db_statement(call, tb_sql_event_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, session);
        tb_db_text(call, device);
        tb_db_text(call, ask->user);
        tb_db_text(call, clip->status);
        tb_db_text(call, json_string_value(json_object_get(in, "trigger_type")));
        tb_db_int(call, tb_clock_ms());
        tb_db_int(call, (gint64)llround(json_number_value(json_object_get(in, "duration_seconds")) * 1e6));
        tb_db_text(call, clip->uri);
        tb_db_text(call, json_string_value(json_object_get(in, "clip_mime")));
        tb_db_int(call, json_integer_value(json_object_get(in, "clip_size_bytes")));
        tb_db_text(call, clip->container);
        tb_db_text(call, clip->blob);
        tb_db_int(call, seq);
        tb_db_statement(call, tb_sql_event_of_session);
        tb_db_text(call, ask->id);
        tb_db_text(call, session);
        tb_db_text(call, device);
        tb_db_text(call, ask->user);
        tb_ask_run(ask, call, on_added);
}

static void create(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        ask->id = tb_uuid();
        ask->kept = json_deep_copy(tb_request_json(request));
        add_event(ask, &(Clip){.status = "processing",
                               .uri = json_string_value(json_object_get(ask->kept, "clip_uri"))});
}

static void initiate(TbRequest *request, gpointer data)
{
        TbEvents *events = data;
        TbAsk *ask = tb_ask_new(events, request, TB_NEED_WRITE, NULL);
        if (!ask)
                return;
        ask->kept = json_deep_copy(tb_request_json(request));
        const char *given = json_string_value(json_object_get(ask->kept, "event_id"));
        double seconds = json_number_value(json_object_get(ask->kept, "duration_seconds"));
        if (!tb_usage_check_length(ask, seconds))
                return;
        json_object_set_new(ask->kept, "credits", json_integer(tb_usage_credits(seconds)));
        ask->id = given && *given ? g_strdup(given) : tb_uuid();
        g_autofree char *blob = tb_event_blob_name(
                                json_string_value(json_object_get(ask->kept, "session_id")), ask->id,
                                json_string_value(json_object_get(ask->kept, "clip_mime"))),
                        *uri = tb_blobs_uri(events->blobs, blob),
                        *id = g_uri_escape_string(ask->id, NULL, false),
                        *url = g_strdup_printf("%s/events/%s/upload", tb_request_base_url(request), id);
        json_object_set_new(ask->kept, "url", json_string(url));
        add_event(ask, &(Clip){"queued", uri, tb_blobs_container(events->blobs), blob});
}

/* --- PUT --- */
static void on_noted(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        json_auto_t *event = tb_event_of_row(rows, 0);
        tb_event_changed(ask->events, event, false);
        tb_request_add_header(ask->request, "ETag", json_string_value(json_object_get(ask->kept, "etag")));
        tb_request_reply_empty(ask->request, 201);
        tb_ask_free(ask);
}

static void on_put(const TbBlobInfo *info, const GError *error, gpointer data)
{
        TbAsk *ask = data;
        if (!info) {
                tb_ask_error(ask, error);
                return;
        }
        const char *blob = json_string_value(json_object_get(ask->kept, "clip_blob_name"));
        g_autofree char *uri = tb_blobs_uri(ask->events->blobs, blob);
        tb_place_give(&ask->place);
        json_object_set_new(ask->kept, "etag", json_string(info->etag));
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_event_stored);
        tb_db_text(call, ask->id);
        tb_db_text(call, info->etag);
        tb_db_text(call, tb_blobs_container(ask->events->blobs));
        tb_db_text(call, uri);
        tb_ask_event(ask, call);
        tb_ask_run(ask, call, on_noted);
}

static void on_promise(TbAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_ask_refuse(ask, TB_ERROR_NOT_FOUND, "event not found");
                return;
        }
        ask->kept = tb_event_of_row(rows, 0);
        const char *blob = json_string_value(json_object_get(ask->kept, "clip_blob_name"));
        gint64 promised = json_integer_value(json_object_get(ask->kept, "clip_size_bytes")),
               comes = tb_request_content_length(ask->request);
        g_autoptr(GError) error = NULL;
        if (!blob) {
                tb_ask_refuse(ask, TB_ERROR_BUSY,
                              "the clip of this event lies elsewhere: nothing is uploaded here");
                return;
        }
        if (json_is_string(json_object_get(ask->kept, "clip_uploaded_at"))) {
                tb_ask_refuse(ask, TB_ERROR_BUSY,
                              "the upload of this clip was finished: another clip is another event");
                return;
        }
        if (comes >= 0 && comes != promised)
                tb_set_error(&error, comes > promised ? TB_ERROR_TOO_LARGE : TB_ERROR_INVALID,
                             "the clip has %" G_GINT64_FORMAT " bytes, and %" G_GINT64_FORMAT
                             " were promised (clip_size_bytes): make another event for it",
                             comes, promised);
        if (!error && tb_blobs_put(ask->events->blobs, blob, promised, ask->pipe, on_put, ask, &error))
                return;
        tb_ask_error(ask, error);
}

bool tb_event_take_place(TbAsk *ask)
{
        const TbPlaceBy by = {*ask->user ? ask->user : NULL, tb_request_peer(ask->request), false};
        g_autoptr(GError) error = NULL;
        if (tb_place_take(&ask->events->places, &by, &ask->place, &error))
                return true;
        tb_request_add_header(ask->request, "Retry-After", "2");
        tb_ask_error(ask, error);
        return false;
}

static void put(TbRequest *request, gpointer data)
{
        TbAsk *ask = tb_ask_new(data, request, TB_NEED_WRITE, tb_request_arg(request, "event_id"));
        if (!ask || !tb_event_take_place(ask))
                return;
        ask->pipe = tb_pipe_new(TB_EVENT_BODY);
        tb_request_read_to(request, ask->pipe);
        TbDbCall *call = tb_db_call_reads();
        tb_ask_event(ask, call);
        tb_ask_run(ask, call, on_promise);
}

#define OF_AN_EVENT                                                                                          \
        {.name = "session_id",                                                                               \
         .type = TB_PARAM_STRING,                                                                            \
         .required = true,                                                                                   \
         .min = 1,                                                                                           \
         .max = TB_LIMIT_EVENT_ID,                                                                           \
         .help = "its session"},                                                                             \
                {.name = "device_id",                                                                        \
                 .type = TB_PARAM_STRING,                                                                    \
                 .required = true,                                                                           \
                 .min = 1,                                                                                   \
                 .max = TB_LIMIT_EVENT_ID,                                                                   \
                 .help = "that session's device"},                                                           \
                {.name = "trigger_type",                                                                     \
                 .type = TB_PARAM_STRING,                                                                    \
                 .required = true,                                                                           \
                 .max = TB_LIMIT_EVENT_ID,                                                                   \
                 .help = "\"motion\", \"audio\", …"},                                                        \
                {.name = "duration_seconds",                                                                 \
                 .type = TB_PARAM_NUMBER,                                                                    \
                 .required = true,                                                                           \
                 .min = 0,                                                                                   \
                 .max = 86400,                                                                               \
                 .unit = "s",                                                                                \
                 .help = "of the clip"},                                                                     \
        {                                                                                                    \
                .name = "clip_mime", .type = TB_PARAM_STRING, .required = true, .min = 1,                    \
                .max = TB_LIMIT_EVENT_ID, .help = "\"video/webm\", \"video/mp4\""                            \
        }

static const TbParam create_params[] = {
        OF_AN_EVENT,
        {.name = "clip_size_bytes",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = 9007199254740991,
         .help = "of the clip"},
        {.name = "clip_uri", .type = TB_PARAM_STRING, .required = true, .help = "where the clip lies"},
        TB_PARAM_END,
};

static TbParam initiate_params[] = {
        OF_AN_EVENT,
        {.name = "clip_size_bytes",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_CLIP_BYTES,
         .help = "what the clip will have, exactly"},
        {.name = "event_id",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_EVENT_ID,
         .help = "its own; the same again is the same event"},
        TB_PARAM_END,
};

void tb_events_limits(const TbEventsOptions *options)
{
        for (TbParam *p = initiate_params; p->name; p++)
                if (strcmp(p->name, "clip_size_bytes") == 0)
                        p->max = (double)options->clip_bytes;
}

static const TbParam finalize_params[] = {
        {.name = "etag",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_EVENT_ID,
         .help = "what the upload answered"},
        TB_PARAM_END,
};

static const TbParam clip_params[] = {
        {.name = "direct",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "where clips lie in a bucket: go to the clip's address there, good for a while"},
        TB_PARAM_END,
};

const TbRoute tb_event_upload_routes[] = {
        {.method = "POST",
         .path = "/events",
         .flags = TB_EVENT_FLAGS,
         .body = TB_BODY_JSON,
         .json = create_params,
         .handler = create,
         .tag = "events",
         .summary = "An event whose clip lies elsewhere",
         .answers = "200 application/json Event; 401; 404"},
        {.method = "POST",
         .path = "/events/upload/initiate",
         .flags = TB_EVENT_FLAGS,
         .body = TB_BODY_JSON,
         .json = initiate_params,
         .handler = initiate,
         .tag = "events",
         .summary = "An event, and where its clip is to be uploaded",
         .answers = "200 application/json; 401; 402; 404; 409; 429"},
        {.method = "PUT",
         .path = "/events/{event_id}/upload",
         .flags = TB_EVENT_FLAGS,
         .body = TB_BODY_STREAM,
         .handler = put,
         .tag = "events",
         .summary = "The clip's bytes, as many as were promised",
         .answers = "201; 401; 404; 409; 413; 429"},
        {.method = "GET",
         .path = "/events/{event_id}/upload",
         .flags = TB_EVENT_FLAGS | TB_ROUTE_STREAMING,
         .query = clip_params,
         .handler = tb_event_clip,
         .tag = "events",
         .summary = "The clip; Range",
         .answers = "200 video/webm; 206 video/webm; 304; 307; 401; 404; 416; 429; 503"},
        {.method = "POST",
         .path = "/events/{event_id}/upload/finalize",
         .flags = TB_EVENT_FLAGS,
         .body = TB_BODY_JSON,
         .json = finalize_params,
         .handler = tb_event_finalize,
         .tag = "events",
         .summary = "The clip is there: it is looked at next",
         .answers = "200 application/json Event; 400; 401; 404; 409; 413; 503"},
        {.method = NULL},
};
