/* What text of a clip's pictures says: lines once, noise left out, rules of the prompt, limits. */
#include "server/worker/ocr_text.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/limits_look.h"
#include "lib/ocr.h"
#include "server/worker/analyser.h"

static void word_clear(gpointer word)
{
        g_free(((TbOcrWord *)word)->text);
}

/* Of "a word|another line"; a word that begins with "~" is one of which Tesseract is not sure. */
static void add(TbOcrText *text, const char *said)
{
        g_autoptr(GArray) words = g_array_new(FALSE, FALSE, sizeof(TbOcrWord));
        g_array_set_clear_func(words, word_clear);
        g_auto(GStrv) lines = g_strsplit(said, "|", -1);
        for (guint i = 0; lines[i]; i++) {
                g_auto(GStrv) parts = g_strsplit(lines[i], " ", -1);
                for (guint j = 0; parts[j]; j++) {
                        bool unsure = *parts[j] == '~';
                        TbOcrWord word = {.text = g_strdup(parts[j] + unsure),
                                          .sure = unsure ? 0.49 : 0.9,
                                          .begins = j == 0};
                        g_array_append_val(words, word);
                }
        }
        tb_ocr_text_add(text, words);
}

static json_t *verdict_of(TbOcrText *text, const char *label)
{
        json_t *verdict = json_pack("{s:s, s:s, s:f, s:b, s:s, s:[], s:[]}", "summary", "No motion", "label",
                                    label, "confidence", 0.8, "should_notify", strcmp(label, "motion") == 0,
                                    "alert_reason", "Something moved.", "matched_rules", "detected_entities");
        tb_ocr_text_say(text, verdict);
        tb_ocr_text_free(text);
        return verdict;
}

static const char *string_of(const json_t *o, const char *name)
{
        return json_string_value(json_object_get(o, name));
}

static void lines(void)
{
        TbOcrText *text = tb_ocr_text_new(NULL);
        add(text, "Kernel panic|~zz login: ~q|--|x");
        add(text, "kernel PANIC|login: root");
        json_auto_t *v = verdict_of(text, "clear");
        g_assert_cmpstr(string_of(v, "summary"), ==,
                        "No motion. Text: “Kernel panic”, “login:”, “login: root”");
        g_assert_cmpstr(string_of(v, "label"), ==, "text");
        g_assert_cmpfloat_with_epsilon(json_number_value(json_object_get(v, "confidence")), 0.9, 1e-9);
        g_assert_cmpuint(json_array_size(json_object_get(v, "detected_entities")), ==, 3);
        g_assert_false(json_is_true(json_object_get(v, "should_notify")));

        TbOcrText *none = tb_ocr_text_new(NULL), *moving = tb_ocr_text_new(NULL);
        add(none, "~Kernel|-");
        add(moving, "Kernel panic");
        json_auto_t *nothing = verdict_of(none, "clear"), *both = verdict_of(moving, "motion");
        g_assert_cmpstr(string_of(nothing, "summary"), ==, "No motion");
        g_assert_cmpstr(string_of(nothing, "label"), ==, "clear");
        g_assert_cmpstr(string_of(both, "label"), ==, "motion");
        g_assert_true(json_is_true(json_object_get(both, "should_notify")));
}

static void rules(void)
{
        TbOcrText *text = tb_ocr_text_new("text: kernel   PANIC\nText: nowhere\ntext:"),
                  *other = tb_ocr_text_new("text: nowhere\na person"),
                  *alone = tb_ocr_text_new("text: nowhere");
        add(text, "[12.5] Kernel panic - not syncing");
        json_auto_t *v = verdict_of(text, "clear"), *o = verdict_of(other, "motion"),
                    *a = verdict_of(alone, "motion");
        const json_t *matched = json_object_get(v, "matched_rules");
        g_assert_cmpuint(json_array_size(matched), ==, 1);
        g_assert_cmpstr(json_string_value(json_array_get(matched, 0)), ==, "text: kernel   PANIC");
        g_assert_true(json_is_true(json_object_get(v, "should_notify")));
        g_assert_cmpstr(string_of(v, "alert_reason"), ==,
                        "On the picture, as asked for: text: kernel   PANIC");
        g_assert_true(json_is_true(json_object_get(o, "should_notify"))); /* motion may be the person */
        g_assert_false(json_is_true(json_object_get(a, "should_notify")));
        g_assert_null(string_of(a, "alert_reason"));
}

