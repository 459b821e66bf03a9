/* What becomes of a recording, and what seals it. */
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_recordings.h"
#include "server/recordings/seal.h"
#include "server/recordings/state.h"

#define NO TB_REC_STATUSES
#define ONE "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define TWO "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void acts(void)
{
        static const TbRecStatus to[TB_REC_STATUSES][3] = {
                [TB_REC_PENDING] = {TB_REC_RECORDING, TB_REC_FAILED, TB_REC_FAILED},
                [TB_REC_RECORDING] = {TB_REC_RECORDING, TB_REC_PROCESSING, TB_REC_PROCESSING},
                [TB_REC_PROCESSING] = {NO, NO, NO},
                [TB_REC_COMPLETED] = {NO, NO, NO},
                [TB_REC_FAILED] = {NO, NO, NO},
        };
        for (guint status = 0; status < TB_REC_STATUSES; status++) {
                TbRecStatus same = NO;
                g_assert_true(
                        tb_recording_status_parse(tb_recording_status_name((TbRecStatus)status), &same));
                g_assert_cmpint(same, ==, status);
                for (guint act = 0; act < 3; act++) {
                        TbRecStatus next = NO;
                        g_autoptr(GError) error = NULL;
                        bool ok = tb_recording_next((TbRecStatus)status, (TbRecAct)act, &next, &error);
                        g_assert_cmpint(next, ==, to[status][act]);
                        g_assert_true(ok == (next != NO) && ok == !error);
                        if (!ok)
                                g_assert_cmpstr(error->message, ==, "Recording is not in progress");
                }
        }
        TbRecStatus none = NO;
        g_assert_false(tb_recording_status_parse("deleted", &none) || tb_recording_status_parse(NULL, &none));
}

static void by_time(void)
{
        const gint64 then = 1700000000000;
        TbRecTimes t = {.created_ms = then, .stopped_ms = then, .call_goes_on = true};
        g_assert_cmpint(tb_recording_at(TB_REC_PENDING, &t, then + TB_LIMIT_RECORDING_ASK_MS - 1), ==,
                        TB_REC_PENDING);
        g_assert_cmpint(tb_recording_at(TB_REC_PENDING, &t, then + TB_LIMIT_RECORDING_ASK_MS), ==,
                        TB_REC_FAILED);
        g_assert_cmpint(tb_recording_at(TB_REC_RECORDING, &t, then + 1000000000), ==, TB_REC_RECORDING);
        t.call_goes_on = false;
        g_assert_cmpint(tb_recording_at(TB_REC_PENDING, &t, then), ==, TB_REC_FAILED);
        g_assert_cmpint(tb_recording_at(TB_REC_RECORDING, &t, then), ==, TB_REC_PROCESSING);
        g_assert_cmpint(tb_recording_at(TB_REC_PROCESSING, &t, then), ==, TB_REC_PROCESSING);
        g_assert_cmpint(tb_recording_at(TB_REC_PROCESSING, &t, then + TB_LIMIT_RECORDING_UPLOAD_MS), ==,
                        TB_REC_FAILED);
        t.tracks = 2, t.unfinished = 1, t.chunks = 5;
        g_assert_cmpint(tb_recording_at(TB_REC_PROCESSING, &t, then + TB_LIMIT_RECORDING_UPLOAD_MS - 1), ==,
                        TB_REC_PROCESSING);
        g_assert_cmpint(tb_recording_at(TB_REC_PROCESSING, &t, then + TB_LIMIT_RECORDING_UPLOAD_MS), ==,
                        TB_REC_COMPLETED);
        t.unfinished = 0;
        g_assert_cmpint(tb_recording_at(TB_REC_PROCESSING, &t, then), ==, TB_REC_COMPLETED);
        t.chunks = 0; /* tracks without anything in them */
        g_assert_cmpint(tb_recording_at(TB_REC_PROCESSING, &t, then), ==, TB_REC_FAILED);
        g_assert_cmpint(tb_recording_at(TB_REC_COMPLETED, &t, then + 1000000000), ==, TB_REC_COMPLETED);
        g_assert_true(tb_recording_takes(TB_REC_RECORDING, 0, then));
        g_assert_true(tb_recording_takes(TB_REC_COMPLETED, then, then + TB_LIMIT_RECORDING_UPLOAD_MS - 1));
        g_assert_false(tb_recording_takes(TB_REC_COMPLETED, then, then + TB_LIMIT_RECORDING_UPLOAD_MS));
        g_assert_false(tb_recording_takes(TB_REC_PENDING, 0, then) ||
                       tb_recording_takes(TB_REC_FAILED, then, then));
}

