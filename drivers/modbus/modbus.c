/* Modbus devices, RTU and TCP: registers as streams, a coil as power. libmodbus makes and checks the frames; the waiting is TbIo's. */
#include <errno.h>
#include <fcntl.h>
#include <modbus/modbus.h>
#include <string.h>

#include "drivers/modbus/modbus_proto.h"
#include "drivers/transport/line.h"
#include "drivers/transport/polled.h"
#include "lib/descriptors.h"
#include "lib/limits.h"

#define REST_US 200000 /* for the rest of an answer that has begun */
#define MISSES 3

enum { LANE_STREAMS, LANE_COIL, LANE_BOTH };

typedef struct Slave {
        TbLine line;
        modbus_t *frames; /* owned */
        int fd; /* owned; the line once more, for the library, which waits by select(); -1: closed */
        GArray *rows, *blocks;
        TbPolled poll;
        int slave, coil, timeout_ms; /* coil -1: none */
        bool inverted;
} Slave;

static const TbParam params[] = {
        TB_LINE_PARAMS,
        TB_TTY_PARAMS("19200"),
        {.name = "slave",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 255,
         .fallback = "1",
         .help = "the device's number on its bus (unit identifier)"},
        TB_DECLARED_PARAM("{\"stream\": \"mains\", \"register\": 0, \"table\": \"input\", \"type\": \"f32\", "
                          "\"order\": \"abcd\", \"unit\": \"V\"}; table: "
                          "holding, input, coils, discrete; type: u16 i16 u32 i32 f32 u64 i64 f64; order: "
                          "abcd badc cdab dcba; bit; slave"),
        {.name = "coil",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 65535,
         .help = "the coil that switches, counted from 0: then it is power"},
        {.name = "inverted",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "the coil is set when it is off"},
        {.name = "timeout_ms",
         .type = TB_PARAM_INT,
         .min = 50,
         .max = 30000,
         .fallback = "1000",
         .unit = "ms",
         .help = "how long an answer may take"},
        TB_POLLED_PARAM,
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SENSOR_MS_MIN,
         .max = 3600000,
         .fallback = "1000",
         .unit = "ms",
         .help = "pause between two readings"},
        TB_PARAM_END,
};

static bool is_serial(const TbUri *uri)
{
        return uri->port <= 0;
}

/* --- one request --- */
static void hang_up(Slave *s)
{
        modbus_set_socket(s->frames, -1); /* it is not the library's */
        tb_descriptors_low_close(s->fd);
        s->fd = -1;
        tb_line_close(&s->line.base);
}

static bool lost(Slave *s, GError **error)
{
        tb_set_error(error, TB_ERROR_GONE,
                     "%s: slave %d: no answer that is one: is its number right, %s, has it power?",
                     s->line.base.uri->shown, s->slave,
                     is_serial(s->line.base.uri) ? "are speed and parity"
                                                 : "does Modbus TCP listen at this port");
        hang_up(s); /* a late answer would be taken for the next one's */
        return false;
}

/* `pdu` with its function code; *ret_pdu is in `answer`. */
static bool ask(Slave *s, TbIo *io, int slave, const guint8 *pdu, guint size,
                guint8 answer[MODBUS_MAX_ADU_LENGTH], const guint8 **ret_pdu, gsize *ret_size, GError **error)
{
        guint8 request[16] = {(guint8)slave};
        const char *shown = s->line.base.uri->shown;
        if (!s->line.link) {
                tb_set_error(error, TB_ERROR_GONE, "%s did not answer: the line is opened anew", shown);
                return false;
        }
        memcpy(request + 1, pdu, size);
        modbus_set_slave(s->frames, slave);
        modbus_flush(s->frames);
        if (modbus_send_raw_request(s->frames, request, (int)size + 1) < 0) {
                tb_set_error(error, TB_ERROR_GONE, "%s: %s", shown, modbus_strerror(errno));
                hang_up(s);
                return false;
        }
        struct pollfd p = {.fd = tb_transport_fd(s->line.link), .events = POLLIN};
        TbWait waited = tb_io_wait(io, &p, 1, s->timeout_ms);
        if (waited == TB_WAIT_STOP) {
                hang_up(s);
                return tb_io_fail(waited, shown, error);
        }
        int n = waited == TB_WAIT_READY ? modbus_receive_confirmation(s->frames, answer) : -1;
        int head = modbus_get_header_length(s->frames);
        if (n <= head + 1 || answer[head - 1] != slave)
                return lost(s, error);
        *ret_pdu = answer + head;
        *ret_size = (gsize)(n - head) - (is_serial(s->line.base.uri) ? 2 : 0); /* its checksum */
        return true;
}

