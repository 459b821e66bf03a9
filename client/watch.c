/* watch, sensors: what happens, and what is measured. */
#include <stdio.h>
#include <string.h>

#include "client/events.h"
#include "client/out.h"
#include "lib/clock.h"
#include "lib/error.h"

static const char *text_of(const json_t *object, const char *field)
{
        return json_string_value(json_object_get(object, field));
}

/* What of an event's data fits behind its name: scalars, in their order. */
static char *summary_of(const json_t *data)
{
        GString *out = g_string_new(NULL);
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)data, key, value) {
                if (json_is_string(value))
                        g_string_append_printf(out, " %s=%s", key, json_string_value(value));
                else if (json_is_integer(value))
                        g_string_append_printf(out, " %s=%" JSON_INTEGER_FORMAT, key,
                                               json_integer_value(value));
                else if (json_is_real(value))
                        g_string_append_printf(out, " %s=%.6g", key, json_real_value(value));
                else if (json_is_boolean(value))
                        g_string_append_printf(out, " %s=%s", key, json_is_true(value) ? "true" : "false");
        }
        return g_string_free(out, FALSE);
}

static bool on_event(const char *data, gpointer user, GError **error)
{
        TbCli *cli = user;
        json_auto_t *event = json_loads(data, 0, NULL);
        if (!event)
                return true;
        if (cli->json) {
                tb_cli_print_json(event);
                return tb_cli_flush(error);
        }
        const char *device = text_of(event, "device"), *interface = text_of(event, "interface");
        g_autofree char *at = tb_clock_rfc3339((gint64)json_integer_value(json_object_get(event, "t"))),
                        *summary = summary_of(json_object_get(event, "data")),
                        *line = g_strdup_printf("%s  %s%s%s  %s%s", at, device ? device : "-",
                                                interface ? "/" : "", interface ? interface : "",
                                                text_of(event, "type") ?: "?", summary),
                        *clean = tb_cli_clean(line);
        tb_cli_print("%s\n", clean);
        return tb_cli_flush(error);
}

int tb_cli_run_watch(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_host(cli, cli->n > 0 ? cli->args[0] : NULL, &d, error))
                return TB_CLI_FAILED;
        g_autoptr(GString) path = g_string_new("/events");
        g_autofree char *id = g_steal_pointer(&d.id); /* a filter here, not a part of the path */
        if (id)
                g_string_append_printf(path, "?device=%s", id);
        if (tb_cli_text(cli, "type")) {
                g_string_append_printf(path, "%ctype=", id ? '&' : '?');
                g_string_append_uri_escaped(path, tb_cli_text(cli, "type"), ",*", FALSE);
        }
        return tb_cli_follow(cli, &d, path->str, tb_cli_text(cli, "after"), on_event, cli, error)
                       ? TB_CLI_OK
                       : TB_CLI_FAILED;
}

static bool on_sample(const char *data, gpointer user, GError **error)
{
        TbCli *cli = user;
        json_auto_t *sample = json_loads(data, 0, NULL);
        if (!sample)
                return true;
        if (cli->json) {
                tb_cli_print_json(sample);
                return tb_cli_flush(error);
        }
        g_autofree char *at = tb_clock_rfc3339((gint64)json_integer_value(json_object_get(sample, "t"))),
                        *stream = tb_cli_clean(text_of(sample, "stream")),
                        *unit = tb_cli_clean(text_of(sample, "unit"));
        tb_cli_print("%s  %s  %.6g %s\n", at, stream, json_number_value(json_object_get(sample, "value")),
                     strcmp(unit, "1") == 0 ? "" : unit);
        return tb_cli_flush(error);
}

static void print_latest(const json_t *streams)
{
        TbCliTable *table =
                tb_cli_table_new((const char *const[]){"SENSOR", "VALUE", "UNIT", "QUANTITY", "AT", NULL});
        const char *name;
        json_t *each;
        json_object_foreach ((json_t *)streams, name, each) {
                g_autofree char *value = g_strdup_printf("%.6g",
                                                         json_number_value(json_object_get(each, "value"))),
                                *at = tb_clock_rfc3339(
                                        (gint64)json_integer_value(json_object_get(each, "t")));
                tb_cli_table_add(table, TB_CLI_PLAIN,
                                 (const char *const[]){name, value, text_of(each, "unit"),
                                                       text_of(each, "quantity"), at});
        }
        tb_cli_table_print(table);
}

int tb_cli_run_sensors(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], "sensors", &d, error))
                return TB_CLI_FAILED;
        if (tb_cli_flag(cli, "follow"))
                return tb_cli_follow(cli, &d, "/stream", NULL, on_sample, cli, error) ? TB_CLI_OK
                                                                                      : TB_CLI_FAILED;
        json_auto_t *streams = tb_cli_ask(cli, &(TbCliRequest){.method = "GET", .device = &d}, NULL, error);
        if (!streams)
                return TB_CLI_FAILED;
        if (cli->json)
                tb_cli_print_json(streams);
        else
                print_latest(streams);
        return TB_CLI_OK;
}
