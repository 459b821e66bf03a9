#pragma once
/*
 * A switched outlet that is asked, mostly by HTTP: everything but its dialect. A driver says who answers, how the state
 * is read and how it is switched; address, password, polling, identity, samples and texts are here.
 *
 *      static const TbPlugModel model = {TB_PLUG_LANES, .what = "Acme", .read = read_state, .set = set_state};
 *      const TbDriver tb_driver_acme = {.name = "acme", …, TB_PLUG_DRIVER, .lanes = model.lanes};
 *
 * Its functions run on the worker and wait only in tb_http_device_*(); what they parse is pure, in
 * <name>_proto.c. Core reads back after a switch: `set` only says what the device refused.
 */
#include "drivers/transport/http_device.h"
#include "drivers/transport/polled.h"
#include "drivers/transport/reading.h"

#define TB_PLUG_OUTPUTS 64  /* more than any of them has */
#define TB_PLUG_ID 64       /* bytes of an identity, NUL included */
#define TB_PLUG_READINGS 16 /* rows of a table */
#define TB_PLUG_KNOWN 4     /* looks between two questions who it is */

/* Rows that every plug may have; the streams that fill the power state. */
#define TB_READING_WATTS(where)                                                                              \
        {                                                                                                    \
                "power.watts", "power", "W", where, 1                                                        \
        }
#define TB_READING_VOLTS(where)                                                                              \
        {                                                                                                    \
                "power.volts", "voltage", "V", where, 1                                                      \
        }
#define TB_READING_AMPS(where)                                                                               \
        {                                                                                                    \
                "power.amps", "current", "A", where, 1                                                       \
        }
#define TB_READING_ENERGY(where, to_wh)                                                                      \
        {                                                                                                    \
                "power.energy", "energy", "W.h", where, to_wh                                                \
        }
#define TB_READING_CELSIUS(where)                                                                            \
        {                                                                                                    \
                "temperature", "temperature", "Cel", where, 1                                                \
        }

typedef struct TbPlugState {
        TbPowerState power;
        const TbReading *rows; /* borrowed; NULL: nothing is measured */
        double values[TB_PLUG_READINGS];
} TbPlugState;

typedef struct TbPlug {
        TbInstance base;
        TbHttpDevice http;
        TbPolled poll;
        int output;          /* counted from 0 */
        bool opens;          /* the first look runs */
        int dialect;         /* the model's own; what `identify` found; 0 before */
        char id[TB_PLUG_ID]; /* who answered first at this address; "": nobody yet */
        int known;           /* looks until it is asked again who it is */
} TbPlug;

typedef struct TbPlugModel {
        TbLane lanes[2];  /* TB_PLUG_LANES */
        const char *what; /* "Shelly": in texts */
        const char *user; /* what the maker calls its user; NULL: none */
        int port;         /* where it listens when the URI names none; 0: that of http */
        /* What it needs besides an address, before all else; and its end, also of an open() that failed. NULL: nothing. */
        bool (*open)(TbPlug *plug, TbIo *io, GError **error);
        void (*close)(TbPlug *plug);
        /* Who is there; may set plug->dialect. Its id is kept: another device at the same address (a lease that moved, a plug that
         * was exchanged between two looks) is a fault, and is not switched in its place. NULL: it cannot say. */
        bool (*identify)(TbPlug *plug, TbIo *io, char ret_id[TB_PLUG_ID], GError **error);
        /* The id alone, by one request: before each switch, and with every TB_PLUG_KNOWN-th look. NULL: by `identify`. */
        bool (*who)(TbPlug *plug, TbIo *io, char ret_id[TB_PLUG_ID], GError **error);
        bool (*read)(TbPlug *plug, TbIo *io, TbPlugState *ret, GError **error);
        bool (*set)(TbPlug *plug, TbIo *io, bool on, GError **error);
} TbPlugModel;

/* The state at `on` and the measurements of `rows` (NULL: none) in an answer. DEVICE: no state stands there;
 * UNPROCESSABLE: the list there has no such output. Pure. */
bool tb_plug_parse(const json_t *answer, const char *on, const TbReading *rows, int output, TbPlugState *ret,
                   GError **error);
/* The measurements alone, into a state that has its switch: `rows` (NULL: none) at their places in `answer`. Pure. */
void tb_plug_measure(const json_t *answer, const TbReading *rows, int output, TbPlugState *state);
/* An identity out of a JSON string; "" is none. Pure. */
bool tb_plug_take_id(const json_t *value, char ret_id[TB_PLUG_ID]);

/* The rows of every plug's table: a driver with further ones has a table of its own. */
#define TB_PLUG_OUTPUT_PARAM                                                                                 \
        {                                                                                                    \
                .name = "output", .type = TB_PARAM_INT, .min = 0, .max = TB_PLUG_OUTPUTS - 1,                \
                .fallback = "0", .help = "which output (relay) of the device, counted from 0"                \
        }
#define TB_PLUG_INTERVAL_PARAM                                                                               \
        {                                                                                                    \
                .name = "interval_ms", .type = TB_PARAM_INT, .min = 1000, .max = 3600000,                    \
                .fallback = "5000", .unit = "ms", .help = "pause between two measurements"                   \
        }
#define TB_PLUG_PARAMS TB_PLUG_OUTPUT_PARAM, TB_HTTP_DEVICE_PARAMS, TB_POLLED_PARAM, TB_PLUG_INTERVAL_PARAM
extern const TbParam tb_plug_params[]; /* output, user, password, timeout_ms, poll_ms, interval_ms */
extern const TbPowerOps tb_plug_power;
extern const TbSensorOps tb_plug_sensors;
bool tb_plug_open(TbInstance *self, TbIo *io, GError **error);
void tb_plug_close(TbInstance *self);
bool tb_plug_pump(TbInstance *self, TbIo *io, GError **error);

#define TB_PLUG_LANES TB_PLUG_LANES_OF(TbPlug)
/* `State` begins with a TbPlug. */
#define TB_PLUG_LANES_OF(State)                                                                              \
        {                                                                                                    \
                {.name = "plug",                                                                             \
                 .size = sizeof(State),                                                                      \
                 .open = tb_plug_open,                                                                       \
                 .close = tb_plug_close,                                                                     \
                 .pump = tb_plug_pump,                                                                       \
                 .power = &tb_plug_power,                                                                    \
                 .sensors = &tb_plug_sensors},                                                               \
                        {.name = NULL},                                                                      \
        }
#define TB_PLUG_DRIVER .params = tb_plug_params, .check = tb_http_device_check
