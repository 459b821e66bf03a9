/* Devices as they stand on the line: which host, which interface. */
#include <string.h>

#include "client/api.h"
#include "client/settings.h"
#include "lib/error.h"
#include "lib/name.h"

static char *names_of(const json_t *interfaces, const char *kind)
{
        GString *names = g_string_new(NULL);
        size_t i;
        const json_t *each;
        json_array_foreach (interfaces, i, each) {
                const char *name = json_string_value(json_object_get(each, "name")),
                           *is = json_string_value(json_object_get(each, "kind"));
                if (name && (!kind || g_strcmp0(is, kind) == 0))
                        g_string_append_printf(names, "%s%s", names->len ? ", " : "", name);
        }
        return g_string_free(names, FALSE);
}

/* Nothing is guessed: the only one of its kind, or the one that is named. */
static bool find_interface(TbCli *cli, TbCliDevice *d, const char *kind, GError **error)
{
        json_auto_t *shown = tb_cli_ask(cli, &(TbCliRequest){.method = "GET", .device = d}, NULL, error);
        if (!shown)
                return false;
        const json_t *interfaces = json_object_get(shown, "interfaces");
        g_autofree char *of_kind = names_of(interfaces, kind), *all = names_of(interfaces, NULL);
        if (!*of_kind)
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no %s; it has: %s", d->name, kind,
                             *all ? all : "nothing");
        else if (strchr(of_kind, ','))
                tb_set_error(error, TB_ERROR_INVALID, "%s has several of kind %s: say %s/NAME, one of %s",
                             d->name, kind, d->name, of_kind);
        else
                d->interface = g_strdup(of_kind);
        return d->interface != NULL;
}

bool tb_cli_device(TbCli *cli, const char *text, const char *kind, TbCliDevice *ret, GError **error)
{
        if (!tb_cli_connect(cli, error) || !tb_cli_device_parse(text, cli->settings->server, ret, error))
                return false;
        if (!kind && ret->interface) {
                tb_set_error(error, TB_ERROR_INVALID, "\"%s\": the device alone is meant, %s", text,
                             ret->name);
                return false;
        }
        return !kind || ret->interface || find_interface(cli, ret, kind, error);
}

bool tb_cli_host(TbCli *cli, const char *text, TbCliDevice *ret, GError **error)
{
        if (!tb_cli_connect(cli, error))
                return false;
        if (!cli->settings->server) {
                if (text && !tb_name_valid(TB_NAME_ID, text)) {
                        tb_set_error(error, TB_ERROR_INVALID, "\"%s\" is no name of a device", text);
                        return false;
                }
                *ret = (TbCliDevice){.id = g_strdup(text), .name = g_strdup(text)};
                return true;
        }
        g_auto(GStrv) parts = g_strsplit(text ? text : "", "/", 3);
        guint n = g_strv_length(parts);
        if (n == 0 || n > 2 || !*parts[0] || (n == 2 && *parts[1] && !tb_name_valid(TB_NAME_ID, parts[1]))) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "through a server say which host: HOST, or HOST/DEVICE (testbed ls)");
                return false;
        }
        bool device = n == 2 && *parts[1];
        *ret = (TbCliDevice){.host = g_strdup(parts[0]),
                             .id = device ? g_strdup(parts[1]) : NULL,
                             .name = device ? g_strdup(text) : g_strdup(parts[0])};
        return true;
}
