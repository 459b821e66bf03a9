/*
 * One driver without the host around it, for driver tests and for whoever writes a driver:
 *
 *      drive URI               opens the first lane that it offers, pumps it, opens it again when it is lost; commands by
 * stdin drive --discover NAME   a driver's discovery; commands by stdin: tree, power PORT on|off, reset PORT
 *
 * Every event is one line of JSON on stdout. Commands: get · on · off · write TEXT · paste BYTES · set
 * key=value… · break MS · start FPS · stop · sample · query MESSAGE. The answer to a command is a line {"command":…,"ok":…}. Console
 * bytes are counted and hashed, not printed: {"bytes":n,"sha256":…} answers `count`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/driver.h"

static GChecksum *sum;
static guint64 received, frames;
static TbQueue *commands;

static void say(json_t *line)
{
        json_object_set_new(line, "t", json_integer(g_get_real_time() / 1000));
        g_autofree char *text = json_dumps(line, JSON_COMPACT);
        puts(text);
        fflush(stdout);
        json_decref(line);
}

static void answer(const char *command, const GError *error, json_t *more_take)
{
        json_t *line = json_pack("{s:s, s:b}", "command", command, "ok", error == NULL);

        if (error)
                json_object_set_new(line, "error", tb_error_to_json(error));
        if (more_take) {
                json_object_update(line, more_take);
                json_decref(more_take);
        }
        say(line);
}

/* --- what a lane tells --- */
static void up_bytes(TbInstance *self, const void *data, gsize size)
{
        (void)self;
        g_checksum_update(sum, data, (gssize)size);
        received += size;
}

static void up_line(TbInstance *self, const char *text, gint64 t_ms)
{
        (void)self, (void)t_ms;
        say(json_pack("{s:s}", "line", text));
}

static void up_sample(TbInstance *self, const TbSample *sample)
{
        (void)self;
        say(json_pack("{s:s, s:f}", "sample", sample->stream, "value", sample->value));
}

static json_t *power_json(const TbPowerState *state)
{
        static const char *const names[] = {"unknown", "off", "on"};

        return json_pack("{s:s}", "power", names[state->observed]);
}

static void up_power(TbInstance *self, const TbPowerState *state)
{
        (void)self;
        say(power_json(state));
}

static void up_frame(TbInstance *self, TbFrame *frame)
{
        (void)self;
        if (frames++ == 0)
                say(json_pack("{s:i, s:i, s:i, s:I}", "width", frame->width, "height", frame->height,
                              "format", (int)frame->format, "size", (json_int_t)frame->size));
        tb_frame_unref(frame);
}

static void up_text(TbInstance *self, const char *reason)
{
        (void)self;
        say(json_pack("{s:s?}", "trouble", reason));
}

static void up_sound(TbInstance *self, TbSound *sound)
{
        (void)self;
        frames += sound->frames;
        tb_sound_unref(sound);
}

static void up_event(TbInstance *self, const char *type, json_t *data)
{
        (void)self;
        say(data ? json_pack("{s:s, s:o}", "event", type, "data", data) : json_pack("{s:s}", "event", type));
}

static bool up_outlet(TbInstance *self G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED, const char *member,
                      TbOutletAsk ask G_GNUC_UNUSED, TbPowerState *ret G_GNUC_UNUSED, GError **error)
{
        tb_set_error(error, TB_ERROR_NOT_FOUND, "there is no %s", member);
        return false;
}

static void up_facts(TbInstance *self G_GNUC_UNUSED, json_t *facts_take)
{
        json_decref(facts_take);
}

static const TbUp up = {.bytes = up_bytes,
                        .line = up_line,
                        .sample = up_sample,
                        .power = up_power,
                        .frame = up_frame,
                        .no_signal = up_text,
                        .sound = up_sound,
                        .no_sound = up_text,
                        .event = up_event,
                        .fault = up_text,
                        .clipboard = up_text,
                        .facts = up_facts,
                        .outlet = up_outlet};

/* --- commands --- */
/* Commands come from a thread of their own and wake the pump, as core's do. */
static void read_commands(gpointer data)
{
        TbIo *io = data;
        char line[4096];

        while (fgets(line, sizeof line, stdin)) {
                tb_queue_push(commands, g_strdup(g_strchomp(line)));
                tb_interruptor_raise(io->wake);
        }
        tb_queue_push(commands, g_strdup("quit"));
        tb_interruptor_raise(io->wake);
}

static char *next_command(TbIo *io, int wait_ms)
{
        tb_interruptor_lower(io->wake);
        return tb_queue_take(commands, g_get_monotonic_time() + wait_ms * G_TIME_SPAN_MILLISECOND);
}

static bool paste(TbInstance *self, TbIo *io, gsize size, json_t *more, GError **error)
{
        g_autofree guint8 *bytes = g_malloc(size);

        for (gsize i = 0; i < size; i++)
                bytes[i] = (guint8)((i * 2654435761U) >> 13);
        g_autofree char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, size);
        json_object_set_new(more, "sha256", json_string(hash));
        return self->lane->console->write(self, io, bytes, size, error);
}

