/* lock, unlock, and lease without a program. */
#include "client/lease.h"

#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "client/settings.h"
#include "lib/error.h"

bool tb_cli_lease_take(TbCli *cli, const TbCliDevice *d, double ttl_s, GError **error)
{
        json_auto_t *body = json_object();
        double wait_s = tb_cli_number(cli, "wait", 0);
        const char *note = tb_cli_text(cli, "note");
        json_object_set_new(body, "ttl_s", json_integer((json_int_t)ttl_s));
        json_object_set_new(body, "wait_s", json_integer((json_int_t)wait_s));
        if (note)
                json_object_set_new(body, "note", json_string(note));
        const TbCliRequest request = {
                .method = "POST", .device = d, .path = "/lease", .body = body, .wait_s = wait_s};
        json_auto_t *grant = tb_cli_ask(cli, &request, NULL, error);
        const char *lease = json_string_value(json_object_get(grant, "lease"));
        if (grant && !lease)
                tb_set_error(error, TB_ERROR_LOCKED,
                             "%s: is yours already: another of your programs took the lease", d->name);
        if (!lease)
                return false;
        g_free(cli->settings->lease);
        cli->settings->lease = g_strdup(lease);
        return true;
}

bool tb_cli_lease_release(TbCli *cli, const TbCliDevice *d, GError **error)
{
        json_auto_t *answer = tb_cli_ask(
                cli, &(TbCliRequest){.method = "DELETE", .device = d, .path = "/lease"}, NULL, error);
        return answer != NULL;
}

static json_t *who(TbCli *cli, const TbCliDevice *d, GError **error)
{
        return tb_cli_ask(cli, &(TbCliRequest){.method = "GET", .device = d, .path = "/lease"}, NULL, error);
}

int tb_cli_run_lease(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], NULL, &d, error))
                return TB_CLI_FAILED;
        if (*cli->rest)
                return tb_cli_lease_run(cli, &d, error);
        json_auto_t *lease = who(cli, &d, error);
        if (!lease)
                return TB_CLI_FAILED;
        const char *holder = json_string_value(json_object_get(lease, "holder")),
                   *note = json_string_value(json_object_get(lease, "note"));
        g_autofree char *shown = tb_cli_clean(holder), *why = tb_cli_clean(note);
        if (cli->json)
                tb_cli_print_json(lease);
        else if (!holder)
                tb_cli_print("%s: free\n", d.name);
        else
                tb_cli_print("%s: %s until %s%s%s\n", d.name, shown,
                             json_string_value(json_object_get(lease, "expires_at")) ?: "?", note ? ": " : "",
                             note ? why : "");
        return TB_CLI_OK;
}

int tb_cli_run_lock(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], NULL, &d, error) ||
            !tb_cli_lease_take(cli, &d, tb_cli_number(cli, "ttl", 300), error))
                return TB_CLI_FAILED;
        if (cli->json) {
                json_auto_t *said = json_pack("{s:s, s:s}", "device", d.name, "lease", cli->settings->lease);
                tb_cli_print_json(said);
        } else {
                tb_cli_print("%s\n", cli->settings->lease);
        }
        return TB_CLI_OK;
}

int tb_cli_run_unlock(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], NULL, &d, error))
                return TB_CLI_FAILED;
        json_auto_t *lease = who(cli, &d, error), *me = NULL;
        if (!lease)
                return TB_CLI_FAILED;
        /* an admin's DELETE takes the device from whoever has it: only when that is meant */
        if (json_is_object(lease) && !tb_cli_flag(cli, "force")) {
                me = tb_cli_ask(cli, &(TbCliRequest){.method = "PUT", .device = &d, .path = "/lease"}, NULL,
                                error);
                if (!me)
                        return TB_CLI_LEASED;
        }
        return tb_cli_lease_release(cli, &d, error) ? TB_CLI_OK : TB_CLI_FAILED;
}