static bool refused(Slave *s, int slave, const char *what, guint address, const char *why, GError **error)
{
        tb_set_error(error, TB_ERROR_DEVICE, "%s: slave %d, %s %u: %s", s->line.base.uri->shown, slave, what,
                     address, why);
        return false;
}

static bool read_table(Slave *s, TbIo *io, const TbModbusBlock *b, guint8 answer[MODBUS_MAX_ADU_LENGTH],
                       const guint8 **ret_data, GError **error)
{
        static const char *const names[] = {
                [1] = "coil", [2] = "discrete input", [3] = "holding register", [4] = "input register"};
        const guint8 pdu[] = {(guint8)b->table, (guint8)(b->address >> 8), (guint8)b->address,
                              (guint8)(b->count >> 8), (guint8)b->count};
        const guint8 *reply = NULL;
        gsize size = 0;
        if (!ask(s, io, b->slave, pdu, sizeof pdu, answer, &reply, &size, error))
                return false;
        const char *why = tb_modbus_reply(reply, size, (int)b->table, b->count, ret_data);
        return !why || refused(s, b->slave, names[b->table], b->address, why, error);
}

/* --- sensors --- */
static bool sample(TbInstance *self, TbIo *io, GError **error)
{
        Slave *s = (Slave *)self;
        guint8 answer[MODBUS_MAX_ADU_LENGTH];
        g_autoptr(GError) first = NULL;
        for (guint i = 0; i < s->blocks->len; i++) {
                const TbModbusBlock *b = &g_array_index(s->blocks, TbModbusBlock, i);
                const guint8 *data = NULL;
                g_autoptr(GError) why = NULL;
                if (!read_table(s, io, b, answer, &data, &why)) {
                        if (!first)
                                first = g_error_copy(why);
                        if (!g_error_matches(why, TB_ERROR, TB_ERROR_DEVICE))
                                break; /* the others would not be answered either */
                        continue;
                }
                for (guint k = b->first; k < b->first + b->n; k++) {
                        const TbModbusRow *row = &g_array_index(s->rows, TbModbusRow, k);
                        tb_declared_tell(self, &row->declared, tb_modbus_value(row, b, data), 0);
                }
        }
        if (first)
                g_propagate_error(error, g_steal_pointer(&first));
        return first == NULL && (!error || !*error);
}

/* --- power --- */
static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        Slave *s = (Slave *)self;
        guint8 answer[MODBUS_MAX_ADU_LENGTH];
        const guint8 *data = NULL;
        const TbModbusBlock one = {s->slave, TB_MODBUS_COILS, (guint16)s->coil, 1, 0, 0};
        if (!read_table(s, io, &one, answer, &data, error))
                return false;
        *ret = (TbPowerState){
                (data[0] & 1) != s->inverted ? TB_POWER_ON : TB_POWER_OFF, NAN, NAN, NAN, NAN, false};
        return true;
}

static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        Slave *s = (Slave *)self;
        guint8 answer[MODBUS_MAX_ADU_LENGTH];
        const guint8 *reply = NULL;
        gsize size = 0;
        const guint8 pdu[] = {5, (guint8)(s->coil >> 8), (guint8)s->coil, on != s->inverted ? 0xff : 0, 0};
        if (!ask(s, io, s->slave, pdu, sizeof pdu, answer, &reply, &size, error))
                return false;
        if (size == sizeof pdu && memcmp(reply, pdu, 3) == 0) /* what it says of the value is read back */
                return true;
        return refused(s, s->slave, "coil", (guint)s->coil, tb_modbus_refusal(reply, size, pdu[0]), error);
}

