/* What a model is asked, and what of its answers is taken. */
#include "server/worker/vision.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"

#define GOOD                                                                                                 \
        "{\"label\":\"person\",\"summary\":\"Somebody\",\"confidence\":0.9,\"notify\":true,\"reason\":\"as " \
        "asked\","                                                                                           \
        "\"matched_rules\":[\"a person\"],\"detected_entities\":[\"person\"],\"detected_actions\":[]}"

static json_t *verdict(const char *content, GError **error)
{
        json_auto_t *answer = json_pack("{s:[{s:{s:s, s:s}}]}", "choices", "message", "role", "assistant",
                                        "content", content);
        return tb_vision_verdict(answer, error);
}

static void asked(void)
{
        g_autoptr(GPtrArray) pictures = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        g_ptr_array_add(pictures, g_bytes_new_static("jpeg", 4));
        json_auto_t *body = tb_vision_request("m", "a person", pictures, true),
                    *plain = tb_vision_request("m", NULL, pictures, false);
        const json_t *user = json_array_get(json_object_get(body, "messages"), 1),
                     *image = json_array_get(json_object_get(user, "content"), 1),
                     *format = json_object_get(body, "response_format"),
                     *schema = json_object_get(json_object_get(format, "json_schema"), "schema");
        g_assert_cmpstr(json_string_value(json_object_get(json_object_get(image, "image_url"), "url")), ==,
                        "data:image/jpeg;base64,anBlZw==");
        g_assert_cmpuint(json_array_size(json_object_get(schema, "required")), ==, 8);
        g_assert_null(json_object_get(plain, "response_format"));
}

static void taken(void)
{
        const char *good[] = {GOOD, "```json\n" GOOD "\n```", "<think>{hm}</think> It is " GOOD};
        for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *out = verdict(good[i], &error);
                g_assert_no_error(error);
                g_assert_cmpstr(json_string_value(json_object_get(out, "label")), ==, "person");
                g_assert_true(json_is_true(json_object_get(out, "should_notify")));
                g_assert_cmpstr(json_string_value(json_object_get(out, "alert_reason")), ==, "as asked");
        }
        const struct {
                const char *from, *to;
        } wrong[] = {
                {"\"person\",\"summary\"", "\"dragon\",\"summary\""},
                {"\"Somebody\"", "\"\""},
                {"\"Somebody\"", "7"},
                {"0.9", "1.5"},
                {"0.9", "\"high\""},
                {"true", "\"yes\""},
                {"\"as asked\"", "[]"},
                {"[\"a person\"]", "\"a person\""},
                {"[\"a person\"]", "[1]"},
                {"{", ""},
                {"}", ""},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;
                GString *text = g_string_new(GOOD);
                g_assert_cmpuint(g_string_replace(text, wrong[i].from, wrong[i].to, 1), ==, 1);
                g_assert_null(verdict(text->str, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
                g_string_free(text, TRUE);
        }
        g_autoptr(GError) error = NULL;
        json_auto_t *empty = json_pack("{s:[]}", "choices");
        g_assert_null(tb_vision_verdict(empty, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
}

static void configured(void)
{
        TbVision v;
        g_autoptr(GError) error = NULL;
        g_assert_false(tb_vision_of_environment("VISION", &v, &error));
        g_assert_no_error(error);
        g_setenv("VISION_URL", "ollama:11434", TRUE);
        g_assert_false(tb_vision_of_environment("VISION", &v, &error));
        g_assert_nonnull(strstr(error->message, "VISION_URL: an address like"));
        g_clear_error(&error);
        g_setenv("VISION_URL", "http://ollama:11434/v1", TRUE);
        g_assert_false(tb_vision_of_environment("VISION", &v, &error));
        g_assert_nonnull(strstr(error->message, "VISION_MODEL: the model is not named"));
        g_clear_error(&error);
        g_setenv("VISION_MODEL", "llava", TRUE);
        g_assert_true(tb_vision_of_environment("VISION", &v, &error));
        g_assert_cmpuint(v.timeout_s, ==, 60);
        g_assert_cmpuint(v.retries, ==, 1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vision/asked", asked);
        g_test_add_func("/vision/taken", taken);
        g_test_add_func("/vision/configured", configured);
        return g_test_run();
}