/* What is not kept is seen by rules all the same. */
static void bounded(void)
{
        TbOcrText *many = tb_ocr_text_new("text: line 99"), *full = tb_ocr_text_new("text: line 99"),
                  *large = tb_ocr_text_new(NULL);
        for (guint i = 10; i < 10 + TB_LIMIT_OCR_LINES; i++) {
                g_autofree char *line = g_strdup_printf("line %u", i);
                add(full, line);
                add(many, line);
        }
        add(many, "line 99");
        for (guint i = 0; i < 10; i++) { /* 190 bytes of each */
                g_autofree char *line = g_strnfill(TB_LIMIT_EVENT_ID + 1, (char)('a' + i));
                add(large, line);
        }
        json_auto_t *f = verdict_of(full, "clear"), *m = verdict_of(many, "clear"),
                    *l = verdict_of(large, "clear");
        const json_t *kept = json_object_get(l, "detected_entities");
        g_assert_cmpuint(json_array_size(json_object_get(f, "detected_entities")), ==, TB_LIMIT_OCR_LINES);
        g_assert_cmpuint(json_array_size(json_object_get(m, "detected_entities")), ==, TB_LIMIT_OCR_LINES);
        g_assert_cmpuint(json_array_size(json_object_get(f, "matched_rules")), ==, 0);
        g_assert_cmpuint(json_array_size(json_object_get(m, "matched_rules")), ==, 1);
        g_assert_true(g_str_has_suffix(string_of(l, "summary"), " and more"));
        g_assert_cmpuint(json_array_size(kept), ==, TB_LIMIT_OCR_TEXT / TB_LIMIT_EVENT_ID);
        g_assert_cmpuint(json_string_length(json_array_get(kept, 0)), ==, TB_LIMIT_EVENT_ID);
}

/* OCR_S: when its time is over nothing is read any more, and that is no fault. */
static void in_time(void)
{
        guint8 picture[64 * 64];
        g_autoptr(GError) error = NULL;
        TbOcr *ocr = tb_ocr_new("eng", &error);
        g_assert_no_error(error);
        memset(picture, 255, sizeof picture);
        g_autoptr(GArray) words =
                tb_ocr_read(ocr, picture, 64, (TbRect){0, 0, 64, 64}, g_get_monotonic_time(), &error);
        g_assert_no_error(error);
        g_assert_cmpuint(words->len, ==, 0);
        g_assert_cmpuint(tb_analyser_ocr.seconds, ==, TB_LIMIT_OCR_S);
        tb_ocr_free(ocr);
}

static void kept(void)
{
        json_auto_t *seen = json_pack("{s:[s], s:[s], s:s}", "matched_rules", "text: panic",
                                      "detected_entities", "Kernel panic", "alert_reason", "On the picture"),
                    *quiet = json_pack("{s:[], s:[s]}", "matched_rules", "detected_entities", "login:"),
                    *said = json_pack("{s:b, s:[], s:[s]}", "should_notify", 0, "matched_rules",
                                      "detected_entities", "desk");
        tb_analysers_keep(quiet, said);
        g_assert_true(json_is_false(json_object_get(said, "should_notify")));
        tb_analysers_keep(seen, said);
        g_assert_true(json_is_true(json_object_get(said, "should_notify")));
        g_assert_cmpstr(string_of(said, "alert_reason"), ==, "On the picture");
        g_assert_cmpuint(json_array_size(json_object_get(said, "detected_entities")), ==, 3);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ocr/lines", lines);
        g_test_add_func("/ocr/rules", rules);
        g_test_add_func("/ocr/bounded", bounded);
        g_test_add_func("/ocr/in-time", in_time);
        g_test_add_func("/ocr/kept", kept);
        return g_test_run();
}
