/* HID relay boards (16c0:05df, "USBRelay1" to "USBRelay8"): each relay is an outlet. */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/transport/claim.h"
#include "drivers/transport/polled.h"
#include "drivers/transport/sysdev.h"
#include "drivers/transport/usbrule.h"
#include "drivers/usbrelay/usbrelay_board.h"

#define MISSES 3

typedef struct Relay {
        TbInstance base;
        TbUsbdev *board; /* owned; NULL: closed */
        TbPolled poll;
        int relay;   /* 0: all of them */
        guint8 mask; /* of those that are meant */
        bool inverted;
        char number[TB_USBRELAY_NUMBER + 1]; /* of the board that was attached, from its first answer on */
} Relay;

static const TbParam params[] = {
        {.name = "relay",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = TB_USBRELAY_MOST,
         .help = "which relay, from 1; 0: all of the board as one"},
        TB_USBRULE_PARAM,
        {.name = "inverted",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "the device hangs on the normally closed contact: on is the relay at rest"},
        TB_POLLED_PARAM,
        TB_PARAM_END,
};

/* --- power --- */
static bool read_state(Relay *r, TbIo *io, TbUsbrelayState *ret, GError **error)
{
        if (!tb_usbrelay_read(r->board, io, ret, error))
                return false;
        if (*r->number && strcmp(ret->number, r->number) != 0) {
                tb_set_error(
                        error, TB_ERROR_DEVICE,
                        "another relay board is at USB port %s (%s, it was %s): it is left alone; if that is "
                        "meant, attach it again",
                        tb_usbdev_port(r->board), ret->number, r->number);
                return false;
        }
        memcpy(r->number, ret->number, sizeof r->number);
        return true;
}

static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        Relay *r = (Relay *)self;
        TbUsbrelayState state;
        if (!read_state(r, io, &state, error))
                return false;
        guint8 closed = state.relays & r->mask;
        *ret = (TbPowerState){TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN, false}; /* some on, some off: neither */
        if (closed == r->mask)
                ret->observed = r->inverted ? TB_POWER_OFF : TB_POWER_ON;
        else if (closed == 0)
                ret->observed = r->inverted ? TB_POWER_ON : TB_POWER_OFF;
        return true;
}

static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        Relay *r = (Relay *)self;
        TbUsbrelayState state;
        return read_state(r, io, &state, error) && /* that it is still this board */
               tb_usbrelay_write(r->board, io, r->relay, on != r->inverted, error);
}

/* --- the lane --- */
static char *port_of(TbInstance *self, TbIo *io, GError **error)
{
        const char *rule = json_string_value(json_object_get(self->params, "usb"));
        if (rule)
                return tb_usbrule_find(TB_USBRULE_DEVICES, rule, "relay board", error);
        if (tb_sysdev_is_usb_port(self->uri->host))
                return g_strdup(self->uri->host);
        return tb_usbrelay_find(io, self->uri->host, error);
}

static bool claim(Relay *r, guint count, GError **error)
{
        g_autofree char *place = g_strdup_printf("usb %s", tb_usbdev_port(r->board)),
                        *what = r->relay ? g_strdup_printf("relay %d of the board at USB port %s", r->relay,
                                                           tb_usbdev_port(r->board))
                                         : g_strdup_printf("a relay of the board at USB port %s",
                                                           tb_usbdev_port(r->board));
        if (r->relay > (int)count) {
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "%s: the board at USB port %s has %u relays, no relay %d", r->base.uri->shown,
                             tb_usbdev_port(r->board), count, r->relay);
                return false;
        }
        r->mask = r->relay ? (guint8)(1U << (r->relay - 1)) : (guint8)((1U << count) - 1);
        return tb_claim_take(&r->base, place, r->mask, what, error);
}

static bool relay_open(TbInstance *self, TbIo *io, GError **error)
{
        Relay *r = (Relay *)self;
        guint count = 0;
        r->relay = (int)json_integer_value(json_object_get(self->params, "relay"));
        r->inverted = json_is_true(json_object_get(self->params, "inverted"));
        tb_polled_init(&r->poll, self, MISSES);
        g_autofree char *port = port_of(self, io, error);
        r->board = port ? tb_usbrelay_open(port, &count, error) : NULL;
        return r->board && claim(r, count, error) && tb_polled_first(self, io, get, error);
}

static void relay_close(TbInstance *self)
{
        tb_claim_leave(self);
        g_clear_pointer(&((Relay *)self)->board, tb_usbdev_close);
}

static bool relay_pump(TbInstance *self, TbIo *io, GError **error)
{
        return tb_polled_power(&((Relay *)self)->poll, self, io, true, get, error);
}

static bool check(const TbUri *uri, json_t *p, GError **error)
{
        const char *rule = json_string_value(json_object_get(p, "usb"));
        bool number = strlen(uri->host) == TB_USBRELAY_NUMBER || tb_sysdev_is_usb_port(uri->host);
        if (rule && !tb_usbrule_check(rule, error))
                return false;
        if ((rule != NULL) != number && !*uri->path && (!rule || !*uri->host))
                return true;
        tb_error_set_field(
                error, TB_ERROR_INVALID, "uri",
                "name the board: by its own number of five characters (usbrelay://BITFT), its USB port "
                "(usbrelay://1-1.4) or usb=");
        return false;
}

static const TbPowerOps power = {.set = set, .get = get};
static const TbLane lanes[] = {
        {.name = "relay",
         .size = sizeof(Relay),
         .open = relay_open,
         .close = relay_close,
         .pump = relay_pump,
         .power = &power},
        {.name = NULL},
};

const TbDriver tb_driver_usbrelay = {
        .name = "usbrelay",
        .summary = "USB relay boards of the HID sort (www.dcttech.com, 16c0:05df, USBRelay1 to USBRelay8).",
        .example = "usbrelay://BITFT?relay=1",
        .params = params,
        .check = check,
        .lanes = lanes,
        .discovery = &tb_usbrelay_discovery,
};
