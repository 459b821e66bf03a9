/* Instruments that speak SCPI over a raw socket or USBTMC: asked, read as streams, and their output as power. */
#include <string.h>

#include "drivers/scpi/scpi_link.h"
#include "drivers/scpi/scpi_proto.h"
#include "drivers/transport/polled.h"
#include "drivers/transport/usbrule.h"
#include "lib/limits.h"

#define MISSES 3
#define ERRORS_MOST 16 /* of its queue that are read after one command */
#define WHY_US 1000000 /* of a deadline that is kept to ask a silent instrument for its error */

enum { LANE_ASKED, LANE_STREAMS, LANE_OUTPUT, LANE_BOTH };

typedef struct Scpi {
        TbScpiLink link;
        TbDeclared *rows; /* owned */
        guint n;
        TbPolled poll;
        char *identity;               /* owned; of the one that was attached, from its first answer on */
        const char *output, *channel; /* borrowed from the parameters; NULL: none */
        int timeout_ms;
        bool errors;
} Scpi;

static TbInstance *instance(Scpi *s)
{
        return &s->link.line.base;
}

static const TbDeclaredField fields[] = {
        {.name = "query", .type = JSON_STRING, .required = true, .min = 1, .max = TB_LIMIT_SCPI_MESSAGE},
        {.name = "index", .type = JSON_INTEGER, .min = 0, .max = 9999},
        {.name = NULL},
};

static const TbParam params[] = {
        TB_LINE_PARAMS,
        TB_USBRULE_PARAM,
        TB_DECLARED_PARAM(
                "{\"stream\": \"rail\", \"query\": \"MEAS:VOLT?\", \"unit\": \"V\"}; index: which value of "
                "an answer with several, from 0"),
        {.name = "output",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 256,
         .help = "the command that switches its output, OUTP: then it is power (OUTP ON, OUTP OFF, read by "
                 "OUTP?)"},
        {.name = "channel",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 64,
         .help = "which output, as the instrument calls it: CH1 (OUTP CH1,ON) or (@1) (OUTP ON,(@1))"},
        {.name = "errors",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "false: it has no SYST:ERR? to be asked after a command"},
        {.name = "timeout_ms",
         .type = TB_PARAM_INT,
         .min = 50,
         .max = 60000,
         .fallback = "2000",
         .unit = "ms",
         .help = "how long a reading may take"},
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

/* --- one message --- */
/* Whatever comes later on this connection could be taken for the next answer: core opens another. */
static void out_of_step(Scpi *s)
{
        tb_scpi_link_close(instance(s));
}

/* An instrument that refuses a query says nothing, and why in its queue. It answers in order, so an error that is said now means that the
 * query will not be answered any more: true, we are in step. A late answer that came instead has not that form, but that of a SYST:ERR?. */
static bool ask_why(Scpi *s, TbIo *io, const char *message, GError **error)
{
        int code = 0;
        g_autofree char *reply = NULL, *words = NULL, *upper = g_ascii_strup(message, -1),
                        *status = tb_scpi_link_status(&s->link, io);
        if (s->errors && tb_scpi_link_send(&s->link, io, "SYST:ERR?", WHY_US / 1000, NULL))
                reply = tb_scpi_link_receive(&s->link, io, WHY_US / 1000, NULL);
        g_clear_error(error);
        if (reply && !strstr(upper, "ERR") && tb_scpi_parse_error(reply, &code, &words) && code != 0) {
                tb_set_error(error, TB_ERROR_DEVICE, "the instrument refused \"%s\": %s (%d)", message, words,
                             code);
                return true;
        }
        tb_set_error(error, TB_ERROR_TIMEOUT,
                     "%s: no answer to \"%s\" in time%s%s%s: is it a query of this instrument, does it take "
                     "longer? The "
                     "connection is opened anew",
                     instance(s)->uri->shown, message, status ? " (" : "", status ? status : "",
                     status ? ")" : "");
        return false;
}

static char *ask(Scpi *s, TbIo *io, const char *message, int timeout_ms, GError **error)
{
        g_autoptr(GError) why = NULL;
        bool in_pump = io->in_pump;
        char *reply = NULL;
        io->in_pump = false; /* an answer that was asked for is waited for: a command comes after it */
        if (tb_scpi_link_send(&s->link, io, message, timeout_ms, &why) &&
            !(reply = tb_scpi_link_receive(&s->link, io, timeout_ms, &why))) {
                if (!g_error_matches(why, TB_ERROR, TB_ERROR_TIMEOUT) || !ask_why(s, io, message, &why))
                        out_of_step(s);
        }
        io->in_pump = in_pump;
        if (!reply)
                g_propagate_error(error, g_steal_pointer(&why));
        return reply;
}

/* Reads its queue to the end; the first one is what refused the command. */
static bool accepted(Scpi *s, TbIo *io, const char *message, GError **error)
{
        g_autofree char *first = NULL;
        int first_code = 0, code = s->errors;
        for (guint i = 0; i < ERRORS_MOST && code != 0; i++) {
                g_autofree char *words = NULL, *reply = ask(s, io, "SYST:ERR?", s->timeout_ms, error);
                if (!reply)
                        return false;
                if (!tb_scpi_parse_error(reply, &code, &words)) {
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "%s answers SYST:ERR? with \"%.64s\": has it none? Then errors=false",
                                     instance(s)->uri->shown, reply);
                        return false;
                }
                if (code != 0 && !first) {
                        first = g_steal_pointer(&words);
                        first_code = code;
                }
        }
        if (first)
                tb_set_error(error, TB_ERROR_DEVICE, "the instrument refused \"%s\": %s (%d)", message, first,
                             first_code);
        return first == NULL;
}

