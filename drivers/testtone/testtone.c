/* A microphone without hardware: a tone, or a beep each second in step with testpattern's flash. For demos, tests of the media path and
 * measurements of what is seen against what is heard. */
#include "drivers/driver.h"
#include "drivers/testtone/tone.h"
#include "lib/clock.h"
#include "lib/limits.h"

#define BLOCK_MS 10
#define FREQUENCY_MOST 3999 /* Hz: what the lowest rate can carry */
#define LATE_US 200000      /* behind by more: what was missed is left out */

typedef struct Tone {
        TbInstance base;
        TbTesttone tone;
        gint64 next_us; /* begin of the next block; 0: stopped */
} Tone;

static const char *const patterns[] = {"tone", "beep", NULL};

static const TbParam params[] = {
        {.name = "pattern",
         .type = TB_PARAM_ENUM,
         .choices = patterns,
         .fallback = "\"tone\"",
         .help = "a tone that goes on, or a beep of 100 ms at the beginning of each second"},
        {.name = "frequency",
         .type = TB_PARAM_INT,
         .min = 20,
         .max = FREQUENCY_MOST,
         .fallback = "440",
         .unit = "Hz",
         .help = "of the tone"},
        {.name = "level",
         .type = TB_PARAM_NUMBER,
         .min = TB_SOUND_SILENCE,
         .max = 0,
         .fallback = "-20",
         .unit = "dBFS",
         .help = "of its peaks"},
        {.name = "rate",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SOUND_RATE_MIN,
         .max = TB_LIMIT_SOUND_RATE,
         .fallback = "48000",
         .unit = "Hz",
         .help = "samples a second"},
        {.name = "channels",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_SOUND_CHANNELS,
         .fallback = "2",
         .unit = "1",
         .help = "all with the same"},
        TB_PARAM_END,
};

static int number(const Tone *t, const char *name)
{
        return (int)json_integer_value(json_object_get(t->base.params, name));
}

static bool tone_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        Tone *t = (Tone *)self;
        t->tone = (TbTesttone){
                .format = {(guint)number(t, "rate"), (guint)number(t, "channels")},
                .frequency = (guint)number(t, "frequency"),
                .beeps = g_strcmp0(json_string_value(json_object_get(self->params, "pattern")), "beep") == 0,
                .amplitude =
                        tb_testtone_amplitude(json_number_value(json_object_get(self->params, "level")))};
        t->next_us = 0;
        return true;
}

static void make(Tone *t)
{
        TbSound *sound = tb_sound_new(t->tone.format, t->tone.format.rate * BLOCK_MS / 1000, t->next_us);
        tb_testtone_fill(&t->tone, sound, tb_clock_us() - g_get_monotonic_time() + t->next_us);
        t->next_us += tb_sound_us(sound);
        t->base.up->sound(&t->base, sound);
}

static bool tone_pump(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        Tone *t = (Tone *)self;
        gint64 now = g_get_monotonic_time();
        if (t->next_us && now - t->next_us > LATE_US)
                t->next_us = now - BLOCK_MS * 1000;
        /* as of a sound card: a block is there when its last sample was taken */
        while (t->next_us && t->next_us + BLOCK_MS * 1000 <= now)
                make(t);
        tb_io_wait(io, NULL, 0, t->next_us ? (int)((t->next_us + BLOCK_MS * 1000 - now + 999) / 1000) : -1);
        return true;
}

static bool start(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        ((Tone *)self)->next_us = g_get_monotonic_time();
        return true;
}

static void stop(TbInstance *self, TbIo *io G_GNUC_UNUSED)
{
        ((Tone *)self)->next_us = 0;
}

static const TbAudioOps audio = {.start = start, .stop = stop};
static const TbLane lanes[] = {
        {.name = "tone",
         .size = sizeof(Tone),
         .open = tone_open,
         .pump = tone_pump,
         .audio = &audio,
         .sensors = &tb_audio_levels},
        {.name = NULL},
};

const TbDriver tb_driver_testtone = {
        .name = "testtone",
        .summary = "A simulated microphone: a tone, or a beep in step with testpattern's flash; no hardware.",
        .example = "testtone://?frequency=440&level=-20",
        .params = params,
        .lanes = lanes,
};