static void answers(void)
{
        /* himself, named, agreed before: verbal, electronic */
        static const struct {
                bool himself, named, before;
                TbRecAnswer verbal, electronic;
        } rows[] = {{true, false, false, TB_REC_YES, TB_REC_YES},
                    {false, false, false, TB_REC_ASKED, TB_REC_ASKED},
                    {false, true, false, TB_REC_YES, TB_REC_ASKED},
                    {false, true, true, TB_REC_YES, TB_REC_YES},
                    {false, false, true, TB_REC_ASKED, TB_REC_ASKED}};
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_assert_cmpint(
                        tb_recording_first_answer("verbal", rows[i].himself, rows[i].named, rows[i].before),
                        ==, rows[i].verbal);
                g_assert_cmpint(tb_recording_first_answer("electronic", rows[i].himself, rows[i].named,
                                                          rows[i].before),
                                ==, rows[i].electronic);
        }
}

static void names(void)
{
        static const char *const good[] = {"a", "cam-2_X", "0123456789012345678901234567890123456789"},
                                 *const bad[] = {"",    "a/b", "..",
                                                 "a b", "é",   "01234567890123456789012345678901234567890"},
                                 *const films[] = {"video/webm", "video/webm;codecs=vp8,opus", "audio/mp4"},
                                 *const others[] = {"text/html", "video/webmx", "", "video/webm\r\nX: y",
                                                    "video"};
        for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
                g_assert_true(tb_recording_track_valid(good[i]));
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_recording_track_valid(bad[i]));
        for (gsize i = 0; i < G_N_ELEMENTS(films); i++)
                g_assert_true(tb_recording_mime_valid(films[i]));
        for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
                g_assert_false(tb_recording_mime_valid(others[i]));
}

static void key_files(void)
{
        static const char *const bad[] = {"",      "# nothing\n",
                                          "short", "\n" ONE "x",
                                          TWO "0", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA!"};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(tb_seal_keys_parse(bad[i], &error));
                g_assert_cmpint(tb_error_status(error), ==, 400);
                g_assert_false(strlen(bad[i]) > 10 &&
                               strstr(error->message, bad[i])); /* no key in a message */
        }
        GString *many = g_string_new(NULL);
        for (guint i = 0; i < TB_LIMIT_RECORDING_KEYS; i++)
                g_string_append(many, ONE "\n");
        TbSealKeys *keys = tb_seal_keys_parse(many->str, NULL);
        g_assert_nonnull(keys);
        tb_seal_keys_free(keys);
        g_string_append(many, TWO);
        g_assert_null(tb_seal_keys_parse(many->str, NULL));
        g_string_free(many, TRUE);
        TbSealKeys *one = tb_seal_keys_parse(" " ONE " \r\n" TWO, NULL),
                   *two = tb_seal_keys_parse(TWO "\n" ONE, NULL);
        g_assert_cmpuint(strlen(tb_seal_keys_id(one)), ==, TB_SEAL_ID);
        g_assert_cmpstr(tb_seal_keys_id(one), !=, tb_seal_keys_id(two));
        tb_seal_keys_free(one);
        tb_seal_keys_free(two);
}

