#include "tests/contract/lane.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/descriptors.h"
#include "lib/thread.h"

#define OP_MS 30000

struct Lane {
        TbInstance *instance; /* owned */
        TbUri *uri;           /* owned */
        TbIo io;
        TbThread *thread;
        TbMutex lock;
        TbCond changed;
        LaneSeen seen;             /* protected by lock */
        bool closing, ended;       /* protected by lock */
        int fps, running_fps;      /* protected by lock; worker's */
        bool audio, running_audio; /* protected by lock; worker's */
        LaneCall call;             /* protected by lock; NULL: none */
        gpointer call_data;
        gint64 call_deadline;
        GError *call_error;
        bool call_ok, call_done;
};

static Lane *lane_of(TbInstance *self)
{
        Lane *lane = self->host;
        tb_mutex_lock(&lane->lock);
        return lane;
}

static void unlock(Lane *lane)
{
        tb_cond_broadcast(&lane->changed);
        tb_mutex_unlock(&lane->lock);
}

/* --- what the lane tells --- */
static void on_bytes(TbInstance *self, const void *data, gsize size)
{
        Lane *lane = lane_of(self);
        g_string_append_len(lane->seen.bytes, data, (gssize)size);
        unlock(lane);
}

static void on_line(TbInstance *self, const char *line, gint64 t_ms G_GNUC_UNUSED)
{
        Lane *lane = lane_of(self);
        g_string_append_printf(lane->seen.lines, "%s\n", line);
        unlock(lane);
}

static void on_sample(TbInstance *self, const TbSample *sample)
{
        g_assert_nonnull(sample->stream);
        g_assert_nonnull(sample->unit);
        g_assert_true(isfinite(sample->value));
        Lane *lane = lane_of(self);
        g_hash_table_replace(lane->seen.samples, g_strdup(sample->stream),
                             g_memdup2(&sample->value, sizeof sample->value));
        unlock(lane);
}

static void on_power(TbInstance *self, const TbPowerState *state)
{
        Lane *lane = lane_of(self);
        lane->seen.power = *state;
        lane->seen.powers++;
        unlock(lane);
}

static void on_frame(TbInstance *self, TbFrame *frame)
{
        Lane *lane = lane_of(self);
        TbFrame *old = lane->seen.frame;
        lane->seen.frame = frame;
        lane->seen.frames++;
        lane->seen.n_damage += frame->n_damage;
        g_clear_pointer(&lane->seen.no_signal, g_free);
        unlock(lane);
        if (old)
                tb_frame_unref(old);
}

static void on_no_signal(TbInstance *self, const char *reason)
{
        Lane *lane = lane_of(self);
        g_free(lane->seen.no_signal);
        lane->seen.no_signal = g_strdup(reason);
        unlock(lane);
}

static void on_sound(TbInstance *self, TbSound *sound)
{
        Lane *lane = lane_of(self);
        TbSound *old = lane->seen.sound;
        if (old)
                lane->seen.sound_gap_us =
                        MAX(lane->seen.sound_gap_us, ABS(sound->t_us - (old->t_us + tb_sound_us(old))));
        lane->seen.sound = sound;
        lane->seen.sounds++;
        lane->seen.sound_frames += sound->frames;
        g_clear_pointer(&lane->seen.no_sound, g_free);
        unlock(lane);
        tb_sound_unref(old);
}

static void on_no_sound(TbInstance *self, const char *reason)
{
        Lane *lane = lane_of(self);
        g_free(lane->seen.no_sound);
        lane->seen.no_sound = g_strdup(reason);
        unlock(lane);
}

static void on_event(TbInstance *self, const char *type, json_t *data)
{
        Lane *lane = lane_of(self);
        g_autofree char *text = data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : g_strdup("");
        g_string_append_printf(lane->seen.events, "%s %s\n", type, text);
        unlock(lane);
        json_decref(data);
}

static void on_fault(TbInstance *self, const char *reason)
{
        Lane *lane = lane_of(self);
        g_free(lane->seen.fault);
        lane->seen.fault = g_strdup(reason);
        unlock(lane);
}

static void on_facts(TbInstance *self, json_t *facts_take)
{
        Lane *lane = lane_of(self);
        json_decref(lane->seen.facts);
        lane->seen.facts = facts_take;
        unlock(lane);
}

