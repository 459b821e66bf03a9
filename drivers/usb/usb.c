/*
 * usb: power of a device by the port of the hub that it hangs on (usbhub://1-1.4), and the host's USB bus:
 * tree, hot-plug, port power, reset.
 */
#include <math.h>

#include "drivers/driver.h"
#include "drivers/transport/sysdev.h"
#include "drivers/transport/usbrule.h"
#include "drivers/usb/usb_bus.h"
#include "drivers/usb/usb_port.h"
#include "drivers/usb/usb_tree.h"

/* --- power --- */
typedef struct UsbPower {
        TbInstance base;
        TbUsbPort port;
        char *seen; /* owned; where the device that "usb" names was; it is not there while its port is off */
        bool force;
        TbHotplug *hotplug; /* owned */
        TbUsbPower last;    /* what core was told */
} UsbPower;

/* The port that is meant now. A device that is not there is still meant by the port that it was at, and comes back when that is
 * switched on. */
static bool find_port(UsbPower *p, GError **error)
{
        const char *rule = json_string_value(json_object_get(p->base.params, "usb"));
        if (!rule)
                return tb_usb_port_parse(p->base.uri->host, &p->port, error);
        g_autoptr(GError) why = NULL;
        char *now = tb_usbrule_find(TB_USBRULE_DEVICES, rule, "device", &why);
        if (now) {
                g_free(p->seen);
                p->seen = now;
        } else if (!p->seen || !g_error_matches(why, TB_ERROR, TB_ERROR_GONE)) {
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        return tb_usb_port_parse(p->seen, &p->port, error);
}

static bool power_get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        UsbPower *p = (UsbPower *)self;
        TbUsbPower power;

        (void)io;
        if (!find_port(p, error) || !tb_usb_port_read(TB_USB_SYSFS, &p->port, &power, error))
                return false;
        p->last = power;
        *ret = (TbPowerState){.observed = power.on ? TB_POWER_ON : TB_POWER_OFF,
                              .watts = NAN,
                              .volts = NAN,
                              .amps = NAN,
                              .energy_wh = NAN};
        return true;
}

static bool power_set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        UsbPower *p = (UsbPower *)self;

        return find_port(p, error) && tb_usb_port_switch(TB_USB_SYSFS, io, &p->port, on, p->force, error);
}

static bool power_open(TbInstance *self, TbIo *io, GError **error)
{
        UsbPower *p = (UsbPower *)self;
        TbPowerState state;

        p->force = json_is_true(json_object_get(self->params, "force"));
        if (!power_get(self, io, &state, error))
                return false;
        p->hotplug = tb_hotplug_open(TB_HOTPLUG_KERNEL, (const char *const[]){"usb", NULL}, error);
        if (!p->hotplug)
                return false;
        self->up->power(self, &state);
        return true;
}

static void power_close(TbInstance *self)
{
        UsbPower *p = (UsbPower *)self;

        tb_hotplug_close(p->hotplug);
        p->hotplug = NULL;
}

static void power_finalize(TbInstance *self)
{
        g_free(((UsbPower *)self)->seen);
}

/* Something on the bus changed, or it is time to look: others switch ports too (uhubctl, the kernel). */
static bool power_pump(TbInstance *self, TbIo *io, GError **error)
{
        UsbPower *p = (UsbPower *)self;
        struct pollfd fd = {.fd = tb_hotplug_fd(p->hotplug), .events = POLLIN};
        TbUsbPower before = p->last;
        TbPowerState state;
        TbUevent event;

        TbWait wait = tb_io_wait(io, &fd, 1, TB_SYSDEV_RESCAN_MS);
        if (wait == TB_WAIT_WAKE || wait == TB_WAIT_STOP)
                return true;
        while (tb_hotplug_next(p->hotplug, &event))
                tb_uevent_clear(&event);
        if (!power_get(self, io, &state, error))
                return false;
        if (before.on != p->last.on)
                self->up->power(self, &state);
        if (p->last.overcurrent != before.overcurrent)
                self->up->event(self, "usb.overcurrent",
                                json_pack("{s:b}", "overcurrent", p->last.overcurrent));
        return true;
}

static const TbPowerOps power_ops = {.set = power_set, .get = power_get};

static const TbLane lanes[] = {
        {.name = "power",
         .size = sizeof(UsbPower),
         .open = power_open,
         .close = power_close,
         .pump = power_pump,
         .finalize = power_finalize,
         .power = &power_ops},
        {.name = NULL},
};

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        TbUsbPort port;
        const char *rule = json_string_value(json_object_get(params, "usb"));

        if (uri->path[0] && !g_str_equal(uri->path, "/")) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri", "nothing may follow the port: %s",
                                   uri->path);
                return false;
        }
        if (rule && uri->host[0]) {
                tb_error_set_field(error, TB_ERROR_INVALID, "usb",
                                   "the URI names a port already: write usbhub://?usb=…");
                return false;
        }
        return rule ? tb_usbrule_check(rule, error) : tb_usb_port_parse(uri->host, &port, error);
}

static const TbParam params[] = {
        TB_USBRULE_PARAM,
        {.name = "force",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "Try also where the hub says that it cannot switch single ports."},
        TB_PARAM_END,
};

const TbDriver tb_driver_usb = {
        .name = "usb",
        .summary = "Power of single ports of USB hubs, with read-back; the host's USB tree and hot-plug.",
        .example = "usbhub://1-1.4",
        .schemes = (const char *const[]){"usbhub", NULL},
        .params = params,
        .check = check,
        .lanes = lanes,
        .discovery = &tb_usb_bus,
};
