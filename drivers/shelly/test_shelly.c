/* The parsers and builders by themselves, over the public fixtures. The driver against a plug:
 * tests/contract/test_shelly.c. */
#include "drivers/shelly/shelly_proto.h"

#include <string.h>

static char *fixture(const char *name, gsize *ret_size)
{
        g_autofree char *path = g_strdup_printf("drivers/shelly/fixtures/%s.json",
                                                name); /* tests run at the top of the tree */
        char *text = NULL;
        g_autoptr(GError) error = NULL;
        g_file_get_contents(path, &text, ret_size, &error);
        g_assert_no_error(error);
        return text;
}

static void test_info(void)
{
        gsize size;
        g_autofree char *old = fixture("gen1_shelly", &size);
        ShellyInfo info;
        g_assert_true(shelly_parse_info(old, size, &info, NULL));
        g_assert_cmpint(info.generation, ==, 1);
        g_assert_cmpstr(info.model, ==, "SHPLG-S");
        g_assert_false(info.auth);
        g_autofree char *new = fixture("gen2_shelly", &size);
        g_assert_true(shelly_parse_info(new, size, &info, NULL));
        g_assert_cmpint(info.generation, ==, 2);
        g_assert_cmpstr(info.model, ==, "SNPL-00112EU");
        /* a name that is too long is cut before a character */
        static const char name[] =
                "{\"type\":\"123456789012345678901234567890123456789\xc3\xa4\",\"mac\":\"A\",\"auth\":true}";
        g_assert_true(shelly_parse_info(name, sizeof name - 1, &info, NULL));
        g_assert_cmpuint(strlen(info.model), ==, 39);
        static const char half[] =
                "{\"type\":\"12345678901234567890123456789012345678\xc3\xa4\",\"mac\":\"A\",\"auth\":true}";
        g_assert_true(shelly_parse_info(half, sizeof half - 1, &info, NULL));
        g_assert_cmpuint(strlen(info.model), ==, 38);
        g_assert_true(info.auth);
        static const char *const bad[] = {"",
                                          "[]",
                                          "{}",
                                          "{\"type\":\"\",\"mac\":\"A\"}",
                                          "{\"type\":\"X\"}",
                                          "{\"gen\":1,\"model\":\"X\",\"mac\":\"A\"}",
                                          "{\"gen\":\"2\",\"model\":\"X\",\"mac\":\"A\"}",
                                          "{\"gen\":2,\"type\":\"X\",\"mac\":\"A\"}",
                                          "<html>"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_false(shelly_parse_info(bad[i], strlen(bad[i]), &info, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
        for (gsize n = 0; n < size - 2; n++) { /* cut anywhere it is not an answer */
                g_autofree char *part = g_memdup2(new, n);
                g_assert_false(shelly_parse_info(n ? part : "", n, &info, NULL));
        }
}

static void test_gen1(void)
{
        gsize size;
        g_autofree char *text = fixture("gen1_status", &size);
        ShellyStatus s;
        g_autoptr(GError) error = NULL;
        g_assert_true(shelly_gen1_parse_status(text, size, 0, &s, &error));
        g_assert_cmpint(s.power.observed, ==, TB_POWER_ON);
        g_assert_cmpfloat(s.power.watts, ==, 27.5);
        g_assert_cmpfloat(s.power.energy_wh, ==, 10); /* 600 Watt-minutes */
        g_assert_cmpfloat(s.celsius, ==, 29.04);
        g_assert_true(isnan(s.power.volts) && isnan(s.power.amps));
        g_assert_false(shelly_gen1_parse_status(text, size, 1, &s, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        g_assert_cmpstr(error->message, ==, "the plug has no output 1 (it has 1, counted from 0)");
        static const char shared[] = "{\"relays\":[{\"ison\":true},{\"ison\":false}],\"meters\":[{\"power\":"
                                     "5,\"is_valid\":true,\"total\":1}]}";
        g_assert_true(shelly_gen1_parse_status(shared, sizeof shared - 1, 0, &s, NULL));
        g_assert_true(isnan(s.power.watts)); /* one meter for both */
        static const char invalid[] =
                "{\"relays\":[{\"ison\":false}],\"meters\":[{\"power\":5,\"is_valid\":false}]}";
        g_assert_true(shelly_gen1_parse_status(invalid, sizeof invalid - 1, 0, &s, NULL));
        g_assert_true(s.power.observed == TB_POWER_OFF && isnan(s.power.watts) && isnan(s.celsius));
        g_autofree char *relay = fixture("gen1_relay", &size);
        bool on = true, overpower = false;
        g_assert_true(shelly_gen1_parse_relay(relay, size, &on, &overpower, NULL));
        g_assert_true(!on && overpower);
        static const char *const bad[] = {"", "{}", "{\"ison\":1}", "{\"ison\":\"true\"}", "true"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_clear_error(&error);
                g_assert_false(shelly_gen1_parse_relay(bad[i], strlen(bad[i]), &on, &overpower, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        }
}

static void test_rpc(void)
{
        g_autofree char *get = shelly_rpc_request(7, 1, -1, NULL, NULL, ""),
                        *set = shelly_rpc_request(8, 0, 1, NULL, "unused", "");
        g_assert_cmpstr(
                get, ==,
                "{\"id\":7,\"src\":\"testbed\",\"method\":\"Switch.GetStatus\",\"params\":{\"id\":1}}");
        g_assert_cmpstr(
                set, ==,
                "{\"id\":8,\"src\":\"testbed\",\"method\":\"Switch.Set\",\"params\":{\"id\":0,\"on\":true}}");
        gsize size;
        g_autofree char *text = fixture("gen2_switch", &size);
        json_auto_t *result = NULL;
        ShellyStatus s;
        g_assert_cmpint(shelly_rpc_parse(text, size, 1, &result, NULL, NULL), ==, SHELLY_OK);
        g_assert_true(shelly_rpc_parse_switch(result, 0, &s, NULL));
        g_assert_cmpint(s.power.observed, ==, TB_POWER_ON);
        g_assert_cmpfloat(s.power.watts, ==, 2.7);
        g_assert_cmpfloat(s.power.volts, ==, 227.9);
        g_assert_cmpfloat(s.power.amps, ==, 0.121);
        g_assert_cmpfloat(s.power.energy_wh, ==, 7258.589);
        g_assert_cmpfloat(s.celsius, ==, 32.1);
        g_autoptr(GError) error = NULL;
        g_assert_false(shelly_rpc_parse_switch(result, 1, &s, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        static const struct {
                const char *text;
                TbErrorCode code;
        } bad[] = {
                {"{\"id\":2,\"result\":{}}", TB_ERROR_DEVICE}, /* the answer to another request */
                {"{\"result\":{}}", TB_ERROR_DEVICE},
                {"{\"id\":1}", TB_ERROR_DEVICE},
                {"{\"id\":1,\"result\":true}", TB_ERROR_DEVICE},
                {"<html>", TB_ERROR_DEVICE},
                {"{\"id\":1,\"error\":{\"code\":-105,\"message\":\"Argument 'id', value 3 not found!\"}}",
                 TB_ERROR_UNPROCESSABLE},
                {"{\"id\":1,\"error\":{}}", TB_ERROR_UNPROCESSABLE},
                {"{\"id\":1,\"error\":{\"code\":401,\"message\":\"no\"}}", TB_ERROR_DEVICE},
                {"{\"id\":1,\"error\":{\"code\":401,\"message\":\"{\\\"auth_type\\\":\\\"digest\\\","
                 "\\\"nonce\\\":-1,\\\"realm\\\":\\\"x\\\","
                 "\\\"algorithm\\\":\\\"SHA-256\\\"}\"}}",
                 TB_ERROR_DEVICE},
                {"{\"id\":1,\"error\":{\"code\":401,\"message\":\"{\\\"auth_type\\\":\\\"digest\\\","
                 "\\\"nonce\\\":1,\\\"realm\\\":\\\"x\\\","
                 "\\\"algorithm\\\":\\\"MD5\\\"}\"}}",
                 TB_ERROR_DEVICE},
        };
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                ShellyAuth auth = {0};
                json_t *none = NULL;
                g_clear_error(&error);
                g_assert_cmpint(shelly_rpc_parse(bad[i].text, strlen(bad[i].text), 1, &none, &auth, &error),
                                ==, SHELLY_BAD);
                g_assert_error(error, TB_ERROR, (int)bad[i].code);
                g_assert_true(none == NULL && auth.realm == NULL);
        }
}

/* The challenge is aioshelly's fixture; the response was calculated from the algorithm of aioshelly's
 * wsrpc.py (checked with openssl dgst -sha256). */
static void test_frame_auth(void)
{
        gsize size;
        g_autofree char *text = fixture("gen2_challenge", &size);
        ShellyAuth auth = {0};
        json_t *none = NULL;
        g_assert_cmpint(shelly_rpc_parse(text, size, 18, &none, &auth, NULL), ==, SHELLY_CHALLENGE);
        g_assert_cmpstr(auth.realm, ==, "shellyplus2pm-485519992590");
        g_assert_cmpint(auth.nonce, ==, 1725185413);
        g_assert_cmpint(auth.nc, ==, 1);
        g_autofree char *response = shelly_rpc_response(&auth, "secret", "Y25vbmNl");
        g_assert_cmpstr(response, ==, "614c2709c6a854e1d8c1657d3f5a4ad486e0e2d821f6660361c6dca6c8a66f4e");
        g_autofree char *request = shelly_rpc_request(19, 0, 0, &auth, "secret", "Y25vbmNl");
        g_assert_nonnull(strstr(request, "\"auth\":{\"realm\":\"shellyplus2pm-485519992590\",\"username\":"
                                         "\"admin\",\"nonce\":1725185413,\"nc\":1,"
                                         "\"cnonce\":\"Y25vbmNl\",\"response\":\"614c2709"));
        g_assert_nonnull(strstr(request, "\"on\":false"));
        g_assert_cmpint(auth.nc, ==, 2); /* one count, one request */
        static const char words[] =
                "{\"id\":1,\"error\":{\"code\":401,\"message\":\"{\\\"auth_type\\\":\\\"digest\\\","
                "\\\"nonce\\\":\\\"9\\\","
                "\\\"nc\\\":\\\"3\\\",\\\"realm\\\":\\\"wall\\\",\\\"algorithm\\\":\\\"SHA-256\\\"}\"}}";
        g_assert_cmpint(shelly_rpc_parse(words, sizeof words - 1, 1, &none, &auth, NULL), ==,
                        SHELLY_CHALLENGE);
        g_assert_true(auth.nonce == 9 && auth.nc == 3); /* numbers as strings: Wall Display */
        shelly_auth_clear(&auth);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/shelly/info", test_info);
        g_test_add_func("/shelly/gen1", test_gen1);
        g_test_add_func("/shelly/rpc", test_rpc);
        g_test_add_func("/shelly/frame-auth", test_frame_auth);
        return g_test_run();
}
