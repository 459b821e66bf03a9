/* Recordings of a call, one of them with its manifest, links that expire; the tables of routes. */
#include <string.h>

#include "lib/clock.h"
#include "lib/http/auth.h"
#include "lib/limits.h"
#include "lib/limits_calls.h"
#include "lib/limits_recordings.h"
#include "server/recordings/private.h"
#include "server/store/sql.h"

/* --- lists --- */
static void on_list(TbRecAsk *ask, const TbDbResult *rows)
{
        json_t *list = json_array();
        for (guint i = 0; i < tb_db_rows(rows);)
                json_array_append_new(list, tb_rec_of_rows(ask->recordings, rows, &i));
        tb_rec_ask_json(ask, 200,
                        json_pack("{s:o, s:i}", "recordings", list, "total", (int)json_array_size(list)));
}

static void on_call(TbRecAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_NOT_FOUND, "Call not found");
                return;
        }
        if (!tb_db_get_int(rows, 0, 6)) {
                tb_rec_ask_refuse(ask, TB_ERROR_FORBIDDEN, "Access denied to this call");
                return;
        }
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_recording_list);
        tb_db_text(call, ask->call);
        tb_db_text(call, ask->who);
        tb_rec_ask_run(ask, call, on_list);
}

static void list(TbRequest *request, gpointer data)
{
        TbRecAsk *ask = tb_rec_ask_new(data, request);
        TbDbCall *call = tb_rec_look(ask->now_ms);
        tb_db_statement(call, tb_sql_recording_call);
        tb_db_text(call, ask->call);
        tb_db_text(call, ask->who);
        tb_rec_ask_run(ask, call, on_call);
}

/* --- one of them --- */
static void on_tracks(TbRecAsk *ask, const TbDbResult *rows)
{
        const char *token = tb_request_query_string(ask->request, "token");
        g_autofree char *call = g_uri_escape_string(ask->call ? ask->call : "", NULL, false),
                        *path = token ? g_strdup("/webrtc/recording/tracks")
                                      : g_strdup_printf("/webrtc/calls/%s/recordings/%s/tracks", call,
                                                        ask->id),
                        *escaped = token ? g_uri_escape_string(token, NULL, false) : NULL,
                        *query = token ? g_strconcat("?token=", escaped, NULL) : g_strdup("");
        ask->recordings->views++;
        tb_rec_note(ask, "recording.view", token ? "by a link" : NULL);
        json_object_set_new(ask->kept, "tracks", tb_rec_tracks_of_rows(rows, path, query));
        tb_rec_ask_json(ask, 200, g_steal_pointer(&ask->kept));
}

/* Each look is one view. */
static void view(TbRecAsk *ask, const TbDbResult *rows)
{
        guint row = 0;
        gint64 views = tb_db_get_int(rows, 0, TB_REC_COL_VIEWS) + 1;
        ask->kept = tb_rec_of_rows(ask->recordings, rows, &row);
        json_object_set_new(ask->kept, "viewCount", json_integer(views));
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_viewed);
        tb_db_text(call, ask->id);
        tb_db_int(call, ask->now_ms);
        tb_db_text(call, ask->user);
        tb_db_statement(call, tb_sql_recording_tracks);
        tb_db_text(call, ask->id);
        tb_rec_ask_run(ask, call, on_tracks);
}

static void get_one(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, view);
}

/* --- links --- */
static void on_linked(TbRecAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_LIMIT, "So many links to this recording are good already");
                return;
        }
        tb_rec_note(ask, "recording.link", NULL);
        tb_rec_ask_json(ask, 201, g_steal_pointer(&ask->kept));
}

