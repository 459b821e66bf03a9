#include "drivers/qemu/qemu.h"

static const TbParam params[] = {
        {.name = "program",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 4096,
         .fallback = "\"qemu-system-x86_64\"",
         .help = "the emulator to run"},
        {.name = "accel",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 100,
         .fallback = "\"tcg\"",
         .help = "QEMU's -accel: tcg, kvm"},
        {.name = "throttle",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 10,
         .fallback = "0",
         .help = "TCG only: each instruction takes 2^N ns, so that a guest that polls (a boot loader at its "
                 "prompt) "
                 "leaves the host in peace; 7 is 8 million a second; 0: as fast as it goes"},
        {.name = "machine", .type = TB_PARAM_STRING, .max = 400, .help = "QEMU's -machine"},
        {.name = "memory",
         .type = TB_PARAM_INT,
         .min = 8,
         .max = 1 << 20,
         .fallback = "256",
         .unit = "MiB",
         .help = "memory of the machine"},
        {.name = "vga",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("std", "cirrus", "virtio", "vmware", "qxl", "none"),
         .fallback = "\"std\"",
         .help = "the graphics card"},
        {.name = "kernel", .type = TB_PARAM_STRING, .max = 4096, .help = "a kernel to boot directly"},
        {.name = "initrd", .type = TB_PARAM_STRING, .max = 4096, .help = "its initial ram disk"},
        {.name = "append", .type = TB_PARAM_STRING, .max = 4096, .help = "its command line"},
        {.name = "drive", .type = TB_PARAM_STRING, .max = 4096, .help = "a disk image (raw, or .qcow2)"},
        {.name = "drives", .type = TB_PARAM_ARRAY, .max = 16, .help = "several disk images"},
        {.name = "snapshot",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "writes to the disks are forgotten at power off"},
        {.name = "args",
         .type = TB_PARAM_ARRAY,
         .max = 256,
         .help = "further arguments of QEMU, each one string"},
        {.name = "autostart",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "power on when the host starts"},
        {.name = "shutdown_s",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 120,
         .fallback = "0",
         .unit = "s",
         .help = "power off presses the ACPI button first and waits this long for the guest"},
        {.name = "layout",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "the guest's keyboard layout (us, de, fr, us(dvorak)): a machine gets the places of keys, "
                 "and what they type is "
                 "up to it; without it that of -k in args, or us"},
        {.name = "key_delay_ms",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 1000,
         .fallback = "16",
         .unit = "ms",
         .help = "pause after each key event, so that a slow guest misses none"},
        TB_PARAM_END,
};

static bool strings_only(json_t *list, const char *name, GError **error)
{
        gsize i;
        json_t *item;
        json_array_foreach (list, i, item)
                if (!json_is_string(item)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, name, "%s[%zu] is not a string", name, i);
                        return false;
                }
        return true;
}

static bool check(const TbUri *uri, json_t *p, GError **error)
{
        if (*uri->host) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "a qemu URI names no host: qemu:///path/of/the/firmware (three slashes), "
                                   "or qemu:// alone");
                return false;
        }
        if (json_integer_value(json_object_get(p, "throttle")) > 0 &&
            !g_str_has_prefix(json_string_value(json_object_get(p, "accel")), "tcg")) {
                tb_error_set_field(error, TB_ERROR_INVALID, "throttle",
                                   "only \"accel\": \"tcg\" counts instructions: leave throttle out with %s",
                                   json_string_value(json_object_get(p, "accel")));
                return false;
        }
        return strings_only(json_object_get(p, "drives"), "drives", error) &&
               strings_only(json_object_get(p, "args"), "args", error);
}

static const TbLane lanes[] = {
        {.name = "machine",
         .size = sizeof(TbQemuMachine),
         .open = tb_qemu_machine_open,
         .close = tb_qemu_machine_close,
         .pump = tb_qemu_machine_pump,
         .power = &tb_qemu_power},
        {.name = "console",
         .size = sizeof(TbQemuConsole),
         .open = tb_qemu_console_open,
         .close = tb_qemu_console_close,
         .pump = tb_qemu_console_pump,
         .console = &tb_qemu_console},
        {.name = "screen",
         .size = sizeof(TbQemuScreen),
         .open = tb_qemu_screen_open,
         .close = tb_qemu_screen_close,
         .pump = tb_qemu_screen_pump,
         .video = &tb_qemu_video,
         .input = &tb_qemu_input},
        {.name = NULL},
};

const TbDriver tb_driver_qemu = {
        .starts_programs = true,
        .name = "qemu",
        .summary = "Runs a virtual machine with QEMU: power, serial console, screen and keyboard.",
        .example = "qemu:///usr/lib/u-boot/qemu-x86/u-boot.rom?memory=256&machine=pc,pic=off",
        .params = params,
        .check = check,
        .lanes = lanes,
};
