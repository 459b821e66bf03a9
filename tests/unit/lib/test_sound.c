/* Blocks of sound at their limits, and how loud they are. */
#include "lib/sound.h"

#include "lib/limits.h"

static void test_limits(void)
{
        static const struct {
                guint rate, channels;
                bool good;
        } formats[] = {
                {TB_LIMIT_SOUND_RATE_MIN, 1, true},
                {TB_LIMIT_SOUND_RATE_MIN - 1, 1, false},
                {TB_LIMIT_SOUND_RATE, TB_LIMIT_SOUND_CHANNELS, true},
                {TB_LIMIT_SOUND_RATE + 1, 1, false},
                {48000, TB_LIMIT_SOUND_CHANNELS + 1, false},
                {48000, 0, false},
                {0, 2, false},
        };
        for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
                TbSoundFormat format = {formats[i].rate, formats[i].channels};
                g_assert_true(tb_sound_format_valid(format) == formats[i].good);
                g_autoptr(TbSound) sound = tb_sound_new(format, 1, 0);
                g_assert_true((sound != NULL) == formats[i].good);
        }
        TbSoundFormat format = {44100, 2};
        guint most = 44100 * TB_LIMIT_SOUND_BLOCK_MS / 1000;
        g_assert_cmpuint(tb_sound_most_frames(format), ==, most);
        g_autoptr(TbSound) whole = tb_sound_new(format, most, 5);
        g_assert_cmpint(tb_sound_us(whole), ==, TB_LIMIT_SOUND_BLOCK_MS * 1000);
        g_assert_cmpuint(tb_sound_bytes(whole), ==, most * 4);
        g_assert_null(tb_sound_new(format, most + 1, 5));
        g_assert_null(tb_sound_new(format, 0, 5));
}

static TbSound *of(gint16 value, guint frames)
{
        TbSound *sound = tb_sound_new((TbSoundFormat){48000, 1}, frames, 0);
        for (guint i = 0; i < frames; i++)
                sound->samples[i] = GINT16_TO_LE(i & 1 ? value : (gint16)-value);
        return sound;
}

static void test_level(void)
{
        TbSoundMeter meter = {0};
        TbSoundLevel level;
        g_assert_false(tb_sound_meter_take(&meter, &level)); /* nothing was heard */
        g_autoptr(TbSound) none = of(0, 480), half = of(16384, 480), full = of(G_MININT16, 480),
                           one = of(1, 480);
        tb_sound_meter_add(&meter, none);
        g_assert_true(tb_sound_meter_take(&meter, &level));
        g_assert_cmpfloat(level.rms, ==, TB_SOUND_SILENCE);
        g_assert_cmpfloat(level.peak, ==, TB_SOUND_SILENCE);
        tb_sound_meter_add(&meter, half);
        tb_sound_meter_take(&meter, &level);
        g_assert_cmpfloat_with_epsilon(level.rms, -6.02, 0.01);
        tb_sound_meter_add(&meter, full);
        tb_sound_meter_take(&meter, &level);
        g_assert_cmpfloat(level.rms, ==, 0);
        g_assert_cmpfloat(level.peak, ==, 0);
        tb_sound_meter_add(&meter, one);
        tb_sound_meter_take(&meter, &level);
        g_assert_cmpfloat_with_epsilon(level.rms, -90.3, 0.1);
        /* a loud moment in silence is a peak, and hardly loud */
        for (int i = 0; i < 99; i++)
                tb_sound_meter_add(&meter, none);
        tb_sound_meter_add(&meter, half);
        g_assert_cmpuint(meter.us, ==, 1000000);
        tb_sound_meter_take(&meter, &level);
        g_assert_cmpfloat_with_epsilon(level.peak, -6.02, 0.01);
        g_assert_cmpfloat_with_epsilon(level.rms, -26.02, 0.01);
        g_assert_false(tb_sound_meter_take(&meter, &level));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/sound/limits", test_limits);
        g_test_add_func("/sound/level", test_level);
        return g_test_run();
}
