#include "drivers/transport/sysdev.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"

/* --- attributes --- */
char *tb_sysdev_attr(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        char text[TB_SYSDEV_ATTR + 1];
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return NULL;
        ssize_t n = read(fd, text, TB_SYSDEV_ATTR); /* sysfs answers whole in one read */
        close(fd);
        if (n < 0)
                return NULL;
        text[n] = '\0';
        return g_strdup(g_strstrip(text));
}

GPtrArray *tb_sysdev_names(const char *dir, GError **error)
{
        g_autoptr(GError) failed = NULL;
        g_autoptr(GDir) folder = g_dir_open(dir, 0, &failed);
        if (!folder && !g_error_matches(failed, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "cannot look for hardware: %s", failed->message);
                return NULL;
        }
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        for (const char *name; folder && (name = g_dir_read_name(folder)) != NULL;)
                g_ptr_array_add(names, g_strdup(name));
        return names;
}

bool tb_sysdev_attr_uint(const char *dir, const char *name, guint base, guint *ret_value)
{
        g_autofree char *text = tb_sysdev_attr(dir, name);
        guint64 value;

        if (!text || !g_ascii_string_to_unsigned(text, base, 0, G_MAXUINT, &value, NULL))
                return false;
        *ret_value = (guint)value;
        return true;
}

bool tb_sysdev_attr_write(const char *dir, const char *name, const char *text, GError **error)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        ssize_t n = -1;
        int errnum = 0;

        if (fd >= 0)
                n = write(fd, text, strlen(text));
        if (n < 0)
                errnum = errno;
        if (fd >= 0)
                close(fd);
        if (n >= 0)
                return true;
        if (errnum == ENOENT || errnum == ENODEV) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s does not exist", path);
                return false;
        }
        if (errnum == EACCES || errnum == EPERM || errnum == EROFS) {
                tb_set_error(error, TB_ERROR_FORBIDDEN,
                             "no permission to write %s: install Testbed's udev rules, or run as root", path);
                return false;
        }
        tb_set_error(error, TB_ERROR_DEVICE, "cannot write %s: %s", path, g_strerror(errnum));
        return false;
}

char *tb_sysdev_link_name(const char *dir, const char *name)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof target - 1);

        if (n < 0)
                return NULL;
        target[n] = '\0';
        return g_path_get_basename(target);
}

/* --- names --- */
/* Walks from `sysdir` upwards to the first directory that has an attribute `name`. */
static char *ancestor_with(const char *sysdir, const char *name)
{
        g_autofree char *start = g_build_filename(sysdir, "device", NULL);
        char real[PATH_MAX];

        /* A class directory's "device" leads to the hardware; a directory of the hardware itself has none. */
        if (!realpath(start, real) && !realpath(sysdir, real))
                return NULL;
        for (char *end; (end = strrchr(real, '/')) != NULL && end != real; *end = '\0') {
                g_autofree char *probe = g_build_filename(real, name, NULL);
                if (access(probe, F_OK) == 0)
                        return g_strdup(real);
        }
        return NULL;
}

char *tb_sysdev_usb_parent(const char *sysdir)
{
        return ancestor_with(sysdir, "devnum");
}

int tb_sysdev_usb_interface(const char *sysdir)
{
        g_autofree char *dir = ancestor_with(sysdir, "bInterfaceNumber");
        guint number;

        return dir && tb_sysdev_attr_uint(dir, "bInterfaceNumber", 16, &number) ? (int)number : -1;
}

#define USB_DEPTH 7 /* ports of the longest way through hubs */

/* Past one number of 1 to 3 digits without a leading zero; NULL when there is none. */
static const char *skip_number(const char *at)
{
        gsize digits = strspn(at, "0123456789");

        return digits >= 1 && digits <= 3 && *at != '0' ? at + digits : NULL;
}

bool tb_sysdev_is_usb_port(const char *text)
{
        const char *at = skip_number(text);
        guint depth = 0;

        for (char separator = '-'; at && *at == separator && depth < USB_DEPTH; separator = '.', depth++)
                at = skip_number(at + 1);
        return at && !*at && depth > 0;
}

/* video2 before video10 */
static bool before(const char *a, const char *b)
{
        gsize x = strlen(a), y = strlen(b);

        return x != y ? x < y : strcmp(a, b) < 0;
}

char *tb_sysdev_find_usb(const char *class_dir, const char *what, const char *port, int interface,
                         GError **error)
{
        g_autoptr(GDir) names = g_dir_open(class_dir, 0, NULL);
        g_autofree char *best = NULL;
        int best_interface = -1;

        for (const char *name; names && (name = g_dir_read_name(names)) != NULL;) {
                g_autofree char *sysdir = g_build_filename(class_dir, name, NULL);
                g_autofree char *usb = tb_sysdev_usb_parent(sysdir);
                g_autofree char *at = usb ? g_path_get_basename(usb) : NULL;
                if (g_strcmp0(at, port) != 0)
                        continue;
                int number = tb_sysdev_usb_interface(sysdir);
                if (interface >= 0 && number != interface)
                        continue;
                if (!best || number < best_interface || (number == best_interface && before(name, best))) {
                        g_free(best);
                        best = g_strdup(name);
                        best_interface = number;
                }
        }
        if (best)
                return g_build_filename("/dev", best, NULL);
        if (interface >= 0)
                tb_set_error(error, TB_ERROR_GONE, "no %s at USB port %s, interface %d", what, port,
                             interface);
        else
                tb_set_error(error, TB_ERROR_GONE, "no %s at USB port %s", what, port);
        return NULL;
}

static char *link_to(const char *dir, const char *node)
{
        g_autoptr(GDir) names = g_dir_open(dir, 0, NULL);
        char wanted[PATH_MAX], real[PATH_MAX];
        char *best = NULL;

        if (!names || !realpath(node, wanted))
                return NULL;
        for (const char *name; (name = g_dir_read_name(names)) != NULL;) {
                g_autofree char *path = g_build_filename(dir, name, NULL);
                if (!realpath(path, real) || !g_str_equal(real, wanted))
                        continue;
                /* Several links to one node: always the same one, whatever the order of the directory. */
                if (!best || strcmp(path, best) < 0) {
                        g_free(best);
                        best = g_steal_pointer(&path);
                }
        }
        return best;
}

char *tb_sysdev_stable_name(const char *dir, const char *node)
{
        static const char *const ways[] = {"by-id", "by-path"};

        for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
                g_autofree char *sub = g_build_filename(dir, ways[i], NULL);
                char *name = link_to(sub, node);
                if (name)
                        return name;
        }
        return NULL;
}

bool tb_sysdev_open_failed(const char *path, int errnum, GError **error)
{
        switch (errnum) {
        case ENOENT:
        case ENODEV:
        case ENXIO:
        case ENOTDIR:
                tb_set_error(error, TB_ERROR_GONE,
                             "%s is not there: unplugged, switched off, or another name", path);
                break;
        case EACCES:
        case EPERM:
                tb_set_error(
                        error, TB_ERROR_FORBIDDEN,
                        "no permission for %s: install Testbed's udev rules, or add the daemon's user to "
                        "the group that owns it",
                        path);
                break;
        case EBUSY:
                tb_set_error(error, TB_ERROR_BUSY, "%s is in use by another program (fuser %s names it)",
                             path, path);
                break;
        default: tb_set_error(error, TB_ERROR_DEVICE, "cannot open %s: %s", path, g_strerror(errnum)); break;
        }
        return false;
}
