/* lock, unlock, and lease without a program. */
#include "client/lease.h"

#include <string.h>

#include "client/api.h"
#include "client/lease_kept.h"
#include "client/out.h"
#include "client/settings.h"
#include "lib/error.h"

static json_t *who(TbCli *cli, const TbCliDevice *d, GError **error)
{
        return tb_cli_ask(cli, &(TbCliRequest){.method = "GET", .device = d, .path = "/lease"}, NULL, error);
}

bool tb_cli_lease_inside(const TbCli *cli, const TbCliDevice *d)
{
        return cli->settings->lease && g_strcmp0(g_getenv("TESTBED_LEASED"), d->name) == 0;
}

/* The lease that is shown is this device's: it is kept alive, and stays whose it is. */
static bool ride(TbCli *cli, const TbCliDevice *d, bool *ret_riding, GError **error)
{
        const char *leased = g_getenv("TESTBED_LEASED");
        g_autoptr(GError) why = NULL;
        *ret_riding = false;
        if (!cli->settings->lease || (leased && strcmp(leased, d->name) != 0 && !tb_cli_text(cli, "lease")))
                return true;
        json_auto_t *renewed =
                tb_cli_ask(cli, &(TbCliRequest){.method = "PUT", .device = d, .path = "/lease"}, NULL, &why);
        *ret_riding = renewed != NULL;
        bool ended = g_error_matches(why, TB_ERROR, TB_ERROR_LOCKED) ||
                     g_error_matches(why, TB_ERROR, TB_ERROR_GONE);
        if (renewed || (ended && !tb_cli_lease_inside(cli, d)))
                return true;
        if (ended)
                tb_set_error(error, TB_ERROR_LOCKED,
                             "%s: the lease that this program runs with (TESTBED_LEASE) has ended", d->name);
        else
                g_propagate_error(error, g_steal_pointer(&why));
        return false;
}

/* Whoever does not wait does not touch what another program with the same token has: a take would give it another length. */
static bool refuse_held(TbCli *cli, const TbCliDevice *d, GError **error)
{
        json_auto_t *lease = who(cli, d, error);
        g_autofree char *holder = tb_cli_clean(json_string_value(json_object_get(lease, "holder"))),
                        *note = tb_cli_clean(json_string_value(json_object_get(lease, "note")));
        if (json_is_object(lease))
                tb_set_error(
                        error, TB_ERROR_LOCKED,
                        "%s is leased by %s until %s%s%s (--wait of testbed lease and lock queues for it)",
                        d->name, holder, json_string_value(json_object_get(lease, "expires_at")) ?: "?",
                        strcmp(note, "-") != 0 ? ": " : "", strcmp(note, "-") != 0 ? note : "");
        return json_is_null(lease);
}

bool tb_cli_lease_take(TbCli *cli, const TbCliDevice *d, double ttl_s, bool *ret_riding, GError **error)
{
        if (!ride(cli, d, ret_riding, error))
                return false;
        if (*ret_riding)
                return true;
        g_clear_pointer(&cli->settings->lease, g_free); /* of another device, or of another day */
        if (tb_cli_number(cli, "wait", 0) < 1 && !refuse_held(cli, d, error))
                return false;
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
                             "%s: another program with your token has just taken it (--wait queues for it)",
                             d->name);
        if (!lease)
                return false;
        cli->settings->lease = g_strdup(lease);
        return true;
}

bool tb_cli_lease_release(TbCli *cli, const TbCliDevice *d, GError **error)
{
        json_auto_t *answer = tb_cli_ask(
                cli, &(TbCliRequest){.method = "DELETE", .device = d, .path = "/lease"}, NULL, error);
        return answer != NULL;
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
        bool riding = false;
        if (!tb_cli_device(cli, cli->args[0], NULL, &d, error) ||
            !tb_cli_lease_take(cli, &d, tb_cli_number(cli, "ttl", 300), &riding, error))
                return TB_CLI_FAILED;
        if (!riding)
                tb_cli_lease_keep(cli, &d, cli->settings->lease);
        if (cli->json) {
                json_auto_t *said = json_pack("{s:s, s:s}", "device", d.name, "lease", cli->settings->lease);
                tb_cli_print_json(said);
        } else {
                tb_cli_print("%s\n", cli->settings->lease);
        }
        return TB_CLI_OK;
}

/* By what is shown (token, TESTBED_LEASE), or by what lock has kept. */
static bool is_ours(TbCli *cli, const TbCliDevice *d, GError **error)
{
        const TbCliRequest renew = {.method = "PUT", .device = d, .path = "/lease"};
        g_autoptr(GError) why = NULL, not_kept = NULL;
        json_auto_t *me = tb_cli_ask(cli, &renew, NULL, &why);
        g_autofree char *kept = me || cli->settings->lease ? NULL : tb_cli_lease_kept(cli, d);
        if (kept) {
                cli->settings->lease = g_steal_pointer(&kept);
                me = tb_cli_ask(cli, &renew, NULL, &not_kept);
        }
        if (!me)
                g_propagate_error(error, g_steal_pointer(&why));
        return me != NULL;
}

int tb_cli_run_unlock(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], NULL, &d, error))
                return TB_CLI_FAILED;
        if (tb_cli_lease_inside(cli, &d) && !tb_cli_flag(cli, "force")) {
                tb_cli_say(
                        "%s: the program that testbed lease runs has it, and it is given back when that ends",
                        d.name);
                tb_cli_print_done(cli, d.name, "lease", json_string(cli->settings->lease));
                return TB_CLI_OK;
        }
        json_auto_t *lease = who(cli, &d, error);
        if (!lease)
                return TB_CLI_FAILED;
        /* an admin's DELETE takes the device from whoever has it: only when that is meant */
        if (json_is_object(lease) && !tb_cli_flag(cli, "force") && !is_ours(cli, &d, error))
                return TB_CLI_LEASED;
        if (!tb_cli_lease_release(cli, &d, error))
                return TB_CLI_FAILED;
        tb_cli_lease_forget(cli, &d);
        tb_cli_print_done(cli, d.name, "lease", json_null());
        return TB_CLI_OK;
}
