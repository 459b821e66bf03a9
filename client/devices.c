/* ls, show. */
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "client/settings.h"
#include "lib/error.h"

static const char *text_of(const json_t *object, const char *field)
{
        return json_string_value(json_object_get(object, field));
}

/* "power, uart1 (console)": a kind is named where the name does not say it. */
static char *interfaces_of(const json_t *device)
{
        GString *out = g_string_new(NULL);
        size_t i;
        const json_t *each;
        json_array_foreach (json_object_get(device, "interfaces"), i, each) {
                const char *name = text_of(each, "name"), *kind = text_of(each, "kind"),
                           *state = text_of(each, "state");
                g_string_append_printf(out, "%s%s", out->len ? ", " : "", name ? name : "?");
                if (g_strcmp0(name, kind) != 0)
                        g_string_append_printf(out, " (%s)", kind ? kind : "?");
                if (g_strcmp0(state, "ready") != 0)
                        g_string_append_printf(out, " %s", state ? state : "?");
        }
        return g_string_free(out, FALSE);
}

static char *lease_of(const json_t *device)
{
        const json_t *lease = json_object_get(device, "lease");
        const char *holder = text_of(lease, "holder"), *note = text_of(lease, "note");
        if (!holder)
                return g_strdup("-");
        return note ? g_strdup_printf("%s (%s)", holder, note) : g_strdup(holder);
}

static void print_devices(TbCli *cli, const json_t *devices, const char *host)
{
        bool server = cli->settings->server && !host, quiet = tb_cli_flag(cli, "quiet");
        /* the server's list has no leases: the host has them */
        const char *const titles[] = {"DEVICE",     "STATE", server ? "HOST" : "LEASE",
                                      "INTERFACES", "LABEL", NULL};
        TbCliTable *table = quiet ? NULL : tb_cli_table_new(titles);
        size_t i;
        const json_t *each;
        json_array_foreach (devices, i, each) {
                const char *id = text_of(each, "id");
                g_autofree char *name = host ? g_strdup_printf("%s/%s", host, id) : g_strdup(id);
                if (quiet) {
                        tb_cli_print("%s\n", name);
                        continue;
                }
                bool offline = json_is_false(json_object_get(each, "online"));
                const char *state = offline ? "offline" : text_of(each, "state");
                g_autofree char *interfaces = interfaces_of(each), *lease = lease_of(each);
                tb_cli_table_add(table, tb_cli_color_of(state),
                                 (const char *const[]){name, state, server ? text_of(each, "host") : lease,
                                                       interfaces, text_of(each, "label")});
        }
        if (table)
                tb_cli_table_print(table);
}

int tb_cli_run_ls(TbCli *cli, GError **error)
{
        if (!tb_cli_connect(cli, error))
                return TB_CLI_FAILED;
        g_auto(TbCliDevice) host = {0};
        bool all = cli->settings->server && cli->n == 0;
        if (!all && !cli->settings->server && cli->n > 0) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "ls %s: a host is named with --server; see testbed show DEVICE", cli->args[0]);
                return TB_CLI_USAGE;
        }
        if (!all && !tb_cli_host(cli, cli->n > 0 ? cli->args[0] : NULL, &host, error))
                return TB_CLI_USAGE;
        if (host.id) {
                tb_set_error(error, TB_ERROR_INVALID, "%s is a device: see testbed show", host.name);
                return TB_CLI_USAGE;
        }
        const TbCliRequest request = {
                .method = "GET", .device = all ? NULL : &host, .path = all ? "/api/devices" : "/devices"};
        json_auto_t *devices = tb_cli_ask(cli, &request, NULL, error);
        if (!devices)
                return TB_CLI_FAILED;
        if (cli->json)
                tb_cli_print_json(devices);
        else
                print_devices(cli, devices, host.host);
        return TB_CLI_OK;
}

static void print_interface(TbCliTable *table, const json_t *each)
{
        const json_t *power = json_object_get(each, "power");
        const char *state = text_of(each, "state");
        g_autofree char *more = power ? g_strdup_printf("%s", text_of(power, "observed") ?: "unknown")
                                      : g_strdup(text_of(each, "reason") ?: "");
        tb_cli_table_add(table, tb_cli_color_of(state),
                         (const char *const[]){text_of(each, "name"), text_of(each, "kind"), state,
                                               text_of(each, "uri"), more});
}

int tb_cli_run_show(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], NULL, &d, error))
                return TB_CLI_FAILED;
        json_auto_t *device = tb_cli_ask(cli, &(TbCliRequest){.method = "GET", .device = &d}, NULL, error);
        if (!device)
                return TB_CLI_FAILED;
        if (cli->json) {
                tb_cli_print_json(device);
                return TB_CLI_OK;
        }
        g_autofree char *lease = lease_of(device), *label = tb_cli_clean(text_of(device, "label")),
                        *holder = tb_cli_clean(lease);
        tb_cli_print("%s  %s\nstate: %s\nlease: %s%s%s\n\n", d.name, label, text_of(device, "state") ?: "?", holder,
                     *lease == '-' ? "" : " until ",
                     *lease == '-' ? "" : text_of(json_object_get(device, "lease"), "expires_at") ?: "?");
        TbCliTable *table = tb_cli_table_new(
                (const char *const[]){"INTERFACE", "KIND", "STATE", "ATTACHED BY", "", NULL});
        size_t i;
        const json_t *each;
        json_array_foreach (json_object_get(device, "interfaces"), i, each)
                print_interface(table, each);
        tb_cli_table_print(table);
        return TB_CLI_OK;
}
