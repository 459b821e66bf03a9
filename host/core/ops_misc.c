/* The kinds with one or two verbs: sensors, logs, video, instrument. */
#include <string.h>

#include "host/core/command.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"

/* --- sensors --- */
static void sensors_get(TbCommand *c)
{
        tb_command_succeed(c, tb_interface_samples(c->iface));
}

static const TbParam sample_params[] = {
        {.name = "stream",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "letters, digits, '.', '_', '-'"},
        {.name = "value", .type = TB_PARAM_NUMBER, .required = true, .help = "the sample"},
        {.name = "unit", .type = TB_PARAM_STRING, .max = 32, .fallback = "\"1\"", .help = "W, V, Cel, %, …"},
        {.name = "quantity",
         .type = TB_PARAM_STRING,
         .max = 64,
         .fallback = "\"\"",
         .help = "power, temperature, …"},
        {.name = "t",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .unit = "ms",
         .help = "since the epoch; default: now"},
        {.name = "type", .type = TB_PARAM_STRING, .max = 16, .help = "\"sample\", as in stream messages"},
        {.name = "seq", .type = TB_PARAM_INT, .min = 0, .max = 9e15, .help = "ignored: the host counts"},
        TB_PARAM_END,
};

/* A script's own sensor: one sample or an array. All are checked before the first is taken. */
static void sensors_post(TbCommand *c)
{
        json_auto_t *list = json_is_array(c->params) ? json_incref(c->params) : json_pack("[O]", c->params);
        json_auto_t *valid = json_array(), *fresh = json_object(); /* streams that are not there yet */
        GError *error = NULL;
        size_t i;
        json_t *one;
        if (json_array_size(list) > TB_LIMIT_SAMPLES)
                tb_error_set_field(&error, TB_ERROR_TOO_LARGE, "samples", "one call takes %d samples at most",
                                   TB_LIMIT_SAMPLES);
        json_array_foreach (list, i, one) {
                json_t *v = error ? NULL : tb_params_validate(sample_params, one, &error);
                if (!v)
                        break;
                json_array_append_new(valid, v);
                const char *stream = json_string_value(json_object_get(v, "stream"));
                if (!g_hash_table_contains(c->iface->seq, stream))
                        json_object_set_new(fresh, stream, json_true());
                if (strspn(stream, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
                    strlen(stream))
                        tb_error_set_field(&error, TB_ERROR_INVALID, "stream",
                                           "a stream name holds letters, digits, '.', '_' and '-'");
                else if (g_hash_table_size(c->iface->seq) + json_object_size(fresh) > TB_LIMIT_STREAMS)
                        tb_error_set_field(&error, TB_ERROR_LIMIT, "stream", "%s holds %d streams at most",
                                           c->iface->id, TB_LIMIT_STREAMS);
        }
        if (error) {
                tb_command_fail(c, error, NULL);
                return;
        }
        json_array_foreach (valid, i, one) {
                json_t *t = json_object_get(one, "t");
                TbSample s = {
                        .stream = json_string_value(json_object_get(one, "stream")),
                        .quantity = json_string_value(json_object_get(one, "quantity")),
                        .unit = json_string_value(json_object_get(one, "unit")),
                        .value = json_number_value(json_object_get(one, "value")),
                        .t_ms = t ? json_integer_value(t) : tb_clock_ms(),
                };
                tb_interface_add_sample(c->iface, &s);
        }
        tb_command_succeed(c, json_pack("{s:I}", "accepted", (json_int_t)json_array_size(valid)));
}

const TbVerbRun tb_sensors_verbs[] = {
        {{TB_KIND_SENSORS, "get", TB_ROLE_VIEWER, false, false, 5000, tb_no_params, "GET", "", TB_VERB_PLAIN,
          "The latest value of each stream", "200 application/json Samples"},
         sensors_get},
        {{TB_KIND_SENSORS, "post", TB_ROLE_OPERATOR, false, true, 5000, NULL, "POST", "", TB_VERB_PLAIN,
          "A script's own sensor: a sample or an array", "200 application/json"},
         sensors_post},
        {{.op = NULL}, NULL},
};

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
