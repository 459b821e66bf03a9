/* The verbs of the flight recorder: core checks them, who was set answers them, also when the caller has left. */
#include <sys/prctl.h>

#include "host/core/private.h"
#include "host/core/recording.h"
#include "host/recorder/recorder_private.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "tests/unit/core/fake.h"

static TbRoomCall *kept; /* of a clip that is not answered yet */

static void get(TbRoomCall *call, TbDevice *device, void *data G_GNUC_UNUSED)
{
        tb_room_answer(call, json_pack("{s:s}", "device", tb_device_id(device)), NULL);
}

static void set(TbRoomCall *call, TbDevice *device G_GNUC_UNUSED, json_t *params, void *data G_GNUC_UNUSED)
{
        tb_room_answer(call, json_incref(params), NULL);
}

static void clip(TbRoomCall *call, TbDevice *device G_GNUC_UNUSED, json_t *params G_GNUC_UNUSED,
                 const TbActor *actor G_GNUC_UNUSED, void *data G_GNUC_UNUSED)
{
        kept = call;
}

static GString *told; /* by input(), owned by the test; NULL: it does not look */

static void input(TbDevice *device, const TbRecordingInput *in, void *data G_GNUC_UNUSED)
{
        g_autofree char *events = in->events ? tb_json_text((json_t *)in->events, NULL) : NULL;
        if (told)
                g_string_append_printf(told, "%s/%s %s %s %s%.*s%s\n", tb_device_id(device), in->interface,
                                       in->user, in->via, events ? events : "", (int)in->size,
                                       (const char *)in->bytes, in->failed ? " failed" : "");
}

static const TbRecordingOps ops = {get, set, clip, input};

static void test_verbs(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, "{\"dut\":{\"attach\":\"fake://a\"}}", NULL);
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "recording.get", NULL);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_UNAVAILABLE); /* nobody records here yet */
        answer_clear(&a);
        tb_core_set_recorder(b.core, &ops, NULL);
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "recording.get", NULL);
        g_assert_no_error(a.error);
        g_assert_cmpstr(json_string_value(json_object_get(a.result, "device")), ==, "dut");
        answer_clear(&a);
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "recording.set", "{\"mode\":\"on\"}");
        g_assert_error(a.error, TB_ERROR, TB_ERROR_FORBIDDEN);
        answer_clear(&a);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "recording.set", "{\"mode\":\"maybe\"}");
        g_assert_error(a.error, TB_ERROR, TB_ERROR_INVALID);
        answer_clear(&a);
        bench_stop(&b, false);
}

/* A rule that was cancelled, a client that left: the recorder answers all the same, and nobody is hurt. */
static void test_left(void)
{
        Bench b;
        Answer a = {0};
        const TbActor actor = {.user = "rule:motion", .role = TB_ROLE_OPERATOR, .via = "rule"};
        bench_start(&b, "{\"dut\":{\"attach\":\"fake://a\"}}", NULL);
        tb_core_set_recorder(b.core, &ops, NULL);
        tb_command_cancel(
                tb_core_command(b.core, &actor, "dut", "recording.clip", NULL, NULL, answer_cb, &a));
        g_assert_nonnull(kept);
        tb_room_answer(kept, json_pack("{s:s}", "clip", "x"), NULL);
        g_assert_false(a.done);
        bench_stop(&b, false);
}

/* What is typed is told when the device has had it, or refused it; what it takes in turns is told by turns. */
static void test_input(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, "{\"dut\":{\"attach\":\"fake://a\"}}", NULL);
        tb_core_set_recorder(b.core, &ops, NULL);
        told = g_string_new(NULL);
        fake.takes = 3;
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "console.write", "{\"text\":\"reboot\"}");
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "input.send",
                      "[{\"type\":\"tap\",\"x\":1,\"y\":2}]");
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "input.send",
                      "[{\"type\":\"key\",\"key\":\"Unknown\"}]");
        bench_command(&b, &a, TB_ROLE_VIEWER, NULL, "dut", "input.send",
                      "[{\"type\":\"tap\",\"x\":1,\"y\":2}]");
        answer_clear(&a);
        g_assert_cmpstr(told->str, ==,
                        "dut/console tester test reb\ndut/console tester test oot\n"
                        "dut/input tester test [{\"type\":\"tap\",\"x\":1,\"y\":2}]\n"
                        "dut/input tester test [{\"type\":\"key\",\"key\":\"Unknown\",\"action\":\"press\"}] "
                        "failed\n");
        g_string_free(g_steal_pointer(&told), TRUE);
        bench_stop(&b, false);
}

/* A host that keeps TB_LIMIT_CLIPS of them takes no order more. */
static void test_clips(void)
{
        Bench b;
        Answer a = {0};
        bench_start(&b, "{\"dut\":{\"attach\":\"fake://a\"}}", NULL);
        g_autofree char *folder = g_build_filename(b.dir, "recordings", NULL);
        b.config->recording = json_pack("{s:i, s:i, s:i, s:s, s:i, s:{}}", "mb", 100, "device_mb", 100,
                                        "days", 0, "mode", "armed", "pre_s", 5, "devices");
        b.config->recording_dir = g_strdup(folder);
        TbMedia *media = tb_media_new(&(TbMediaConfig){0});
        g_assert_cmpint(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), ==,
                        1); /* encoders' buffers are as large as what is in them */
        TbRecorder *r = tb_recorder_new(b.core, media, NULL);
        g_assert_nonnull(r);
        for (guint i = 0; i < TB_LIMIT_CLIPS; i++)
                g_hash_table_insert(r->clips, g_strdup_printf("clip-%u", i), json_object());
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "recording.clip", "{\"post_s\":0}");
        g_assert_error(a.error, TB_ERROR, TB_ERROR_LIMIT);
        answer_clear(&a);
        g_hash_table_remove(r->clips, "clip-0");
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "recording.clip", "{\"post_s\":0}");
        g_assert_no_error(a.error);
        g_assert_nonnull(json_object_get(a.result, "clip"));
        answer_clear(&a);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "recording.set", "{\"mode\":\"off\"}");
        answer_clear(&a);
        bench_command(&b, &a, TB_ROLE_OPERATOR, NULL, "dut", "recording.clip", NULL);
        g_assert_error(a.error, TB_ERROR, TB_ERROR_BUSY);
        answer_clear(&a);
        tb_recorder_free(r);
        tb_media_free(media);
        bench_stop(&b, false);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/recording/verbs", test_verbs);
        g_test_add_func("/recording/left", test_left);
        g_test_add_func("/recording/input", test_input);
        g_test_add_func("/recording/clips", test_clips);
        return g_test_run();
}
