/* Kasa's frames and answers by themselves: the vectors and fixtures of python-kasa (a29d0610). */
#include <string.h>

#include "drivers/kasa/kasa_proto.h"

static char *hex(const GByteArray *bytes)
{
        GString *text = g_string_new(NULL);
        for (guint i = 0; i < bytes->len; i++)
                g_string_append_printf(text, "%02x", bytes->data[i]);
        return g_string_free(text, FALSE);
}

static void test_frames(void)
{
        static const struct {
                const char *text, *hex;
        } vectors[] = {
                {"{'snowman': '\xe2\x98\x83'}", "00000012d0f784ea85f29ffe90b78dad8a68f0735429"},
                {"{\"system\":{\"get_sysinfo\":{}}}",
                 "0000001dd0f281f88bff9af7d5ef94b6d1b4c09fec95e68fe187e8caf08bf68bf6"},
                {"{\"system\":{\"set_relay_state\":{\"state\":1}}}",
                 "0000002ad0f281f88bff9af7d5ef94b6c5a0d48bf99cf091e8b7c4b0d1a5c0e2d8a381f286e793f6d4eedfa2dfa"
                 "2"},
        };
        for (guint i = 0; i < G_N_ELEMENTS(vectors); i++) {
                g_autoptr(GByteArray) frame = tb_kasa_frame(vectors[i].text);
                g_autofree char *is = hex(frame);
                g_assert_cmpstr(is, ==, vectors[i].hex);
                gsize size = tb_kasa_length(frame->data);
                g_assert_cmpuint(size, ==, strlen(vectors[i].text));
                tb_kasa_reveal(frame->data + TB_KASA_HEAD, size);
                g_assert_cmpint(memcmp(frame->data + TB_KASA_HEAD, vectors[i].text, size), ==, 0);
        }
        static const guint8 long_one[] = {0xff, 0xff, 0xff, 0xff};
        g_assert_cmpuint(tb_kasa_length(long_one), ==, 0xffffffffU);
}

static void test_requests(void)
{
        json_auto_t *one = tb_kasa_request("system", "set_relay_state", json_pack("{s:i}", "state", 1),
                                           "8006"),
                    *expected = json_loads("{\"context\":{\"child_ids\":[\"8006\"]},\"system\":{"
                                           "\"set_relay_state\":{\"state\":1}}}",
                                           0, NULL);
        g_assert_true(json_equal(one, expected));
}

static void state(const char *info, const char *meter, int output, TbPowerObserved observed, double watts,
                  double volts, double energy)
{
        TbPlugState s;
        g_autoptr(GError) error = NULL;
        json_auto_t *i = json_loads(info, 0, NULL), *m = meter ? json_loads(meter, 0, NULL) : NULL;
        g_assert_true(tb_kasa_parse(i, m, output, &s, &error));
        g_assert_cmpint(s.power.observed, ==, observed);
        if (!meter) {
                g_assert_null(s.rows);
                g_assert_true(isnan(s.power.watts) && isnan(s.power.volts) && isnan(s.power.energy_wh));
                return;
        }
        g_assert_cmpfloat_with_epsilon(s.power.watts, watts, 1e-9);
        g_assert_cmpfloat_with_epsilon(s.power.volts, volts, 1e-9);
        g_assert_cmpfloat_with_epsilon(s.power.energy_wh, energy, 1e-9);
}

#define STRIP                                                                                                \
        "{\"deviceId\":\"8006\",\"children\":[{\"id\":\"800600\",\"state\":0},{\"id\":\"01\",\"state\":1}]}"

static void test_states(void)
{
        state("{\"relay_state\":1}", NULL, 0, TB_POWER_ON, NAN, NAN, NAN);
        state("{\"relay_state\":0,\"children\":[]}", NULL, 0, TB_POWER_OFF, NAN, NAN, NAN);
        state("{\"relay_state\":1}",
              "{\"current\":0.128037,\"err_code\":0,\"power\":7.677094,\"total\":30.404,\"voltage\":118."
              "917389}",
              0, TB_POWER_ON, 7.677094, 118.917389, 30404);
        state(STRIP,
              "{\"current_ma\":4,\"err_code\":0,\"power_mw\":17,\"total_wh\":1279,\"voltage_mv\":122414}", 1,
              TB_POWER_ON, 0.017, 122.414, 1279);
        json_auto_t *strip = json_loads(STRIP, 0, NULL);
        g_autofree char *whole = tb_kasa_child(strip, 0), *numbered = tb_kasa_child(strip, 1),
                        *none = tb_kasa_child(strip, 2);
        g_assert_cmpstr(whole, ==, "800600");
        g_assert_cmpstr(numbered, ==, "800601");
        g_assert_null(none);
}

static void test_refusals(void)
{
        static const struct {
                const char *info;
                int output;
                TbErrorCode code;
        } bad[] = {{"{\"relay_state\":1}", 1, TB_ERROR_UNPROCESSABLE},
                   {STRIP, 2, TB_ERROR_UNPROCESSABLE},
                   {"{\"relay_state\":7}", 0, TB_ERROR_DEVICE},
                   {"{}", 0, TB_ERROR_DEVICE}};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                TbPlugState s;
                g_autoptr(GError) error = NULL;
                json_auto_t *info = json_loads(bad[i].info, 0, NULL);
                g_assert_false(tb_kasa_parse(info, NULL, bad[i].output, &s, &error));
                g_assert_error(error, TB_ERROR, (int)bad[i].code);
        }
        static const struct {
                const char *answer;
                int code; /* 0: it is one */
        } answers[] = {
                {"{\"emeter\":{\"get_realtime\":{\"err_code\":0}}}", 0},
                {"{\"emeter\":{\"err_code\":-1,\"err_msg\":\"module not support\"}}", TB_ERROR_UNPROCESSABLE},
                {"{\"emeter\":{\"get_realtime\":{\"err_code\":-3}}}", TB_ERROR_UNPROCESSABLE},
                {"{\"emeter\":7}", TB_ERROR_DEVICE},
                {"[]", TB_ERROR_DEVICE}};
        for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *answer = json_loads(answers[i].answer, 0, NULL);
                g_assert_true((tb_kasa_answer(answer, "emeter", "get_realtime", &error) != NULL) ==
                              (answers[i].code == 0));
                if (answers[i].code)
                        g_assert_error(error, TB_ERROR, answers[i].code);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/kasa/frames", test_frames);
        g_test_add_func("/kasa/requests", test_requests);
        g_test_add_func("/kasa/states", test_states);
        g_test_add_func("/kasa/refusals", test_refusals);
        return g_test_run();
}
