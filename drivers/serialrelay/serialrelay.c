/* Relay boards on a serial line: LCUS (CH340), Numato, KMTronic, and others by templates. */
#include "drivers/serialrelay/board.h"
#include "drivers/serialrelay/serialrelay_proto.h"
#include "drivers/transport/polled.h"

#define REST_MS 50      /* of silence: an answer, or what a board says to a switch, is over */
#define ANSWER_MAX 1024 /* bytes */
#define MISSES 3

typedef struct Relay {
        TbLine line; /* its link is the board's */
        TbSerialrelayLine *board;
        TbSerialrelayBoard words;
        TbPolled poll;
        int relay, timeout_ms;
        bool inverted;
        bool heard; /* an answer came in time, or none: the line itself is well */
        bool lost;
} Relay;

#define TEXT(n, h)                                                                                           \
        {                                                                                                    \
                .name = n, .type = TB_PARAM_STRING, .min = 1, .max = 256, .help = h                          \
        }
static const TbParam params[] = {
        TB_LINE_PARAMS,
        TB_TTY_PARAMS("9600"),
        {.name = "board",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("lcus", "numato", "numato64", "kmtronic", "kmtronic4", "kmtronic8", "custom"),
         .fallback = "\"lcus\"",
         .help = "which board: lcus (CH340, A0 …), numato (up to 32 relays), numato64, kmtronic (1 or 2 "
                 "relays), "
                 "kmtronic4, kmtronic8, custom"},
        {.name = "relay",
         .type = TB_PARAM_INT,
         .required = true,
         .min = 0,
         .max = TB_SERIALRELAY_MAX,
         .help = "which relay, as the board counts: Numato from 0, LCUS and KMTronic from 1"},
        {.name = "readback",
         .type = TB_PARAM_BOOL,
         .help = "ask the board for its state: lcus does so only when this says so, as many of them cannot; "
                 "without it "
                 "the state is unknown"},
        {.name = "inverted",
         .type = TB_PARAM_BOOL,
         .fallback = "false",
         .help = "the device hangs on the normally closed contact: on is the relay at rest"},
        TEXT("on", "custom: what closes the relay: \"relay {relay} on\\r\", \"\\xA0{byte}\\x01{sum}\""),
        TEXT("off", "custom: what opens it"),
        TEXT("query", "custom: what asks for its state; without it the state is unknown"),
        TEXT("reply",
             "custom: a pattern that finds the state in the answer, its first group: \"R{relay}=(\\w+)\""),
        TEXT("on_value",
             "custom: what stands there when it is closed; else on, true, 1 and their opposites count"),
        TEXT("off_value", "custom: what stands there when it is open"),
        {.name = "timeout_ms",
         .type = TB_PARAM_INT,
         .min = 50,
         .max = 30000,
         .fallback = "1000",
         .unit = "ms",
         .help = "how long an answer may take"},
        TB_POLLED_PARAM,
        TB_PARAM_END,
};

/* --- one exchange: in the gate --- */
/* Until the board is silent, but for a bounded time: some never are. `into` NULL: it is dropped. */
static bool settle(TbTransport *link, TbIo *io, GByteArray *into, GError **error)
{
        guint8 some[256];
        for (guint turn = 0; turn < 16; turn++) {
                struct pollfd p = {.fd = tb_transport_fd(link), .events = POLLIN};
                TbWait waited = tb_io_wait(io, &p, 1, REST_MS);
                if (waited == TB_WAIT_TIMEOUT)
                        return true;
                if (waited != TB_WAIT_READY)
                        return tb_io_fail(waited, tb_transport_name(link), error);
                gssize n = tb_transport_read_now(link, some, sizeof some, error);
                if (n < 0)
                        return false;
                if (into && into->len + (guint)n <= ANSWER_MAX)
                        g_byte_array_append(into, some, (guint)n);
        }
        return true;
}

static bool drop(TbTransport *link, GError **error)
{
        guint8 some[256];
        gssize n = 1;
        for (guint i = 0; i < 16 && n > 0; i++)
                n = tb_transport_read_now(link, some, sizeof some, error);
        return n >= 0;
}

static bool send(Relay *r, TbTransport *link, TbIo *io, const char *template, GError **error)
{
        gsize size;
        g_autoptr(GBytes) request = tb_serialrelay_request(template, r->relay, error);
        const void *data = request ? g_bytes_get_data(request, &size) : NULL;
        return data && drop(link, error) && tb_transport_write(link, io, data, size, r->timeout_ms, error);
}

static bool silent(Relay *r, const GByteArray *answer, GError **error)
{
        const char *shown = r->line.base.uri->shown;
        r->heard = true;
        if (answer->len > 0)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "%s: relay %d: the board's answer says nothing of it: is \"board\" right, does "
                             "it have this relay?",
                             shown, r->relay);
        else
                tb_set_error(error, TB_ERROR_TIMEOUT,
                             "%s: relay %d: the board did not answer: is it this board (\"board\", "
                             "\"baud\"), has it power? One "
                             "that cannot answer wants readback=false",
                             shown, r->relay);
        return false;
}

