#include "tests/unit/core/fake.h"

#include "host/core/private.h"

#include <glib/gstdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/thread.h"

Fake fake = {.input_lock = TB_MUTEX_INIT};

typedef struct FakeLane {
        TbInstance base;
        GByteArray *echo; /* what was written and not printed yet */
} FakeLane;

static bool lane_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        FakeLane *lane = (FakeLane *)self;
        g_atomic_int_inc(&fake.opens);
        if (!g_atomic_int_get(&fake.present)) {
                tb_set_error(error, TB_ERROR_GONE, "fake is unplugged");
                return false;
        }
        if (!lane->echo)
                lane->echo = g_byte_array_new();
        return true;
}

static void lane_close(TbInstance *self G_GNUC_UNUSED)
{
        g_atomic_int_inc(&fake.closes);
}

static void lane_finalize(TbInstance *self)
{
        FakeLane *lane = (FakeLane *)self;
        if (lane->echo)
                g_byte_array_unref(lane->echo);
}

static bool lane_pump(TbInstance *self, TbIo *io, GError **error)
{
        FakeLane *lane = (FakeLane *)self;
        if (g_atomic_int_compare_and_exchange(&fake.lose, 1, 0)) {
                tb_set_error(error, TB_ERROR_GONE, "fake was pulled");
                return false;
        }
        if (lane->echo->len > 0) {
                self->up->bytes(self, lane->echo->data, lane->echo->len);
                g_byte_array_set_size(lane->echo, 0);
        }
        tb_io_wait(io, NULL, 0, 20);
        return true;
}

static bool delay(TbIo *io, GError **error)
{
        int ms = g_atomic_int_get(&fake.slow_ms);
        g_atomic_int_inc(&fake.entered);
        bool ok = ms == 0 || tb_io_sleep(io, ms, error);
        if (!ok)
                g_atomic_int_inc(&fake.interrupted);
        return ok;
}

static bool breaks(gint *count, const gint *mask, const char *what, GError **error)
{
        int n = g_atomic_int_add(count, 1), fail = g_atomic_int_get(mask);
        n = MIN(n, 30);
        if (!(fail & 1 << n) && !(fail & 1 << 30 && fail & ((1 << n) - 1)))
                return false;
        tb_set_error(error, TB_ERROR_DEVICE, "the fake %s fails", what);
        return true;
}

static bool power_set(TbInstance *self G_GNUC_UNUSED, TbIo *io, bool on, GError **error)
{
        if (!delay(io, error) || breaks(&fake.sets, &fake.fail_sets, "relay", error))
                return false;
        if (!g_atomic_int_get(&fake.stuck))
                g_atomic_int_set(&fake.power, on);
        return true;
}

static bool power_get(TbInstance *self G_GNUC_UNUSED, TbIo *io, TbPowerState *ret, GError **error)
{
        g_atomic_int_set(&fake.reading, 1);
        bool ok = true;
        while (ok && g_atomic_int_get(&fake.hold_gets))
                ok = tb_io_sleep(io, 1, error);
        g_atomic_int_set(&fake.reading, 0);
        if (!ok)
                return false;
        if (breaks(&fake.gets, &fake.fail_gets, "reader", error))
                return false;
        ret->observed = g_atomic_int_get(&fake.power) ? TB_POWER_ON : TB_POWER_OFF;
        ret->watts = 3.5;
        return true;
}

static bool console_write(TbInstance *self, TbIo *io, const void *data, gsize size, GError **error)
{
        if (!delay(io, error))
                return false;
        int most = g_atomic_int_get(&fake.takes);
        gsize n = most ? MIN(size, (gsize)MAX(most, 0)) : size;
        g_byte_array_append(((FakeLane *)self)->echo, data, (guint)n);
        io->taken = n;
        g_atomic_int_set(&fake.turn_ms, (int)((io->deadline_us - g_get_monotonic_time()) / 1000));
        g_atomic_int_inc(&fake.writes);
        if (n < size)
                tb_set_error(error, TB_ERROR_TIMEOUT, "the fake takes no more in this turn");
        return n == size;
}

static bool video_start(TbInstance *self, TbIo *io G_GNUC_UNUSED, int max_fps, GError **error G_GNUC_UNUSED)
{
        g_autoptr(TbFramePool) pool = tb_frame_pool_new(1);
        TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_BGRX, 16, 8, 0);
        memset(frame->data, 0x40, frame->size);
        g_atomic_int_set(&fake.video_fps, max_fps);
        self->up->frame(self, frame);
        return true;
}

