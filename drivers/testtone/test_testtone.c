/* The tone against the meter, and the lane against the clock. */
#include <signal.h>
#include <stdlib.h>

#include "drivers/testtone/tone.h"
#include "lib/clock.h"
#include "tests/contract/lane.h"

#define SECOND ((gint64)G_USEC_PER_SEC)

static const TbSoundFormat STEREO = {48000, 2};

static void test_level(void)
{
        static const double levels[] = {0, -20, -60};
        for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
                TbTesttone tone = {STEREO, 1000, false, tb_testtone_amplitude(levels[i])};
                g_autoptr(TbSound) sound = tb_sound_new(STEREO, 4800, 1);
                tb_testtone_fill(&tone, sound, 123456789);
                TbSoundMeter meter = {0};
                TbSoundLevel level;
                tb_sound_meter_add(&meter, sound);
                g_assert_true(tb_sound_meter_take(&meter, &level));
                g_assert_cmpfloat_with_epsilon(level.peak, levels[i], 0.2);
                g_assert_cmpfloat_with_epsilon(level.rms, levels[i] - 3.01, 0.2); /* a sine's */
        }
        g_assert_cmpint(tb_testtone_amplitude(TB_SOUND_SILENCE), ==, 1);
}

/* Blocks of any length, one behind the other, are the same tone. */
static void test_phase(void)
{
        TbTesttone tone = {{44100, 1}, 441, false, 30000};
        g_autoptr(TbSound) whole = tb_sound_new(tone.format, 4410, 1);
        tb_testtone_fill(&tone, whole, 7 * SECOND + 950000); /* over the end of a second */
        for (guint at = 0; at < 4410; at += 441) {
                g_autoptr(TbSound) part = tb_sound_new(tone.format, 441, 1);
                tb_testtone_fill(&tone, part, 7 * SECOND + 950000 + at * SECOND / 44100);
                g_assert_cmpmem(part->samples, tb_sound_bytes(part), whole->samples + at,
                                tb_sound_bytes(part));
        }
}

static void test_beep(void)
{
        TbTesttone tone = {STEREO, 1000, true, 10000};
        for (gint64 ms = 0; ms < 1000; ms += 50) {
                g_autoptr(TbSound) sound = tb_sound_new(STEREO, 480, 1);
                tb_testtone_fill(&tone, sound, 1795305600 * SECOND + ms * 1000);
                TbSoundMeter meter = {0};
                TbSoundLevel level;
                tb_sound_meter_add(&meter, sound);
                tb_sound_meter_take(&meter, &level);
                if (ms < TB_TESTTONE_BEEP_MS)
                        g_assert_cmpfloat(level.peak, >, -12);
                else
                        g_assert_cmpfloat(level.peak, ==, TB_SOUND_SILENCE);
        }
}

static void look(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpuint(seen->sound->format.rate, ==, 16000);
        g_assert_cmpuint(seen->sound->format.channels, ==, 1);
        g_assert_cmpint(seen->sound_gap_us, ==, 0); /* one block behind the other */
        g_assert_cmpint(seen->sound->t_us + tb_sound_us(seen->sound), <=, g_get_monotonic_time());
}

static void test_lane(void)
{
        Lane *lane = lane_start("testtone://?rate=16000&channels=1", NULL, "tone", "/tmp");
        lane_open_wait(lane, 5000);
        lane_audio(lane, true);
        lane_wait_sounds(lane, 10, 5000);
        lane_look(lane, look, NULL);
        lane_audio(lane, false);
        lane_stop(lane, 500);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/testtone/level", test_level);
        g_test_add_func("/testtone/phase", test_phase);
        g_test_add_func("/testtone/beep", test_beep);
        g_test_add_func("/testtone/lane", test_lane);
        return g_test_run();
}