static void on_clipboard(TbInstance *self, const char *text)
{
        Lane *lane = lane_of(self);
        g_free(lane->seen.clipboard);
        lane->seen.clipboard = g_strdup(text);
        unlock(lane);
}

/* There is no other interface here. */
static bool on_outlet(TbInstance *self G_GNUC_UNUSED, TbIo *io G_GNUC_UNUSED, const char *member,
                      TbOutletAsk ask G_GNUC_UNUSED, TbPowerState *ret G_GNUC_UNUSED, GError **error)
{
        tb_set_error(error, TB_ERROR_NOT_FOUND, "there is no %s", member);
        return false;
}

static const TbUp up = {.bytes = on_bytes,
                        .line = on_line,
                        .sample = on_sample,
                        .power = on_power,
                        .frame = on_frame,
                        .no_signal = on_no_signal,
                        .sound = on_sound,
                        .no_sound = on_no_sound,
                        .event = on_event,
                        .fault = on_fault,
                        .clipboard = on_clipboard,
                        .facts = on_facts,
                        .outlet = on_outlet};

/* --- the worker --- */
static bool is_closing(Lane *lane)
{
        tb_mutex_lock(&lane->lock);
        bool closing = lane->closing;
        tb_mutex_unlock(&lane->lock);
        return closing;
}

static void set_open(Lane *lane, bool open, const GError *error)
{
        tb_mutex_lock(&lane->lock);
        lane->seen.open = open;
        lane->seen.opened += open;
        g_free(lane->seen.lost);
        lane->seen.lost = error ? g_strdup(tb_error_detail(error)) : NULL;
        unlock(lane);
}

static void run_call(Lane *lane)
{
        tb_mutex_lock(&lane->lock);
        LaneCall call = lane->call;
        tb_mutex_unlock(&lane->lock);
        if (!call)
                return;
        lane->io.deadline_us = lane->call_deadline;
        g_autoptr(GError) error = NULL;
        bool ok = call(lane->instance, &lane->io, lane->call_data, &error);
        g_assert_true(ok == (error == NULL));
        lane->io.deadline_us = G_MAXINT64;
        tb_mutex_lock(&lane->lock);
        lane->call = NULL;
        lane->call_ok = ok;
        lane->call_error = g_steal_pointer(&error);
        lane->call_done = true;
        unlock(lane);
}

static bool sync_video(Lane *lane, GError **error)
{
        const TbVideoOps *video = lane->instance->lane->video;
        tb_mutex_lock(&lane->lock);
        int fps = lane->fps;
        tb_mutex_unlock(&lane->lock);
        if (!video || fps == lane->running_fps)
                return true;
        if (lane->running_fps)
                video->stop(lane->instance, &lane->io);
        lane->running_fps = 0;
        if (fps && !video->start(lane->instance, &lane->io, fps, error))
                return false;
        lane->running_fps = fps;
        return true;
}

static bool sync_audio(Lane *lane, GError **error)
{
        const TbAudioOps *audio = lane->instance->lane->audio;
        tb_mutex_lock(&lane->lock);
        bool on = lane->audio;
        tb_mutex_unlock(&lane->lock);
        if (!audio || on == lane->running_audio)
                return true;
        if (!on)
                audio->stop(lane->instance, &lane->io);
        else if (!audio->start(lane->instance, &lane->io, error))
                return false;
        lane->running_audio = on;
        return true;
}

static void serve(Lane *lane)
{
        const TbLane *ops = lane->instance->lane;
        g_autoptr(GError) error = NULL;
        while (!is_closing(lane)) {
                tb_interruptor_lower(lane->io.wake);
                run_call(lane);
                if (is_closing(lane) || !sync_video(lane, &error) || !sync_audio(lane, &error))
                        break;
                lane->io.in_pump = true;
                bool ok = true;
                if (ops->pump)
                        ok = ops->pump(lane->instance, &lane->io, &error);
                else
                        tb_io_wait(&lane->io, NULL, 0, -1);
                lane->io.in_pump = false;
                if (!ok) {
                        g_assert_nonnull(error);
                        break;
                }
        }
        if (lane->running_fps && ops->video)
                ops->video->stop(lane->instance, &lane->io);
        lane->running_fps = 0;
        if (lane->running_audio)
                ops->audio->stop(lane->instance, &lane->io);
        lane->running_audio = false;
        if (ops->close)
                ops->close(lane->instance);
        set_open(lane, false, error);
}