static void wrapped_keys(void)
{
        guint8 key[TB_SEAL_KEY], same[TB_SEAL_KEY];
        g_autoptr(GError) error = NULL;
        TbSealKeys *old = tb_seal_keys_parse(ONE, NULL), *both = tb_seal_keys_parse(TWO "\n" ONE, NULL),
                   *next = tb_seal_keys_parse(TWO, NULL);
        g_autofree char *wrapped = tb_seal_key_new(old, "r1", key, NULL),
                        *id = g_strdup(tb_seal_keys_id(old)),
                        *again = tb_seal_key_again(both, id, "r1", wrapped, NULL);
        g_assert_true(tb_seal_key_open(next, tb_seal_keys_id(next), "r1", again, same, NULL));
        g_assert_cmpmem(key, sizeof key, same, sizeof same);
        g_assert_false(tb_seal_key_open(next, id, "r1", wrapped, same, &error));
        g_assert_cmpint(tb_error_status(error), ==, 503);
        g_clear_error(&error);
        g_assert_false(tb_seal_key_open(both, id, "r2", wrapped, same, &error)); /* another recording's */
        g_assert_cmpint(tb_error_status(error), ==, 500);
        for (gsize i = 0; wrapped[i]; i++) {
                char was = wrapped[i];
                wrapped[i] = was == '0' ? '1' : '0';
                g_assert_false(tb_seal_key_open(both, id, "r1", wrapped, same, NULL));
                wrapped[i] = was;
        }
        g_assert_false(tb_seal_key_open(both, id, "r1", "", same, NULL)); /* destroyed */
        tb_seal_keys_free(old);
        tb_seal_keys_free(both);
        tb_seal_keys_free(next);
}

static void chunks(void)
{
        static const guint8 key[TB_SEAL_KEY] = {7}, other[TB_SEAL_KEY] = {8};
        const TbSealPlace place = {"r1", "cam", 3};
        const TbSealPlace wrong[] = {{"r2", "cam", 3}, {"r1", "cam2", 3}, {"r1", "cam", 4}};
        guint8 plain[] = "what was seen and heard", sealed[sizeof plain + TB_SEAL_OVER], twice[sizeof sealed],
               out[sizeof sealed];
        g_assert_true(tb_seal_chunk(key, &place, plain, sizeof plain, sealed, NULL));
        g_assert_true(tb_seal_chunk(key, &place, plain, sizeof plain, twice, NULL));
        g_assert_true(memcmp(sealed, twice, sizeof sealed) != 0); /* each with a nonce of its own */
        g_assert_true(tb_seal_open(key, &place, sealed, sizeof sealed, out, NULL));
        g_assert_cmpmem(out, sizeof plain, plain, sizeof plain);
        g_assert_false(tb_seal_open(other, &place, sealed, sizeof sealed, out, NULL));
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
                g_assert_false(tb_seal_open(key, &wrong[i], sealed, sizeof sealed, out, NULL));
        for (gsize n = 0; n < sizeof sealed; n++)
                g_assert_false(tb_seal_open(key, &place, sealed, n, out, NULL));
        for (gsize bit = 0; bit < sizeof sealed * 8; bit++) {
                g_autoptr(GError) error = NULL;
                sealed[bit / 8] ^= (guint8)(1 << bit % 8);
                g_assert_false(tb_seal_open(key, &place, sealed, sizeof sealed, out, &error));
                g_assert_cmpstr(error->message, ==,
                                "chunk 3 of track cam was changed where it lies, or is from another place: "
                                "it does not open");
                sealed[bit / 8] ^= (guint8)(1 << bit % 8);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/recordings/acts", acts);
        g_test_add_func("/recordings/time", by_time);
        g_test_add_func("/recordings/answers", answers);
        g_test_add_func("/recordings/names", names);
        g_test_add_func("/recordings/key-files", key_files);
        g_test_add_func("/recordings/wrapped-keys", wrapped_keys);
        g_test_add_func("/recordings/chunks", chunks);
        return g_test_run();
}