static void video_stop(TbInstance *self G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED)
{
        g_atomic_int_set(&fake.video_fps, 0);
}

/* What it was given, as text: "+Shift", "-Shift" (a key pressed: "=a"), "!" before a character that is exact, "p10,20:1". */
static void tell_input(const TbInput *e, GString *seen)
{
        switch (e->type) {
        case TB_INPUT_KEY:
                g_string_append_printf(seen, "%s%s%s%s ", e->exact ? "!" : "",
                                       e->action == TB_KEY_DOWN ? "+"
                                       : e->action == TB_KEY_UP ? "-"
                                                                : "=",
                                       e->code ? "@" : "", e->code ? e->code : e->text);
                break;
        case TB_INPUT_TEXT: g_string_append_printf(seen, "\"%s\" ", e->text); break;
        case TB_INPUT_POINTER: g_string_append_printf(seen, "p%g,%g:%d ", e->x, e->y, e->buttons); break;
        case TB_INPUT_TAP: g_string_append_printf(seen, "t%g,%g ", e->x, e->y); break;
        case TB_INPUT_SWIPE: g_string_append_printf(seen, "s%g,%g ", e->x, e->y); break;
        case TB_INPUT_SCROLL: g_string_append_printf(seen, "w%g,%g ", e->x2, e->y2); break;
        }
}

/* It knows no key "Unknown", and its keyboard has no é. */
static bool input_send(TbInstance *self G_GNUC_UNUSED, TbIo *io, const TbInput *events, guint n,
                       guint *ret_done, GError **error)
{
        if (!delay(io, error))
                return false;
        tb_mutex_lock(&fake.input_lock);
        for (*ret_done = 0; *ret_done < n; (*ret_done)++) {
                const char *text = events[*ret_done].text;
                if (text && (strcmp(text, "Unknown") == 0 || strstr(text, "é"))) {
                        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the fake has no key for %s", text);
                        break;
                }
                if (!fake.input)
                        fake.input = g_string_new(NULL);
                tell_input(&events[*ret_done], fake.input);
        }
        tb_mutex_unlock(&fake.input_lock);
        g_atomic_int_add(&fake.inputs, (int)*ret_done);
        return *ret_done == n;
}

static bool sample(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        self->up->sample(
                self, &(TbSample){.stream = "temp", .quantity = "temperature", .unit = "Cel", .value = 21.5});
        return true;
}

static bool shell_run(TbInstance *self G_GNUC_UNUSED, TbIo *io, const TbShellRequest *request,
                      TbShellResult *ret, GError **error)
{
        if (!delay(io, error))
                return false;
        const char *text = request->command ? request->command : request->argv[0];
        g_byte_array_append(ret->out, (const guint8 *)text, (guint)strlen(text));
        ret->exit_code = 3;
        return true;
}

/* fake://lines: two lines, "boot" an output, and "button" an input */
static bool gpio_list(TbInstance *self G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED, json_t *into,
                      GError **error G_GNUC_UNUSED)
{
        json_array_append_new(into, json_pack("{s:s, s:s, s:b}", "line", "boot", "direction", "out", "on",
                                              g_atomic_int_get(&fake.power)));
        json_array_append_new(into,
                              json_pack("{s:s, s:s, s:b}", "line", "button", "direction", "in", "on", 0));
        return true;
}

static bool gpio_set(TbInstance *self G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED, const char *line, bool on,
                     GError **error)
{
        if (strcmp(line, "boot") != 0) {
                tb_error_set_field(error, TB_ERROR_INVALID, "line", "no line %s", line);
                return false;
        }
        if (breaks(&fake.sets, &fake.fail_sets, "line", error))
                return false;
        g_atomic_int_set(&fake.power, on);
        return true;
}

static guint lanes_of(const TbUri *uri, json_t *params G_GNUC_UNUSED)
{
        return strcmp(uri->host, "lines") == 0 ? 4 : 3;
}

