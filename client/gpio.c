/* gpio. */
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/error.h"

static void print_lines(TbCli *cli, const json_t *answer, const char *only)
{
        size_t i;
        const json_t *line;
        if (cli->json) {
                tb_cli_print_json(answer);
                return;
        }
        json_array_foreach (json_object_get(answer, "lines"), i, line) {
                const char *name = json_string_value(json_object_get(line, "line"));
                const char *direction = json_string_value(json_object_get(line, "direction"));
                if (!only || g_strcmp0(name, only) == 0)
                        tb_cli_print("%s: %s (%s)\n", name ? name : "?",
                                     json_is_true(json_object_get(line, "on")) ? "on" : "off",
                                     direction ? direction : "?");
        }
}

int tb_cli_run_gpio(TbCli *cli, GError **error)
{
        const char *line = cli->n > 1 ? cli->args[1] : NULL, *what = cli->n > 2 ? cli->args[2] : NULL;
        bool press = g_strcmp0(what, "press") == 0, on = g_strcmp0(what, "on") == 0;
        if (what && !press && !on && strcmp(what, "off") != 0) {
                tb_set_error(error, TB_ERROR_INVALID, "gpio: on, off or press, not \"%s\"", what);
                return TB_CLI_USAGE;
        }
        if (tb_cli_text(cli, "ms") && !press) {
                tb_set_error(error, TB_ERROR_INVALID, "gpio: --ms is for press");
                return TB_CLI_USAGE;
        }
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], "gpio", &d, error))
                return TB_CLI_FAILED;
        json_auto_t *body = what ? json_pack("{s:s}", "line", line) : NULL;
        if (what && !press)
                json_object_set_new(body, "on", json_boolean(on));
        if (press)
                json_object_set_new(body, "ms", json_integer((json_int_t)tb_cli_number(cli, "ms", 200)));
        const TbCliRequest request = {.method = !what   ? "GET"
                                                : press ? "POST"
                                                        : "PUT",
                                      .device = &d,
                                      .path = press ? "/pulse" : NULL,
                                      .body = body,
                                      .wait_s = 90};
        json_auto_t *answer = tb_cli_ask(cli, &request, NULL, error);
        if (!answer)
                return TB_CLI_FAILED;
        print_lines(cli, answer, line);
        return TB_CLI_OK;
}
