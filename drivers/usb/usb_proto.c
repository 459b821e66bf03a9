#include "drivers/usb/usb_proto.h"

/* --- names --- */
/* A decimal number 1..max without sign or leading zero; NULL when there is none. */
static const char *number(const char *at, guint max, guint *value)
{
        guint n = 0;

        if (*at < '1' || *at > '9')
                return NULL;
        for (; *at >= '0' && *at <= '9'; at++) {
                n = n * 10 + (guint)(*at - '0');
                if (n > max)
                        return NULL;
        }
        *value = n;
        return at;
}

bool tb_usb_path_parse(const char *text, TbUsbPath *path)
{
        TbUsbPath p = {0};
        const char *at;

        if (g_str_has_prefix(text, "usb")) {
                at = number(text + 3, TB_USB_BUSES, &p.bus);
                if (!at || *at)
                        return false;
                *path = p;
                return true;
        }
        at = number(text, TB_USB_BUSES, &p.bus);
        for (char separator = '-'; at && *at == separator; separator = '.') {
                if (p.depth == TB_USB_DEPTH)
                        return false;
                at = number(at + 1, TB_USB_PORTS, &p.port[p.depth]);
                p.depth++;
        }
        if (!at || *at || p.depth == 0)
                return false;
        *path = p;
        return true;
}

char *tb_usb_path_format(const TbUsbPath *path)
{
        if (path->depth == 0)
                return g_strdup_printf("usb%u", path->bus);
        GString *text = g_string_new(NULL);
        g_string_append_printf(text, "%u", path->bus);
        for (guint i = 0; i < path->depth; i++)
                g_string_append_printf(text, "%c%u", i ? '.' : '-', path->port[i]);
        return g_string_free(text, FALSE);
}

bool tb_usb_path_parent(const TbUsbPath *path, TbUsbPath *hub, guint *port)
{
        if (path->depth == 0)
                return false;
        *hub = *path;
        hub->depth--;
        *port = path->port[hub->depth];
        hub->port[hub->depth] = 0;
        return true;
}

int tb_usb_path_compare(const TbUsbPath *a, const TbUsbPath *b)
{
        if (a->bus != b->bus)
                return a->bus < b->bus ? -1 : 1;
        for (guint i = 0; i < MIN(a->depth, b->depth); i++) {
                if (a->port[i] != b->port[i])
                        return a->port[i] < b->port[i] ? -1 : 1;
        }
        return (a->depth > b->depth) - (a->depth < b->depth);
}

char *tb_usb_port_dir(const TbUsbPath *hub, guint configuration, guint port)
{
        g_autofree char *name = tb_usb_path_format(hub);

        if (hub->depth == 0)
                return g_strdup_printf("%u-0:%u.0/%s-port%u", hub->bus, configuration, name, port);
        return g_strdup_printf("%s:%u.0/%s-port%u", name, configuration, name, port);
}

/* --- hub class --- */
#define DESCRIPTOR_HUB 0x29
#define DESCRIPTOR_HUB_SS 0x2a
#define DESCRIPTOR_HUB_SS_SIZE 12
/* up to bHubContrCurrent; the bit maps behind it depend on the number of ports */
#define DESCRIPTOR_HUB_MIN 7
#define FEATURE_PORT_POWER 8

const char *tb_usb_switching_name(TbUsbSwitching switching)
{
        switch (switching) {
        case TB_USB_SWITCHING_NONE: return "none";
        case TB_USB_SWITCHING_GANGED: return "ganged";
        case TB_USB_SWITCHING_PER_PORT: return "per-port";
        }
        return "none";
}

static guint16 le16(const guint8 *p)
{
        return (guint16)(p[0] | p[1] << 8);
}