static const TbLane lanes[] = {
        {
                .name = "main",
                .size = sizeof(FakeLane),
                .open = lane_open,
                .close = lane_close,
                .pump = lane_pump,
                .finalize = lane_finalize,
                .power = &(const TbPowerOps){.set = power_set, .get = power_get},
                .console = &(const TbConsoleOps){.write = console_write},
                .video = &(const TbVideoOps){.start = video_start, .stop = video_stop},
                .input = &(const TbInputOps){.send = input_send},
                .sensors = &(const TbSensorOps){.interval_ms = 100, .sample = sample},
        },
        {
                .name = "shell",
                .size = sizeof(FakeLane),
                .parallel = 4,
                .open = lane_open,
                .close = lane_close,
                .finalize = lane_finalize,
                .shell = &(const TbShellOps){.run = shell_run},
        },
        {
                .name = "lines",
                .size = sizeof(FakeLane),
                .open = lane_open,
                .close = lane_close,
                .pump = lane_pump,
                .finalize = lane_finalize,
                .gpio = &(const TbGpioOps){.list = gpio_list, .set = gpio_set},
        },
        {.name = NULL},
};

/* --- its bus --- */
static bool bus_works(GError **error)
{
        if (g_atomic_int_get(&fake.no_bus))
                tb_set_error(error, TB_ERROR_DEVICE, "the fake bus is broken \xff");
        return !g_atomic_int_get(&fake.no_bus);
}

static bool bus_open(TbDiscovery *self G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED, GError **error)
{
        g_atomic_int_inc(&fake.bus_opens);
        return bus_works(error);
}

static bool bus_pump(TbDiscovery *self G_GNUC_UNUSED, TbIo *io, GError **error)
{
        tb_io_wait(io, NULL, 0, 20);
        return bus_works(error);
}

static void bus_close(TbDiscovery *self G_GNUC_UNUSED)
{
}

static bool bus_breaks(GError **error)
{
        if (!g_atomic_int_get(&fake.fail_bus))
                return false;
        tb_set_error(error, TB_ERROR_NOT_FOUND, "the fake bus has no such port");
        return true;
}

static json_t *bus_tree(TbDiscovery *self G_GNUC_UNUSED, TbIo *io, GError **error)
{
        if (bus_breaks(error))
                return NULL;
        g_atomic_int_inc(&fake.looks);
        json_t *o = json_pack("{s:i}", "port", g_atomic_int_get(&fake.port));
        g_atomic_int_set(&fake.looking, 1);
        while (g_atomic_int_get(&fake.hold_looks))
                if (!tb_io_sleep(io, 1, error)) {
                        json_decref(o);
                        return NULL;
                }
        g_atomic_int_set(&fake.looking, 0);
        return o;
}

static bool bus_power(TbDiscovery *self, TbIo *io G_GNUC_UNUSED, const char *port G_GNUC_UNUSED, bool on,
                      json_t **ret_state, GError **error)
{
        if (bus_breaks(error))
                return false;
        g_autofree char *text = g_strnfill(FAKE_EVENT, 'x');
        for (int n = g_atomic_int_get(&fake.flood); n > 0; n--) {
                g_atomic_int_inc(&fake.flooded);
                self->event(self, "flood", json_pack("{s:s}", "text", text));
        }
        g_atomic_int_set(&fake.port, on);
        *ret_state = json_object();
        return true;
}

static bool bus_reset(TbDiscovery *self G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED, const char *port G_GNUC_UNUSED,
                      GError **error)
{
        return !bus_breaks(error);
}

static const TbDiscoveryOps discovery = {.size = sizeof(TbDiscovery),
                                         .open = bus_open,
                                         .pump = bus_pump,
                                         .close = bus_close,
                                         .bus = "usb",
                                         .bus_tree = bus_tree,
                                         .bus_power = bus_power,
                                         .bus_reset = bus_reset};

static const TbDriver driver = {.name = "fake",
                                .summary = "the test itself",
                                .example = "fake://x",
                                .lanes_of = lanes_of,
                                .lanes = lanes,
                                .discovery = &discovery};
const TbDriver *const tb_drivers[] = {&driver, NULL};

/* --- the bench --- */
static void remove_tree(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        for (const char *name; dir && (name = g_dir_read_name(dir));) {
                g_autofree char *child = g_build_filename(path, name, NULL);
                if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
                        remove_tree(child);
                else
                        g_unlink(child);
        }
        g_rmdir(path);
}

void bench_start(Bench *b, const char *devices_json, const char *keep_dir)
{
        if (fake.input)
                g_string_free(fake.input, TRUE);
        fake = (Fake){.present = 1, .input_lock = TB_MUTEX_INIT};
        b->dir = keep_dir ? g_strdup(keep_dir) : g_dir_make_tmp("tbcore-XXXXXX", NULL);
        b->config = g_new0(TbHostConfig, 1);
        b->config->state_dir = g_strdup(b->dir);
        b->config->name = g_strdup("test");
        b->config->auth = tb_auth_new();
        b->config->devices = json_loads(devices_json, 0, NULL);
        g_assert_nonnull(b->config->devices);
        tb_main_init(NULL);
        g_autoptr(GError) error = NULL;
        b->core = tb_core_new(b->config, NULL, &error);
        g_assert_no_error(error);
        tb_core_start(b->core);
}