static void lane_run(gpointer data)
{
        Lane *lane = data;
        const TbLane *ops = lane->instance->lane;
        while (!is_closing(lane)) {
                g_autoptr(GError) error = NULL;
                lane->io.deadline_us = g_get_monotonic_time() + OP_MS * 1000;
                bool ok = !ops->open || ops->open(lane->instance, &lane->io, &error);
                lane->io.deadline_us = G_MAXINT64;
                if (!ok) {
                        g_assert_nonnull(error);
                        if (ops->close)
                                ops->close(lane->instance);
                }
                set_open(lane, ok, error);
                if (ok)
                        serve(lane);
                lane->io.in_pump = true;
                if (!is_closing(lane))
                        tb_io_wait(&lane->io, NULL, 0, 50);
                lane->io.in_pump = false;
                tb_interruptor_lower(lane->io.wake);
        }
        tb_mutex_lock(&lane->lock);
        lane->ended = true;
        unlock(lane);
}

/* --- the test's side --- */
Lane *lane_start(const char *text, json_t *params_take, const char *lane_name, const char *run_dir)
{
        g_autoptr(GError) error = NULL;
        Lane *lane = g_new0(Lane, 1);
        lane->uri = tb_uri_parse(text, &error);
        g_assert_no_error(error);
        const TbDriver *driver = tb_driver_find(lane->uri->scheme);
        g_assert_nonnull(driver);
        json_t *params = params_take ? tb_params_validate(driver->params, params_take, &error)
                                     : tb_params_validate_text(driver->params, lane->uri->query, &error);
        json_decref(params_take);
        g_assert_no_error(error);
        g_assert_true(!driver->check || driver->check(lane->uri, params, &error));
        const TbLane *ops = driver->lanes;
        while (lane_name && ops->name && strcmp(ops->name, lane_name) != 0)
                ops++;
        g_assert_nonnull(ops->name);

        lane->instance = g_malloc0(ops->size);
        *lane->instance = (TbInstance){driver, ops, &up, lane->uri, params, "board", run_dir, lane};
        tb_io_init_plain(&lane->io);
        lane->io.wake = tb_interruptor_new();
        tb_mutex_init(&lane->lock);
        tb_cond_init(&lane->changed);
        lane->seen.bytes = g_string_new(NULL);
        lane->seen.lines = g_string_new(NULL);
        lane->seen.events = g_string_new(NULL);
        lane->seen.samples = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        lane->thread = tb_thread_start(ops->name, lane_run, lane);
        return lane;
}

void lane_stop(Lane *lane, int limit_ms)
{
        gint64 until = g_get_monotonic_time() + (gint64)limit_ms * 1000;
        tb_mutex_lock(&lane->lock);
        lane->closing = true;
        tb_interruptor_raise(lane->io.stop);
        tb_interruptor_raise(lane->io.wake);
        while (!lane->ended && tb_cond_wait_until(&lane->changed, &lane->lock, until)) {
        }
        bool ended = lane->ended;
        tb_mutex_unlock(&lane->lock);
        if (!ended)
                g_error("lane %s of %s did not end within %d ms", lane->instance->lane->name, lane->uri->raw,
                        limit_ms);
        tb_thread_join(lane->thread);
        if (lane->instance->lane->finalize)
                lane->instance->lane->finalize(lane->instance);
        json_decref(lane->instance->params);
        g_free(lane->instance);
        tb_uri_free(lane->uri);
        tb_interruptor_free(lane->io.wake);
        tb_io_clear_plain(&lane->io);
        LaneSeen *s = &lane->seen;
        g_string_free(s->bytes, TRUE);
        g_string_free(s->lines, TRUE);
        g_string_free(s->events, TRUE);
        g_hash_table_unref(s->samples);
        g_free(s->lost);
        g_free(s->no_signal);
        g_free(s->no_sound);
        tb_sound_unref(s->sound);
        g_free(s->fault);
        g_free(s->clipboard);
        json_decref(s->facts);
        if (s->frame)
                tb_frame_unref(s->frame);
        tb_cond_clear(&lane->changed);
        tb_mutex_clear(&lane->lock);
        g_free(lane);
}

