/* POST /webrtc/calls, GET /webrtc/calls, GET /webrtc/calls/{id}, and the table of all routes. */
#include <string.h>

#include "lib/json.h"
#include "lib/limits.h"
#include "lib/limits_calls.h"
#include "server/calls/private.h"
#include "server/store/sql.h"

/* --- a new one --- */
static const char *one_of(const json_t *in, const char *name, const char *neutral)
{
        const char *text = json_string_value(json_object_get(in, name));
        return text && *text ? text : json_string_value(json_object_get(in, neutral));
}

static void on_added(TbCallAsk *ask, const TbDbResult *rows)
{
        guint row = 0;
        if (tb_db_rows(rows) == 0) {
                tb_call_ask_refuse(ask, TB_ERROR_INVALID,
                                   "There is already an active call between these participants");
                return;
        }
        ask->calls->begun++;
        if (g_strcmp0(tb_db_get_text(rows, 0, 4), "ringing") == 0)
                tb_call_ring(ask->calls, rows, NULL);
        tb_call_ask_json(ask, 201, tb_call_of_rows(rows, &row));
}

/* Who calls whom. `provider`, `patient`: borrowed from the body or the request. */
static bool sides_of(const TbCallAsk *ask, const char **ret_patient, const char **ret_provider,
                     GError **error)
{
        const json_t *in = tb_request_json(ask->request);
        const char *patient = one_of(in, "patientId", "calleeId"),
                   *provider = one_of(in, "providerId", "callerId");
        if (*ask->who && (!provider || !*provider))
                provider = ask->who;
        if (!patient || !*patient || !provider || !*provider)
                tb_error_set_field(error, TB_ERROR_INVALID, patient && *patient ? "callerId" : "calleeId",
                                   "a call is between two: say calleeId and callerId (or patientId and "
                                   "providerId)");
        else if (strcmp(patient, provider) == 0)
                tb_set_error(error, TB_ERROR_INVALID, "Patient and provider must be different users");
        else if (*ask->who && strcmp(patient, ask->who) != 0 && strcmp(provider, ask->who) != 0)
                tb_set_error(error, TB_ERROR_FORBIDDEN,
                             "you can call others, but not begin a call between others: that needs the role "
                             "admin");
        else {
                *ret_patient = patient;
                *ret_provider = provider;
                return true;
        }
        return false;
}

/* JSON of a field, `otherwise` without; NULL with the error: it is too long. The caller frees. */
static char *data_of(const json_t *in, const char *field, const char *otherwise, GError **error)
{
        const json_t *value = json_object_get(in, field);
        char *text = value ? tb_json_text(value, NULL) : g_strdup(otherwise);
        if (text && strlen(text) <= TB_LIMIT_CALL_DATA)
                return text;
        g_free(text);
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s is longer than %d bytes", field,
                           TB_LIMIT_CALL_DATA);
        return NULL;
}

static TbDbCall *adding(TbCallAsk *ask, GError **error)
{
        const json_t *in = tb_request_json(ask->request);
        const char *patient, *provider, *at = json_string_value(json_object_get(in, "scheduledAt"));
        gint64 at_ms = tb_call_time(in, "scheduledAt", ask->now_ms, error);
        g_autofree char *metadata = at_ms < 0 ? NULL : data_of(in, "metadata", "{}", error),
                        *by = metadata ? data_of(in, "recordingConsentedBy", "[]", error) : NULL,
                        *room = NULL;
        if (!by || !sides_of(ask, &patient, &provider, error))
                return NULL;
        ask->id = tb_uuid();
        room = tb_uuid();
        g_autofree char *room_id = g_strconcat("room_", room, NULL);
        TbDbCall *call = tb_call_look(ask);
        tb_db_statement(call, tb_sql_call_add);
        tb_db_text(call, ask->id);
        tb_db_text(call, patient);
        tb_db_text(call, provider);
        tb_db_text(call, json_string_value(json_object_get(in, "type")));
        tb_db_text(call, tb_call_status_name(at && *at ? TB_CALL_SCHEDULED : TB_CALL_RINGING));
        tb_db_int(call, at_ms);
        tb_db_text(call, room_id);
        tb_db_text(call, *ask->who ? ask->who : provider);
        tb_db_text(call, json_string_value(json_object_get(in, "appointmentId")));
        tb_db_int(call, json_is_true(json_object_get(in, "recordingEnabled")));
        tb_db_int(call, json_is_true(json_object_get(in, "recordingConsentObtained")));
        tb_db_text(call, by);
        tb_db_text(call, metadata);
        tb_db_int(call, ask->now_ms);
        tb_db_statement(call, tb_sql_call_invite);
        tb_db_text(call, ask->id);
        tb_call_get(ask, call);
        return call;
}

