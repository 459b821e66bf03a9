#include "server/pairing/device_list.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/name.h"
#include "lib/server_limits.h"
#include "lib/text.h"

typedef struct Device {
        char *id;   /* owned */
        char *rest; /* owned; what follows the id in its JSON text: ,"label":"…" */
} Device;

struct TbDeviceList {
        GArray *devices; /* owned Device */
        gsize size;
};

static void device_clear(gpointer p)
{
        Device *device = p;
        g_free(device->id);
        g_free(device->rest);
}

/* --- what a host said --- */
/* Copies one that is there. `of`: what the device or interface is called, for the error. */
static bool take_text(json_t *from, const char *field, gsize max, json_t *to, const char *of, GError **error)
{
        json_t *text = json_object_get(from, field);
        if (!text || json_is_null(text))
                return true;
        if (!json_is_string(text) || json_string_length(text) > max) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "Invalid devices: %s of \"%s\" must be a text of at most %zu bytes", field, of,
                             max);
                return false;
        }
        g_autofree char *line = tb_text_line(json_string_value(text), max); /* whoever names devices there */
        json_object_set_new(to, field, json_string(line));
        return true;
}

static json_t *take_interface(json_t *from, const char *device, GError **error)
{
        const char *name = json_string_value(json_object_get(from, "name"));
        if (!tb_name_valid(TB_NAME_ID, name)) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "Invalid devices: an interface of \"%s\" has no valid name", device);
                return NULL;
        }
        json_t *to = json_pack("{s:s}", "name", name);
        if (take_text(from, "kind", TB_LIMIT_ID, to, name, error) &&
            take_text(from, "state", TB_LIMIT_ID, to, name, error))
                return to;
        json_decref(to);
        return NULL;
}

static bool take_interfaces(json_t *device, json_t *to, const char *id, GError **error)
{
        json_t *list = json_object_get(device, "interfaces"), *interface;
        if (!list || json_is_null(list))
                return true;
        if (!json_is_array(list) || json_array_size(list) > TB_LIMIT_INTERFACES) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "Invalid devices: interfaces of \"%s\" must be a list of at most %d", id,
                             TB_LIMIT_INTERFACES);
                return false;
        }
        json_t *out = json_array();
        json_object_set_new(to, "interfaces", out);
        gsize i;
        json_array_foreach (list, i, interface) {
                json_t *known = take_interface(interface, id, error);
                if (!known)
                        return false;
                json_array_append_new(out, known);
        }
        return true;
}

/* The text behind the id; NULL: not a device. The caller frees. */
static char *rest_of(json_t *device, const char *id, GError **error)
{
        json_auto_t *known = json_object();
        if (!take_text(device, "label", TB_LIMIT_LABEL, known, id, error) ||
            !take_text(device, "state", TB_LIMIT_ID, known, id, error) ||
            !take_interfaces(device, known, id, error))
                return NULL;
        if (json_object_size(known) == 0)
                return g_strdup("");
        g_autofree char *text = tb_json_text(known, NULL); /* {"label":"…"} */
        return g_strdup_printf(",%.*s", (int)strlen(text) - 2, text + 1);
}

static bool take_device(TbDeviceList *list, json_t *device, GError **error)
{
        const char *id = json_string_value(json_object_get(device, "id"));
        if (!tb_name_valid(TB_NAME_ID, id)) {
                tb_set_error(error, TB_ERROR_INVALID, "Invalid devices");
                return false;
        }
        char *rest = rest_of(device, id, error);
        if (!rest)
                return false;
        g_array_append_vals(list->devices, &(Device){.id = g_strdup(id), .rest = rest}, 1);
        list->size += strlen("{\"id\":\"\"},") + strlen(id) + strlen(rest);
        if (list->size <= tb_server_limits.device_list)
                return true;
        tb_set_error(error, TB_ERROR_TOO_LARGE,
                     "The list of devices is too large: at most %d bytes are kept for one host; the list "
                     "of before stays",
                     tb_server_limits.device_list);
        return false;
}

TbDeviceList *tb_device_list_new(json_t *devices, GError **error)
{
        if (devices && (!json_is_array(devices) || json_array_size(devices) > TB_LIMIT_DEVICES)) {
                tb_set_error(error, TB_ERROR_INVALID, "Invalid devices");
                return NULL;
        }
        TbDeviceList *list = g_new0(TbDeviceList, 1);
        list->devices = g_array_new(FALSE, FALSE, sizeof(Device));
        list->size = 1; /* brackets and commas: one more than there are devices */
        g_array_set_clear_func(list->devices, device_clear);
        gsize i;
        json_t *device;
        json_array_foreach (devices, i, device) {
                if (!take_device(list, device, error)) {
                        tb_device_list_free(list);
                        return NULL;
                }
        }
        return list;
}

void tb_device_list_free(TbDeviceList *list)
{
        if (!list)
                return;
        g_array_unref(list->devices);
        g_free(list);
}

/* --- what others ask --- */
bool tb_device_list_has(const TbDeviceList *list, const char *id)
{
        for (guint i = 0; i < list->devices->len; i++)
                if (strcmp(g_array_index(list->devices, Device, i).id, id) == 0)
                        return true;
        return false;
}

guint tb_device_list_count(const TbDeviceList *list)
{
        return list->devices->len;
}

gsize tb_device_list_size(const TbDeviceList *list)
{
        return MAX(list->size, strlen("[]"));
}

bool tb_sight_has_host(const TbSight *sight, const char *host)
{
        return (!sight->grants || tb_grants_touch(sight->grants, sight->role, host)) &&
               (!sight->only || tb_grants_touch(sight->only, TB_ROLE_VIEWER, host));
}

bool tb_sight_has(const TbSight *sight, const char *host, const char *device)
{
        return (!sight->grants || tb_grants_role(sight->grants, sight->role, host, device) > TB_ROLE_NONE) &&
               (!sight->only || tb_grants_role(sight->only, TB_ROLE_VIEWER, host, device) > TB_ROLE_NONE);
}

/* Names of hosts and ids have nothing in them that JSON escapes (lib/name.h). */
void tb_device_list_append(const TbDeviceList *list, const char *host, const TbSight *sight, GString *out)
{
        bool any = false;
        g_string_append_c(out, '[');
        for (guint i = 0; i < list->devices->len; i++) {
                const Device *device = &g_array_index(list->devices, Device, i);
                if (!tb_sight_has(sight, host, device->id))
                        continue;
                g_string_append(out, any ? ",{\"id\":\"" : "{\"id\":\"");
                any = true;
                g_string_append(out, device->id);
                g_string_append_c(out, '"');
                g_string_append(out, device->rest);
                g_string_append_c(out, '}');
        }
        g_string_append_c(out, ']');
}

void tb_device_list_append_of_host(const TbDeviceList *list, const char *host, bool online,
                                   const TbSight *sight, GString *out)
{
        for (guint i = 0; i < list->devices->len; i++) {
                const Device *device = &g_array_index(list->devices, Device, i);
                if (!tb_sight_has(sight, host, device->id))
                        continue;
                const char *const parts[] = {"{\"id\":\"",
                                             host,
                                             "/",
                                             device->id,
                                             "\"",
                                             device->rest,
                                             ",\"host\":\"",
                                             host,
                                             "\",\"device\":\"",
                                             device->id,
                                             online ? "\",\"online\":true}," : "\",\"online\":false},"};
                for (guint p = 0; p < G_N_ELEMENTS(parts); p++)
                        g_string_append(out, parts[p]);
        }
}
