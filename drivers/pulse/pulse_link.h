#pragma once
/*
 * A connection to a PulseAudio server, or to PipeWire's (pipewire-pulse), which speaks the same. libpulse's own loop runs on the lane's thread, and
 * every wait of it is a TbIo's: it ends when the lane is to do something else. Thread: the lane's.
 */
#include <pulse/pulseaudio.h>

#include "drivers/transport/io.h"
#include "lib/uri.h"

typedef struct TbPulse {
        pa_mainloop *loop;   /* owned */
        pa_context *context; /* owned */
        TbIo *io;            /* borrowed; of the call that waits */
        TbWait waited;       /* how its last wait ended */
        char *server;        /* owned; NULL: the usual one */
        char *shown;         /* owned; the URI, for texts */
} TbPulse;

/* `server` as PULSE_SERVER has it, NULL or "": the user's, or the system's. TB_ERROR_GONE: nobody answers. `shown`: where, for texts. */
TbPulse *tb_pulse_open(TbIo *io, const char *server, const char *shown, GError **error);
void tb_pulse_close(TbPulse *pulse); /* accepts NULL */

/* Waits for something to happen, `timeout_ms` at most (< 0: as long as it takes), and lets libpulse do what is to be done. False: the server has
 * gone (TB_ERROR_GONE). */
bool tb_pulse_turn(TbPulse *pulse, TbIo *io, int timeout_ms, GError **error);
/* Until the operation (taken) has ended. */
bool tb_pulse_wait(TbPulse *pulse, TbIo *io, pa_operation *operation_take, GError **error);

typedef struct TbPulseSource {
        char *name, *label; /* owned */
        char *monitor_of;   /* owned; the sink that it is a monitor of; NULL: none */
        guint channels;
        bool muted, suspended;
} TbPulseSource;
void tb_pulse_source_clear(TbPulseSource *source);
/* `name` NULL: the default one. TB_ERROR_GONE: there is none of that name; TB_ERROR_TIMEOUT … */
bool tb_pulse_find_source(TbPulse *pulse, TbIo *io, const char *name, TbPulseSource *ret, GError **error);
/* Calls for each source there is. */
bool tb_pulse_each_source(TbPulse *pulse, TbIo *io, void (*call)(const TbPulseSource *source, gpointer data),
                          gpointer data, GError **error);
