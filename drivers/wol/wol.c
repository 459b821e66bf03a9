/* A machine that is woken by a packet in its network, and seen by whether it answers. */
#include <string.h>

#include "drivers/transport/polled.h"
#include "drivers/wol/probe.h"
#include "drivers/wol/wol_proto.h"

#define TIMES 3 /* that a packet is sent: nobody acknowledges it */
#define PAUSE_MS 50
#define MISSES 3 /* pings in a row without an answer */

typedef struct Wol {
        TbInstance base;
        TbPolled poll;
        TbWolSeen seen;
        guint misses;
        gint64 woken_us; /* monotonic; 0: not by us */
} Wol;

static const char *text(const Wol *w, const char *name)
{
        return json_string_value(json_object_get(w->base.params, name));
}

static int number(const Wol *w, const char *name)
{
        return (int)json_integer_value(json_object_get(w->base.params, name));
}

static bool open_wol(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        Wol *w = (Wol *)self;
        tb_polled_init(&w->poll, self, MISSES);
        w->misses = 0;
        return true;
}

static bool look(Wol *w, TbIo *io, TbPowerState *ret, GError **error)
{
        const char *outlet = text(w, "outlet"), *address = text(w, "address");
        TbPowerState feeds = {.observed = TB_POWER_UNKNOWN};
        bool answered = false;
        if (outlet && !w->base.up->outlet(&w->base, io, outlet, TB_OUTLET_LOOK, &feeds, error))
                return false;
        if (address && feeds.observed != TB_POWER_OFF &&
            !tb_wol_probe(io, address, (guint16)number(w, "tcp"), number(w, "timeout_ms"), &answered, error))
                return false;
        w->misses = answered ? 0 : w->misses + 1;
        w->seen.ever |= answered;
        /* one ping may be lost: until it is sure it is as it was */
        w->seen.answered =
                answered || (w->seen.answered && w->misses < MISSES && feeds.observed != TB_POWER_OFF);
        w->seen.outlet_is_off = feeds.observed == TB_POWER_OFF;
        w->seen.waking = w->woken_us &&
                         g_get_monotonic_time() < w->woken_us + (gint64)number(w, "boot_s") * G_USEC_PER_SEC;
        if (answered)
                w->woken_us = 0;
        *ret = (TbPowerState){tb_wol_judge(&w->seen), NAN, NAN, NAN, NAN};
        w->base.up->power(&w->base, ret);
        tb_polled_seen(&w->poll, &w->base);
        return true;
}

static bool pump(TbInstance *self, TbIo *io, GError **error)
{
        Wol *w = (Wol *)self;
        TbPowerState state;
        GError *why = NULL;
        if (!tb_polled_wait(&w->poll, io) || look(w, io, &state, &why))
                return true;
        return tb_polled_missed(&w->poll, self, self->uri->host, why, error);
}

static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        return look((Wol *)self, io, ret, error);
}

static bool wake(Wol *w, TbIo *io, GError **error)
{
        guint8 mac[TB_WOL_MAC], password[TB_WOL_MAC], packet[TB_WOL_MOST];
        const char *secret = text(w, "password");
        tb_wol_parse_mac(w->base.uri->host, mac); /* check() saw to both */
        if (secret)
                tb_wol_parse_mac(secret, password);
        gsize size = tb_wol_packet(mac, secret ? password : NULL, packet);
        for (int i = 0; i < TIMES; i++)
                if ((i > 0 && !tb_io_sleep(io, PAUSE_MS, error)) ||
                    !tb_wol_send(text(w, "broadcast"), (guint16)number(w, "port"), packet, size, error))
                        return false;
        w->woken_us = g_get_monotonic_time();
        return true;
}

static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        Wol *w = (Wol *)self;
        const char *outlet = text(w, "outlet");
        TbPowerState fed;
        if (!on && !outlet) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED,
                             "%s can be woken and not switched off from here: shut it down by itself "
                             "(console, shell), or "
                             "name the outlet that feeds it as \"outlet\"",
                             self->uri->host);
                return false;
        }
        if (outlet && !self->up->outlet(self, io, outlet, on ? TB_OUTLET_ON : TB_OUTLET_OFF, &fed, error))
                return false;
        if (!on) {
                w->woken_us = 0;
                w->seen.answered = false;
        }
        return !on || wake(w, io, error);
}

/* --- parameters --- */
static bool fail(GError **error, const char *field, const char *why)
{
        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s", why);
        return false;
}

static bool is_address(const json_t *params, const char *name)
{
        const char *address = json_string_value(json_object_get(params, name));
        return !address || g_hostname_is_ip_address(address);
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        guint8 bytes[TB_WOL_MAC];
        const char *secret = json_string_value(json_object_get(params, "password"));
        if (!tb_wol_parse_mac(uri->host, bytes) || *uri->path || uri->port >= 0)
                return fail(error, "uri",
                            "name the MAC of its network card, with dashes: "
                            "wol://aa-bb-cc-dd-ee-ff?address=10.0.0.9");
        if (secret && !tb_wol_parse_mac(secret, bytes))
                return fail(error, "password", "a SecureOn password is six bytes, as a MAC is written");
        if (!is_address(params, "address"))
                return fail(error, "address", "an IP address is expected: 10.0.0.9");
        if (!is_address(params, "broadcast"))
                return fail(error, "broadcast", "an IP address is expected: 10.0.0.255");
        return true;
}

static const TbParam params[] = {
        {.name = "address",
         .type = TB_PARAM_STRING,
         .min = 2,
         .max = 64,
         .help = "its IP address, by which it is seen whether it is on; without one that is not known"},
        {.name = "tcp",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 65535,
         .fallback = "0",
         .help = "a TCP port that is asked instead of a ping, where pings are not answered"},
        {.name = "outlet",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 200,
         .help = "the outlet that feeds it, of another device (psu-a/power): off is that one's, on switches "
                 "it on first"},
        {.name = "broadcast",
         .type = TB_PARAM_STRING,
         .min = 2,
         .max = 64,
         .fallback = "\"255.255.255.255\"",
         .help = "where the packet goes; in another network that one's broadcast address"},
        {.name = "port",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 65535,
         .fallback = "9",
         .help = "UDP, of the packet"},
        {.name = "password",
         .type = TB_PARAM_SECRET,
         .max = 17,
         .help = "SecureOn, six bytes as a MAC is written"},
        {.name = "boot_s",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 3600,
         .fallback = "120",
         .unit = "s",
         .help = "how long it may take from the packet to its first answer; until then its state is not "
                 "known"},
        {.name = "timeout_ms",
         .type = TB_PARAM_INT,
         .min = 100,
         .max = 10000,
         .fallback = "1000",
         .unit = "ms",
         .help = "how long an answer may take"},
        TB_POLLED_PARAM,
        TB_PARAM_END,
};

static const TbPowerOps power = {.set = set, .get = get};
static const TbLane lanes[] = {
        {.name = "wol", .size = sizeof(Wol), .open = open_wol, .pump = pump, .power = &power},
        {.name = NULL},
};

const TbDriver tb_driver_wol = {
        .name = "wol",
        .summary = "Machines that wake on LAN: on by a magic packet, seen by a ping or a port, off by the "
                   "outlet that feeds them.",
        .example = "wol://aa-bb-cc-dd-ee-ff?address=192.0.2.9",
        .params = params,
        .check = check,
        .lanes = lanes,
        .members = "outlet",
};