static void create(TbRequest *request, gpointer data)
{
        TbCallAsk *ask = tb_call_ask_new(data, request, true);
        g_autoptr(GError) error = NULL;
        if (!ask)
                return;
        TbDbCall *call = adding(ask, &error);
        if (call)
                tb_call_ask_run(ask, call, on_added);
        else
                tb_call_ask_error(ask, error);
}

/* --- those that there are --- */
static void on_one(TbCallAsk *ask, const TbDbResult *rows)
{
        guint row = 0;
        if (tb_call_may(ask, rows))
                tb_call_ask_json(ask, 200, tb_call_of_rows(rows, &row));
}

static void get_one(TbRequest *request, gpointer data)
{
        TbCallAsk *ask = tb_call_ask_new(data, request, false);
        if (!ask)
                return;
        TbDbCall *call = tb_call_look(ask);
        tb_call_get(ask, call);
        tb_call_ask_run(ask, call, on_one);
}

static void add_filters(const TbCallAsk *ask, TbDbCall *call)
{
        const json_t *in = tb_request_query(ask->request);
        const char *patient = one_of(in, "patientId", "calleeId"),
                   *provider = one_of(in, "providerId", "callerId"),
                   *status = json_string_value(json_object_get(in, "status")),
                   *type = json_string_value(json_object_get(in, "type")),
                   *appointment = json_string_value(json_object_get(in, "appointmentId"));
        tb_db_text(call, ask->who);
        tb_db_text(call, patient ? patient : "");
        tb_db_text(call, provider ? provider : "");
        tb_db_text(call, status ? status : "");
        tb_db_text(call, type ? type : "");
        tb_db_text(call, appointment ? appointment : "");
        tb_db_int(call, json_integer_value(json_object_get(ask->kept, "from")));
        tb_db_int(call, json_integer_value(json_object_get(ask->kept, "to")));
}

static void on_page(TbCallAsk *ask, const TbDbResult *rows)
{
        json_t *calls = json_array(), *total = json_object_get(ask->kept, "total");
        for (guint row = 0; row < tb_db_rows(rows);)
                json_array_append_new(calls, tb_call_of_rows(rows, &row));
        tb_call_ask_json(ask, 200, json_pack("{s:o, s:O}", "calls", calls, "total", total));
}

static void on_count(TbCallAsk *ask, const TbDbResult *rows)
{
        const json_t *in = tb_request_query(ask->request);
        json_object_set_new(ask->kept, "total", json_integer((json_int_t)tb_db_get_int(rows, 0, 0)));
        TbDbCall *call = tb_db_call_reads();
        tb_db_statement(call, tb_sql_call_page);
        add_filters(ask, call);
        tb_db_int(call, json_integer_value(json_object_get(in, "limit")));
        tb_db_int(call, json_integer_value(json_object_get(in, "offset")));
        tb_call_ask_run(ask, call, on_page);
}

static void list(TbRequest *request, gpointer data)
{
        gint64 from_ms, to_ms;
        TbCallAsk *ask = tb_call_ask_interval(data, request, &from_ms, &to_ms);
        if (!ask)
                return;
        ask->kept = json_pack("{s:I, s:I}", "from", (json_int_t)from_ms, "to", (json_int_t)to_ms);
        TbDbCall *call = tb_call_look(ask);
        tb_db_statement(call, tb_sql_call_count);
        add_filters(ask, call);
        tb_call_ask_run(ask, call, on_count);
}

/* --- the table --- */
#define TEXT(name_, max_, help_)                                                                             \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = max_, .help = help_                           \
        }
#define FLAG(name_, help_)                                                                                   \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_BOOL, .help = help_                                          \
        }
#define MEASURED(name_, max_, unit_, help_)                                                                  \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_NUMBER, .min = 0, .max = max_, .unit = unit_, .help = help_  \
        }
#define TYPES TB_CHOICES("video", "audio", "screen_share")
#define SIDES                                                                                                \
        TEXT("calleeId", TB_LIMIT_CALL_ID, "who is called"),                                                 \
                TEXT("callerId", TB_LIMIT_CALL_ID, "who calls"),                                             \
                TEXT("patientId", TB_LIMIT_CALL_ID, "as calleeId"),                                          \
                TEXT("providerId", TB_LIMIT_CALL_ID, "as callerId")