static bool command(Scpi *s, TbIo *io, const char *message, GError **error)
{
        return tb_scpi_link_send(&s->link, io, message, s->timeout_ms, error) &&
               accepted(s, io, message, error);
}

/* --- instrument --- */
static bool query(TbInstance *self, TbIo *io, const char *message, char **ret_reply, GError **error)
{
        Scpi *s = (Scpi *)self;
        if (!tb_scpi_message_check(message, "query", error))
                return false;
        if (!tb_scpi_is_query(message))
                return command(s, io, message, error);
        gint64 left_us = io->deadline_us == G_MAXINT64 ? (gint64)s->timeout_ms * 1000
                                                       : io->deadline_us - g_get_monotonic_time();
        left_us -= MIN(left_us / 4, WHY_US); /* kept for asking why */
        g_autofree char *reply = ask(s, io, message, (int)(MAX(left_us, 0) / 1000), error);
        if (!reply || (tb_scpi_is_compound(message) && !accepted(s, io, message, error)))
                return false;
        *ret_reply = g_steal_pointer(&reply);
        return true;
}

/* --- sensors --- */
static bool sample(TbInstance *self, TbIo *io, GError **error)
{
        Scpi *s = (Scpi *)self;
        g_autofree char *reply = NULL;
        g_autoptr(GError) first = NULL;
        const char *asked = NULL;
        for (guint i = 0; i < s->n; i++) {
                const TbDeclared *row = &s->rows[i];
                const char *text = tb_declared_text(row, "query");
                g_autoptr(GError) why = NULL;
                double value = 0;
                if (g_strcmp0(text, asked) != 0) { /* rows of one query behind each other are one question */
                        g_free(reply);
                        reply = ask(s, io, asked = text, s->timeout_ms, &why);
                }
                if (reply && tb_scpi_parse_number(reply, (guint)tb_declared_number(row, "index", 0), &value))
                        tb_declared_tell(self, row, value, 0);
                else if (reply)
                        tb_set_error(&why, TB_ERROR_DEVICE,
                                     "stream %s: \"%s\" answers \"%.64s\", no number there", row->stream,
                                     text, reply);
                if (why && !first)
                        first = g_steal_pointer(&why);
                if (!reply)
                        break; /* out of step: opened anew */
        }
        if (!first)
                return true;
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
}

/* --- power --- */
static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        Scpi *s = (Scpi *)self;
        g_autofree char *message = g_strdup_printf("%s?%s%s", s->output, s->channel ? " " : "",
                                                   s->channel ? s->channel : ""),
                        *reply = ask(s, io, message, s->timeout_ms, error);
        int on = reply ? tb_scpi_parse_switch(reply) : -1;
        if (!reply)
                return false;
        if (on < 0) {
                tb_set_error(error, TB_ERROR_DEVICE, "\"%s\" answers \"%.64s\", neither on nor off", message,
                             reply);
                return false;
        }
        *ret = (TbPowerState){on ? TB_POWER_ON : TB_POWER_OFF, NAN, NAN, NAN, NAN, false};
        return true;
}

static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        Scpi *s = (Scpi *)self;
        const char *word = on ? "ON" : "OFF", *channel = s->channel;
        g_autofree char *message = !channel          ? g_strdup_printf("%s %s", s->output, word)
                                   : *channel == '(' ? g_strdup_printf("%s %s,%s", s->output, word, channel)
                                                     : g_strdup_printf("%s %s,%s", s->output, channel, word);
        return command(s, io, message, error);
}

/* --- the lane --- */
static bool identify(Scpi *s, TbIo *io, GError **error)
{
        const char *shown = instance(s)->uri->shown;
        g_autofree char *reply = ask(s, io, "*IDN?", s->timeout_ms, error),
                        *identity = reply ? tb_scpi_parse_identity(reply) : NULL;
        if (!reply)
                return false;
        if (!identity) {
                tb_set_error(
                        error, TB_ERROR_DEVICE,
                        "what answers at %s says \"%.64s\" to *IDN?: is it an instrument that speaks SCPI?",
                        shown, reply);
                return false;
        }
        if (s->identity && strcmp(identity, s->identity) != 0) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "another instrument answers at %s (%s, it was %s): it is left alone; if that is "
                             "meant, "
                             "attach it again",
                             shown, identity, s->identity);
                return false;
        }
        if (!s->identity)
                s->identity = g_steal_pointer(&identity);
        return true;
}