/* --- the lane --- */
static bool slave_open(TbInstance *self, TbIo *io, GError **error)
{
        Slave *s = (Slave *)self;
        json_t *p = self->params, *coil = json_object_get(p, "coil");
        s->slave = (int)json_integer_value(json_object_get(p, "slave"));
        s->coil = coil ? (int)json_integer_value(coil) : -1;
        s->inverted = json_is_true(json_object_get(p, "inverted"));
        s->timeout_ms = (int)json_integer_value(json_object_get(p, "timeout_ms"));
        tb_modbus_plan(json_object_get(p, "streams"), s->slave, &s->rows, &s->blocks);
        tb_polled_init(&s->poll, self, MISSES);
        s->fd = -1;
        s->frames = is_serial(self->uri) ? modbus_new_rtu("/dev/null", 19200, 'N', 8, 1)
                                         : modbus_new_tcp("127.0.0.1", 502);
        if (!s->frames) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: %s", self->uri->shown, modbus_strerror(errno));
                return false;
        }
        modbus_set_response_timeout(s->frames, 0, REST_US);
        modbus_set_byte_timeout(s->frames, 0, REST_US);
        if (!tb_line_open(self, io, error))
                return false;
        s->fd = tb_descriptors_low_take(fcntl(tb_transport_fd(s->line.link), F_DUPFD_CLOEXEC, 3), error);
        if (s->fd < 0) {
                tb_error_prefix(error, "%s: ", self->uri->shown);
                return false;
        }
        modbus_set_socket(s->frames, s->fd);
        return (s->coil < 0 || tb_polled_first(self, io, get, error));
}

static void slave_close(TbInstance *self)
{
        Slave *s = (Slave *)self;
        if (s->frames)
                hang_up(s);
        g_clear_pointer(&s->frames, modbus_free);
        g_clear_pointer(&s->rows, g_array_unref);
        g_clear_pointer(&s->blocks, g_array_unref);
}

static bool coil_pump(TbInstance *self, TbIo *io, GError **error)
{
        Slave *s = (Slave *)self;
        if (!s->line.link)
                return lost(s, error);
        return tb_polled_power(&s->poll, self, io, true, get, error);
}

static bool check(const TbUri *uri, json_t *p, GError **error)
{
        json_t *streams = json_object_get(p, "streams"), *coil = json_object_get(p, "coil");
        if (!streams && !coil) {
                tb_error_set_field(error, TB_ERROR_INVALID, "streams",
                                   "say what is read (\"streams\"), or which \"coil\" switches");
                return false;
        }
        return tb_modbus_check(streams, error) && tb_line_check(uri, p, error);
}

static guint lanes_of(const TbUri *uri G_GNUC_UNUSED, json_t *p)
{
        bool streams = json_object_get(p, "streams"), coil = json_object_get(p, "coil");
        return 1U << (streams && coil ? LANE_BOTH : coil ? LANE_COIL : LANE_STREAMS);
}

static const TbPowerOps power = {.set = set, .get = get};
static const TbSensorOps sensors = {.interval_ms = 1000, .sample = sample};
static const TbLane lanes[] = {
        [LANE_STREAMS] = {.name = "streams",
                          .size = sizeof(Slave),
                          .open = slave_open,
                          .close = slave_close,
                          .pump = tb_line_pump,
                          .sensors = &sensors},
        [LANE_COIL] = {.name = "coil",
                       .size = sizeof(Slave),
                       .open = slave_open,
                       .close = slave_close,
                       .pump = coil_pump,
                       .power = &power},
        [LANE_BOTH] = {.name = "device",
                       .size = sizeof(Slave),
                       .open = slave_open,
                       .close = slave_close,
                       .pump = coil_pump,
                       .power = &power,
                       .sensors = &sensors},
        {.name = NULL},
};

const TbDriver tb_driver_modbus = {
        .name = "modbus",
        .summary = "Modbus devices, RTU and TCP: registers as sensors, a coil as power.",
        .example = "modbus://"
                   "10.0.0.7:502?slave=1&streams=[{\"stream\":\"mains\",\"register\":0,\"table\":\"input\","
                   "\"unit\":\"V\",\"scale\":0.1}]",
        .params = params,
        .check = check,
        .lanes_of = lanes_of,
        .lanes = lanes,
};
