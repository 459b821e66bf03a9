/*
 * The lanes of gpio against libgpiod's functions, which this file defines itself: a chip of eight lines that the test turns. What a
 * kernel's chip says is tried in the rig, where there is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <string.h>
#include <unistd.h>

#include "lib/limits.h"
#include "tests/contract/lane.h"

#define LINES 8

struct gpiod_line {
        const char *name, *holder;
        int value; /* logical */
        int flags;
        bool output, requested;
        int events[2]; /* a pipe: one byte an edge, its new value; 0: none */
};

struct gpiod_chip {
        struct gpiod_line lines[LINES];
        bool without_events, open;
        int released_value[LINES];
} chip;

/* --- the library --- */
struct gpiod_chip *gpiod_chip_open_lookup(const char *descr)
{
        if (strcmp(descr, "gpiochip0") == 0)
                return &chip;
        errno = ENOENT;
        return NULL;
}

struct gpiod_chip *gpiod_chip_open_by_name(const char *name)
{
        return gpiod_chip_open_lookup(name);
}

void gpiod_chip_close(struct gpiod_chip *c)
{
        (void)c;
}

const char *gpiod_chip_label(struct gpiod_chip *c)
{
        (void)c;
        return "test-chip";
}

unsigned int gpiod_chip_num_lines(struct gpiod_chip *c)
{
        (void)c;
        return LINES;
}

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *c, unsigned int offset)
{
        return offset < LINES ? &c->lines[offset] : NULL;
}

struct gpiod_line *gpiod_chip_find_line(struct gpiod_chip *c, const char *name)
{
        for (guint i = 0; i < LINES; i++)
                if (c->lines[i].name && strcmp(c->lines[i].name, name) == 0)
                        return &c->lines[i];
        return NULL;
}

bool gpiod_line_is_used(struct gpiod_line *line)
{
        return line->requested || line->holder;
}

const char *gpiod_line_consumer(struct gpiod_line *line)
{
        return line->holder;
}

static int take(struct gpiod_line *line, int flags)
{
        if (gpiod_line_is_used(line)) {
                errno = EBUSY;
                return -1;
        }
        line->requested = true;
        line->flags = flags;
        return 0;
}

int gpiod_line_request_output_flags(struct gpiod_line *line, const char *consumer, int flags, int value)
{
        g_assert_cmpstr(consumer, ==, "testbed");
        if (take(line, flags) != 0)
                return -1;
        line->output = true;
        line->value = value;
        return 0;
}

int gpiod_line_request_input_flags(struct gpiod_line *line, const char *consumer, int flags)
{
        (void)consumer;
        return take(line, flags);
}

int gpiod_line_request_both_edges_events_flags(struct gpiod_line *line, const char *consumer, int flags)
{
        (void)consumer;
        if (chip.without_events && !gpiod_line_is_used(line)) {
                errno = ENXIO; /* as the kernel says of a chip without interrupts */
                return -1;
        }
        if (take(line, flags) != 0)
                return -1;
        g_assert_cmpint(pipe2(line->events, O_CLOEXEC | O_NONBLOCK), ==, 0);
        return 0;
}

int gpiod_line_event_get_fd(struct gpiod_line *line)
{
        return line->events[0];
}

int gpiod_line_event_read(struct gpiod_line *line, struct gpiod_line_event *event)
{
        char value;

        if (read(line->events[0], &value, 1) != 1)
                return -1;
        *event = (struct gpiod_line_event){.event_type = value ? GPIOD_LINE_EVENT_RISING_EDGE
                                                               : GPIOD_LINE_EVENT_FALLING_EDGE};
        return 0;
}

void gpiod_line_release(struct gpiod_line *line)
{
        g_assert_true(line->requested);
        chip.released_value[line - chip.lines] = g_atomic_int_get(&line->value);
        if (line->events[0]) {
                close(line->events[0]);
                close(line->events[1]);
        }
        line->events[0] = line->events[1] = 0;
        line->requested = line->output = false;
}

int gpiod_line_get_value(struct gpiod_line *line)
{
        return g_atomic_int_get(&line->value);
}

int gpiod_line_set_value(struct gpiod_line *line, int value)
{
        g_assert_true(line->output);
        g_atomic_int_set(&line->value, value);
        return 0;
}

/* --- what the world does --- */
static void reset(void)
{
        memset(&chip, 0, sizeof chip);
        chip.lines[4].name = "GPIO4";
}

static void turn(guint i, bool on)
{
        char value = on;

        g_atomic_int_set(&chip.lines[i].value, on);
        if (chip.lines[i].events[1])
                g_assert_cmpint(write(chip.lines[i].events[1], &value, 1), ==, 1);
}

/* --- calls --- */
typedef struct Set {
        const char *line;
        bool on;
} Set;

static bool call_set(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        const Set *set = data;

        return self->lane->gpio->set(self, io, set->line, set->on, error);
}

static bool call_list(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->gpio->list(self, io, data, error);
}

static bool has_events(const LaneSeen *seen, gpointer text)
{
        return strstr(seen->events->str, text) != NULL;
}

static bool has_sample(const LaneSeen *seen, gpointer value)
{
        const double *button = g_hash_table_lookup(seen->samples, "button");

        return button && *button == *(double *)value;
}

#define URI "gpio://gpiochip0?lines=boot=2:out:active-low:safe=on,button=GPIO4:in:pull-up"