static void link_to(TbRecAsk *ask, const TbDbResult *rows G_GNUC_UNUSED)
{
        const TbRecordingsOptions *o = &ask->recordings->options;
        gint64 ttl_s = json_integer_value(json_object_get(tb_request_json(ask->request), "ttl_s")),
               until = ask->now_ms + ttl_s * 1000;
        g_autofree char *token = tb_random_token(24),
                        *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token, -1),
                        *at = tb_clock_rfc3339(until),
                        *url = g_strdup_printf("%s/webrtc/recording?token=%s",
                                               o->base ? o->base(ask->request, o->data) : "", token);
        ask->kept = json_pack("{s:s, s:s, s:s}", "url", url, "token", token, "expiresAt", at);
        TbDbCall *call = tb_db_call_new();
        tb_db_statement(call, tb_sql_recording_link_old);
        tb_db_int(call, ask->now_ms);
        tb_db_statement(call, tb_sql_recording_link_add);
        tb_db_text(call, hash);
        tb_db_text(call, ask->id);
        tb_db_text(call, ask->user);
        tb_db_int(call, until);
        tb_db_int(call, TB_LIMIT_RECORDING_LINKS);
        tb_rec_ask_run(ask, call, on_linked);
}

static void make_link(TbRequest *request, gpointer data)
{
        tb_rec_find(request, data, link_to);
}

static void on_link(TbRecAsk *ask, const TbDbResult *rows)
{
        if (tb_db_rows(rows) == 0) {
                tb_rec_ask_refuse(ask, TB_ERROR_NOT_FOUND,
                                  "This link is not good any more, or was never one");
                return;
        }
        ask->id = g_strdup(tb_db_get_text(rows, 0, TB_REC_COL_ID));
        ask->call = g_strdup(tb_db_get_text(rows, 0, TB_REC_COL_CALL));
        if (tb_rec_found(ask, rows))
                ask->found(ask, rows);
}

static void find_by_link(TbRequest *request, gpointer data, TbRecThen found)
{
        TbRecAsk *ask = tb_rec_ask_new(data, request);
        const char *token = tb_request_query_string(request, "token");
        g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, token ? token : "", -1);
        TbDbCall *call = tb_rec_look(ask->now_ms);
        ask->found = found;
        tb_db_statement(call, tb_sql_recording_link_find);
        tb_db_text(call, hash);
        tb_db_int(call, ask->now_ms);
        tb_rec_ask_run(ask, call, on_link);
}

static void get_by_link(TbRequest *request, gpointer data)
{
        find_by_link(request, data, view);
}

static void play_by_link(TbRequest *request, gpointer data)
{
        find_by_link(request, data, tb_rec_play_found);
}

/* --- routes --- */
#define METHODS TB_CHOICES("verbal", "written", "electronic")
#define HIMSELF                                                                                              \
        {                                                                                                    \
                .name = "userId", .type = TB_PARAM_STRING, .max = TB_LIMIT_CALL_ID,                          \
                .help = "who it is, where nobody needs a token"                                              \
        }

static const TbParam record_params[] = {
        {.name = "consentObtained", .type = TB_PARAM_BOOL, .help = "must be true"},
        {.name = "consentedParticipants",
         .type = TB_PARAM_ARRAY,
         .max = TB_LIMIT_RECORDING_PEOPLE,
         .help = "who has agreed"},
        {.name = "consentMethod",
         .type = TB_PARAM_ENUM,
         .choices = METHODS,
         .fallback = "\"electronic\"",
         .help = "how: electronically each answers for himself; the others are believed"},
        {.name = "enableTranscription", .type = TB_PARAM_BOOL, .help = "nothing is transcribed yet"},
        HIMSELF,
        TB_PARAM_END,
};
static const TbParam consent_params[] = {
        {.name = "granted", .type = TB_PARAM_BOOL, .required = true, .help = "whether he may be recorded"},
        {.name = "method",
         .type = TB_PARAM_ENUM,
         .choices = METHODS,
         .fallback = "\"electronic\"",
         .help = "how he has said so"},
        HIMSELF,
        TB_PARAM_END,
};
static const TbParam stop_params[] = {HIMSELF, TB_PARAM_END};
static const TbParam track_params[] = {
        {.name = "kind",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("camera", "screen", "bench", "audio"),
         .fallback = "\"camera\"",
         .help = "of what"},
        {.name = "mimeType",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = 100,
         .help = "video/webm;codecs=vp8,opus"},
        {.name = "offsetMs",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 86400000,
         .unit = "ms",
         .required = true,
         .help = "when it began, from the beginning of the recording on"},
        HIMSELF,
        TB_PARAM_END,
};
static const TbParam end_params[] = {
        {.name = "chunks",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = TB_LIMIT_RECORDING_CHUNKS,
         .help = "how many it has"},
        HIMSELF,
        TB_PARAM_END,
};
static const TbParam link_params[] = {
        {.name = "ttl_s",
         .type = TB_PARAM_INT,
         .min = 60,
         .max = TB_LIMIT_RECORDING_LINK_S,
         .fallback = "86400",
         .unit = "s",
         .help = "how long it is good"},
        HIMSELF,
        TB_PARAM_END,
};

