/* The kinds with one verb: logs, video, audio, instrument. */
#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"

/* --- logs --- */
static const TbParam logs_params[] = {
        TB_PARAM_LINES,
        TB_PARAM_END,
};

const TbVerbRun tb_logs_verbs[] = {
        {.verb = {.kind = TB_KIND_LOGS,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 10000,
                  .params = logs_params,
                  .method = "GET",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Log lines as they come; ?from= replays",
                  .answers = "200 text/event-stream"},
         .start = tb_command_lines},
        {.verb = {.op = NULL}},
};

/* --- video, audio: pictures and sound go through the media room; core only knows the state --- */
static void media_get(TbCommand *c)
{
        json_t *o = json_pack("{s:s}", "state", tb_state_name(c->iface->state));
        if (c->iface->reason)
                json_object_set_new(o, "reason", json_string(c->iface->reason));
        tb_command_succeed(c, o);
}

const TbVerbRun tb_video_verbs[] = {
        {.verb = {.kind = TB_KIND_VIDEO,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Size, rate, state, viewers",
                  .answers = "200 application/json Video"},
         .start = media_get},
        {.verb = {.op = NULL}},
};

const TbVerbRun tb_audio_verbs[] = {
        {.verb = {.kind = TB_KIND_AUDIO,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .http = TB_VERB_SPECIAL,
                  .summary = "Format, state, level, listeners",
                  .answers = "200 application/json Audio"},
         .start = media_get},
        {.verb = {.op = NULL}},
};

/* --- instrument --- */
static bool exec_query(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        g_autofree char *reply = NULL;
        if (!TB_STEP(c, instance->lane->instrument->query, instance, io, tb_command_string(c, "query"),
                     &reply, error))
                return false;
        g_autofree char *valid = g_utf8_make_valid(reply ? reply : "", -1);
        c->result = json_pack("{s:s}", "reply", valid);
        return true;
}

static void query(TbCommand *c)
{
        tb_command_dispatch(c, exec_query, NULL);
}

static const TbParam query_params[] = {
        {.name = "query",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_LINE,
         .help = "*IDN?"},
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = TB_LIMIT_COMMAND_S,
         .fallback = "10",
         .unit = "s",
         .help = "how long to wait"},
        TB_PARAM_END,
};

const TbVerbRun tb_instrument_verbs[] = {
        {.verb = {.kind = TB_KIND_INSTRUMENT,
                  .op = "query",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 10000,
                  .params = query_params,
                  .method = "POST",
                  .path = "",
                  .summary = "Ask an instrument",
                  .answers = "200 application/json Reply"},
         .start = query},
        {.verb = {.op = NULL}},
};
