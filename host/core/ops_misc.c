/* The kinds with one verb: logs, video, instrument. */
#include "host/core/command.h"
#include "host/core/private.h"
#include "lib/limits.h"

/* --- logs --- */
static void logs_get(TbCommand *c)
{
        guint64 next = 0;
        json_t *lines = tb_history_lines(c->iface->history, (guint64)tb_command_int(c, "from"),
                                         (guint)tb_command_int(c, "limit"), &next);
        tb_command_succeed(c, json_pack("{s:o, s:I, s:I}", "lines", lines, "next", (json_int_t)next, "start",
                                        (json_int_t)tb_history_start(c->iface->history)));
}

static const TbParam logs_params[] = {
        TB_PARAM_LINES,
        TB_PARAM_END,
};

const TbVerbRun tb_logs_verbs[] = {
        {{TB_KIND_LOGS, "get", TB_ROLE_VIEWER, false, false, 10000, logs_params, "GET", "", TB_VERB_SPECIAL,
          "Log lines as they come; ?from= replays", "200 text/event-stream"},
         logs_get},
        {{.op = NULL}, NULL},
};

/* --- video: pictures go through the media room; core only knows the state --- */
static void video_get(TbCommand *c)
{
        json_t *o = json_pack("{s:s}", "state", tb_state_name(c->iface->state));
        if (c->iface->reason)
                json_object_set_new(o, "reason", json_string(c->iface->reason));
        tb_command_succeed(c, o);
}

const TbVerbRun tb_video_verbs[] = {
        {{TB_KIND_VIDEO, "get", TB_ROLE_VIEWER, false, false, 5000, tb_no_params, "GET", "", TB_VERB_SPECIAL,
          "Size, rate, state, viewers", "200 application/json Video"},
         video_get},
        {{.op = NULL}, NULL},
};

/* --- instrument --- */
static bool exec_query(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        g_autofree char *reply = NULL;
        if (!instance->lane->instrument->query(instance, io, tb_command_string(c, "query"), &reply, error))
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
        {{TB_KIND_INSTRUMENT, "query", TB_ROLE_OPERATOR, true, false, 10000, query_params, "POST", "",
          TB_VERB_PLAIN, "Ask an instrument", "200 application/json Reply"},
         query},
        {{.op = NULL}, NULL},
};
