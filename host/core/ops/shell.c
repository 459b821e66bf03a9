/* shell: one command on the device, by its own shell or by exact arguments. */
#include <string.h>

#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/text.h"

static bool exec_run(TbCommand *c, TbInstance *instance, TbIo *io, GError **error)
{
        json_t *argv_json = json_object_get(c->params, "argv");
        json_t *input = json_object_get(c->params, "stdin");
        gsize n = json_array_size(argv_json);
        g_autofree const char **argv = argv_json ? g_new0(const char *, n + 1) : NULL;
        for (gsize i = 0; argv && i < n; i++)
                argv[i] = json_string_value(json_array_get(argv_json, i));
        TbShellRequest request = {
                .command = tb_command_string(c, "command"),
                .argv = argv,
                .input = json_string_value(input),
                .input_size = json_string_length(input),
        };
        TbShellResult result = {.out = g_byte_array_new(), .err = g_byte_array_new()};
        gint64 begin = g_get_monotonic_time();
        bool ok = TB_STEP(c, instance->lane->shell->run, instance, io, &request, &result, error);
        c->result = json_pack("{s:o, s:o, s:I}", "stdout", tb_text_json(result.out->data, result.out->len),
                              "stderr", tb_text_json(result.err->data, result.err->len), "duration_ms",
                              (json_int_t)((g_get_monotonic_time() - begin) / 1000));
        if (ok)
                json_object_set_new(c->result, "exit_code", json_integer(result.exit_code));
        g_byte_array_unref(result.out);
        g_byte_array_unref(result.err);
        return ok;
}

static void run(TbCommand *c)
{
        json_t *argv = json_object_get(c->params, "argv"), *arg;
        GError *error = NULL;
        size_t i;
        if ((argv != NULL) == (tb_command_string(c, "command") != NULL))
                tb_error_set_field(&error, TB_ERROR_INVALID, "command",
                                   "give either \"command\" or \"argv\"");
        json_array_foreach (argv, i, arg) {
                const char *text = json_string_value(arg);
                if (!error && (!text || strlen(text) != json_string_length(arg)))
                        tb_error_set_field(&error, TB_ERROR_INVALID, "argv",
                                           "argument %zu is not a string without NUL", i);
        }
        if (error)
                tb_command_fail(c, error, NULL);
        else
                tb_command_dispatch(c, exec_run, NULL);
}

static const TbParam run_params[] = {
        {.name = "command",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_LINE,
         .help = "for the device's own shell"},
        {.name = "argv",
         .type = TB_PARAM_ARRAY,
         .min = 1,
         .max = 256,
         .help = "exact arguments: nothing is expanded"},
        {.name = "stdin",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_HTTP_BODY,
         .help = "what the command reads"},
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0.1,
         .max = TB_LIMIT_COMMAND_S,
         .fallback = "30",
         .unit = "s",
         .help = "then it is killed: 504"},
        TB_PARAM_END,
};

const TbVerbRun tb_shell_verbs[] = {
        {.verb = {.kind = TB_KIND_SHELL,
                  .op = "run",
                  .role = TB_ROLE_OPERATOR,
                  .flags = TB_VERB_CONTROL,
                  .timeout_ms = 30000,
                  .params = run_params,
                  .method = "POST",
                  .path = "",
                  .summary = "Run a command on the device",
                  .answers = "200 application/json ShellResult; 504"},
         .start = run},
        {.verb = {.op = NULL}},
};
