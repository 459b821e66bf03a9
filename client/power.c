/* power. */
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/error.h"

static void add_reading(GString *out, const json_t *power, const char *field, const char *unit)
{
        const json_t *value = json_object_get(power, field);
        if (json_is_number(value))
                g_string_append_printf(out, " %.6g %s", json_number_value(value), unit);
}

static void print_power(TbCli *cli, const TbCliDevice *d, const json_t *power)
{
        if (cli->json) {
                tb_cli_print_json(power);
                return;
        }
        const char *observed = json_string_value(json_object_get(power, "observed")),
                   *commanded = json_string_value(json_object_get(power, "commanded"));
        g_autoptr(GString) line = g_string_new(NULL);
        g_string_append_printf(line, "%s/%s: %s", d->name, d->interface, observed ? observed : "unknown");
        if (commanded && g_strcmp0(commanded, observed) != 0)
                g_string_append_printf(line, " (was switched %s)", commanded);
        add_reading(line, power, "watts", "W");
        add_reading(line, power, "volts", "V");
        add_reading(line, power, "amps", "A");
        tb_cli_print("%s\n", line->str);
}

int tb_cli_run_power(TbCli *cli, GError **error)
{
        const char *what = cli->n > 1 ? cli->args[1] : "status";
        bool cycle = strcmp(what, "cycle") == 0, status = strcmp(what, "status") == 0,
             set = strcmp(what, "on") == 0 || strcmp(what, "off") == 0,
             emergency = tb_cli_flag(cli, "emergency");
        if (!cycle && !status && !set) {
                tb_set_error(error, TB_ERROR_INVALID, "power: on, off, cycle or status, not \"%s\"", what);
                return TB_CLI_USAGE;
        }
        if ((tb_cli_text(cli, "off-s") && !cycle) || (emergency && strcmp(what, "off") != 0)) {
                tb_set_error(error, TB_ERROR_INVALID, "power %s: %s", what,
                             emergency ? "--emergency is for off" : "--off-s is for cycle");
                return TB_CLI_USAGE;
        }
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], "power", &d, error))
                return TB_CLI_FAILED;
        json_auto_t *body = status ? NULL : json_object();
        if (tb_cli_text(cli, "off-s"))
                json_object_set_new(body, "off_s", json_real(tb_cli_number(cli, "off-s", 0)));
        if (set)
                json_object_set_new(body, "state", json_string(what));
        if (emergency)
                json_object_set_new(body, "emergency", json_true());
        const TbCliRequest request = {.method = status  ? "GET"
                                                : cycle ? "POST"
                                                        : "PUT",
                                      .device = &d,
                                      .path = cycle ? "/cycle" : NULL,
                                      .body = body,
                                      .wait_s = 600};
        json_auto_t *power = tb_cli_ask(cli, &request, NULL, error);
        if (!power)
                return TB_CLI_FAILED;
        print_power(cli, &d, power);
        return TB_CLI_OK;
}