static bool ask(Relay *r, TbTransport *link, TbIo *io, TbSerialrelayReply *ret, GError **error)
{
        g_autoptr(GByteArray) answer = g_byte_array_new();
        gint64 until = g_get_monotonic_time() + (gint64)r->timeout_ms * 1000;
        g_autofree char *word = NULL;
        if (!send(r, link, io, r->words.query, error))
                return false;
        for (*ret = TB_SERIALRELAY_MORE; *ret == TB_SERIALRELAY_MORE && g_get_monotonic_time() < until;) {
                if (!settle(link, io, answer, error))
                        return false;
                g_clear_pointer(&word, g_free);
                *ret = tb_serialrelay_parse(&r->words, r->relay,
                                            answer->data ? answer->data : (const guint8 *)"", answer->len,
                                            &word);
        }
        if (*ret == TB_SERIALRELAY_MORE)
                return silent(r, answer, error);
        r->heard = true;
        if (*ret == TB_SERIALRELAY_NEITHER)
                tb_set_error(error, TB_ERROR_DEVICE,
                             "%s: relay %d: the board says \"%s\", which is neither on nor off",
                             r->line.base.uri->shown, r->relay, word);
        return *ret != TB_SERIALRELAY_NEITHER;
}

/* Where the line itself is well it stays, for the others too: what comes late is dropped before the next question. */
static bool end(Relay *r, bool ok, GError *why_take, GError **error)
{
        bool interrupted = g_error_matches(why_take, TB_ERROR, TB_ERROR_INTERRUPTED) ||
                           g_error_matches(why_take, TB_ERROR, TB_ERROR_TIMEOUT);
        r->lost = !ok && !r->heard && !interrupted;
        tb_serialrelay_exit(r->board, r->lost);
        if (!ok)
                g_propagate_error(error, why_take);
        return ok;
}

static TbTransport *begin(Relay *r, TbIo *io, GError **error)
{
        GError *why = NULL;
        TbTransport *link = tb_serialrelay_enter(r->board, io, &why);
        r->heard = false;
        if (!link) {
                r->lost = g_error_matches(why, TB_ERROR, TB_ERROR_GONE);
                g_propagate_error(error, why);
        }
        return link;
}

/* --- power --- */
static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        Relay *r = (Relay *)self;
        TbTransport *link = begin(r, io, error);
        TbSerialrelayReply reply = TB_SERIALRELAY_MORE;
        GError *why = NULL;
        if (!link)
                return false;
        bool ok = r->words.query ? ask(r, link, io, &reply, &why) : drop(link, &why);
        if (!end(r, ok, why, error))
                return false;
        *ret = (TbPowerState){TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN, false};
        if (reply != TB_SERIALRELAY_MORE)
                ret->observed = (reply == TB_SERIALRELAY_ON) != r->inverted ? TB_POWER_ON : TB_POWER_OFF;
        return true;
}

static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        Relay *r = (Relay *)self;
        TbTransport *link = begin(r, io, error);
        GError *why = NULL;
        if (!link)
                return false;
        bool ok = send(r, link, io, on != r->inverted ? r->words.on : r->words.off, &why) &&
                  settle(link, io, NULL, &why);
        return end(r, ok, why, error);
}

/* --- the lane --- */
static bool relay_open(TbInstance *self, TbIo *io, GError **error)
{
        Relay *r = (Relay *)self;
        json_t *p = self->params;
        r->relay = (int)json_integer_value(json_object_get(p, "relay"));
        r->timeout_ms = (int)json_integer_value(json_object_get(p, "timeout_ms"));
        r->inverted = json_is_true(json_object_get(p, "inverted"));
        r->lost = false;
        tb_polled_init(&r->poll, self, MISSES);
        if (!tb_serialrelay_board(p, &r->words, error))
                return false;
        r->board = tb_serialrelay_join(&r->line, io, r->relay, error);
        return r->board && tb_polled_first(self, io, get, error);
}

static void relay_close(TbInstance *self)
{
        Relay *r = (Relay *)self;
        tb_serialrelay_leave(g_steal_pointer(&r->board), &r->line);
        tb_line_close(self);
}

static bool relay_pump(TbInstance *self, TbIo *io, GError **error)
{
        Relay *r = (Relay *)self;
        if (r->lost) {
                tb_set_error(error, TB_ERROR_GONE, "%s: the line broke off: it is opened anew",
                             self->uri->shown);
                return false;
        }
        return tb_polled_power(&r->poll, self, io, true, get, error);
}

static bool check(const TbUri *uri, json_t *p, GError **error)
{
        TbSerialrelayBoard ignored;
        return tb_serialrelay_board(p, &ignored, error) && tb_line_check(uri, p, error);
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

const TbDriver tb_driver_serialrelay = {
        .name = "serialrelay",
        .summary =
                "Relay boards on a serial line: LCUS (CH340), Numato, KMTronic, and any that you describe.",
        .example = "serialrelay:///dev/ttyUSB0?board=lcus&relay=1",
        .params = params,
        .check = check,
        .lanes = lanes,
};