int tb_usb_hub_parse(const guint8 *data, gsize size, TbUsbHub *hub)
{
        if (size < 2)
                return 0;
        gsize length = data[0];
        bool super_speed = data[1] == DESCRIPTOR_HUB_SS;
        if (!super_speed && data[1] != DESCRIPTOR_HUB)
                return -1;
        if (length < (super_speed ? DESCRIPTOR_HUB_SS_SIZE : DESCRIPTOR_HUB_MIN))
                return -1;
        if (size < length)
                return 0;
        if (data[2] == 0 || data[2] > TB_USB_PORTS)
                return -1;

        guint16 characteristics = le16(data + 3);
        *hub = (TbUsbHub){
                .ports = data[2],
                .super_speed = super_speed,
                .compound = characteristics & 0x0004,
                .overcurrent_per_port = (characteristics & 0x0018) == 0x0008,
                .power_on_ms = data[5] * 2U,
                /* USB 2 counts in mA, USB 3 in 4 mA (USB 3.2 §10.15.2.1). */
                .own_ma = super_speed ? data[6] * 4U : data[6],
        };
        switch (characteristics & 0x0003) {
        case 0:
                /* Ganged switching of a single port is per-port switching (uhubctl). */
                hub->switching = hub->ports == 1 ? TB_USB_SWITCHING_PER_PORT : TB_USB_SWITCHING_GANGED;
                break;
        case 1: hub->switching = TB_USB_SWITCHING_PER_PORT; break;
        default: hub->switching = TB_USB_SWITCHING_NONE; break;
        }
        return (int)length;
}

static const char *const link_states[16] = {
        "U0",          "U1",       "U2",       "U3",       "SS.Disabled", "Rx.Detect",
        "SS.Inactive", "Polling",  "Recovery", "HotReset", "Compliance",  "Loopback",
        "reserved",    "reserved", "reserved", "reserved",
};

int tb_usb_port_status_parse(const guint8 *data, gsize size, bool super_speed, TbUsbPortStatus *status)
{
        if (size < 4)
                return 0;
        guint16 word = le16(data);
        *status = (TbUsbPortStatus){
                .connected = word & 0x0001,
                .enabled = word & 0x0002,
                .overcurrent = word & 0x0008,
                .resetting = word & 0x0010,
                .powered = word & (super_speed ? 0x0200 : 0x0100),
        };
        if (super_speed) {
                status->link = link_states[(word & 0x01e0) >> 5];
                status->suspended = (word & 0x01e0) == 0x0060;
        } else {
                status->suspended = word & 0x0004;
        }
        return size >= 8 ? 8 : 4;
}

TbUsbSetup tb_usb_setup_hub_descriptor(bool super_speed)
{
        return (TbUsbSetup){0xa0, 0x06, (guint16)((super_speed ? DESCRIPTOR_HUB_SS : DESCRIPTOR_HUB) << 8), 0,
                            15};
}

TbUsbSetup tb_usb_setup_port_status(guint port)
{
        return (TbUsbSetup){0xa3, 0x00, 0, (guint16)port, 4};
}

TbUsbSetup tb_usb_setup_port_power(guint port, bool on)
{
        return (TbUsbSetup){0x23, on ? 0x03 : 0x01, FEATURE_PORT_POWER, (guint16)port, 0};
}

void tb_usb_setup_pack(const TbUsbSetup *setup, guint8 out[8])
{
        const guint16 words[] = {setup->value, setup->index, setup->length};

        out[0] = setup->request_type;
        out[1] = setup->request;
        for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
                out[2 + 2 * i] = (guint8)(words[i] & 0xff);
                out[3 + 2 * i] = (guint8)(words[i] >> 8);
        }
}

bool tb_usb_product_parse(const char *text, guint *vendor, guint *product)
{
        guint ids[3] = {0};

        for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
                guint digits = 0;
                for (; g_ascii_isxdigit(*text) && digits < 4; text++, digits++)
                        ids[i] = ids[i] << 4 | (guint)g_ascii_xdigit_value(*text);
                if (digits == 0 || *text++ != (i < 2 ? '/' : '\0'))
                        return false;
        }
        *vendor = ids[0];
        *product = ids[1];
        return true;
}