bool lane_call(Lane *lane, LaneCall call, gconstpointer data, int timeout_ms, GError **error)
{
        gint64 until = g_get_monotonic_time() + (gint64)(timeout_ms + OP_MS) * 1000;
        tb_mutex_lock(&lane->lock);
        lane->call = call;
        lane->call_data = (gpointer)data;
        lane->call_deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
        lane->call_done = false;
        tb_interruptor_raise(lane->io.wake);
        while (!lane->call_done)
                if (!tb_cond_wait_until(&lane->changed, &lane->lock, until))
                        g_error("a call on %s never ended (lane %s)", lane->uri->raw,
                                lane->seen.open ? "open" : lane->seen.lost);
        bool ok = lane->call_ok;
        if (lane->call_error)
                g_propagate_error(error, g_steal_pointer(&lane->call_error));
        tb_mutex_unlock(&lane->lock);
        return ok;
}

void lane_wait(Lane *lane, const char *what, LaneDone done, gconstpointer data, int timeout_ms)
{
        gint64 until = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
        tb_mutex_lock(&lane->lock);
        bool ok;
        while (!(ok = done(&lane->seen, (gpointer)data)))
                if (!tb_cond_wait_until(&lane->changed, &lane->lock, until))
                        break;
        ok = ok || done(&lane->seen, (gpointer)data);
        const LaneSeen *s = &lane->seen;
        if (!ok)
                g_error("%s: no %s in %d ms; open %d (%s), %u frames, no signal: %s, %u blocks of sound, "
                        "none: %s, "
                        "fault: %s, events: %s, bytes: %s",
                        lane->uri->raw, what, timeout_ms, s->open, s->lost, s->frames, s->no_signal,
                        s->sounds, s->no_sound, s->fault, s->events->str, s->bytes->str);
        tb_mutex_unlock(&lane->lock);
}

void lane_video(Lane *lane, int max_fps)
{
        tb_mutex_lock(&lane->lock);
        lane->fps = max_fps;
        tb_interruptor_raise(lane->io.wake);
        tb_mutex_unlock(&lane->lock);
}

void lane_audio(Lane *lane, bool on)
{
        tb_mutex_lock(&lane->lock);
        lane->audio = on;
        tb_interruptor_raise(lane->io.wake);
        tb_mutex_unlock(&lane->lock);
}

void lane_look(Lane *lane, void (*look)(const LaneSeen *seen, gpointer data), gconstpointer data)
{
        tb_mutex_lock(&lane->lock);
        look(&lane->seen, (gpointer)data);
        tb_mutex_unlock(&lane->lock);
}

void lane_forget(Lane *lane)
{
        tb_mutex_lock(&lane->lock);
        LaneSeen *s = &lane->seen;
        g_string_truncate(s->bytes, 0);
        g_string_truncate(s->lines, 0);
        g_string_truncate(s->events, 0);
        g_hash_table_remove_all(s->samples);
        g_clear_pointer(&s->frame, tb_frame_unref);
        g_clear_pointer(&s->sound, tb_sound_unref);
        s->frames = s->n_damage = s->powers = s->sounds = 0;
        s->sound_frames = 0;
        s->sound_gap_us = 0;
        tb_mutex_unlock(&lane->lock);
}

TbInstance *lane_instance(Lane *lane)
{
        return lane->instance;
}

/* --- common calls --- */
static bool done_open(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open;
}

void lane_open_wait(Lane *lane, int timeout_ms)
{
        lane_wait(lane, "open", done_open, NULL, timeout_ms);
}

static bool call_set(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->set(self, io, *(bool *)data, error);
}

void lane_power(Lane *lane, bool on)
{
        g_autoptr(GError) error = NULL;
        lane_call(lane, call_set, &on, 20000, &error);
        g_assert_no_error(error);
}

static bool call_get(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->get(self, io, data, error);
}

