/* Sensors: latest values, what came before them, and samples that a script sends. */
#include <math.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/name.h"

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
        {.name = "unit",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_UNIT,
         .fallback = "\"1\"",
         .help = "W, V, Cel, %, …"},
        {.name = "quantity",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_QUANTITY,
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
                if (!tb_samples_has(c->iface->samples, stream))
                        json_object_set_new(fresh, stream, json_true());
                if (!tb_name_valid(TB_NAME_STREAM, stream))
                        tb_error_set_field(&error, TB_ERROR_INVALID, "stream", "a stream's name has %s",
                                           tb_name_rule(TB_NAME_STREAM));
                else if (tb_samples_count(c->iface->samples) + json_object_size(fresh) > TB_LIMIT_STREAMS)
                        tb_error_set_field(&error, TB_ERROR_LIMIT, "stream", "%s holds %d streams at most",
                                           c->iface->id, TB_LIMIT_STREAMS);
                else if (json_integer_value(json_object_get(v, "t")) >
                         tb_clock_ms() + TB_LIMIT_SAMPLE_AHEAD_MS)
                        tb_error_set_field(
                                &error, TB_ERROR_INVALID, "t",
                                "that is more than an hour ahead of this host's clock: milliseconds since "
                                "the epoch are wanted, and without \"t\" it is now");
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

static const TbParam history_params[] = {
        TB_PARAM_STREAMS,
        {.name = "since",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .fallback = "0",
         .unit = "ms",
         .help = "since the epoch: only samples after this moment"},
        {.name = "from",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .fallback = "0",
         .unit = "ms",
         .help = "since the epoch: the first moment"},
        {.name = "to",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .fallback = "9000000000000000",
         .unit = "ms",
         .help = "since the epoch: the last moment"},
        {.name = "step_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = 86400,
         .unit = "s",
         .help = "least, mean and most of each step of so long, in place of samples; what is older than the "
                 "samples is there by "
                 "steps of 10 s for an hour and of 120 s for a day"},
        TB_PARAM_END,
};

static void sensors_history(TbCommand *c)
{
        const char *streams = tb_command_string(c, "stream");
        g_auto(GStrv) only = streams && *streams ? g_strsplit(streams, ",", TB_LIMIT_STREAMS) : NULL;
        const json_t *step = json_object_get(c->params, "step_s");
        const json_int_t from = MAX(tb_command_int(c, "since"), tb_command_int(c, "from"));
        if (from > tb_command_int(c, "to")) {
                GError *error = NULL;
                tb_error_set_field(&error, TB_ERROR_INVALID, "to",
                                   "it ends before it begins: \"to\" (%" G_GINT64_FORMAT
                                   ") is earlier than \"from\" or \"since\" (%" G_GINT64_FORMAT
                                   "), both in ms since the epoch",
                                   (gint64)tb_command_int(c, "to"), (gint64)from);
                tb_command_fail(c, error, NULL);
                return;
        }
        TbSpan span = {
                .since_ms = MAX(tb_command_int(c, "since"), tb_command_int(c, "from") - 1),
                .until_ms = tb_command_int(c, "to"),
                .step_ms = step ? (gint64)lround(json_number_value(step) * 1000) : 0,
        };
        tb_command_succeed(c, tb_samples_history(c->iface->samples, (const char *const *)only, &span));
}

const TbVerbRun tb_sensors_verbs[] = {
        {.verb = {.kind = TB_KIND_SENSORS,
                  .op = "get",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 5000,
                  .params = tb_no_params,
                  .method = "GET",
                  .path = "",
                  .summary = "The latest value of each stream",
                  .answers = "200 application/json Samples"},
         .start = sensors_get},
        {.verb = {.kind = TB_KIND_SENSORS,
                  .op = "history",
                  .role = TB_ROLE_VIEWER,
                  .timeout_ms = 5000,
                  .params = history_params,
                  .method = "GET",
                  .path = "/history",
                  .summary = "The last samples of each stream, oldest first, or least, mean and most of each "
                             "step of time, also from "
                             "before a restart; many streams share the 8192 of one answer. Accept: text/csv: "
                             "a table",
                  .answers = "200 application/json SampleHistory; 200 text/csv"},
         .start = sensors_history},
        {.verb = {.kind = TB_KIND_SENSORS,
                  .op = "post",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_QUIET,
                  .timeout_ms = 5000,
                  .method = "POST",
                  .path = "",
                  .summary = "A script's own sensor: a sample or an array",
                  .answers = "200 application/json"},
         .start = sensors_post},
        {.verb = {.op = NULL}},
};
