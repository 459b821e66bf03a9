/* libasound's own PCM "null" stands for a card: it opens, it has every format, and gives silence. Real sound is in
 * tests/integration/sound.test.mjs. */
#include <signal.h>

#include "tests/contract/lane.h"

static void look(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        g_assert_cmpuint(seen->sound->format.rate, ==, 16000);
        g_assert_cmpuint(seen->sound->format.channels, ==, 1);
}

static void test_null(void)
{
        Lane *lane = lane_start("alsa:///null?rate=16000&channels=1", NULL, "card", "/tmp");
        lane_open_wait(lane, 5000);
        lane_audio(lane, true);
        lane_wait_sounds(lane, 5, 10000);
        lane_look(lane, look, NULL);
        lane_audio(lane, false);
        lane_stop(lane, 1000);
}

static void test_no_card(void)
{
        Lane *lane = lane_start("alsa:///plughw:CARD=nobody,DEV=0", NULL, "card", "/tmp");
        lane_wait(lane, "the reason", lane_is_lost, "there is no such sound card", 10000);
        lane_stop(lane, 1000);
}

static void test_uri(void)
{
        const TbDriver *driver = tb_driver_find("alsa");
        g_autoptr(GError) error = NULL;
        g_autoptr(TbUri) uri = tb_uri_parse("alsa://default", &error);
        g_assert_false(driver->check(uri, NULL, &error));
        g_assert_nonnull(strstr(error->message, "alsa:///default"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/alsa/null", test_null);
        g_test_add_func("/alsa/no-card", test_no_card);
        g_test_add_func("/alsa/uri", test_uri);
        return g_test_run();
}