void bench_stop(Bench *b, bool keep_dir)
{
        tb_core_stop(b->core);
        tb_main_stop();
        tb_core_free(b->core);
        tb_host_config_free(b->config);
        if (!keep_dir)
                remove_tree(b->dir);
        g_free(b->dir);
}

static gboolean deadline(gpointer data)
{
        *(bool *)data = true;
        return G_SOURCE_REMOVE;
}

static gboolean tick_again(gpointer data G_GNUC_UNUSED)
{
        return G_SOURCE_CONTINUE; /* wakes the loop, so that conditions without an event of their own are
                                     looked at */
}

void bench_until(Bench *b G_GNUC_UNUSED, bool (*test)(gpointer), gpointer data, const char *what)
{
        bool late = false;
        guint timer = g_timeout_add(5000, deadline, &late);
        guint tick = g_timeout_add(5, tick_again, NULL);
        while (!test(data)) {
                if (late)
                        g_error("never came: %s", what);
                g_main_context_iteration(NULL, TRUE);
        }
        g_source_remove(tick);
        g_source_remove(timer);
}

void answer_cb(json_t *result, const GError *error, gpointer user)
{
        Answer *a = user;
        g_assert_false(a->done); /* exactly once */
        a->done = true;
        a->result = json_incref(result);
        a->error = error ? g_error_copy(error) : NULL;
}

void answer_clear(Answer *a)
{
        json_decref(a->result);
        g_clear_error(&a->error);
        *a = (Answer){0};
}

static bool answered(gpointer data)
{
        return ((Answer *)data)->done;
}

void bench_command(Bench *b, Answer *a, TbRole role, const char *lease, const char *device, const char *verb,
                   const char *params_json)
{
        json_auto_t *params = params_json ? json_loads(params_json, JSON_DECODE_ANY, NULL) : NULL;
        TbActor actor = {.user = "tester", .role = role, .lease = lease, .via = "test"};
        answer_clear(a);
        tb_core_command(b->core, &actor, device, verb, params, NULL, answer_cb, a);
        g_assert_false(a->done); /* never from inside */
        bench_until(b, answered, a, verb);
}

/* A change of the stored devices, made again from inside the disk's answer, as commands do. */
typedef struct Change {
        TbCore *core;
        const TbActor *actor;
        const char *id;
        json_t *spec;
        enum { ADD, PATCH, REMOVE } what;
        GError **error;
        TbDevice *device;
        bool ok, settled;
} Change;

static void attempt(const GError *failed, gpointer data)
{
        Change *c = data;
        g_assert_no_error(failed);
        g_clear_error(c->error);
        c->core->store_waits = false;
        if (c->what == ADD)
                c->ok = (c->device = tb_core_add_device(c->core, c->actor, c->spec, c->error)) != NULL;
        else if (c->what == PATCH)
                c->ok = tb_core_patch_device(c->core, c->actor, c->id, c->spec, c->error);
        else
                c->ok = tb_core_remove_device(c->core, c->actor, c->id, c->error);
        if (!c->ok && tb_store_waits(c->core))
                tb_saver_wait(c->core->save_devices, attempt, c);
        else
                c->settled = true;
}

static void change(Change *c)
{
        attempt(NULL, c);
        while (!c->settled)
                g_main_context_iteration(NULL, TRUE);
}

TbDevice *bench_add_device(TbCore *core, const TbActor *actor, json_t *spec, GError **error)
{
        Change c = {.core = core, .actor = actor, .spec = spec, .what = ADD, .error = error};
        change(&c);
        return c.device;
}

bool bench_patch_device(TbCore *core, const TbActor *actor, const char *id, json_t *patch, GError **error)
{
        Change c = {.core = core, .actor = actor, .id = id, .spec = patch, .what = PATCH, .error = error};
        change(&c);
        return c.ok;
}

bool bench_remove_device(TbCore *core, const TbActor *actor, const char *id, GError **error)
{
        Change c = {.core = core, .actor = actor, .id = id, .what = REMOVE, .error = error};
        change(&c);
        return c.ok;
}
