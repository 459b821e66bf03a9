#include "drivers/adb/adb_serial.h"

#include <string.h>

#include "drivers/transport/usbrule.h"
#include "lib/error.h"
#include "lib/net.h"

#define NO_SERIAL "(no serial number)"

static bool is_network(const char *serial)
{
        const char *colon = strrchr(serial, ':');
        guint64 port;

        if (colon == NULL || colon == serial ||
            !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL))
                return false;
        g_autofree char *host = g_strndup(serial, (gsize)(colon - serial));
        bool bracketed = *host == '[' && host[strlen(host) - 1] == ']';
        return bracketed == (strchr(host, ':') != NULL) && (bracketed || strpbrk(host, "[]") == NULL);
}

char *tb_adb_uri(const GPtrArray *devices, const TbAdbDevice *device)
{
        guint same = 0;

        for (guint i = 0; i < devices->len; i++) {
                const TbAdbDevice *other = g_ptr_array_index(devices, i);
                same += strcmp(other->serial, device->serial) == 0;
        }
        if (strcmp(device->serial, NO_SERIAL) == 0 || same > 1)
                return device->usb != NULL ? g_strdup_printf("adb://?usb=port=%s", device->usb) : NULL;
        if (is_network(device->serial)) {
                const char *colon = strrchr(device->serial, ':');
                g_autofree char *host = g_strndup(device->serial, (gsize)(colon - device->serial));
                g_autofree char *escaped = g_uri_escape_string(host, "[]:", TRUE);

                return g_strdup_printf("adb://%s%s", escaped, colon);
        }
        g_autofree char *escaped = g_uri_escape_string(device->serial, NULL, TRUE);
        return g_strdup_printf("adb://%s", escaped);
}

bool tb_adb_check_serial(const TbUri *uri, json_t *params, GError **error)
{
        const char *rule = json_string_value(json_object_get(params, "usb"));

        if (rule != NULL && *uri->host != '\0') {
                tb_error_set_field(error, TB_ERROR_INVALID, "usb", "a serial number or \"usb\", not both");
                return false;
        }
        if (rule != NULL)
                return tb_usbrule_check(rule, error);
        if (*uri->host == '\0') {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "name a phone by its serial number: adb://0A1B2C3D, or "
                                   "adb://10.0.0.7:5555, or by where it is "
                                   "plugged: adb://?usb=port=1-1.4");
                return false;
        }
        for (const char *c = uri->host; *c != '\0'; c++)
                if (g_ascii_iscntrl(*c)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                           "a serial number has no control characters");
                        return false;
                }
        return true;
}

char *tb_adb_serial(const TbUri *uri, json_t *params, GError **error)
{
        const char *rule = json_string_value(json_object_get(params, "usb"));

        if (rule == NULL && uri->port >= 0)
                return g_strdup_printf(strchr(uri->host, ':') != NULL ? "[%s]:%d" : "%s:%d", uri->host,
                                       uri->port);
        if (rule == NULL)
                return g_strdup(uri->host);
        /* that one may be at another machine's adb server */
        if (g_str_has_prefix(rule, "port=") && strchr(rule, ',') == NULL)
                return g_strconcat("usb:", rule + strlen("port="), NULL);
        g_autofree char *port = tb_usbrule_find(TB_USBRULE_DEVICES, rule, "phone", error);
        return port != NULL ? g_strconcat("usb:", port, NULL) : NULL;
}

bool tb_adb_is(const TbAdbDevice *device, const char *serial)
{
        const char *port = g_str_has_prefix(serial, "usb:") ? serial + strlen("usb:") : NULL;

        return strcmp(device->serial, serial) == 0 || (port != NULL && g_strcmp0(device->usb, port) == 0);
}