static const TbParam create_params[] = {
        SIDES,
        {.name = "type", .type = TB_PARAM_ENUM, .choices = TYPES, .fallback = "\"video\"", .help = "of what"},
        TEXT("scheduledAt", 64, "RFC 3339: when it shall be; without: it rings now"),
        TEXT("appointmentId", TB_LIMIT_CALL_ID, "what it belongs to"),
        FLAG("recordingEnabled", "whether it is to be recorded"),
        FLAG("recordingConsentObtained", "whether those who take part have consented"),
        {.name = "recordingConsentedBy", .type = TB_PARAM_ARRAY, .max = 32, .help = "who has consented"},
        {.name = "metadata", .type = TB_PARAM_OBJECT, .help = "the client's own; given back as it is"},
        TB_PARAM_END,
};
static const TbParam list_params[] = {
        SIDES,
        {.name = "status",
         .type = TB_PARAM_ENUM,
         .choices =
                 TB_CHOICES("scheduled", "ringing", "in_progress", "ended", "cancelled", "failed", "missed"),
         .help = "in this state alone"},
        {.name = "type", .type = TB_PARAM_ENUM, .choices = TYPES, .help = "of this type alone"},
        TEXT("startDate", 64, "begun at or after"),
        TEXT("endDate", 64, "begun at or before"),
        TEXT("appointmentId", TB_LIMIT_CALL_ID, "of this appointment alone"),
        {.name = "limit",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_CALLS_PAGE,
         .fallback = "20",
         .help = "how many, the newest first"},
        {.name = "offset", .type = TB_PARAM_INT, .min = 0, .max = 1e9, .fallback = "0", .help = "skipped"},
        TB_PARAM_END,
};
static const TbParam answer_params[] = {
        FLAG("videoEnabled", "whether his camera is on"),
        FLAG("audioEnabled", "whether his microphone is on"),
        FLAG("consentToRecording", "whether he may be recorded"),
        TB_PARAM_END,
};
static const TbParam reason_params[] = {TEXT("reason", TB_LIMIT_CALL_TEXT, "why"), TB_PARAM_END};
static const TbParam failed_params[] = {
        TEXT("reason", TB_LIMIT_CALL_TEXT, "why"),
        {.name = "errorDetails", .type = TB_PARAM_OBJECT, .help = "what the client knows of it"},
        TB_PARAM_END,
};
static const TbParam quality_params[] = {
        MEASURED("bandwidth", 1e9, "kbit/s", "what the line carries"),
        MEASURED("latency", 600000, "ms", "there and back"),
        MEASURED("packetLoss", 100, "%", "what is lost on the way"),
        MEASURED("jitter", 600000, "ms", "how unevenly it comes"),
        TEXT("videoResolution", 32, "what is seen, 1280x720"),
        {.name = "audioQuality",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("excellent", "good", "fair", "poor"),
         .help = "as it sounds"},
        {.name = "connectionType",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("p2p", "relay"),
         .help = "which way it goes"},
        FLAG("fellbackToAudio", "pictures were given up, since the line did not carry them"),
        TB_PARAM_END,
};
static const TbParam stats_params[] = {TEXT("startDate", 64, "begun at or after"),
                                       TEXT("endDate", 64, "begun at or before"), TB_PARAM_END};

/* Clients of another product; who may see which call the handler asks. */
#define ROUTE(method_, path_, handler_, summary_, answers_)                                                  \
        .method = method_, .path = "/webrtc/" path_, .role = TB_ROLE_VIEWER,                                 \
        .flags = TB_ROUTE_FOREIGN | TB_ROUTE_GRANTED, .handler = handler_, .tag = "calls",                   \
        .summary = summary_, .answers = answers_
#define BODY(params_) .body = TB_BODY_JSON, .json = params_, .max_body = 32 * 1024

const TbRoute tb_call_routes[] = {
        {ROUTE("POST", "calls", create, "Call somebody, now or at a time",
               "201 application/json; 400; 403; 429"),
         BODY(create_params)},
        {ROUTE("GET", "calls", list, "Calls in which one takes part; of all for an admin",
               "200 application/json; 400"),
         .query = list_params},
        {ROUTE("GET", "calls/{id}", get_one, "One of them", "200 application/json; 403; 404")},
        {ROUTE("POST", "calls/{id}/answer", tb_call_answer, "Answer it: it is in progress",
               "200 application/json; 400; 403; 404; 409"),
         BODY(answer_params)},
        {ROUTE("POST", "calls/{id}/end", tb_call_end, "End it", "200 application/json; 400; 403; 404; 409"),
         BODY(reason_params)},
        {ROUTE("POST", "calls/{id}/cancel", tb_call_cancel, "Cancel one that is scheduled",
               "200 application/json; 400; 403; 404; 409"),
         BODY(reason_params)},
        {ROUTE("POST", "calls/{id}/missed", tb_call_missed, "Nobody has answered",
               "200 application/json; 400; 403; 404; 409"),
         BODY(reason_params)},
        {ROUTE("POST", "calls/{id}/failed", tb_call_failed, "It did not come about, or broke off",
               "200 application/json; 400; 403; 404; 409"),
         BODY(failed_params)},
        {ROUTE("PATCH", "calls/{id}/quality", tb_call_quality, "How good it is for one who takes part",
               "204; 400; 403; 404"),
         BODY(quality_params)},
        {ROUTE("GET", "stats", tb_call_stats, "How many calls there were, how long, and how good",
               "200 application/json; 400"),
         .query = stats_params},
        {.method = NULL},
};
