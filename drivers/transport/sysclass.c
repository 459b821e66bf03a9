#include "drivers/transport/sysclass.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/transport/sysdev.h"

#define NAMED 8 /* devices in a text */

static const char *param(const json_t *params, const char *key)
{
        return json_string_value(json_object_get(params, key));
}

bool tb_sysclass_check(const TbUri *uri, json_t *params, GError **error)
{
        const char *rule = param(params, "usb"), *device = param(params, "device");
        if (rule && !tb_usbrule_check(rule, error))
                return false;
        if (*uri->path && (*uri->host || rule || device))
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "a folder says which it is: then neither a name nor device= nor usb=");
        else if (!*uri->path && !*uri->host && !rule && !device)
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "name one: %s://NAME, its folder (%s:///sys/…), device= or usb=",
                                   uri->scheme, uri->scheme);
        else
                return true;
        return false;
}

/* hwmon2 before hwmon10 */
static int by_number(gconstpointer a, gconstpointer b)
{
        const char *x = *(const char *const *)a, *y = *(const char *const *)b;
        gsize m = strlen(x), n = strlen(y);
        return m != n ? (m < n ? -1 : 1) : strcmp(x, y);
}

GPtrArray *tb_sysclass_all(const TbSysclass *sort, GError **error)
{
        g_autoptr(GPtrArray) names = tb_sysdev_names(sort->folder, error);
        if (!names)
                return NULL;
        GPtrArray *folders = g_ptr_array_new_with_free_func(g_free);
        for (guint i = 0; i < names->len; i++)
                if (g_str_has_prefix(names->pdata[i], sort->prefix))
                        g_ptr_array_add(folders, g_build_filename(sort->folder, names->pdata[i], NULL));
        g_ptr_array_sort(folders, by_number);
        return folders;
}

char *tb_sysclass_name(const TbSysclass *sort, const char *folder)
{
        char *name = tb_sysdev_attr(folder, sort->name);
        if (name && *name)
                return name;
        g_free(name);
        return g_path_get_basename(folder);
}

char *tb_sysclass_device(const TbSysclass *sort, const char *folder)
{
        char real[PATH_MAX];
        if (!sort->behind)
                return tb_sysdev_link_name(folder, "device");
        if (!realpath(folder, real))
                return NULL;
        g_autofree char *parent = g_path_get_dirname(real);
        return g_path_get_basename(parent);
}

/* The USB port that it hangs on; NULL: none. The caller frees. */
static char *port_of(const char *folder)
{
        g_autofree char *dir = tb_sysdev_usb_parent(folder);
        return dir ? g_path_get_basename(dir) : NULL;
}

static bool is_it(const TbSysclass *sort, const char *folder, const TbUri *uri, const char *device,
                  const char *port)
{
        g_autofree char *name = tb_sysclass_name(sort, folder), *own = tb_sysclass_device(sort, folder),
                        *own_port = port ? port_of(folder) : NULL;
        return (!*uri->host || g_ascii_strcasecmp(name, uri->host) == 0) &&
               (!device || g_strcmp0(own, device) == 0) && (!port || g_strcmp0(own_port, port) == 0);
}

/* "lm75 (0-0048), lm75 (0-0049)" */
static char *named(const TbSysclass *sort, const GPtrArray *folders)
{
        GString *text = g_string_new(NULL);
        for (guint i = 0; i < MIN(folders->len, NAMED); i++) {
                g_autofree char *name = tb_sysclass_name(sort, folders->pdata[i]),
                                *device = tb_sysclass_device(sort, folders->pdata[i]);
                g_string_append_printf(text, "%s%s%s%s%s", i > 0 ? ", " : "", name, device ? " (" : "",
                                       device ? device : "", device ? ")" : "");
        }
        if (folders->len > NAMED)
                g_string_append(text, ", …");
        return g_string_free(text, FALSE);
}

static char *refuse(const TbSysclass *sort, const TbUri *uri, const GPtrArray *all, const GPtrArray *found,
                    GError **error)
{
        g_autofree char *names = named(sort, found->len > 0 ? found : all);
        if (found->len > 0)
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "%s could be any of %u: %s: say which, with device=", uri->shown, found->len,
                             names);
        else
                tb_set_error(error, TB_ERROR_GONE, "this machine has no %s that is %s%s%s%s", sort->what,
                             uri->shown, all->len > 0 ? " (it has " : "; it has none at all", names,
                             all->len > 0 ? ")" : "");
        return NULL;
}

char *tb_sysclass_find(const TbSysclass *sort, const TbUri *uri, const json_t *params, GError **error)
{
        const char *rule = param(params, "usb"), *device = param(params, "device");
        if (*uri->path) {
                if (g_file_test(uri->path, G_FILE_TEST_IS_DIR))
                        return g_strdup(uri->path);
                tb_set_error(error, TB_ERROR_GONE,
                             "%s is not there: unplugged, or the kernel numbers it otherwise now: attach it "
                             "by its name",
                             uri->path);
                return NULL;
        }
        g_autofree char *port = rule ? tb_usbrule_find(sort->folder, rule, sort->what, error) : NULL;
        g_autoptr(GPtrArray) all = rule && !port ? NULL : tb_sysclass_all(sort, error);
        if (!all)
                return NULL;
        g_autoptr(GPtrArray) found = g_ptr_array_new();
        for (guint i = 0; i < all->len; i++)
                if (is_it(sort, all->pdata[i], uri, device, port))
                        g_ptr_array_add(found, all->pdata[i]);
        return found->len == 1 ? g_strdup(found->pdata[0]) : refuse(sort, uri, all, found, error);
}

/* Fit for the host of a URI, as it is. */
static bool is_plain(const char *text)
{
        for (const char *c = text; *c; c++)
                if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
                        return false;
        return *text != '\0';
}

/* Fit for a value of its query, as it is. */
static bool is_value(const char *text)
{
        for (const char *c = text; *c; c++)
                if (!g_ascii_isalnum(*c) && !strchr("._:-", *c))
                        return false;
        return *text != '\0';
}

char *tb_sysclass_uri(const TbSysclass *sort, const char *scheme, const char *folder, char **ret_why)
{
        g_autofree char *name = tb_sysclass_name(sort, folder), *device = tb_sysclass_device(sort, folder),
                        *usb = tb_sysdev_usb_parent(folder);
        if (!is_plain(name)) {
                *ret_why = g_strdup("by its folder, as its name is none for a URI");
                return g_strdup_printf("%s://%s", scheme, folder);
        }
        if (usb) {
                g_autofree char *port = g_path_get_basename(usb), *vendor = tb_sysdev_attr(usb, "idVendor"),
                                *product = tb_sysdev_attr(usb, "idProduct");
                *ret_why = g_strdup_printf("on the USB device at port %s", port);
                return g_strdup_printf("%s://%s?usb=%s:%s,port=%s", scheme, name, vendor ? vendor : "",
                                       product ? product : "", port);
        }
        if (device && is_value(device)) {
                *ret_why = g_strdup_printf("of the device %s", device);
                return g_strdup_printf("%s://%s?device=%s", scheme, name, device);
        }
        *ret_why = g_strdup("by its name");
        return g_strdup_printf("%s://%s", scheme, name);
}
