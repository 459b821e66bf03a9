/* The user's own commands as a device: argument arrays, never a shell. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/driver.h"
#include "drivers/exec/exec_proto.h"
#include "drivers/transport/duplex.h"
#include "drivers/transport/polled.h"
#include "drivers/transport/samples.h"
#include "drivers/transport/transport.h"
#include "lib/limits.h"

#define OUTPUT (1024 * 1024)
#define MISSES 3

enum { LANE_POWER, LANE_SENSORS, LANE_CONSOLE, LANE_SHELL };

static const TbParam params[] = {
        {.name = "power_on",
         .type = TB_PARAM_ARRAY,
         .min = 1,
         .max = 64,
         .help = "command that switches on, as an array: [\"relay\", \"3\", \"on\"]"},
        {.name = "power_off",
         .type = TB_PARAM_ARRAY,
         .min = 1,
         .max = 64,
         .help = "command that switches off"},
        {.name = "power_get",
         .type = TB_PARAM_ARRAY,
         .min = 1,
         .max = 64,
         .help = "command that prints on, off or unknown, or JSON with watts, volts, amps"},
        {.name = "sensors",
         .type = TB_PARAM_ARRAY,
         .min = 1,
         .max = 64,
         .help = "command that prints a number, lines \"name value unit\", or JSON"},
        {.name = "sensor_name",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_ID,
         .fallback = "\"value\"",
         .help = "the stream's name when only a number is printed"},
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SENSOR_MS_MIN,
         .max = 3600000,
         .fallback = "5000",
         .unit = "ms",
         .help = "pause between two samples"},
        {.name = "console",
         .type = TB_PARAM_ARRAY,
         .min = 1,
         .max = 64,
         .help = "program whose input and output are the console"},
        {.name = "pty",
         .type = TB_PARAM_BOOL,
         .fallback = "true",
         .help = "the console's program gets a terminal; false: pipes"},
        {.name = "shell",
         .type = TB_PARAM_ARRAY,
         .min = 1,
         .max = 64,
         .help = "program that runs what users type, as its last argument: [\"bash\", \"-c\"]; admins give "
                 "users a "
                 "shell on this machine with it"},
        {.name = "timeout_ms",
         .type = TB_PARAM_INT,
         .min = 100,
         .max = 600000,
         .fallback = "10000",
         .unit = "ms",
         .help = "how long a command may take"},
        TB_POLLED_PARAM,
        TB_PARAM_END,
};

static bool check(const TbUri *uri G_GNUC_UNUSED, json_t *p, GError **error)
{
        static const char *const names[] = {"power_on", "power_off", "power_get",
                                            "sensors",  "console",   "shell"};
        bool any = false;
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                json_t *argv = json_object_get(p, names[i]), *item;
                gsize at;
                any = any || argv;
                json_array_foreach (argv, at, item)
                        if (!json_is_string(item) || (at == 0 && json_string_length(item) == 0)) {
                                tb_error_set_field(error, TB_ERROR_INVALID, names[i],
                                                   "%s[%zu] must be a string%s", names[i], at,
                                                   at == 0 ? " and not empty" : "");
                                return false;
                        }
        }
        bool on = json_object_get(p, "power_on"), off = json_object_get(p, "power_off");
        if (on != off || (json_object_get(p, "power_get") && !on)) {
                tb_error_set_field(error, TB_ERROR_INVALID, on ? "power_off" : "power_on",
                                   "power needs both \"power_on\" and \"power_off\"");
                return false;
        }
        if (!any)
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "attach",
                        "give at least one command: power_on and power_off, sensors, console, or shell");
        return any;
}

static guint lanes_of(const TbUri *uri G_GNUC_UNUSED, json_t *p)
{
        return (json_object_get(p, "power_on") ? 1U << LANE_POWER : 0) |
               (json_object_get(p, "sensors") ? 1U << LANE_SENSORS : 0) |
               (json_object_get(p, "console") ? 1U << LANE_CONSOLE : 0) |
               (json_object_get(p, "shell") ? 1U << LANE_SHELL : 0);
}

/* Borrowed strings; the caller frees the array. */
static const char **argv_of(TbInstance *self, const char *name)
{
        json_t *list = json_object_get(self->params, name), *item;
        gsize i;
        const char **argv = g_new0(const char *, json_array_size(list) + 1);
        json_array_foreach (list, i, item)
                argv[i] = json_string_value(item);
        return argv;
}