#define ROUTE(method_, path_, role_, handler_, summary_, answers_)                                           \
        .method = method_, .path = "/webrtc/" path_, .role = role_,                                          \
        .flags = TB_ROUTE_FOREIGN | TB_ROUTE_GRANTED, .handler = handler_, .tag = "recordings",              \
        .summary = summary_, .answers = answers_
#define OF_CALL "calls/{id}/recordings"
#define ONE OF_CALL "/{rid}"
#define TRACK ONE "/tracks/{track}"
#define BODY(params_) .body = TB_BODY_JSON, .json = params_, .max_body = 32 * 1024

const TbRoute tb_recording_routes[] = {
        {ROUTE("POST", "calls/{id}/record", TB_ROLE_VIEWER, tb_rec_begin,
               "Record a call: it begins when everybody who is in it has agreed",
               "201 application/json; 400; 403; 404; 429; 503"),
         BODY(record_params)},
        {ROUTE("POST", ONE "/consent", TB_ROLE_VIEWER, tb_rec_consent,
               "Agree to be recorded, or refuse: that ends it", "200 application/json; 400; 403; 404"),
         BODY(consent_params)},
        {ROUTE("POST", ONE "/stop", TB_ROLE_VIEWER, tb_rec_stop, "Stop recording",
               "200 application/json; 400; 403; 404"),
         BODY(stop_params)},
        {ROUTE("DELETE", ONE, TB_ROLE_VIEWER, tb_rec_remove,
               "Delete it: by who has begun it, or by an admin. Its key is destroyed at once; the answer is "
               "the proof",
               "200 application/json; 403; 404; 409")},
        {ROUTE("POST", ONE "/links", TB_ROLE_VIEWER, make_link,
               "A link by which whoever has it sees this recording", "201 application/json; 403; 404; 429"),
         BODY(link_params)},
        {ROUTE("PUT", TRACK, TB_ROLE_VIEWER, tb_rec_track,
               "A track begins: one run of a recorder; the same again is the same track",
               "200 application/json; 400; 403; 404; 409; 429"),
         BODY(track_params)},
        {ROUTE("POST", TRACK "/end", TB_ROLE_VIEWER, tb_rec_track_end,
               "A track has so many chunks, and no more", "200 application/json; 400; 403; 404; 409"),
         BODY(end_params)},
        {ROUTE("PUT", TRACK "/chunks/{n}", TB_ROLE_VIEWER, tb_rec_chunk,
               "A chunk of a track, from 0 on, as the recorder gave it; one that is there already is left",
               "201; 204; 400; 403; 404; 409; 413; 429; 503"),
         .body = TB_BODY_BYTES, .max_body = TB_LIMIT_RECORDING_CHUNK},
        {.method = NULL},
};

const TbRoute tb_recording_read_routes[] = {
        {ROUTE("GET", OF_CALL, TB_ROLE_VIEWER, list, "Recordings of a call, the newest first",
               "200 application/json; 403; 404")},
        {ROUTE("GET", ONE, TB_ROLE_VIEWER, get_one,
               "One of them, with its tracks and where they begin: a view, which is counted",
               "200 application/json; 403; 404")},
        {ROUTE("GET", TRACK, TB_ROLE_VIEWER, tb_rec_play, "A track, from anywhere in it (Range)",
               "200 */*; 206 */*; 403; 404; 416; 500; 503")},
        {ROUTE("GET", "recording", TB_ROLE_NONE, get_by_link, "The recording of a link (?token=)",
               "200 application/json; 404")},
        {ROUTE("GET", "recording/tracks/{track}", TB_ROLE_NONE, play_by_link,
               "A track of the recording of a link (?token=)", "200 */*; 206 */*; 404; 416; 500; 503")},
        {.method = NULL},
};
