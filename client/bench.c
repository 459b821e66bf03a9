/* discover, attach, detach: which devices there are. */
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "client/settings.h"
#include "lib/error.h"

int tb_cli_run_discover(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) host = {0};
        if (!tb_cli_host(cli, cli->n > 0 ? cli->args[0] : NULL, &host, error))
                return TB_CLI_FAILED;
        if (host.id) {
                tb_set_error(error, TB_ERROR_INVALID, "discover %s: a host is named with --server alone",
                             cli->args[0]);
                return TB_CLI_USAGE;
        }
        const TbCliRequest request = {.method = "GET", .device = &host, .path = "/resources"};
        json_auto_t *found = tb_cli_ask(cli, &request, NULL, error);
        if (!found)
                return TB_CLI_FAILED;
        if (cli->json) {
                tb_cli_print_json(found);
                return TB_CLI_OK;
        }
        TbCliTable *table =
                tb_cli_table_new((const char *const[]){"ATTACH BY", "DRIVER", "WHAT", "WHY", NULL});
        size_t i;
        const json_t *each;
        json_array_foreach (found, i, each) {
                const char *cells[4];
                const char *const fields[] = {"uri", "driver", "label", "why"};
                for (guint f = 0; f < 4; f++)
                        cells[f] = json_string_value(json_object_get(each, fields[f]));
                tb_cli_table_add(table, TB_CLI_PLAIN, cells);
        }
        tb_cli_table_print(table);
        return TB_CLI_OK;
}

int tb_cli_run_attach(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0}, host = {0};
        if (!tb_cli_device(cli, cli->args[0], NULL, &d, error))
                return TB_CLI_FAILED;
        json_auto_t *body = json_pack("{s:s, s:[]}", "id", d.id, "attach");
        for (int i = 1; i < cli->n; i++)
                json_array_append_new(json_object_get(body, "attach"), json_string(cli->args[i]));
        if (tb_cli_text(cli, "label"))
                json_object_set_new(body, "label", json_string(tb_cli_text(cli, "label")));
        host = (TbCliDevice){.host = g_strdup(d.host), .name = g_strdup(d.name)};
        const TbCliRequest request = {.method = "POST", .device = &host, .path = "/devices", .body = body};
        json_auto_t *device = tb_cli_ask(cli, &request, NULL, error);
        if (device && cli->json)
                tb_cli_print_json(device);
        return device ? TB_CLI_OK : TB_CLI_FAILED;
}

int tb_cli_run_detach(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], NULL, &d, error))
                return TB_CLI_FAILED;
        json_auto_t *answer = tb_cli_ask(cli, &(TbCliRequest){.method = "DELETE", .device = &d}, NULL, error);
        if (answer)
                tb_cli_print_done(cli, d.name, "detached", json_true());
        return answer ? TB_CLI_OK : TB_CLI_FAILED;
}
