/* The .env of a VirtualPyTest host: which devices it makes, what is wrong with it, what is said. */
#include <string.h>

#include "host/core/environment.h"
#include "lib/error.h"
#include "lib/limits.h"

/* "A=1\nB=2": sets them, reads, unsets them. Problems are the error; else {devices} and the notes of *ret. */
static TbHostConfig *read_env(const char *text, GError **error)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        g_auto(TbConfigReader) r = {0};
        TbHostConfig *c = g_new0(TbHostConfig, 1);
        c->auth = tb_auth_new();
        c->devices = json_pack("{s:{s:s}}", "device2", "attach", "vitals://");
        c->notes = g_ptr_array_new_with_free_func(g_free);
        g_assert_true(tb_config_open(&r, NULL, "/nonexistent", NULL));
        for (char **line = lines; *line; line++) {
                char *value = strchr(*line, '=');
                *value = '\0';
                g_setenv(*line, value + 1, TRUE);
        }
        tb_environment_read(c, &r);
        for (char **line = lines; *line; line++)
                g_unsetenv(*line);
        if (!tb_config_done(&r, error))
                g_clear_pointer(&c, tb_host_config_free);
        return c;
}

/* Each of these, alone, is a device with these URIs. */
static void test_devices(void)
{
        static const struct {
                const char *text, *attach;
        } cases[] = {
                {"DEVICE1_NAME=Phone\nDEVICE1_MODEL=android_mobile\nDEVICE1_IP=10.0.0.7",
                 "adb://10.0.0.7:5555"},
                {"DEVICE1_NAME=TV\nDEVICE1_MODEL=android_tv\nDEVICE1_IP=tv.lab\nDEVICE1_PORT=5556",
                 "adb://tv.lab:5556"},
                {"DEVICE1_NAME=Stick\nDEVICE1_MODEL=fire_tv\nDEVICE1_IP=fe80::1\nDEVICE1_VIDEO=/dev/video0",
                 "adb://[fe80::1]:5555 v4l2:///dev/video0"},
                {"DEVICE1_NAME=Host\nDEVICE1_MODEL=host_vnc\nDISPLAY=:7.0", "x11://:7"},
                {"DEVICE1_NAME=Host\nDEVICE1_MODEL=host_vnc\nDISPLAY=", "x11://:1"},
                {"DEVICE1_NAME=Host\nDEVICE1_MODEL=host_vnc\nDEVICE1_VIDEO=:3", "x11://:3"},
                {"DEVICE1_NAME=Host\nDEVICE1_MODEL=host_vnc\nDEVICE1_IP=10.0.0.8\nDEVICE1_PORT=5901",
                 "vnc://10.0.0.8:5901"},
                {"DEVICE1_NAME=Box\nDEVICE1_MODEL=stb\nDEVICE1_VIDEO=/dev/video2", "v4l2:///dev/video2"},
                {"DEVICE1_NAME=Box\nDEVICE1_VIDEO=/dev/video2", "v4l2:///dev/video2"},
                {"DEVICE1_NAME=TV\nDEVICE1_MODEL=tizen\nDEVICE1_POWER_IP=10.0.0.9", "tapo://10.0.0.9"},
                {"DEVICE12_NAME=Last\nDEVICE12_MODEL=android_mobile\nDEVICE12_IP=a", "adb://a:5555"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TbHostConfig) c = read_env(cases[i].text, &error);
                g_assert_no_error(error);
                g_assert_cmpuint(json_object_size(c->devices), ==, 2);
                json_t *device =
                        json_object_get(c->devices, i + 1 == G_N_ELEMENTS(cases) ? "device12" : "device1");
                g_autoptr(GString) uris = g_string_new(NULL);
                json_t *uri;
                size_t at;
                json_array_foreach (json_object_get(device, "attach"), at, uri)
                        g_string_append_printf(uris, "%s%s", at ? " " : "", json_string_value(uri));
                g_assert_cmpstr(uris->str, ==, cases[i].attach);
                g_assert_cmpuint(c->notes->len, ==, 0);
        }
        g_autoptr(TbHostConfig) wins =
                read_env("DEVICE2_NAME=Two\nDEVICE2_MODEL=android_tv\nDEVICE2_IP=b", NULL);
        g_assert_cmpstr(
                json_string_value(json_object_get(json_object_get(wins->devices, "device2"), "label")), ==,
                "Two"); /* over the file */
}

