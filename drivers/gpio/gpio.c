/*
 * gpio: the lines of a GPIO chip: buttons, boot straps, LEDs of a board (kind gpio), and a relay on one of them (kind power).
 */
#include <string.h>

#include "drivers/driver.h"
#include "drivers/gpio/gpio_find.h"
#include "drivers/gpio/gpio_lines.h"
#include "lib/limits.h"
#include "lib/rate.h"

#define CONSUMER "testbed"
#define LOOK_MS 50 /* at inputs whose chip does not tell of changes */

typedef struct Gpio {
        TbInstance base;
        TbGpioLines *lines; /* owned; NULL: closed */
        guint64 on;         /* bit i: what was told of line i */
        TbBucket edges;
        guint missed;    /* edges that were not told */
        guint missed_of; /* the line of the last of them */
} Gpio;

static const char *param(const TbInstance *self, const char *name)
{
        return json_string_value(json_object_get(self->params, name));
}

/* --- what is told --- */
static void tell_sample(Gpio *g, guint i, bool on)
{
        const TbSample sample = {
                .stream = tb_gpio_spec(g->lines, i)->name, .quantity = "state", .unit = "1", .value = on};

        g->base.up->sample(&g->base, &sample);
}

/* A line that chatters does not fill the bus: what is left out is counted. */
static void tell_edge(Gpio *g, guint i, bool on)
{
        g->on = (g->on & ~(1ULL << i)) | (guint64)on << i;
        tell_sample(g, i, on);
        if (!tb_bucket_take(&g->edges, TB_LIMIT_EDGES_PER_S, TB_LIMIT_EDGES_PER_S, 1, g_get_monotonic_time(),
                            NULL)) {
                g->missed++;
                g->missed_of = i;
                return;
        }
        json_t *event = json_pack("{s:s, s:b}", "line", tb_gpio_spec(g->lines, i)->name, "on", on);
        if (g->missed)
                json_object_set_new(event, "missed", json_integer(g->missed));
        g->missed = 0;
        g->base.up->event(&g->base, "gpio.edge", event);
}

/* Inputs that do not tell, and those of which an edge was lost. */
static bool look(Gpio *g, GError **error)
{
        for (guint i = 0; i < tb_gpio_count(g->lines); i++) {
                bool on;
                if (tb_gpio_spec(g->lines, i)->output)
                        continue;
                if (!tb_gpio_get(g->lines, i, &on, error))
                        return false;
                if (on != (g->on >> i & 1))
                        tell_edge(g, i, on);
        }
        return true;
}

/* --- lines --- */
static bool lines_open(TbInstance *self, TbIo *io, GError **error)
{
        Gpio *g = (Gpio *)self;
        g_autoptr(GArray) specs = tb_gpio_parse_lines(param(self, "lines"), error);

        (void)io;
        g->lines = specs ? tb_gpio_open(self->uri->host, specs, CONSUMER, error) : NULL;
        g->on = 0;
        for (guint i = 0; g->lines && i < tb_gpio_count(g->lines); i++) {
                bool on;
                if (!tb_gpio_get(g->lines, i, &on, error))
                        return false;
                g->on |= (guint64)on << i;
                tell_sample(g, i, on);
        }
        return g->lines != NULL;
}

static void lines_close(TbInstance *self)
{
        g_clear_pointer(&((Gpio *)self)->lines, tb_gpio_close);
}

static bool lines_pump(TbInstance *self, TbIo *io, GError **error)
{
        Gpio *g = (Gpio *)self;
        struct pollfd fds[TB_LIMIT_GPIO_LINES];
        guint of[TB_LIMIT_GPIO_LINES], n = 0;
        bool silent = false, gone = false;

        for (guint i = 0; i < tb_gpio_count(g->lines); i++) {
                int fd = tb_gpio_edge_fd(g->lines, i);
                silent |= fd < 0 && !tb_gpio_spec(g->lines, i)->output;
                if (fd < 0)
                        continue;
                of[n] = i;
                fds[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
        TbWait wait = tb_io_wait(io, fds, n, silent || g->missed ? LOOK_MS : -1);
        if (wait == TB_WAIT_WAKE || wait == TB_WAIT_STOP)
                return true;
        if (wait == TB_WAIT_TIMEOUT && g->missed) /* it rests: how it ended */
                tell_edge(g, g->missed_of, g->on >> g->missed_of & 1);
        for (guint i = 0; wait == TB_WAIT_READY && i < n; i++) {
                bool on;
                while (fds[i].revents & POLLIN && tb_gpio_edge(g->lines, of[i], &on))
                        tell_edge(g, of[i], on);
                gone |= (fds[i].revents & (POLLERR | POLLHUP)) != 0;
        }
        if (gone) {
                tb_set_error(error, TB_ERROR_GONE, "the GPIO chip %s was unplugged", self->uri->host);
                return false;
        }
        return !silent || look(g, error);
}

static bool lines_list(TbInstance *self, TbIo *io, json_t *into, GError **error)
{
        Gpio *g = (Gpio *)self;

        (void)io;
        for (guint i = 0; i < tb_gpio_count(g->lines); i++) {
                const TbGpioSpec *spec = tb_gpio_spec(g->lines, i);
                bool on;
                if (!tb_gpio_get(g->lines, i, &on, error))
                        return false;
                json_array_append_new(into,
                                      json_pack("{s:s, s:s, s:b, s:s}", "line", spec->name, "direction",
                                                spec->output ? "out" : "in", "on", on, "pin", spec->line));
        }
        return true;
}

static bool lines_set(TbInstance *self, TbIo *io, const char *name, bool on, GError **error)
{
        Gpio *g = (Gpio *)self;
        int i = tb_gpio_find(g->lines, name);

        (void)io;
        if (i < 0)
                tb_error_set_field(error, TB_ERROR_INVALID, "line",
                                   "no line \"%.64s\": GET lists those that are attached", name);
        else if (!tb_gpio_spec(g->lines, (guint)i)->output)
                tb_error_set_field(error, TB_ERROR_INVALID, "line", "%s is an input: it can be read, not set",
                                   name);
        else if (tb_gpio_set(g->lines, (guint)i, on, error)) {
                tell_sample(g, (guint)i, on);
                return true;
        }
        return false;
}

static bool lines_sample(TbInstance *self, TbIo *io, GError **error)
{
        Gpio *g = (Gpio *)self;

        (void)io;
        for (guint i = 0; i < tb_gpio_count(g->lines); i++) {
                bool on;
                if (!tb_gpio_get(g->lines, i, &on, error))
                        return false;
                tell_sample(g, i, on);
        }
        return true;
}

/* --- power --- */
static bool power_get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        bool on;

        (void)io;
        if (!tb_gpio_get(((Gpio *)self)->lines, 0, &on, error))
                return false;
        *ret = (TbPowerState){.observed = on ? TB_POWER_ON : TB_POWER_OFF,
                              .watts = NAN,
                              .volts = NAN,
                              .amps = NAN,
                              .energy_wh = NAN};
        return true;
}

static bool power_set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        (void)io;
        return tb_gpio_set(((Gpio *)self)->lines, 0, on, error);
}

