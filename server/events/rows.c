/* Rows of the store as the API says them. */
#include <string.h>

#include "lib/clock.h"
#include "server/events/private.h"

/* In the order of event-get.sql. */
enum {
        EVENT_ID,
        SESSION_ID,
        USER_ID,
        DEVICE_ID,
        STATUS,
        TRIGGER,
        CREATED,
        DURATION,
        URI,
        MIME,
        SIZE,
        CONTAINER,
        BLOB,
        UPLOADED,
        ETAG,
        JOB,
        ENQUEUED,
        ENQUEUES,
        SUMMARY,
        LABEL,
        CONFIDENCE,
        PROVIDER,
        MODEL,
        NOTIFY,
        REASON,
        RULES,
        ENTITIES,
        ACTIONS,
        TOOK,
        STORED_ETAG,
        SEQ
};

json_t *tb_event_time(gint64 ms)
{
        g_autofree char *text = ms > 0 ? tb_clock_rfc3339(ms) : NULL;
        return text ? json_string(text) : json_null();
}

static json_t *text_of(const TbDbResult *rows, guint row, guint column)
{
        const char *text = tb_db_get_text(rows, row, column);
        return text ? json_string(text) : json_null();
}

static json_t *owner_of(const TbDbResult *rows, guint row, guint column)
{
        const char *text = tb_db_get_text(rows, row, column);
        return text && *text ? json_string(text) : json_null();
}

static json_t *list_of(const TbDbResult *rows, guint row, guint column)
{
        const char *text = tb_db_get_text(rows, row, column);
        json_t *list = text ? json_loads(text, 0, NULL) : NULL;
        return list ? list : json_null();
}

static json_t *number_of(const TbDbResult *rows, guint row, guint column)
{
        return json_integer((json_int_t)tb_db_get_int(rows, row, column));
}

json_t *tb_event_of_row(const TbDbResult *rows, guint row)
{
        static const struct {
                const char *name;
                guint column;
                json_t *(*of)(const TbDbResult *rows, guint row, guint column);
        } fields[] = {
                {"event_id", EVENT_ID, text_of},
                {"session_id", SESSION_ID, text_of},
                {"user_id", USER_ID, owner_of},
                {"device_id", DEVICE_ID, text_of},
                {"status", STATUS, text_of},
                {"trigger_type", TRIGGER, text_of},
                {"clip_uri", URI, text_of},
                {"clip_mime", MIME, text_of},
                {"clip_size_bytes", SIZE, number_of},
                {"clip_container", CONTAINER, text_of},
                {"clip_blob_name", BLOB, text_of},
                {"clip_etag", ETAG, text_of},
                {"queue_job_id", JOB, text_of},
                {"enqueue_attempt_count", ENQUEUES, number_of},
                {"summary", SUMMARY, text_of},
                {"label", LABEL, text_of},
                {"inference_provider", PROVIDER, text_of},
                {"inference_model", MODEL, text_of},
                {"alert_reason", REASON, text_of},
                {"matched_rules", RULES, list_of},
                {"detected_entities", ENTITIES, list_of},
                {"detected_actions", ACTIONS, list_of},
                {"cursor", SEQ, number_of},
        };
        json_t *o = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
                json_object_set_new(o, fields[i].name, fields[i].of(rows, row, fields[i].column));
        gint64 confidence = tb_db_get_int(rows, row, CONFIDENCE), notify = tb_db_get_int(rows, row, NOTIFY),
               took = tb_db_get_int(rows, row, TOOK);
        json_object_set_new(o, "created_at", tb_event_time(tb_db_get_int(rows, row, CREATED)));
        json_object_set_new(o, "clip_uploaded_at", tb_event_time(tb_db_get_int(rows, row, UPLOADED)));
        json_object_set_new(o, "enqueued_at", tb_event_time(tb_db_get_int(rows, row, ENQUEUED)));
        json_object_set_new(o, "duration_seconds",
                            json_real((double)tb_db_get_int(rows, row, DURATION) / 1e6));
        json_object_set_new(o, "confidence",
                            confidence < 0 ? json_null() : json_real((double)confidence / 1e6));
        json_object_set_new(o, "should_notify", notify < 0 ? json_null() : json_boolean(notify));
        json_object_set_new(o, "took_ms", took < 0 ? json_null() : json_integer((json_int_t)took));
        return o;
}

const char *tb_event_stored_etag(const TbDbResult *rows, guint row)
{
        return tb_db_get_text(rows, row, STORED_ETAG);
}

json_t *tb_event_session_of_row(const TbDbResult *rows, guint row)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "session_id", text_of(rows, row, 0),
                         "device_id", text_of(rows, row, 1), "user_id", owner_of(rows, row, 2), "status",
                         text_of(rows, row, 3), "started_at", tb_event_time(tb_db_get_int(rows, row, 4)),
                         "stopped_at", tb_event_time(tb_db_get_int(rows, row, 5)), "analysis_prompt",
                         text_of(rows, row, 6));
}

json_t *tb_event_attempt_of_row(const TbDbResult *rows, guint row)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "event_id",
                         text_of(rows, row, 0), "attempt_id", text_of(rows, row, 1), "provider",
                         text_of(rows, row, 2), "recipient", text_of(rows, row, 3), "status",
                         text_of(rows, row, 4), "failure_reason", text_of(rows, row, 5), "retryable",
                         tb_db_get_int(rows, row, 6) != 0, "attempt_number", number_of(rows, row, 7),
                         "max_attempts", number_of(rows, row, 8), "attempted_at",
                         tb_event_time(tb_db_get_int(rows, row, 9)), "finished_at",
                         tb_event_time(tb_db_get_int(rows, row, 10)), "next_retry_at",
                         tb_event_time(tb_db_get_int(rows, row, 11)));
}

char *tb_event_blob_name(const char *session, const char *event, const char *mime)
{
        g_autofree char *plain = g_ascii_strdown(mime, (gssize)strcspn(mime, ";"));
        g_strstrip(plain);
        const char *end = strcmp(plain, "video/webm") == 0  ? ".webm"
                          : strcmp(plain, "video/mp4") == 0 ? ".mp4"
                                                            : "";
        return g_strdup_printf("sessions/%s/events/%s%s", session, event, end);
}

char *tb_event_like(const char *text)
{
        GString *out = g_string_new(NULL);
        g_autofree char *lower = text ? g_ascii_strdown(text, -1) : NULL;
        if (lower && *lower) {
                g_string_append_c(out, '%');
                for (const char *p = lower; *p; p++) {
                        if (strchr("%_!", *p))
                                g_string_append_c(out, '!');
                        g_string_append_c(out, *p);
                }
                g_string_append_c(out, '%');
        }
        return g_string_free(out, FALSE);
}

bool tb_event_has_text(const json_t *object, const char *field, const char *text)
{
        return g_strcmp0(json_string_value(json_object_get(object, field)), text) == 0;
}
