#pragma once
/*
 * A USB device by what or where it is, in one spelling for every driver: the parameter "usb", terms with commas that all must hold:
 *
 *      0403:6001           vendor:product, four hexadecimal digits each
 *      serial=A1B2C3D4     its serial number
 *      port=1-1.4          where it is plugged
 *      under=1-1           behind that port; or behind a hub of that vendor:product, or of that serial number
 *
 * It is looked for whenever the lane opens, so that it comes back after it was plugged elsewhere. Thread: any; check is pure.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_USBRULE_DEVICES "/sys/bus/usb/devices"
#define TB_USBRULE_PARAM                                                                                     \
        {                                                                                                    \
                .name = "usb", .type = TB_PARAM_STRING, .min = 1, .max = 256,                                \
                .help = "instead of a file or a port, which USB device: terms with commas, 0403:6001, "      \
                        "serial=A1B2, "                                                                      \
                        "port=1-1.4, under=1-1 (or under=a hub's vendor:product or serial number)"           \
        }

/* TB_ERROR_INVALID with the field "usb". */
bool tb_usbrule_check(const char *rule, GError **error);
/* The port at which it hangs now. `folder`: TB_USBRULE_DEVICES, or a class ("/sys/class/tty"): only what has a device of that class
 * counts. `what` is for the text ("camera"). GONE: none is there; UNPROCESSABLE: several are, all of which the text names. The caller
 * frees. */
char *tb_usbrule_find(const char *folder, const char *rule, const char *what, GError **error);
/* The ports of all that it could be (owned texts), for who asks what hangs at a port. NULL: no rule, or they cannot be read. */
GPtrArray *tb_usbrule_ports(const char *folder, const char *rule);