static bool power_open(TbInstance *self, TbIo *io, GError **error)
{
        Gpio *g = (Gpio *)self;
        g_autoptr(GArray) specs = g_array_new(FALSE, FALSE, sizeof(TbGpioSpec));
        TbGpioSpec spec;
        TbPowerState state;

        if (!tb_gpio_parse_power(param(self, "power"), &spec, error))
                return false;
        g_array_append_val(specs, spec);
        g->lines = tb_gpio_open(self->uri->host, specs, CONSUMER, error);
        if (!g->lines || !power_get(self, io, &state, error))
                return false;
        self->up->power(self, &state);
        return true;
}

/* --- the driver --- */
static const TbGpioOps gpio_ops = {.list = lines_list, .set = lines_set};
static const TbSensorOps sensor_ops = {.interval_ms = 10000, .sample = lines_sample};
static const TbPowerOps power_ops = {.set = power_set, .get = power_get};

static const TbLane lanes[] = {
        {.name = "lines",
         .size = sizeof(Gpio),
         .open = lines_open,
         .close = lines_close,
         .pump = lines_pump,
         .gpio = &gpio_ops,
         .sensors = &sensor_ops},
        {.name = "power",
         .size = sizeof(Gpio),
         .open = power_open,
         .close = lines_close,
         .power = &power_ops},
        {.name = NULL},
};

static guint lanes_of(const TbUri *uri, json_t *params)
{
        (void)uri;
        return (json_object_get(params, "lines") ? 1U : 0) | (json_object_get(params, "power") ? 2U : 0);
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        const char *lines = json_string_value(json_object_get(params, "lines"));
        const char *power = json_string_value(json_object_get(params, "power"));
        TbGpioSpec switched = {0};

        if (!*uri->host) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "name the chip: gpio://gpiochip0, or its label (gpiodetect shows both)");
                return false;
        }
        if (!lines && !power) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "lines",
                        "say which lines: lines=boot=17:out,button=4:in:pull-up, or power=17:active-low");
                return false;
        }
        g_autoptr(GArray) specs =
                lines ? tb_gpio_parse_lines(lines, error) : g_array_new(FALSE, FALSE, sizeof switched);
        if (!specs || (power && !tb_gpio_parse_power(power, &switched, error)))
                return false;
        for (guint i = 0; power && i < specs->len; i++)
                if (strcmp(g_array_index(specs, TbGpioSpec, i).line, switched.line) == 0) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "power",
                                           "line %s is among the lines, too: it can be one of both",
                                           switched.line);
                        return false;
                }
        return true;
}

static const TbParam params[] = {
        {.name = "lines",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_URI,
         .help = "NAME=LINE:OPTION…, with commas: boot=17:out:off,button=4:in:pull-up:active-low. Options: "
                 "in, out, active-low, "
                 "pull-up, pull-down, no-pull, open-drain, open-source; of an output on or off at first "
                 "(off), safe=on or "
                 "safe=off when it is let go"},
        {.name = "power",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 128,
         .help = "the line of a relay that switches the device's power: 17:active-low:safe=off"},
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = 100,
         .max = 3600000,
         .fallback = "10000",
         .unit = "ms",
         .help = "how often all lines are told as samples; changes of inputs are told at once"},
        TB_PARAM_END,
};

const TbDriver tb_driver_gpio = {
        .name = "gpio",
        .summary = "Lines of a GPIO chip: buttons, boot straps, LEDs of a board, and a relay as power.",
        .example = "gpio://gpiochip0?lines=boot=17:out,button=4:in:pull-up&power=27:active-low",
        .params = params,
        .check = check,
        .lanes_of = lanes_of,
        .lanes = lanes,
        .discovery = &tb_gpio_discovery,
};
