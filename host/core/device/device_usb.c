/* Where on the host's USB bus a device hangs: by its attach URIs, a device file ("/dev/ttyUSB0", through its links), a port ("1-1.4"),
 * the serial number of a USB device, or a rule (usbrule.h). Main thread: a few small reads in sysfs. */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "drivers/transport/sysdev.h"
#include "drivers/transport/usbrule.h"
#include "host/core/private.h"

#define USB_DEVICES TB_USBRULE_DEVICES

static bool is_behind(const char *at, const char *port)
{
        gsize n = strlen(port);
        return strncmp(at, port, n) == 0 && (at[n] == '\0' || at[n] == '.' || at[n] == ':');
}

static bool file_hangs_at(const char *path, const char *port)
{
        struct stat st;
        if (!g_str_has_prefix(path, "/dev/") || stat(path, &st) < 0 ||
            !(S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
                return false;
        g_autofree char *sys = g_strdup_printf("/sys/dev/%s/%u:%u", S_ISCHR(st.st_mode) ? "char" : "block",
                                               major(st.st_rdev), minor(st.st_rdev));
        g_autofree char *parent = tb_sysdev_usb_parent(sys),
                        *name = parent ? g_path_get_basename(parent) : NULL;
        return name && is_behind(name, port);
}

/* Each part of the text that is a USB port: "1-1.4", "usb=1-1.4", "/usb/1-1.4". */
static bool text_hangs_at(const char *text, const char *port)
{
        g_auto(GStrv) parts = g_strsplit_set(text ? text : "", "/?&=:,", -1);
        for (guint i = 0; parts[i]; i++)
                if (tb_sysdev_is_usb_port(parts[i]) && is_behind(parts[i], port))
                        return true;
        return false;
}

static bool serial_hangs_at(const char *serial, const char *port)
{
        g_autoptr(GDir) d = serial && *serial ? g_dir_open(USB_DEVICES, 0, NULL) : NULL;
        for (const char *name; d && (name = g_dir_read_name(d));) {
                if (!is_behind(name, port))
                        continue;
                g_autofree char *dir = g_build_filename(USB_DEVICES, name, NULL),
                                *is = tb_sysdev_attr(dir, "serial");
                if (g_strcmp0(is, serial) == 0)
                        return true;
        }
        return false;
}

/* By a rule: any that it could be. */
static bool rule_hangs_at(const char *rule, const char *port)
{
        g_autoptr(GPtrArray) ports = rule ? tb_usbrule_ports(USB_DEVICES, rule) : NULL;
        for (guint i = 0; ports && i < ports->len; i++)
                if (is_behind(ports->pdata[i], port))
                        return true;
        return false;
}

static bool params_hang_at(json_t *params, const char *port)
{
        if (rule_hangs_at(json_string_value(json_object_get(params, "usb")), port))
                return true;
        const char *key;
        json_t *value;
        json_object_foreach (params, key, value)
                if (json_is_string(value) && (file_hangs_at(json_string_value(value), port) ||
                                              text_hangs_at(json_string_value(value), port)))
                        return true;
        return false;
}

bool tb_device_hangs_at(TbDevice *device, const char *port)
{
        for (guint i = 0; i < device->attachments->len; i++) {
                const TbAttachment *a = g_ptr_array_index(device->attachments, i);
                if (file_hangs_at(a->uri->path ? a->uri->path : "", port) ||
                    text_hangs_at(a->uri->host, port) || text_hangs_at(a->uri->path, port) ||
                    serial_hangs_at(a->uri->host, port) || params_hang_at(a->params, port))
                        return true;
        }
        return false;
}
