/* expect: waits for what a console says. */
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "client/text.h"
#include "lib/error.h"

static json_t *question(TbCli *cli, GError **error)
{
        json_auto_t *body = json_pack("{s:s, s:f}", "pattern", cli->args[1], "timeout_s",
                                      tb_cli_number(cli, "timeout", 30));
        const char *send = tb_cli_text(cli, "send");
        if (!body) {
                tb_set_error(error, TB_ERROR_INVALID, "expect: the pattern is not UTF-8");
                return NULL;
        }
        if (tb_cli_text(cli, "from"))
                json_object_set_new(body, "from", json_integer((json_int_t)tb_cli_number(cli, "from", 0)));
        if (send) {
                g_autofree char *text = tb_cli_unescape(send, error);
                if (!text)
                        return NULL;
                json_object_set_new(body, "send", json_string(text));
        }
        return json_incref(body);
}

int tb_cli_run_expect(TbCli *cli, GError **error)
{
        json_auto_t *body = question(cli, error);
        g_auto(TbCliDevice) d = {0};
        if (!body || !tb_cli_device(cli, cli->args[0], "console", &d, error))
                return TB_CLI_FAILED;
        json_auto_t *problem = NULL;
        const TbCliRequest request = {.method = "POST",
                                      .device = &d,
                                      .path = "/expect",
                                      .body = body,
                                      .wait_s = tb_cli_number(cli, "timeout", 30)};
        json_auto_t *result = tb_cli_ask(cli, &request, &problem, error);
        if (cli->json && (result || problem))
                tb_cli_print_json(result ? result : problem);
        else if (result)
                tb_cli_print("%s\n", json_string_value(json_object_get(result, "match")) ?: "");
        const char *before = json_string_value(json_object_get(problem, "before"));
        if (!result && before && *before) {
                g_autofree char *end = tb_cli_tail_text(before, 2000);
                tb_cli_say("%s/%s said: %s", d.name, d.interface, end);
        }
        return result ? TB_CLI_OK : TB_CLI_FAILED;
}
