/*
 * A phone that is paired with this host (host/phone): camera, microphone, and what its page gives of sensors and buttons. What it sends comes
 * by lib/phone_line.h; here it becomes what any other hardware tells.
 */
#include "drivers/driver.h"
#include "drivers/transport/samples.h"
#include "lib/name.h"
#include "lib/phone_line.h"

#define RETRY_MS 300 /* looking whether it has come costs nothing */

typedef struct Lane { /* of any sort */
        TbInstance base;
        TbPhoneTap *tap; /* owned; NULL: closed */
        bool started;    /* pictures, or sound, are wanted */
} Lane;

static bool check(const TbUri *uri, json_t *params G_GNUC_UNUSED, GError **error)
{
        if (uri->host && tb_name_valid(TB_NAME_ID, uri->host) && (!uri->path || !*uri->path))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                           "phone:// and the name of a phone that is paired here: phone://phone1");
        return false;
}

static bool open_tap(TbInstance *self, TbPhoneTapOf of, GError **error)
{
        Lane *lane = (Lane *)self;
        lane->tap = tb_phone_tap_new(self->uri->host, of, error);
        return lane->tap != NULL;
}

static bool camera_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        return open_tap(self, TB_PHONE_CAMERA, error);
}

static bool sensors_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        return open_tap(self, TB_PHONE_SENSORS, error);
}

static void close_tap(TbInstance *self)
{
        Lane *lane = (Lane *)self;
        g_clear_pointer(&lane->tap, tb_phone_tap_free);
        lane->started = false;
}

static bool wait_and_take(Lane *lane, TbIo *io, TbPhoneTaken *taken, GError **error)
{
        struct pollfd fd = {.fd = tb_phone_tap_fd(lane->tap), .events = POLLIN};
        return tb_io_wait(io, &fd, 1, -1) != TB_WAIT_READY || tb_phone_tap_take(lane->tap, taken, error);
}

static bool camera_pump(TbInstance *self, TbIo *io, GError **error)
{
        Lane *lane = (Lane *)self;
        g_auto(TbPhoneTaken) taken = {0};
        if (!wait_and_take(lane, io, &taken, error))
                return false;
        if (taken.frame && lane->started)
                self->up->frame(self, g_steal_pointer(&taken.frame));
        else if (taken.dark && lane->started)
                self->up->no_signal(self, taken.dark);
        return true;
}

static bool sensors_pump(TbInstance *self, TbIo *io, GError **error)
{
        Lane *lane = (Lane *)self;
        g_auto(TbPhoneTaken) taken = {0};
        if (!wait_and_take(lane, io, &taken, error))
                return false;
        for (guint i = 0; lane->started && taken.sounds && i < taken.sounds->len; i++)
                self->up->sound(self, tb_sound_ref(g_ptr_array_index(taken.sounds, i)));
        if (lane->started && taken.dark)
                self->up->no_sound(self, taken.dark);
        for (guint i = 0; taken.events && i < taken.events->len; i++) {
                TbPhoneEvent *e = g_ptr_array_index(taken.events, i);
                self->up->event(self, e->type, g_steal_pointer(&e->data));
        }
        for (guint i = 0; taken.samples && i < taken.samples->len; i++) {
                const TbPhoneSample *s = g_ptr_array_index(taken.samples, i);
                tb_samples_tell(self, s->stream, s->quantity, s->unit, s->value);
        }
        return true;
}

static bool begin(TbInstance *self)
{
        Lane *lane = (Lane *)self;
        lane->started = true;
        tb_phone_tap_want(lane->tap, true);
        return true;
}

static bool start_video(TbInstance *self, TbIo *io G_GNUC_UNUSED, int max_fps G_GNUC_UNUSED,
                        GError **error G_GNUC_UNUSED)
{
        return begin(self);
}

static bool start_audio(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        return begin(self);
}

static void stop(TbInstance *self, TbIo *io G_GNUC_UNUSED)
{
        Lane *lane = (Lane *)self;
        lane->started = false;
        tb_phone_tap_want(lane->tap, false);
}

static const TbVideoOps video = {.start = start_video, .stop = stop};
static const TbAudioOps audio = {.start = start_audio, .stop = stop};
static const TbSensorOps sensors = {.interval_ms = 1000}; /* the pump tells */

static const TbLane lanes[] = {
        {.name = "camera",
         .size = sizeof(Lane),
         .retry_ms = RETRY_MS,
         .open = camera_open,
         .close = close_tap,
         .pump = camera_pump,
         .video = &video},
        {.name = "sensors",
         .size = sizeof(Lane),
         .retry_ms = RETRY_MS,
         .open = sensors_open,
         .close = close_tap,
         .pump = sensors_pump,
         .audio = &audio,
         .sensors = &sensors},
        {.name = NULL},
};

const TbDriver tb_driver_phone = {
        .name = "phone",
        .summary =
                "A phone that was paired with this host by its code: camera, microphone, sensors, buttons.",
        .example = "phone://phone1",
        .check = check,
        .lanes = lanes,
        .strangers = true,
};
