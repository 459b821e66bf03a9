#include "drivers/transport/usbrule.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/transport/sysdev.h"
#include "lib/error.h"

#define NAMED 8 /* devices in a text */

static bool is_id(const char *text)
{
        for (guint i = 0; i < 9; i++)
                if (i == 4 ? text[i] != ':' : !g_ascii_isxdigit(text[i]))
                        return false;
        return text[9] == '\0';
}

bool tb_usbrule_check(const char *rule, GError **error)
{
        g_auto(GStrv) terms = g_strsplit(rule, ",", -1);
        for (guint i = 0; terms[i]; i++) {
                const char *value = strchr(terms[i], '=');
                bool good = is_id(terms[i]);
                if (g_str_has_prefix(terms[i], "serial=") || g_str_has_prefix(terms[i], "under="))
                        good = value[1] != '\0';
                else if (g_str_has_prefix(terms[i], "port="))
                        good = tb_sysdev_is_usb_port(value + 1);
                if (!good) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "usb",
                                           "'%s' names no USB device: 0403:6001, serial=A1B2, port=1-1.4, "
                                           "under=1-1, with "
                                           "commas in between",
                                           terms[i]);
                        return false;
                }
        }
        if (!terms[0])
                tb_error_set_field(error, TB_ERROR_INVALID, "usb", "it names no USB device");
        return terms[0] != NULL;
}

static bool has_id(const char *dir, const char *id)
{
        g_autofree char *vendor = tb_sysdev_attr(dir, "idVendor"),
                        *product = tb_sysdev_attr(dir, "idProduct");
        g_autofree char *own = g_strdup_printf("%s:%s", vendor ? vendor : "", product ? product : "");
        return g_ascii_strcasecmp(own, id) == 0;
}

static bool has_serial(const char *dir, const char *serial)
{
        g_autofree char *own = tb_sysdev_attr(dir, "serial");
        return own && strcmp(own, serial) == 0;
}

static bool has_name(const char *dir, const char *name)
{
        g_autofree char *own = g_path_get_basename(dir);
        return strcmp(own, name) == 0;
}

static bool is_called(const char *dir, const char *name)
{
        if (tb_sysdev_is_usb_port(name))
                return has_name(dir, name);
        return is_id(name) ? has_id(dir, name) : has_serial(dir, name);
}

/* Some hub on the way to the controller is it. */
static bool is_under(const char *dir, const char *name)
{
        for (g_autofree char *at = g_path_get_dirname(dir); strlen(at) > 1;) {
                g_autofree char *file = g_build_filename(at, "idVendor", NULL);
                if (!g_file_test(file, G_FILE_TEST_EXISTS))
                        return false;
                if (is_called(at, name))
                        return true;
                char *up = g_path_get_dirname(at);
                g_free(at);
                at = up;
        }
        return false;
}

static bool holds(const char *dir, char **terms)
{
        for (guint i = 0; terms[i]; i++) {
                const char *t = terms[i], *value = strchr(t, '=');
                bool good = !value                       ? has_id(dir, t)
                            : g_str_has_prefix(t, "ser") ? has_serial(dir, value + 1)
                            : g_str_has_prefix(t, "por") ? has_name(dir, value + 1)
                                                         : is_under(dir, value + 1);
                if (!good)
                        return false;
        }
        return true;
}

static int by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The ports of all that match, each once. */
static GPtrArray *all_of(const char *folder, char **terms, GError **error)
{
        GPtrArray *names = tb_sysdev_names(folder, error),
                  *found = names ? g_ptr_array_new_with_free_func(g_free) : NULL;
        for (guint i = 0; names && i < names->len; i++) {
                g_autofree char *entry = g_build_filename(folder, names->pdata[i], NULL);
                g_autofree char *dir = tb_sysdev_usb_parent(entry);
                g_autofree char *port = dir ? g_path_get_basename(dir) : NULL;
                if (port && tb_sysdev_is_usb_port(port) && holds(dir, terms) &&
                    !g_ptr_array_find_with_equal_func(found, port, g_str_equal, NULL))
                        g_ptr_array_add(found, g_steal_pointer(&port));
        }
        if (found)
                g_ptr_array_sort(found, by_name);
        if (names)
                g_ptr_array_unref(names);
        return found;
}

char *tb_usbrule_find(const char *folder, const char *rule, const char *what, GError **error)
{
        if (!tb_usbrule_check(rule, error))
                return NULL;
        g_auto(GStrv) terms = g_strsplit(rule, ",", -1);
        g_autoptr(GPtrArray) found = all_of(folder, terms, error);
        if (!found)
                return NULL;
        if (found->len == 1)
                return g_strdup(found->pdata[0]);
        g_autoptr(GString) ports = g_string_new(NULL);
        for (guint i = 0; i < MIN(found->len, NAMED); i++)
                g_string_append_printf(ports, "%s%s", i > 0 ? ", " : "", (const char *)found->pdata[i]);
        if (found->len == 0)
                tb_set_error(error, TB_ERROR_GONE, "no %s that is usb=%s is plugged in", what, rule);
        else
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "usb=%s could be any of %u (at %s): say more, with port=, serial= or under=",
                             rule, found->len, ports->str);
        return NULL;
}

GPtrArray *tb_usbrule_ports(const char *folder, const char *rule)
{
        if (!tb_usbrule_check(rule, NULL))
                return NULL;
        g_auto(GStrv) terms = g_strsplit(rule, ",", -1);
        return all_of(folder, terms, NULL);
}
