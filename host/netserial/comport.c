#include "host/netserial/comport.h"

#include <string.h>

/* values of SET-CONTROL, RFC 2217 §3 */
enum {
        FLOW_QUERY = 0,
        FLOW_NONE = 1,
        FLOW_XONXOFF = 2,
        FLOW_RTSCTS = 3,
        DTR_QUERY = 7,
        DTR_ON = 8,
        DTR_OFF = 9,
        RTS_QUERY = 10,
        RTS_ON = 11,
        RTS_OFF = 12,
        IN_FLOW_QUERY = 13,
        IN_FLOW_NONE = 14,
        IN_FLOW_RTSCTS = 16,
        IN_FLOW_OFFSET = 13,
};
enum { CTS = 0x10, DSR = 0x20, RI = 0x40, DCD = 0x80, D_CTS = 1, D_DSR = 2, RI_ENDED = 4, D_DCD = 8 };

static const char *const parities[] = {"none", "odd", "even", "mark", "space"};
static const char *const flows[] = {"none", "xonxoff", "rtscts"};

void tb_comport_init(TbComPort *port)
{
        *port = (TbComPort){115200, 8, 1, 1, FLOW_NONE, true, true, false};
}

static guint32 number(const guint8 *value, gsize size)
{
        return size >= 4
                       ? (guint32)value[0] << 24 | (guint32)value[1] << 16 | (guint32)value[2] << 8 | value[3]
                       : 0;
}

static json_t *control_params(guint8 value)
{
        switch (value) {
        case FLOW_NONE:
        case FLOW_XONXOFF:
        case FLOW_RTSCTS: return json_pack("{s:s}", "flow", flows[value - FLOW_NONE]);
        case DTR_ON:
        case DTR_OFF: return json_pack("{s:b}", "dtr", value == DTR_ON);
        case RTS_ON:
        case RTS_OFF: return json_pack("{s:b}", "rts", value == RTS_ON);
        default: return NULL; /* one flow control for both directions: ours goes by the outgoing one */
        }
}

json_t *tb_comport_params(guint8 code, const guint8 *value, gsize size)
{
        guint8 first = size > 0 ? value[0] : 0;
        if (code == TB_COM_BAUD)
                return number(value, size) ? json_pack("{s:I}", "baud", (json_int_t)number(value, size))
                                           : NULL;
        if (first == 0)
                return NULL; /* a query */
        switch (code) {
        case TB_COM_DATA_BITS: return json_pack("{s:i}", "data_bits", first);
        case TB_COM_PARITY:
                return first <= G_N_ELEMENTS(parities) ? json_pack("{s:s}", "parity", parities[first - 1])
                                                       : NULL;
        case TB_COM_STOP_BITS: return first <= 2 ? json_pack("{s:i}", "stop_bits", first) : NULL;
        case TB_COM_CONTROL: return control_params(first);
        default: return NULL;
        }
}

static void take_name(const json_t *from, const char *field, const char *const *names, gsize n, guint8 *ret)
{
        const char *name = json_string_value(json_object_get(from, field));
        for (gsize i = 0; name && i < n; i++)
                if (strcmp(name, names[i]) == 0)
                        *ret = (guint8)(i + 1);
}

static void take_number(const json_t *from, const char *field, guint8 *ret)
{
        const json_t *v = json_object_get(from, field);
        if (json_is_integer(v))
                *ret = (guint8)json_integer_value(v);
}

static void take_level(const json_t *from, const char *field, bool *ret)
{
        const json_t *v = json_object_get(from, field);
        if (json_is_boolean(v)) /* null: nobody knows */
                *ret = json_is_true(v);
}

void tb_comport_update(TbComPort *port, const json_t *settings)
{
        const json_t *baud = json_object_get(settings, "baud");
        if (json_is_integer(baud))
                port->baud = (guint32)json_integer_value(baud);
        take_number(settings, "data_bits", &port->data_bits);
        take_number(settings, "stop_bits", &port->stop_bits);
        take_name(settings, "parity", parities, G_N_ELEMENTS(parities), &port->parity);
        take_name(settings, "flow", flows, G_N_ELEMENTS(flows), &port->flow);
        take_level(settings, "dtr", &port->dtr);
        take_level(settings, "rts", &port->rts);
}

static guint8 control_answer(const TbComPort *port, guint8 asked)
{
        if (asked >= TB_COM_BREAK_QUERY && asked <= TB_COM_BREAK_OFF)
                return port->breaking ? TB_COM_BREAK_ON : TB_COM_BREAK_OFF;
        if (asked >= DTR_QUERY && asked <= DTR_OFF)
                return port->dtr ? DTR_ON : DTR_OFF;
        if (asked >= RTS_QUERY && asked <= RTS_OFF)
                return port->rts ? RTS_ON : RTS_OFF;
        if (asked >= IN_FLOW_QUERY && asked <= IN_FLOW_RTSCTS)
                return (guint8)(port->flow + IN_FLOW_OFFSET);
        return port->flow;
}

gsize tb_comport_answer(const TbComPort *port, guint8 code, const guint8 *asked, gsize size,
                        guint8 *ret_value)
{
        switch (code) {
        case TB_COM_BAUD:
                for (int i = 0; i < 4; i++)
                        ret_value[i] = (guint8)(port->baud >> (24 - 8 * i));
                return 4;
        case TB_COM_DATA_BITS: *ret_value = port->data_bits; return 1;
        case TB_COM_PARITY: *ret_value = port->parity; return 1;
        case TB_COM_STOP_BITS: *ret_value = port->stop_bits; return 1;
        case TB_COM_CONTROL: *ret_value = control_answer(port, size > 0 ? asked[0] : 0); return 1;
        case TB_COM_LINE_MASK:
        case TB_COM_MODEM_MASK:
        case TB_COM_PURGE: *ret_value = size > 0 ? asked[0] : 0; return 1;
        default: return 0;
        }
}

static guint8 level(const json_t *lines, const char *name, guint8 bit, bool unknown)
{
        const json_t *v = json_object_get(lines, name);
        return (json_is_boolean(v) ? json_is_true(v) : unknown) ? bit : 0;
}

guint8 tb_comport_modem(const json_t *lines, guint8 before)
{
        guint8 now = level(lines, "cts", CTS, true) | level(lines, "dsr", DSR, true) |
                     level(lines, "dcd", DCD, true) | level(lines, "ri", RI, false);
        guint8 changed = now ^ before;
        return now | (changed & CTS ? D_CTS : 0) | (changed & DSR ? D_DSR : 0) | (changed & DCD ? D_DCD : 0) |
               (changed & before & RI ? RI_ENDED : 0);
}

guint8 tb_comport_line(const json_t *errors)
{
        static const char *const names[] = {"overrun", "parity", "framing", "break"};
        guint8 bits = 0;
        for (guint i = 0; i < G_N_ELEMENTS(names); i++)
                if (json_integer_value(json_object_get(errors, names[i])) > 0)
                        bits |= (guint8)(2u << i);
        return bits;
}
