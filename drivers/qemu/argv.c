#include <string.h>

#include "drivers/qemu/qemu.h"

/* QEMU doubles commas inside option values. */
static char *escape(const char *text)
{
        g_auto(GStrv) parts = g_strsplit(text, ",", -1);
        return g_strjoinv(",,", parts);
}

static void add(GPtrArray *argv, const char *option, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void add(GPtrArray *argv, const char *option, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_ptr_array_add(argv, g_strdup(option));
        g_ptr_array_add(argv, g_strdup_vprintf(format, args));
        va_end(args);
}

static const char *text_of(json_t *params, const char *name)
{
        const char *text = json_string_value(json_object_get(params, name));
        return text && *text ? text : NULL;
}

static void add_socket(GPtrArray *argv, const char *id, const char *run_dir, const char *name)
{
        g_autofree char *dir = escape(run_dir);
        add(argv, "-chardev", "socket,id=%s,path=%s/%s,server=on,wait=off", id, dir, name);
}

static void add_drive(GPtrArray *argv, const char *file, bool snapshot)
{
        g_autofree char *escaped = escape(file);
        bool qcow = g_str_has_suffix(file, ".qcow2");
        add(argv, "-drive", "file=%s,format=%s,if=virtio%s", escaped, qcow ? "qcow2" : "raw",
            snapshot ? ",snapshot=on" : "");
}

char **tb_qemu_argv(const TbUri *uri, json_t *params, const char *run_dir)
{
        GPtrArray *argv = g_ptr_array_new();
        g_ptr_array_add(argv, g_strdup(text_of(params, "program")));
        g_autofree char *dir = escape(run_dir);
        add(argv, "-accel", "%s", text_of(params, "accel"));
        /* align: the guest's clock is the host's, and the CPU sleeps instead of running ahead of it */
        int throttle = (int)json_integer_value(json_object_get(params, "throttle"));
        if (throttle > 0)
                add(argv, "-icount", "shift=%d,align=on,sleep=on", throttle);
        /* -nodefaults: no network card (its boot ROM is another package), no floppy; what the machine has is
         * what is written here */
        g_ptr_array_add(argv, g_strdup("-nodefaults"));
        g_ptr_array_add(argv, g_strdup("-no-user-config"));
        g_ptr_array_add(argv, g_strdup("-S")); /* the CPU waits until the console is connected */
        if (text_of(params, "machine"))
                add(argv, "-machine", "%s", text_of(params, "machine"));
        add(argv, "-m", "%lld", (long long)json_integer_value(json_object_get(params, "memory")));
        add(argv, "-vga", "%s", text_of(params, "vga"));
        if (*uri->path)
                add(argv, "-bios", "%s", uri->path);
        if (text_of(params, "kernel"))
                add(argv, "-kernel", "%s", text_of(params, "kernel"));
        if (text_of(params, "initrd"))
                add(argv, "-initrd", "%s", text_of(params, "initrd"));
        if (text_of(params, "append"))
                add(argv, "-append", "%s", text_of(params, "append"));
        bool snapshot = json_is_true(json_object_get(params, "snapshot"));
        if (text_of(params, "drive"))
                add_drive(argv, text_of(params, "drive"), snapshot);
        gsize i;
        json_t *item;
        json_array_foreach (json_object_get(params, "drives"), i, item)
                add_drive(argv, json_string_value(item), snapshot);
        add_socket(argv, "qmp", run_dir, "qmp");
        add(argv, "-mon", "chardev=qmp,mode=control");
        add_socket(argv, TB_QEMU_SERIAL_LABEL, run_dir, "serial");
        add(argv, "-serial", "chardev:%s", TB_QEMU_SERIAL_LABEL);
        /* its own pace is a queue that forgets what is beyond a thousand entries, and says nothing: ours is key_delay_ms */
        add(argv, "-vnc", "unix:%s/vnc,key-delay-ms=0", dir);
        /* -k is the guest's layout, which the screen lane knows (screen.c): with it QEMU goes by keysyms and its own map,
         * silent of what that lacks, and no more by the places of keys that it is told */
        json_array_foreach (json_object_get(params, "args"), i, item)
                if (strcmp(json_string_value(item), "-k") == 0)
                        i++;
                else
                        g_ptr_array_add(argv, g_strdup(json_string_value(item)));
        g_ptr_array_add(argv, NULL);
        return (char **)g_ptr_array_free(argv, FALSE);
}
