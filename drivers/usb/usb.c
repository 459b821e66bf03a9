/*
 * usb: power of a device by the port of the hub that it hangs on (usbhub://1-1.4), and the host's USB bus:
 * tree, hot-plug, port power, reset.
 */
#include <math.h>

#include "drivers/driver.h"
#include "drivers/transport/sysdev.h"
#include "drivers/usb/usb_bus.h"
#include "drivers/usb/usb_port.h"
#include "drivers/usb/usb_tree.h"

/* --- power --- */
typedef struct UsbPower {
        TbInstance base;
        TbUsbPort port;
        bool force;
        TbHotplug *hotplug; /* owned */
        TbUsbPower last;    /* what core was told */
} UsbPower;

static bool power_get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        UsbPower *p = (UsbPower *)self;
        TbUsbPower power;

        (void)io;
        if (!tb_usb_port_read(TB_USB_SYSFS, &p->port, &power, error))
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

        return tb_usb_port_switch(TB_USB_SYSFS, io, &p->port, on, p->force, error);
}

static bool power_open(TbInstance *self, TbIo *io, GError **error)
{
        UsbPower *p = (UsbPower *)self;
        TbPowerState state;

        if (!tb_usb_port_parse(self->uri->host, &p->port, error))
                return false;
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
         .power = &power_ops},
        {.name = NULL},
};

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        TbUsbPort port;

        (void)params;
        if (uri->path[0] && !g_str_equal(uri->path, "/")) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri", "nothing may follow the port: %s",
                                   uri->path);
                return false;
        }
        return tb_usb_port_parse(uri->host, &port, error);
}

static const TbParam params[] = {
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