/* --- commands that end --- */
static bool run(TbInstance *self, TbIo *io, const char *name, GByteArray **ret_out, GError **error)
{
        g_autofree const char **argv = argv_of(self, name);
        int ms = (int)json_integer_value(json_object_get(self->params, "timeout_ms")), status = 0;
        g_autoptr(GByteArray) out = NULL, err = NULL;
        if (!tb_child_run(io, argv, NULL, 0, OUTPUT, ms, &status, &out, &err, error))
                return false;
        if (status != 0) {
                g_autofree char *words = /* data is NULL when it said nothing */
                        g_utf8_make_valid(err->len ? (const char *)err->data : "",
                                          (gssize)MIN(err->len, 300));
                g_strstrip(words);
                tb_set_error(error, TB_ERROR_DEVICE, "%s ended with exit code %d%s%s", argv[0], status,
                             *words ? ": " : "", words);
                return false;
        }
        if (ret_out)
                *ret_out = g_steal_pointer(&out);
        return true;
}

/* What it printed is blamed on it by its name: there may be four of them. */
static bool blame(TbInstance *self, const char *name, GError **error)
{
        json_t *argv = json_object_get(self->params, name);
        tb_error_prefix(error, "%s: ", json_string_value(json_array_get(argv, 0)));
        return false;
}

static bool power_set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        return run(self, io, on ? "power_on" : "power_off", NULL, error);
}

static bool power_get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        if (!json_object_get(self->params, "power_get")) {
                *ret = (TbPowerState){TB_POWER_UNKNOWN, NAN, NAN, NAN,
                                      NAN}; /* nobody can tell, and we do not guess */
                return true;
        }
        g_autoptr(GByteArray) out = NULL;
        return run(self, io, "power_get", &out, error) &&
               (tb_exec_parse_power((const char *)out->data, out->len, ret, error) ||
                blame(self, "power_get", error));
}

typedef struct Power {
        TbInstance base;
        TbPolled poll;
} Power;

/* What power_get prints is looked at from the beginning: one that prints something else is found out now, not by who switches. */
static bool power_open(TbInstance *self, TbIo *io, GError **error)
{
        tb_polled_init(&((Power *)self)->poll, self, MISSES);
        return !json_object_get(self->params, "power_get") || tb_polled_first(self, io, power_get, error);
}

static bool power_pump(TbInstance *self, TbIo *io, GError **error)
{
        if (json_object_get(self->params, "power_get"))
                return tb_polled_power(&((Power *)self)->poll, self, io, false, power_get, error);
        tb_io_wait(io, NULL, 0, -1);
        return true;
}

static void tell_sample(const TbSample *sample, gpointer data)
{
        TbInstance *self = data;
        self->up->sample(self, sample);
}

static bool sample(TbInstance *self, TbIo *io, GError **error)
{
        g_autoptr(GByteArray) out = NULL;
        return run(self, io, "sensors", &out, error) &&
               (tb_samples_parse((const char *)out->data, out->len, "the command",
                                 json_string_value(json_object_get(self->params, "sensor_name")), tell_sample,
                                 self, error) ||
                blame(self, "sensors", error));
}

/* --- the console: a program that stays --- */
typedef struct Console {
        TbInstance base;
        TbChild *child;   /* owned */
        TbTransport *pty; /* owned; NULL: pipes */
        int columns, rows;
} Console;

static bool tell_size(const Console *c, int fd)
{
        const struct winsize size = {.ws_col = (gushort)c->columns, .ws_row = (gushort)c->rows};
        return ioctl(fd, TIOCSWINSZ, &size) == 0;
}

static bool console_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        Console *c = (Console *)self;
        g_autofree const char **argv = argv_of(self, "console");
        if (!json_is_true(json_object_get(self->params, "pty"))) {
                c->child = tb_child_spawn(argv, NULL, NULL, TB_CHILD_STDIN | TB_CHILD_STDOUT, error);
                return c->child != NULL;
        }
        int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        char name[64];
        int slave = master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 &&
                                    ptsname_r(master, name, sizeof name) == 0
                            ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)
                            : -1;
        if (slave < 0) {
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             "cannot make a terminal for %s: %s (\"pty\": false does without)", argv[0],
                             g_strerror(errno));
                if (master >= 0)
                        close(master);
                return false;
        }
        /* until somebody says another size, which a program that is started again has, too */
        if (c->columns == 0) {
                c->columns = 80;
                c->rows = 24;
        }
        tell_size(c, slave);
        c->pty = tb_transport_of_fd(master, argv[0]);
        c->child = tb_child_spawn_tty(argv, NULL, NULL, slave, error);
        close(slave);
        return c->child != NULL;
}

