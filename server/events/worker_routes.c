/* What workers say, and what may stand in it. */
#include "lib/limits.h"
#include "server/events/private.h"

#define TEXT(name_, help_)                                                                                   \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = TB_LIMIT_EVENT_ID, .help = help_              \
        }
#define LONG(name_, help_)                                                                                   \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = TB_LIMIT_EVENT_TEXT, .help = help_            \
        }
#define NEEDED(name_, type_, help_)                                                                          \
        {                                                                                                    \
                .name = name_, .type = type_, .required = true, .help = help_                                \
        }

static const TbParam summary_params[] = {
        {.name = "summary",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = TB_LIMIT_EVENT_TEXT,
         .help = "what is to be seen, in a sentence"},
        TEXT("label", "person, animal, vehicle, motion, text, clear, unknown"),
        {.name = "confidence", .type = TB_PARAM_NUMBER, .min = 0, .max = 1, .help = "0 to 1"},
        TEXT("inference_provider", "which analyser"),
        TEXT("inference_model", "its model"),
        {.name = "should_notify", .type = TB_PARAM_BOOL, .help = "somebody is to be told"},
        LONG("alert_reason", "why"),
        {.name = "matched_rules", .type = TB_PARAM_ARRAY, .max = 64, .help = "texts"},
        {.name = "detected_entities", .type = TB_PARAM_ARRAY, .max = 64, .help = "texts"},
        {.name = "detected_actions", .type = TB_PARAM_ARRAY, .max = 64, .help = "texts"},
        {.name = "took_ms",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 86400000,
         .unit = "ms",
         .help = "how long it took to look"},
        TB_PARAM_END,
};
static const TbParam failure_params[] = {
        {.name = "error_message",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = TB_LIMIT_EVENT_TEXT,
         .help = "why it could not be looked at"},
        TEXT("error_type", "of what kind"),
        TB_PARAM_END,
};
static const TbParam attempt_params[] = {
        {.name = "provider",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EVENT_ID,
         .help = "telegram, webhook"},
        {.name = "recipient",
         .type = TB_PARAM_STRING,
         .required = true,
         .max = TB_LIMIT_EVENT_ID,
         .help = "who"},
        {.name = "status",
         .type = TB_PARAM_ENUM,
         .required = true,
         .choices = TB_CHOICES("succeeded", "failed"),
         .help = "what came of it"},
        LONG("failure_reason", "why it failed"),
        NEEDED("retryable", TB_PARAM_BOOL, "it may be tried again"),
        {.name = "attempt_number",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = 1000,
         .help = "1, 2 …"},
        {.name = "max_attempts",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = 1000,
         .help = "at most"},
        NEEDED("attempted_at", TB_PARAM_STRING, "RFC 3339"),
        NEEDED("finished_at", TB_PARAM_STRING, "RFC 3339"),
        TEXT("next_retry_at", "RFC 3339"),
        TB_PARAM_END,
};
static const TbParam claim_params[] = {
        {.name = "worker",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EVENT_ID,
         .help = "its name"},
        {.name = "wait_s",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = TB_LIMIT_JOB_WAIT_S,
         .fallback = "0",
         .unit = "s",
         .help = "for a job to come"},
        TB_PARAM_END,
};
static const TbParam progress_params[] = {
        {.name = "lease",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = 64,
         .help = "of the claim"},
        {.name = "fraction", .type = TB_PARAM_NUMBER, .min = 0, .max = 1, .help = "of the work, done"},
        {.name = "later_s",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 3600,
         .unit = "s",
         .help = "it is given back, and is nobody's for so long: what it needs is away"},
        TB_PARAM_END,
};

#define ROUTE(method_, path_, handler_, summary_, answers_, ...)                                             \
        {                                                                                                    \
                .method = method_, .path = path_, .flags = TB_EVENT_FLAGS, .handler = handler_,              \
                .tag = "events", .summary = summary_, .answers = answers_, __VA_ARGS__                       \
        }
#define BODY(params) .body = TB_BODY_JSON, .json = params

const TbRoute tb_event_worker_routes[] = {
        ROUTE("POST", "/events/{event_id}/summary", tb_event_summarize, "A worker says what is to be seen",
              "200 application/json Event; 401; 404", BODY(summary_params)),
        ROUTE("POST", "/events/{event_id}/failure", tb_event_fail, "A worker could not look at it",
              "200 application/json Event; 401; 404", BODY(failure_params)),
        ROUTE("POST", "/events/{event_id}/notification-attempts", tb_event_post_attempt,
              "Somebody was told of it, or was not", "200 application/json; 401; 404", BODY(attempt_params)),
        ROUTE("POST", "/jobs/claim", tb_event_claim, "A worker takes a job; 204: there is none",
              "200 application/json Job; 204; 401; 403", BODY(claim_params)),
        ROUTE("POST", "/jobs/{job_id}/progress", tb_event_progress,
              "It is at work still; 409: it need not go on", "200 application/json; 401; 409",
              BODY(progress_params)),
        {.method = NULL},
};
