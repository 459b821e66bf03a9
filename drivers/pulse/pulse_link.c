#include "drivers/pulse/pulse_link.h"

#include "lib/error.h"

#define ANSWER_MS 5000

static int wait_here(struct pollfd *fds, unsigned long n, int timeout_ms, void *data)
{
        TbPulse *pulse = data;
        pulse->waited = tb_io_wait(pulse->io, fds, (guint)n, timeout_ms);
        int ready = 0;
        for (unsigned long i = 0; pulse->waited == TB_WAIT_READY && i < n; i++)
                ready += fds[i].revents != 0;
        return ready;
}

static bool gone(TbPulse *pulse, GError **error)
{
        int code = pulse->context ? pa_context_errno(pulse->context) : PA_ERR_CONNECTIONREFUSED;
        tb_set_error(error, TB_ERROR_GONE, "%s: no PulseAudio or PipeWire server answers%s%s (%s)",
                     pulse->shown, pulse->server ? " at " : "", pulse->server ? pulse->server : "",
                     pa_strerror(code));
        return false;
}

bool tb_pulse_turn(TbPulse *pulse, TbIo *io, int timeout_ms, GError **error)
{
        pulse->io = io;
        pulse->waited = TB_WAIT_READY; /* libpulse does not wait when it has something to do */
        int us = timeout_ms < 0 ? -1 : MIN(timeout_ms, G_MAXINT / 1000) * 1000;
        bool alive = pa_mainloop_prepare(pulse->loop, us) >= 0 && pa_mainloop_poll(pulse->loop) >= 0 &&
                     pa_mainloop_dispatch(pulse->loop) >= 0;
        return (alive && PA_CONTEXT_IS_GOOD(pa_context_get_state(pulse->context))) || gone(pulse, error);
}

/* A turn of a call that cannot do anything else meanwhile. */
static bool turn(TbPulse *pulse, TbIo *io, GError **error)
{
        if (!tb_pulse_turn(pulse, io, -1, error))
                return false;
        if (pulse->waited == TB_WAIT_READY)
                return true;
        g_autofree char *what = g_strdup_printf("%s: the sound server", pulse->shown);
        return tb_io_fail(pulse->waited, what, error);
}

bool tb_pulse_wait(TbPulse *pulse, TbIo *io, pa_operation *operation, GError **error)
{
        if (!operation)
                return gone(pulse, error);
        bool ok = true, in_pump = io->in_pump;
        gint64 deadline_us = io->deadline_us;
        io->in_pump = false; /* a command waits until it is known */
        io->deadline_us = MIN(deadline_us, g_get_monotonic_time() + ANSWER_MS * G_TIME_SPAN_MILLISECOND);
        while (ok && pa_operation_get_state(operation) == PA_OPERATION_RUNNING)
                ok = turn(pulse, io, error);
        io->in_pump = in_pump;
        io->deadline_us = deadline_us;
        if (!ok)
                pa_operation_cancel(operation);
        pa_operation_unref(operation);
        return ok;
}

TbPulse *tb_pulse_open(TbIo *io, const char *server, const char *shown, GError **error)
{
        TbPulse *pulse = g_new0(TbPulse, 1);
        pulse->server = server && *server ? g_strdup(server) : NULL;
        pulse->shown = g_strdup(shown);
        pulse->loop = pa_mainloop_new();
        if (pulse->loop) {
                pa_mainloop_set_poll_func(pulse->loop, wait_here, pulse);
                pulse->context = pa_context_new(pa_mainloop_get_api(pulse->loop), "testbed");
        }
        bool ok = pulse->context &&
                  pa_context_connect(pulse->context, pulse->server, PA_CONTEXT_NOAUTOSPAWN, NULL) >= 0;
        if (!ok)
                gone(pulse, error);
        while (ok && pa_context_get_state(pulse->context) != PA_CONTEXT_READY)
                ok = turn(pulse, io, error);
        if (ok)
                return pulse;
        tb_pulse_close(pulse);
        return NULL;
}

void tb_pulse_close(TbPulse *pulse)
{
        if (!pulse)
                return;
        if (pulse->context) {
                pa_context_disconnect(pulse->context);
                pa_context_unref(pulse->context);
        }
        if (pulse->loop)
                pa_mainloop_free(pulse->loop);
        g_free(pulse->server);
        g_free(pulse->shown);
        g_free(pulse);
}

/* --- sources --- */
typedef struct Ask {
        void (*call)(const TbPulseSource *source, gpointer data);
        gpointer data;
} Ask;

static void on_source(pa_context *context G_GNUC_UNUSED, const pa_source_info *info, int end, void *data)
{
        const Ask *ask = data;
        if (end != 0 || !info)
                return;
        TbPulseSource source = {
                .name = g_utf8_make_valid(info->name, -1),
                .label = g_utf8_make_valid(info->description ? info->description : info->name, -1),
                .monitor_of = g_strdup(info->monitor_of_sink_name),
                .channels = info->sample_spec.channels,
                .muted = info->mute,
                .suspended = info->state == PA_SOURCE_SUSPENDED};
        ask->call(&source, ask->data);
        tb_pulse_source_clear(&source);
}

void tb_pulse_source_clear(TbPulseSource *source)
{
        g_clear_pointer(&source->name, g_free);
        g_clear_pointer(&source->label, g_free);
        g_clear_pointer(&source->monitor_of, g_free);
}

static void keep(const TbPulseSource *source, gpointer data)
{
        TbPulseSource *ret = data;
        tb_pulse_source_clear(ret);
        *ret = *source;
        ret->name = g_strdup(source->name);
        ret->label = g_strdup(source->label);
        ret->monitor_of = g_strdup(source->monitor_of);
}

bool tb_pulse_find_source(TbPulse *pulse, TbIo *io, const char *name, TbPulseSource *ret, GError **error)
{
        TbPulseSource found = {0};
        Ask ask = {keep, &found};
        const char *asked = name ? name : "@DEFAULT_SOURCE@";
        if (!tb_pulse_wait(pulse, io,
                           pa_context_get_source_info_by_name(pulse->context, asked, on_source, &ask),
                           error)) {
                tb_pulse_source_clear(&found);
                return false;
        }
        if (found.name) {
                *ret = found;
                return true;
        }
        if (name)
                tb_set_error(
                        error, TB_ERROR_GONE,
                        "%s: the sound server has no source \"%s\"; GET /host/resources lists those it has",
                        pulse->shown, name);
        else
                tb_set_error(error, TB_ERROR_GONE, "%s: the sound server has no source", pulse->shown);
        return false;
}

bool tb_pulse_each_source(TbPulse *pulse, TbIo *io, void (*call)(const TbPulseSource *source, gpointer data),
                          gpointer data, GError **error)
{
        Ask ask = {call, data};
        return tb_pulse_wait(pulse, io, pa_context_get_source_info_list(pulse->context, on_source, &ask),
                             error);
}