static void console_close(TbInstance *self)
{
        Console *c = (Console *)self;
        tb_child_free(g_steal_pointer(&c->child), 500);
        tb_transport_close(g_steal_pointer(&c->pty));
}

static TbTransport *output_of(Console *c)
{
        return c->pty ? c->pty : tb_child_stdout(c->child);
}

static bool console_pump(TbInstance *self, TbIo *io, GError **error)
{
        Console *c = (Console *)self;
        TbTransport *from = output_of(c);
        if (tb_duplex_pump(self, io, from, NULL))
                return true;
        int status = 0;
        if (tb_child_wait(c->child, io, 1000, &status, NULL))
                tb_set_error(error, TB_ERROR_GONE, "%s ended with exit code %d", tb_transport_name(from),
                             status);
        else
                tb_set_error(error, TB_ERROR_GONE, "%s closed its output", tb_transport_name(from));
        return false;
}

static bool console_write(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error)
{
        Console *c = (Console *)self;
        TbTransport *to = c->pty ? c->pty : tb_child_stdin(c->child);
        return tb_duplex_write(self, io, output_of(c), to, data, size, error);
}

static bool console_resize(TbInstance *self, TbIo *io G_GNUC_UNUSED, int columns, int rows, GError **error)
{
        Console *c = (Console *)self;
        if (!c->pty) {
                tb_set_error(error, TB_ERROR_UNSUPPORTED, "%s runs without a terminal (\"pty\": false)",
                             tb_transport_name(output_of(c)));
                return false;
        }
        c->columns = columns;
        c->rows = rows;
        if (tell_size(c, tb_transport_fd(c->pty)))
                return true;
        tb_set_error(error, TB_ERROR_DEVICE, "the terminal of %s takes no size: %s",
                     tb_transport_name(c->pty), g_strerror(errno));
        return false;
}

/* --- a shell: what users type is one argument, or, as argv, a program of its own that the shell is not asked about --- */
static bool shell_run(TbInstance *self, TbIo *io, const TbShellRequest *request, TbShellResult *ret,
                      GError **error)
{
        g_autofree const char **shell = argv_of(self, "shell");
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        for (const char **word = shell; request->command && *word; word++)
                g_ptr_array_add(argv, (char *)*word);
        if (request->command)
                g_ptr_array_add(argv, (char *)request->command);
        for (const char *const *word = request->argv; !request->command && *word; word++)
                g_ptr_array_add(argv, (char *)*word);
        g_ptr_array_add(argv, NULL);
        g_autoptr(GByteArray) out = NULL, err = NULL;
        int left_ms = (int)MAX(1, (io->deadline_us - g_get_monotonic_time()) / 1000);
        if (!tb_child_run(io, (const char *const *)argv->pdata, request->input, request->input_size,
                          TB_LIMIT_SHELL_OUTPUT, left_ms, &ret->exit_code, &out, &err, error))
                return false;
        g_byte_array_append(ret->out, out->data, out->len);
        g_byte_array_append(ret->err, err->data, err->len);
        return true;
}

static const TbPowerOps power = {.set = power_set, .get = power_get};
static const TbSensorOps sensors = {.interval_ms = 5000, .sample = sample};
static const TbConsoleOps console = {.write = console_write, .resize = console_resize};
static const TbShellOps shell = {.run = shell_run};
static const TbLane lanes[] = {
        [LANE_POWER] = {.name = "power",
                        .size = sizeof(Power),
                        .open = power_open,
                        .pump = power_pump,
                        .power = &power},
        [LANE_SENSORS] = {.name = "sensors", .size = sizeof(TbInstance), .sensors = &sensors},
        [LANE_CONSOLE] = {.name = "console",
                          .size = sizeof(Console),
                          .open = console_open,
                          .close = console_close,
                          .pump = console_pump,
                          .console = &console},
        [LANE_SHELL] = {.name = "shell", .size = sizeof(TbInstance), .parallel = 4, .shell = &shell},
        {.name = NULL},
};

const TbDriver tb_driver_exec = {
        .starts_programs = true,
        .name = "exec",
        .summary = "Power, sensors, a console and a shell by your own commands.",
        .example = "exec://?power_on=[\"relay\",\"3\",\"on\"]&power_off=[\"relay\",\"3\",\"off\"]",
        .params = params,
        .check = check,
        .lanes_of = lanes_of,
        .lanes = lanes,
};