static void test_wrong(void)
{
        g_autofree char *name = g_strnfill(TB_LIMIT_LABEL + 1, 'x'),
                        *host = g_strnfill(TB_LIMIT_ENV_HOST + 1, 'x'),
                        *long_name = g_strdup_printf("DEVICE1_NAME=%s\nDEVICE1_VIDEO=/dev/video0", name),
                        *long_host =
                                g_strdup_printf("DEVICE1_NAME=A\nDEVICE1_MODEL=fire_tv\nDEVICE1_IP=%s", host);
        const struct {
                const char *text, *name;
        } cases[] = {
                {"DEVICE1_NAME=A\nDEVICE1_MODEL=android_mobile", "DEVICE1_IP: "},
                {"DEVICE1_NAME=A\nDEVICE1_MODEL=android_mobile\nDEVICE1_IP=10.0.0.7/secret", "DEVICE1_IP: "},
                {"DEVICE1_NAME=A\nDEVICE1_MODEL=host_vnc\nDEVICE1_IP=:::", "DEVICE1_IP: "},
                {"DEVICE1_NAME=A\nDEVICE1_MODEL=host_vnc\nDEVICE1_IP=10.0.0.7:5901", "DEVICE1_IP: "},
                {"DEVICE1_NAME=A\nDEVICE1_MODEL=host_vnc\nDEVICE1_IP=tv.lab:5901", "DEVICE1_IP: "},
                {"DEVICE1_NAME=A\nDEVICE1_MODEL=host_vnc\nDEVICE1_IP=10.0.0.256", "DEVICE1_IP: "},
                {"DEVICE1_NAME=A\nDEVICE1_MODEL=host_vnc\nDEVICE1_IP=.", "DEVICE1_IP: "},
                {"DEVICE1_NAME=A\nDEVICE1_MODEL=host_vnc\nDEVICE1_IP=-lab", "DEVICE1_IP: "},
                {"DEVICE3_NAME=A\nDEVICE3_MODEL=fire_tv\nDEVICE3_IP=a\nDEVICE3_PORT=65536", "DEVICE3_PORT: "},
                {"DEVICE3_NAME=A\nDEVICE3_MODEL=host_vnc\nDEVICE3_IP=a\nDEVICE3_PORT=0", "DEVICE3_PORT: "},
                {"DEVICE1_NAME=A\nDEVICE1_VIDEO=rtsp://secret", "DEVICE1_VIDEO: "},
                {"DEVICE1_NAME=A\nDEVICE1_VIDEO=:59536", "DEVICE1_VIDEO: "},
                {"DEVICE1_NAME=A\nDEVICE1_POWER_IP=secret?", "DEVICE1_POWER_IP: "},
                {"DEVICE1_NAME=\xff\nDEVICE1_VIDEO=/dev/video0", "DEVICE1_NAME: "},
                {"DEVICE13_NAME=A", "DEVICE13_NAME: the environment can name 12 devices"},
                {"HOST_VNC_PASSWORD=secret789", "HOST_VNC_PASSWORD: "},
                {long_name, "DEVICE1_NAME: "},
                {long_host, "DEVICE1_IP: "},
        };
        g_assert_cmpint(TB_LIMIT_ENV_DEVICES, ==, 12);
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(read_env(cases[i].text, &error));
                g_autofree char *start = g_strconcat("environment: ", cases[i].name, NULL);
                g_assert_true(g_str_has_prefix(error->message, start));
                g_assert_null(strchr(error->message, '\n')); /* one problem, told once */
                g_assert_null(strstr(error->message, "secret"));
        }
}

/* Nothing of it is attached, which is said. */
static void test_nameless(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TbHostConfig) c =
                read_env("DEVICE1_MODEL=host_vnc\nDEVICE1_IP=10.0.0.7\nDEVICE13_VIDEO=:1", &error);
        g_assert_no_error(error);
        g_assert_null(json_object_get(c->devices, "device1"));
        g_assert_cmpuint(c->notes->len, ==, 2);
        g_assert_cmpstr(c->notes->pdata[0], ==,
                        "DEVICE1_MODEL, DEVICE1_IP: there is no device1 without DEVICE1_NAME");
        g_assert_cmpstr(c->notes->pdata[1], ==, "DEVICE13_VIDEO: there is no device13 without DEVICE13_NAME");
}

/* One line, names alone, sorted. */
static void test_notes(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TbHostConfig) c =
                read_env("NEXT_PUBLIC_SUPABASE_URL=https://secret\nFLASK_SECRET_KEY=secret\n"
                         "DATABASE_URL=postgres://secret\nHOST_VNC_STREAM_PATH=secret\n"
                         "DEVICE1_NAME=A\nDEVICE1_VIDEO=/dev/video0\nDEVICE1_IR_PATH=secret\n"
                         "DEVICE1_bluetooth_device=secret\nHOST_API_URL=http://localhost:6109\n"
                         "HOST_VNC_PASSWORD=secret78\nDEVICES=secret",
                         &error);
        g_assert_no_error(error);
        g_assert_cmpuint(c->notes->len, ==, 1);
        g_assert_cmpstr(c->notes->pdata[0], ==,
                        "the environment sets what has no meaning for this host: DATABASE_URL, "
                        "DEVICE1_IR_PATH, DEVICE1_bluetooth_device, FLASK_SECRET_KEY, HOST_VNC_STREAM_PATH, "
                        "NEXT_PUBLIC_SUPABASE_URL");
        g_assert_cmpstr(c->vnc_password, ==, "secret78");
        g_assert_cmpstr(c->url, ==, "http://localhost:6109");

        g_autoptr(TbHostConfig) bare = read_env(
                "DEVICE4_NAME=A\nDEVICE4_MODEL=tizen\nDEVICE4_POWER_PWD=secret\nTAPO_PASSWORD=secret", NULL);
        g_assert_cmpuint(json_object_size(bare->devices), ==, 1);
        g_assert_cmpuint(bare->notes->len, ==, 2);
        g_assert_true(
                g_str_has_prefix(bare->notes->pdata[0], "DEVICE4_MODEL: nothing of device4 can be attached"));
        for (guint i = 0; i < bare->notes->len; i++) {
                g_assert_null(strstr(bare->notes->pdata[i], "secret"));
                g_assert_null(strstr(bare->notes->pdata[i], "TAPO_PASSWORD")); /* it has a meaning */
        }

        GString *many = g_string_new("DEBUG=true");
        for (int i = 0; i < TB_LIMIT_ENV_NAMES + 1; i++)
                g_string_append_printf(many, "\nNEXT_PUBLIC_%02d=x", i);
        g_autofree char *text = g_string_free(many, FALSE);
        g_autoptr(TbHostConfig) all = read_env(text, NULL);
        g_assert_true(g_str_has_suffix(all->notes->pdata[0], "NEXT_PUBLIC_63 and 1 more"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/environment/devices", test_devices);
        g_test_add_func("/environment/wrong", test_wrong);
        g_test_add_func("/environment/nameless", test_nameless);
        g_test_add_func("/environment/notes", test_notes);
        return g_test_run();
}