static void test_use(void)
{
        reset();
        Lane *lane = lane_start(URI, NULL, "lines", "/tmp");
        g_autoptr(GError) error = NULL;
        double one = 1;

        lane_open_wait(lane, 5000);
        g_assert_cmpint(chip.lines[2].flags, ==, GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW);
        g_assert_cmpint(chip.lines[4].flags, ==, GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP);
        turn(4, true);
        lane_wait(lane, "edge", has_events, "gpio.edge {\"line\":\"button\",\"on\":true}", 5000);
        lane_wait(lane, "sample", has_sample, &one, 5000);

        g_assert_true(lane_call(lane, call_set, &(Set){"boot", true}, 5000, &error));
        g_assert_cmpint(chip.lines[2].value, ==, 1);
        json_auto_t *list = json_array();
        g_assert_true(lane_call(lane, call_list, list, 5000, &error));
        json_auto_t *expected = json_pack("[{s:s, s:s, s:b, s:s}, {s:s, s:s, s:b, s:s}]", "line", "boot",
                                          "direction", "out", "on", true, "pin", "2", "line", "button",
                                          "direction", "in", "on", true, "pin", "GPIO4");
        g_assert_true(json_equal(list, expected));
        g_assert_false(lane_call(lane, call_set, &(Set){"button", true}, 5000, &error));
        g_assert_cmpstr(tb_error_detail(error), ==, "button is an input: it can be read, not set");
        g_clear_error(&error);
        g_assert_false(lane_call(lane, call_set, &(Set){"bot", true}, 5000, &error));
        g_assert_cmpstr(tb_error_field(error), ==, "line");
        g_assert_true(lane_call(lane, call_set, &(Set){"boot", false}, 5000, NULL));
        lane_stop(lane, 2000);
        g_assert_cmpint(chip.released_value[2], ==, 1); /* safe */
}

/* A chip without interrupts: its inputs are looked at. */
static void test_without_events(void)
{
        reset();
        chip.without_events = true;
        Lane *lane = lane_start(URI, NULL, "lines", "/tmp");

        lane_open_wait(lane, 5000);
        turn(4, true);
        lane_wait(lane, "edge", has_events, "gpio.edge {\"line\":\"button\",\"on\":true}", 5000);
        turn(4, false);
        lane_wait(lane, "edge", has_events, "gpio.edge {\"line\":\"button\",\"on\":false}", 5000);
        lane_stop(lane, 2000);
}

static void few(const LaneSeen *seen, gpointer data)
{
        guint n = 0;

        (void)data;
        for (const char *c = seen->events->str; *c; c++)
                n += *c == '\n';
        g_assert_cmpuint(n, >=, TB_LIMIT_EDGES_PER_S);
        g_assert_cmpuint(n, <, 3 * TB_LIMIT_EDGES_PER_S);
}

/* A line that chatters: not more than TB_LIMIT_EDGES_PER_S of it, and how many were left out. */
static void test_chatter(void)
{
        reset();
        Lane *lane = lane_start(URI, NULL, "lines", "/tmp");
        lane_open_wait(lane, 5000);
        for (guint i = 0; i < 3 * TB_LIMIT_EDGES_PER_S; i++)
                turn(4, i % 2 == 0);
        lane_wait(lane, "missed", has_events, "\"missed\":", 5000);
        lane_wait(lane, "how it ended", has_events, "{\"line\":\"button\",\"on\":false,\"missed\":", 5000);
        lane_look(lane, few, NULL);
        lane_stop(lane, 2000);
}

static void test_refused(void)
{
        reset();
        chip.lines[2].holder = "spi0 CS0";
        Lane *lane = lane_start(URI, NULL, "lines", "/tmp");
        lane_wait(lane, "the holder", lane_is_lost, "line 2 of gpiochip0 is held by \"spi0 CS0\"", 5000);
        lane_stop(lane, 2000);
        lane = lane_start("gpio://gpiochip7?lines=a=1", NULL, "lines", "/tmp");
        lane_wait(lane, "no chip", lane_is_lost, "there is no GPIO chip gpiochip7", 5000);
        lane_stop(lane, 2000);
        lane = lane_start("gpio://gpiochip0?lines=a=99", NULL, "lines", "/tmp");
        lane_wait(lane, "no line", lane_is_lost, "gpiochip0 (test-chip) has 8 lines, and none called 99",
                  5000);
        lane_stop(lane, 2000);
        for (guint i = 0; i < LINES; i++) /* all or none */
                g_assert_false(chip.lines[i].requested);
}

static void test_power(void)
{
        reset();
        Lane *lane = lane_start("gpio://gpiochip0?power=3:safe=off", NULL, "power", "/tmp");

        lane_open_wait(lane, 5000);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        g_assert_cmpint(chip.lines[3].value, ==, 1);
        lane_stop(lane, 2000);
        g_assert_cmpint(chip.released_value[3], ==, 0);
}

static void test_check(void)
{
        static const struct {
                const char *uri, *field;
        } bad[] = {{"gpio://?lines=a=1", "uri"},
                   {"gpio://gpiochip0", "lines"},
                   {"gpio://gpiochip0?lines=a=1:up", "lines"},
                   {"gpio://gpiochip0?lines=a=1&power=1", "power"},
                   {"gpio://gpiochip0?power=1:in", "power"}};
        const TbDriver *driver = tb_driver_find("gpio");

        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(TbUri) uri = tb_uri_parse(bad[i].uri, NULL);
                json_auto_t *params = tb_params_validate_text(driver->params, uri->query, NULL);
                g_autoptr(GError) error = NULL;
                g_assert_false(driver->check(uri, params, &error));
                g_assert_cmpstr(tb_error_field(error), ==, bad[i].field);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/gpio/use", test_use);
        g_test_add_func("/gpio/without_events", test_without_events);
        g_test_add_func("/gpio/chatter", test_chatter);
        g_test_add_func("/gpio/refused", test_refused);
        g_test_add_func("/gpio/lane_power", test_power);
        g_test_add_func("/gpio/check", test_check);
        return g_test_run();
}