TbPowerObserved lane_observed(Lane *lane)
{
        TbPowerState state = {0};
        g_autoptr(GError) error = NULL;
        lane_call(lane, call_get, &state, 10000, &error);
        g_assert_no_error(error);
        return state.observed;
}

static bool call_write(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->console->write(self, io, data, strlen(data), error);
}

void lane_write(Lane *lane, const char *text)
{
        g_autoptr(GError) error = NULL;
        lane_call(lane, call_write, (gpointer)text, 10000, &error);
        g_assert_no_error(error);
}

static bool done_text(const LaneSeen *seen, gpointer data)
{
        return memmem(seen->bytes->str, seen->bytes->len, data, strlen(data)) != NULL;
}

void lane_wait_text(Lane *lane, const char *text, int timeout_ms)
{
        lane_wait(lane, text, done_text, (gpointer)text, timeout_ms);
}

static bool done_frames(const LaneSeen *seen, gpointer data)
{
        return seen->frames >= GPOINTER_TO_UINT(data);
}

void lane_wait_frames(Lane *lane, guint n, int timeout_ms)
{
        lane_wait(lane, "frames", done_frames, GUINT_TO_POINTER(n), timeout_ms);
}

static bool done_sounds(const LaneSeen *seen, gpointer data)
{
        return seen->sounds >= GPOINTER_TO_UINT(data);
}

void lane_wait_sounds(Lane *lane, guint n, int timeout_ms)
{
        lane_wait(lane, "sound", done_sounds, GUINT_TO_POINTER(n), timeout_ms);
}

static bool done_dark(const LaneSeen *seen, gpointer data)
{
        return seen->no_signal && strstr(seen->no_signal, data);
}

void lane_wait_dark(Lane *lane, const char *reason, int timeout_ms)
{
        lane_wait(lane, reason, done_dark, (gpointer)reason, timeout_ms);
}

typedef struct Inputs {
        const TbInput *events;
        guint n;
} Inputs;

static bool call_input(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        Inputs *in = data;
        guint done;
        return self->lane->input->send(self, io, in->events, in->n, &done, error);
}

void lane_input(Lane *lane, const TbInput *events, guint n)
{
        Inputs in = {events, n};
        g_autoptr(GError) error = NULL;
        lane_call(lane, call_input, &in, 20000, &error);
        g_assert_no_error(error);
}

static guint32 pixel(const TbFrame *f, int x, int y)
{
        const guint8 *p = f->plane[0] + (gsize)y * (gsize)f->stride[0] + (gsize)x * 4;
        return (guint32)p[2] << 16 | (guint32)p[1] << 8 | p[0];
}

bool lane_has_colour(const LaneSeen *seen, gpointer data)
{
        const LaneColour *c = data;
        const TbFrame *f = seen->frame;
        return f && c->x < f->width && c->y < f->height && pixel(f, c->x, c->y) == c->rgb;
}

bool lane_has_size(const LaneSeen *seen, gpointer data)
{
        const TbRect *size = data;
        return seen->frame && seen->frame->width == size->width && seen->frame->height == size->height;
}

bool lane_is_lost(const LaneSeen *seen, gpointer data)
{
        return seen->lost && strstr(seen->lost, data);
}

guint32 lane_pixel(Lane *lane, int x, int y)
{
        tb_mutex_lock(&lane->lock);
        const TbFrame *f = lane->seen.frame;
        g_assert_nonnull(f);
        g_assert_cmpint(f->format, ==, TB_PIXEL_BGRX);
        g_assert_true(x < f->width && y < f->height);
        guint32 value = pixel(f, x, y);
        tb_mutex_unlock(&lane->lock);
        return value;
}

void lane_crowd(void)
{
        int fd = 0;
        tb_descriptors_init();
        tb_descriptors_keep_low(16);
        while (fd < FD_SETSIZE) {
                fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
                g_assert_cmpint(fd, >=, 0);
        }
        close(fd);
}

static bool do_sample(TbInstance *self, TbIo *io, gpointer data G_GNUC_UNUSED, GError **error)
{
        return self->lane->sensors->sample(self, io, error);
}

bool lane_sample(Lane *lane, int timeout_ms, GError **error)
{
        return lane_call(lane, do_sample, NULL, timeout_ms, error);
}