static bool scpi_open(TbInstance *self, TbIo *io, GError **error)
{
        Scpi *s = (Scpi *)self;
        const json_t *p = self->params;
        s->output = json_string_value(json_object_get(p, "output"));
        s->channel = json_string_value(json_object_get(p, "channel"));
        s->timeout_ms = (int)json_integer_value(json_object_get(p, "timeout_ms"));
        s->errors = json_is_true(json_object_get(p, "errors"));
        s->rows = tb_declared_of(json_object_get(p, "streams"), &s->n);
        tb_polled_init(&s->poll, self, MISSES);
        return tb_scpi_link_open(self, io, error) && identify(s, io, error) &&
               (!s->output || tb_polled_first(self, io, get, error));
}

static void scpi_close(TbInstance *self)
{
        Scpi *s = (Scpi *)self;
        g_clear_pointer(&s->rows, g_free);
        tb_scpi_link_close(self);
}

static void scpi_finalize(TbInstance *self)
{
        g_free(((Scpi *)self)->identity);
}

static bool output_pump(TbInstance *self, TbIo *io, GError **error)
{
        Scpi *s = (Scpi *)self;
        if (!tb_scpi_link_is_open(&s->link))
                return tb_scpi_link_pump(self, io, error); /* says so */
        return tb_polled_power(&s->poll, self, io, false, get, error);
}

static bool check(const TbUri *uri, json_t *p, GError **error)
{
        static const char *const texts[] = {"output", "channel"};
        json_t *streams = json_object_get(p, "streams"), *entry;
        gsize i;
        if (!tb_declared_check(streams, fields, error))
                return false;
        json_array_foreach (streams, i, entry) {
                const char *message = json_string_value(json_object_get(entry, "query"));
                if (!tb_scpi_message_check(message, "streams", error))
                        return false;
                if (!tb_scpi_is_query(message)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "streams",
                                           "streams[%zu]: \"%s\" is no query: it would not be answered", i,
                                           message);
                        return false;
                }
        }
        for (guint k = 0; k < G_N_ELEMENTS(texts); k++) {
                const char *text = json_string_value(json_object_get(p, texts[k]));
                if (text && !tb_scpi_message_check(text, texts[k], error))
                        return false;
        }
        if (json_object_get(p, "channel") && !json_object_get(p, "output")) {
                tb_error_set_field(error, TB_ERROR_INVALID, "channel",
                                   "a channel is one of an \"output\": name it, too");
                return false;
        }
        return tb_scpi_link_check(uri, p, error);
}

static guint lanes_of(const TbUri *uri G_GNUC_UNUSED, json_t *p)
{
        bool streams = json_object_get(p, "streams"), output = json_object_get(p, "output");
        return 1U << (streams && output ? LANE_BOTH
                      : output          ? LANE_OUTPUT
                      : streams         ? LANE_STREAMS
                                        : LANE_ASKED);
}

static bool offer(const TbLanSeen *seen, TbLanOffer *ret_offer)
{
        return tb_lan_offer(seen, "instrument", g_strdup_printf("scpi://%s:%u", seen->address, seen->port),
                            g_strdup_printf("Instrument, %s", seen->name),
                            g_strdup_printf("an instrument announces SCPI by mDNS as %s", seen->host),
                            ret_offer);
}

static const TbInstrumentOps instrument = {.query = query};
static const TbPowerOps power = {.set = set, .get = get};
static const TbSensorOps sensors = {.interval_ms = 1000, .sample = sample};

#define SCPI_LANE                                                                                            \
        .size = sizeof(Scpi), .open = scpi_open, .close = scpi_close, .finalize = scpi_finalize,             \
        .instrument = &instrument
static const TbLane lanes[] = {
        [LANE_ASKED] = {.name = "instrument", SCPI_LANE, .pump = tb_scpi_link_pump},
        [LANE_STREAMS] = {.name = "streams", SCPI_LANE, .pump = tb_scpi_link_pump, .sensors = &sensors},
        [LANE_OUTPUT] = {.name = "output", SCPI_LANE, .pump = output_pump, .power = &power},
        [LANE_BOTH] =
                {.name = "supply", SCPI_LANE, .pump = output_pump, .power = &power, .sensors = &sensors},
        {.name = NULL},
};
static const TbLanService services[] = {{"_scpi-raw._tcp", offer}, {NULL, NULL}};

const TbDriver tb_driver_scpi = {
        .name = "scpi",
        .summary = "Instruments that speak SCPI over TCP or USB (USBTMC): asked, read as sensors, their "
                   "output as power.",
        .example =
                "scpi://"
                "10.0.0.7:5025?output=OUTP&streams=[{\"stream\":\"rail\",\"query\":\"MEAS:VOLT?\",\"unit\":"
                "\"V\"}]",
        .params = params,
        .check = check,
        .lanes_of = lanes_of,
        .lanes = lanes,
        .discovery = &tb_scpi_discovery,
        .services = services,
};