static bool set_line(TbInstance *self, TbIo *io, char **words, GError **error)
{
        TbSerialSettings s;

        if (!self->lane->console->get(self, io, &s, error))
                return false;
        for (guint i = 1; words[i]; i++) {
                const struct {
                        const char *name;
                        int *value;
                } fields[] = {{"baud=", &s.baud},
                              {"data_bits=", &s.data_bits},
                              {"stop_bits=", &s.stop_bits},
                              {"dtr=", &s.dtr},
                              {"rts=", &s.rts},
                              {"parity=", (int *)&s.parity},
                              {"flow=", (int *)&s.flow}};
                for (guint k = 0; k < G_N_ELEMENTS(fields); k++) {
                        if (g_str_has_prefix(words[i], fields[k].name))
                                *fields[k].value = atoi(words[i] + strlen(fields[k].name));
                }
        }
        return self->lane->console->set(self, io, &s, error);
}

static bool get(TbInstance *self, TbIo *io, json_t *more, GError **error)
{
        if (self->lane->power) {
                TbPowerState state;
                if (!self->lane->power->get(self, io, &state, error))
                        return false;
                json_t *power = power_json(&state);
                json_object_update(more, power);
                json_decref(power);
                return true;
        }
        TbSerialSettings s;
        if (!self->lane->console || !self->lane->console->get(self, io, &s, error))
                return false;
        json_t *line = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "baud", s.baud, "data_bits",
                                 s.data_bits, "stop_bits", s.stop_bits, "parity", (int)s.parity, "flow",
                                 (int)s.flow, "dtr", s.dtr, "rts", s.rts, "cts", s.cts);
        json_object_update(more, line);
        json_decref(line);
        return true;
}

static bool run(TbInstance *self, TbIo *io, const char *command, json_t *more, GError **error)
{
        g_auto(GStrv) words = g_strsplit(command, " ", -1);
        const char *arg = words[1] ? words[1] : "";
        const TbLane *lane = self->lane;

        if (g_str_equal(words[0], "get"))
                return get(self, io, more, error);
        if (lane->power && (g_str_equal(words[0], "on") || g_str_equal(words[0], "off")))
                return lane->power->set(self, io, g_str_equal(words[0], "on"), error) &&
                       get(self, io, more, error);
        if (lane->console && g_str_equal(words[0], "write"))
                return lane->console->write(self, io, command + 6, strlen(command + 6), error);
        if (lane->console && g_str_equal(words[0], "paste"))
                return paste(self, io, (gsize)g_ascii_strtoull(arg, NULL, 10), more, error);
        if (lane->console && g_str_equal(words[0], "set"))
                return set_line(self, io, words, error) && get(self, io, more, error);
        if (lane->console && g_str_equal(words[0], "break"))
                return lane->console->send_break(self, io, atoi(arg), error);
        if (lane->video && g_str_equal(words[0], "start"))
                return lane->video->start(self, io, atoi(arg), error);
        if (lane->video && g_str_equal(words[0], "stop")) {
                lane->video->stop(self, io);
                return true;
        }
        if (lane->instrument && g_str_equal(words[0], "query")) {
                g_autofree char *reply = NULL;
                bool ok = lane->instrument->query(self, io, command + strlen("query "), &reply, error);
                if (reply)
                        json_object_set_new(more, "reply", json_string(reply));
                return ok;
        }
        if (lane->sensors && lane->sensors->sample && g_str_equal(words[0], "sample"))
                return lane->sensors->sample(self, io, error);
        if (lane->audio && g_str_equal(words[0], "listen"))
                return lane->audio->start(self, io, error);
        if (g_str_equal(words[0], "count")) {
                g_autoptr(GChecksum) now = g_checksum_copy(sum);
                json_object_set_new(more, "bytes", json_integer((json_int_t)received));
                json_object_set_new(more, "frames", json_integer((json_int_t)frames));
                json_object_set_new(more, "sha256", json_string(g_checksum_get_string(now)));
                return true;
        }
        tb_set_error(error, TB_ERROR_INVALID, "no command '%s' here", command);
        return false;
}

static int drive_lane(TbInstance *self, TbIo *io)
{
        bool open = false;

        for (;;) {
                g_autoptr(GError) error = NULL;
                if (!open) {
                        open = !self->lane->open || self->lane->open(self, io, &error);
                        say(open ? json_pack("{s:b}", "open", true)
                                 : json_pack("{s:b, s:o}", "open", false, "error", tb_error_to_json(error)));
                        if (!open && self->lane->close)
                                self->lane->close(self);
                }
                g_autofree char *command = next_command(io, open ? 0 : 200);
                if (command && g_str_equal(command, "quit"))
                        break;
                if (command && open) {
                        g_autoptr(GError) failed = NULL;
                        json_t *more = json_object();
                        (void)run(self, io, command, more, &failed);
                        answer(command, failed, more);
                        continue;
                }
                if (!open)
                        continue;
                g_autoptr(GError) lost = NULL;
                io->in_pump = true;
                open = !self->lane->pump || self->lane->pump(self, io, &lost);
                io->in_pump = false;
                if (!open) {
                        say(json_pack("{s:b, s:o}", "open", false, "error", tb_error_to_json(lost)));
                        self->lane->close(self);
                }
        }
        if (open && self->lane->close)
                self->lane->close(self);
        if (self->lane->finalize)
                self->lane->finalize(self);
        return 0;
}

