#include "drivers/gpio/gpio_lines.h"

#include <errno.h>
#include <gpiod.h>
#include <poll.h>
#include <string.h>

#include "lib/error.h"

typedef struct Line {
        TbGpioSpec spec;
        struct gpiod_line *line; /* the chip's */
        bool held;
        int fd; /* the library's; -1: no events */
} Line;

struct TbGpioLines {
        struct gpiod_chip *chip; /* owned */
        char *name;              /* owned: as the user wrote it */
        GArray *lines;           /* owned, of Line */
};

static Line *at(const TbGpioLines *lines, guint i)
{
        return &g_array_index(lines->lines, Line, i);
}

static bool failed(const TbGpioLines *lines, const Line *line, const char *what, int errnum, GError **error)
{
        TbErrorCode code = errnum == ENODEV || errnum == ENXIO         ? TB_ERROR_GONE
                           : errnum == EACCES || errnum == EPERM       ? TB_ERROR_FORBIDDEN
                           : errnum == EOPNOTSUPP || errnum == ENOTSUP ? TB_ERROR_UNSUPPORTED
                                                                       : TB_ERROR_DEVICE;

        tb_set_error(error, code, "cannot %s line %s of %s: %s", what, line->spec.line, lines->name,
                     g_strerror(errnum));
        return false;
}

/* --- opening --- */
static int flags_of(const TbGpioSpec *spec)
{
        static const int biases[] = {[TB_GPIO_BIAS_AS_IS] = 0,
                                     [TB_GPIO_BIAS_NONE] = GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE,
                                     [TB_GPIO_PULL_UP] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP,
                                     [TB_GPIO_PULL_DOWN] = GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN};
        static const int drives[] = {[TB_GPIO_PUSH_PULL] = 0,
                                     [TB_GPIO_OPEN_DRAIN] = GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN,
                                     [TB_GPIO_OPEN_SOURCE] = GPIOD_LINE_REQUEST_FLAG_OPEN_SOURCE};

        return biases[spec->bias] | drives[spec->drive] |
               (spec->active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0);
}

static bool refused(const TbGpioLines *lines, const Line *line, int errnum, GError **error)
{
        const char *holder = errnum == EBUSY ? gpiod_line_consumer(line->line) : NULL;

        if (errnum != EBUSY)
                return failed(lines, line, "take", errnum, error);
        g_autofree char *name = g_utf8_make_valid(holder ? holder : "?", -1);
        tb_set_error(error, TB_ERROR_BUSY,
                     "line %s of %s is held by \"%s\": end that program, or the driver of the kernel that "
                     "has it (gpioinfo shows "
                     "who holds which line)",
                     line->spec.line, lines->name, name);
        return false;
}

/* An input tells of its changes, where its chip can; else it is read. */
static bool request(const TbGpioLines *lines, Line *line, const char *consumer, GError **error)
{
        int flags = flags_of(&line->spec);

        if (line->spec.output) {
                if (gpiod_line_request_output_flags(line->line, consumer, flags, line->spec.on) != 0)
                        return refused(lines, line, errno, error);
                return line->held = true;
        }
        if (gpiod_line_request_both_edges_events_flags(line->line, consumer, flags) == 0) {
                line->fd = gpiod_line_event_get_fd(line->line);
                return line->held = true;
        }
        if (errno == EBUSY || errno == EACCES || errno == EPERM)
                return refused(lines, line, errno, error);
        if (gpiod_line_request_input_flags(line->line, consumer, flags) != 0)
                return refused(lines, line, errno, error);
        return line->held = true;
}

static bool find_line(const TbGpioLines *lines, Line *line, GError **error)
{
        guint64 offset;
        bool number = g_ascii_string_to_unsigned(line->spec.line, 10, 0, G_MAXUINT16, &offset, NULL);

        line->line = number ? gpiod_chip_get_line(lines->chip, (unsigned)offset)
                            : gpiod_chip_find_line(lines->chip, line->spec.line);
        if (line->line)
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "lines", "%s (%s) has %u lines, and none called %s",
                           lines->name, gpiod_chip_label(lines->chip), gpiod_chip_num_lines(lines->chip),
                           line->spec.line);
        return false;
}

