/* The lanes against a line that the test holds the other end of. */
#include <signal.h>
#include <string.h>

#include "lib/limits.h"
#include "lib/phone_line.h"
#include "lib/thread.h"
#include "tests/contract/lane.h"

static void count_wants(gpointer data)
{
        (*(int *)data)++;
}

static void spin(const int *told, int until)
{
        while (*told < until)
                g_main_context_iteration(NULL, TRUE);
}

static TbFrame *grey(TbFramePool *pool, int width, int height)
{
        TbFrame *frame = tb_frame_pool_take(pool, TB_PIXEL_BGRX, width, height, 0);
        memset(frame->data, 0x80, frame->size);
        return frame;
}

static void test_camera(void)
{
        int told = 0;
        TbFramePool *pool = tb_frame_pool_new(2);
        Lane *lane = lane_start("phone://p1", NULL, "camera", "/tmp");
        lane_wait(lane, "a word on what to do", lane_is_lost, "Add a phone", 5000);
        TbPhoneLine *line = tb_phone_line_open("p1", count_wants, &told);
        lane_wait(lane, "waiting", lane_is_lost, "has not come yet", 5000);
        tb_phone_line_set_away(line, NULL);
        lane_open_wait(lane, 5000);
        lane_video(lane, 30);
        spin(&told, 1);
        g_assert_true(tb_phone_line_wants_pictures(line));
        tb_phone_line_picture(line, grey(pool, 64, 48));
        lane_wait(lane, "a picture", lane_has_size, &(TbRect){0, 0, 64, 48}, 5000);
        tb_phone_line_picture(line, grey(pool, 48, 64)); /* it was turned */
        lane_wait(lane, "a turned picture", lane_has_size, &(TbRect){0, 0, 48, 64}, 5000);
        tb_phone_line_set_dark(line, "the camera is switched off");
        lane_wait_dark(lane, "switched off", 5000);
        lane_video(lane, 0); /* and who looks later is told the same */
        spin(&told, 2);
        lane_forget(lane);
        lane_video(lane, 30);
        spin(&told, 3);
        lane_wait_dark(lane, "switched off", 5000);
        tb_phone_line_set_dark(line, NULL);
        lane_video(lane, 0);
        spin(&told, 4);
        g_assert_false(tb_phone_line_wants_pictures(line));
        tb_phone_line_set_away(line, "away since noon");
        lane_wait(lane, "its absence", lane_is_lost, "away since noon", 5000);
        tb_phone_line_set_away(line, NULL);
        lane_open_wait(lane, 5000);
        tb_phone_line_close(line);
        lane_wait(lane, "its end", lane_is_lost, "p1", 5000);
        lane_stop(lane, 500);
        tb_frame_pool_unref(pool);
}

static bool has_both(const LaneSeen *seen, gpointer data)
{
        const double *value = g_hash_table_lookup(seen->samples, "gyro.x");
        return value && *value == 2.5 && strstr(seen->events->str, data);
}

/* In order, up to TB_LIMIT_PHONE_EVENTS that wait; what is a sample's newest counts. */
static void test_sensors(void)
{
        TbPhoneLine *line = tb_phone_line_open("p2", NULL, NULL);
        for (int i = 0; i < TB_LIMIT_PHONE_EVENTS; i++)
                g_assert_true(tb_phone_line_event(line, "button.down", json_pack("{s:i}", "n", i)));
        g_assert_false(tb_phone_line_event(line, "button.down", json_pack("{s:i}", "n", -1)));
        for (int i = 0; i < 2; i++)
                tb_phone_line_sample(line, "gyro.x", "angular velocity", "rad/s", i ? 2.5 : 1);
        for (int i = 0; i < TB_LIMIT_STREAMS + 1; i++) {
                g_autofree char *name = g_strdup_printf("a.%d", i);
                tb_phone_line_sample(line, name, "ratio", "1", 1);
        }
        tb_phone_line_set_away(line, NULL);
        Lane *lane = lane_start("phone://p2", NULL, "sensors", "/tmp");
        g_autofree char *last = g_strdup_printf("button.down {\"n\":%d}", TB_LIMIT_PHONE_EVENTS - 1);
        lane_wait(lane, "samples and the last event", has_both, last, 5000);
        tb_phone_line_close(line);
        lane_stop(lane, 500);
}

static bool is_mute(const LaneSeen *seen, gpointer data)
{
        return seen->no_sound && strstr(seen->no_sound, data);
}

static bool has_sound(const LaneSeen *seen, gpointer data)
{
        return seen->sound && seen->sound->samples[0] == *(gint16 *)data;
}

/* In order while somebody hears; of more than TB_LIMIT_PHONE_SOUNDS that wait the oldest go. */
static void test_sound(void)
{
        int told = 0;
        gint16 last = TB_LIMIT_PHONE_SOUNDS + 1;
        TbPhoneLine *line = tb_phone_line_open("p3", count_wants, &told);
        tb_phone_line_set_away(line, NULL);
        for (gint16 i = 1; i <= last; i++) {
                TbSound *sound = tb_sound_new((TbSoundFormat){48000, 1}, 960, i);
                memset(sound->samples, 0, tb_sound_bytes(sound));
                sound->samples[0] = i;
                tb_phone_line_sound(line, sound);
        }
        g_autoptr(GError) error = NULL;
        g_auto(TbPhoneTaken) taken = {0};
        TbPhoneTap *tap = tb_phone_tap_new("p3", TB_PHONE_SENSORS, &error);
        g_assert_no_error(error);
        g_assert_true(tb_phone_tap_take(tap, &taken, &error));
        g_assert_cmpuint(taken.sounds->len, ==, TB_LIMIT_PHONE_SOUNDS);
        g_assert_cmpint(((TbSound *)g_ptr_array_index(taken.sounds, 0))->samples[0], ==, 2);
        tb_phone_tap_free(tap);
        Lane *lane = lane_start("phone://p3", NULL, "sensors", "/tmp");
        lane_open_wait(lane, 5000);
        lane_audio(lane, true);
        spin(&told, 1);
        g_assert_true(tb_phone_line_wants_sound(line));
        tb_phone_line_sound(line, tb_sound_ref(g_ptr_array_index(taken.sounds, 7)));
        gint16 ninth = 9;
        lane_wait(lane, "sound", has_sound, &ninth, 5000);
        tb_phone_line_set_mute(line, "the microphone is switched off");
        lane_wait(lane, "silence, and why", is_mute, "switched off", 5000);
        lane_audio(lane, false);
        spin(&told, 2);
        lane_stop(lane, 500);
        tb_phone_line_close(line);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        tb_main_init(NULL);
        g_test_add_func("/phone/camera", test_camera);
        g_test_add_func("/phone/sensors", test_sensors);
        g_test_add_func("/phone/sound", test_sound);
        return g_test_run();
}