static int drive_uri(const char *text, TbIo *io)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TbUri) uri = tb_uri_parse(text, &error);
        const TbDriver *driver = uri ? tb_driver_find(uri->scheme) : NULL;

        if (uri && !driver)
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "no driver for '%s'", uri->scheme);
        json_t *params = driver ? tb_params_validate_text(driver->params, uri->query, &error) : NULL;
        if (!params || (driver->check && !driver->check(uri, params, &error))) {
                answer(text, error, NULL);
                json_decref(params);
                return 1;
        }
        guint offered = driver->lanes_of ? driver->lanes_of(uri, params) : 1;
        const TbLane *lane = &driver->lanes[offered ? g_bit_nth_lsf(offered, -1) : 0];
        g_autofree TbInstance *self = g_malloc0(lane->size);
        *self = (TbInstance){.driver = driver,
                             .lane = lane,
                             .up = &up,
                             .uri = uri,
                             .params = params,
                             .device = "drive",
                             .run_dir = "."};
        int status = drive_lane(self, io);
        json_decref(params);
        return status;
}

/* --- discovery --- */
static void found(TbDiscovery *self, const char *uri, const char *label, const char *why, json_t *properties)
{
        (void)self;
        say(json_pack("{s:s, s:s, s:s, s:o}", "found", uri, "label", label, "why", why, "properties",
                      properties));
}

static void lost(TbDiscovery *self, const char *uri)
{
        (void)self;
        say(json_pack("{s:s}", "lost", uri));
}

static void event(TbDiscovery *self, const char *type, json_t *data)
{
        (void)self;
        say(json_pack("{s:s, s:o}", "event", type, "data", data));
}

static void fault(TbDiscovery *self, const char *reason)
{
        (void)self;
        say(json_pack("{s:s?}", "fault", reason));
}

static void run_bus(const TbDiscoveryOps *ops, TbDiscovery *self, TbIo *io, const char *command)
{
        g_auto(GStrv) words = g_strsplit(command, " ", -1);
        g_autoptr(GError) error = NULL;
        json_t *result = NULL;

        if (g_str_equal(command, "tree"))
                result = ops->bus_tree(self, io, &error);
        else if (g_str_equal(words[0], "power") && words[1] && words[2])
                (void)ops->bus_power(self, io, words[1], g_str_equal(words[2], "on"), &result, &error);
        else if (g_str_equal(words[0], "reset") && words[1])
                (void)ops->bus_reset(self, io, words[1], &error);
        answer(command, error, result);
}

static int discover(const char *name, TbIo *io)
{
        const TbDriver *driver = tb_driver_find(name);
        g_autoptr(GError) error = NULL;

        if (!driver || !driver->discovery)
                return 1;
        const TbDiscoveryOps *ops = driver->discovery;
        g_autofree TbDiscovery *self = g_malloc0(ops->size);
        *self = (TbDiscovery){.found = found, .lost = lost, .event = event, .fault = fault, .network = ~0U};
        if (!ops->open(self, io, &error)) {
                answer("open", error, NULL);
                return 1;
        }
        say(json_pack("{s:b}", "open", true));
        for (;;) {
                g_autofree char *command = next_command(io, 0);
                if (command && g_str_equal(command, "quit"))
                        break;
                if (command)
                        run_bus(ops, self, io, command);
                io->in_pump = true;
                if (!ops->pump(self, io, &error))
                        break;
                io->in_pump = false;
        }
        ops->close(self);
        return 0;
}

int main(int argc, char **argv)
{
        TbIo io;

        if (argc < 2 || (g_str_equal(argv[1], "--discover") && argc < 3)) {
                fprintf(stderr, "usage: drive URI | drive --discover DRIVER\n");
                return 2;
        }
        sum = g_checksum_new(G_CHECKSUM_SHA256);
        tb_io_init_plain(&io);
        io.wake = tb_interruptor_new();
        commands = tb_queue_new(1024, g_free);
        TbThread *reader = tb_thread_start("commands", read_commands, &io);
        int status = g_str_equal(argv[1], "--discover") ? discover(argv[2], &io) : drive_uri(argv[1], &io);
        tb_thread_join(reader); /* ends with stdin */
        tb_queue_free(commands);
        tb_interruptor_free(io.wake);
        tb_io_clear_plain(&io);
        g_checksum_free(sum);
        return status;
}