static bool open_chip(TbGpioLines *lines, GError **error)
{
        lines->chip = gpiod_chip_open_lookup(lines->name);
        if (lines->chip)
                return true;
        if (errno == EACCES || errno == EPERM)
                tb_set_error(
                        error, TB_ERROR_FORBIDDEN,
                        "no permission for %s: install Testbed's udev rules, or add the daemon's user to the "
                        "group that owns it (gpio)",
                        lines->name);
        else
                tb_set_error(error, TB_ERROR_GONE, "there is no GPIO chip %s (gpiodetect lists them)",
                             lines->name);
        return false;
}

TbGpioLines *tb_gpio_open(const char *chip, const GArray *specs, const char *consumer, GError **error)
{
        TbGpioLines *lines = g_new0(TbGpioLines, 1);

        lines->name = g_strdup(chip);
        lines->lines = g_array_new(FALSE, TRUE, sizeof(Line));
        bool ok = open_chip(lines, error);
        for (guint i = 0; ok && i < specs->len; i++) {
                Line line = {.spec = g_array_index(specs, TbGpioSpec, i), .fd = -1};
                ok = find_line(lines, &line, error) && request(lines, &line, consumer, error);
                if (ok)
                        g_array_append_val(lines->lines, line);
        }
        if (ok)
                return lines;
        tb_gpio_close(lines);
        return NULL;
}

void tb_gpio_close(TbGpioLines *lines)
{
        if (!lines)
                return;
        for (guint i = 0; i < lines->lines->len; i++) {
                Line *line = at(lines, i);
                if (line->held && line->spec.output && line->spec.safe >= 0)
                        (void)gpiod_line_set_value(line->line, line->spec.safe);
                if (line->held)
                        gpiod_line_release(line->line);
        }
        if (lines->chip)
                gpiod_chip_close(lines->chip);
        g_array_unref(lines->lines);
        g_free(lines->name);
        g_free(lines);
}

/* --- use --- */
guint tb_gpio_count(const TbGpioLines *lines)
{
        return lines->lines->len;
}

const TbGpioSpec *tb_gpio_spec(const TbGpioLines *lines, guint i)
{
        return &at(lines, i)->spec;
}

int tb_gpio_find(const TbGpioLines *lines, const char *name)
{
        for (guint i = 0; i < lines->lines->len; i++)
                if (strcmp(at(lines, i)->spec.name, name) == 0)
                        return (int)i;
        return -1;
}

bool tb_gpio_get(TbGpioLines *lines, guint i, bool *ret_on, GError **error)
{
        int value = gpiod_line_get_value(at(lines, i)->line);

        if (value < 0)
                return failed(lines, at(lines, i), "read", errno, error);
        *ret_on = value != 0;
        return true;
}

bool tb_gpio_set(TbGpioLines *lines, guint i, bool on, GError **error)
{
        if (gpiod_line_set_value(at(lines, i)->line, on) != 0)
                return failed(lines, at(lines, i), "set", errno, error);
        return true;
}

int tb_gpio_edge_fd(const TbGpioLines *lines, guint i)
{
        return at(lines, i)->fd;
}

bool tb_gpio_edge(TbGpioLines *lines, guint i, bool *ret_on)
{
        Line *line = at(lines, i);
        struct pollfd fd = {.fd = line->fd, .events = POLLIN};
        struct gpiod_line_event event;

        if (line->fd < 0 || poll(&fd, 1, 0) <= 0 || gpiod_line_event_read(line->line, &event) != 0)
                return false;
        *ret_on = event.event_type == GPIOD_LINE_EVENT_RISING_EDGE;
        return true;
}
