/* Actions of ALP Experimental as commands of ours, at the edges; candidates; states. */
#include <string.h>

#include "host/api/compat/scope_words.h"
#include "lib/error.h"

static void test_actions(void)
{
        static const struct {
                const char *action, *in, *op, *out; /* op NULL: refused, `out` is the field */
        } rows[] = {
                {"goto", "{\"ra\":5.5,\"dec\":-5,\"target_name\":\"M42\",\"is_j2000\":true}", "goto",
                 "{\"dec_deg\":-5,\"equinox\":\"j2000\",\"ra_hours\":5.5,\"target\":\"M42\"}"},
                {"goto", "{\"ra\":5.5,\"dec\":-5,\"is_j2000\":false}", "goto",
                 "{\"dec_deg\":-5,\"equinox\":\"now\",\"ra_hours\":5.5}"},
                {"goto", "{\"ra\":\"5\",\"dec\":-5}", NULL, "ra"},
                {"move", "{\"direction\":\"up\",\"duration\":500}", "move",
                 "{\"angle_deg\":90,\"duration_s\":0.5}"},
                {"move", "{\"direction\":\"left\"}", "move", "{\"angle_deg\":180,\"duration_s\":1.0}"},
                {"move", "{\"direction\":\"stop\"}", "stop", "{}"},
                {"move", "{\"direction\":\"around\"}", NULL, "direction"},
                {"park", "{}", "park", "{}"},
                {"focus", "{\"position\":1500.4}", "focus", "{\"position\":1500}"},
                {"focus_increment", "{\"increment\":-10}", "focus", "{\"step\":-10}"},
                {"focus_increment", "{}", NULL, "increment"},
                {"start_imaging", "{}", "stack", "{\"on\":true}"},
                {"stop_imaging", "null", "stack", "{\"on\":false}"},
                {"set_gain", "{\"gain\":80}", "gain", "{\"gain\":80}"},
                {"set_gain", "{\"gain\":1e300}", "gain", "{\"gain\":1.0000000000000001e300}"},
                {"set_exposure", "{\"exposure\":500}", "exposure", "{\"exposure_ms\":500.0}"},
                {"scenery", "{}", "view", "{\"mode\":\"scenery\"}"},
                {"set_image_enhancement", "{\"contrast\":0.5,\"dbe_enable\":true,\"else\":1}", "enhance",
                 "{\"contrast\":0.5,\"flatten\":true}"},
                {"get_image_enhancement", "{}", "get", "{}"},
                {"fly", "{}", NULL, "action"},
                {NULL, "{}", NULL, "action"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                const char *op = NULL;
                json_auto_t *in = json_loads(rows[i].in, JSON_DECODE_ANY, NULL);
                json_auto_t *out = tb_scope_command(rows[i].action, in, &op, &error);
                g_assert_cmpint(out != NULL, ==, rows[i].op != NULL);
                if (!out) {
                        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                        g_assert_cmpstr(tb_error_field(error), ==, rows[i].out);
                        continue;
                }
                char *text = json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS);
                g_assert_cmpstr(op, ==, rows[i].op);
                g_assert_cmpstr(text, ==, rows[i].out);
                free(text);
        }
}

static void test_candidates(void)
{
        json_auto_t *good = json_pack("{s:s, s:s, s:s}", "candidate",
                                      "candidate:1 1 UDP 1 10.0.0.1 9 typ host", "sdpMid", "video",
                                      "usernameFragment", "abcd"),
                    *end = json_pack("{s:s}", "candidate", ""),
                    *two = json_pack("{s:s}", "candidate", "a\r\na=b"), *none = json_object();
        g_autofree char *fragment = tb_scope_fragment(good, NULL), *last = tb_scope_fragment(end, NULL);
        g_assert_cmpstr(fragment, ==,
                        "a=ice-ufrag:abcd\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:video\r\n"
                        "a=candidate:1 1 UDP 1 10.0.0.1 9 typ host\r\n");
        g_assert_true(g_str_has_suffix(last, "a=end-of-candidates\r\n"));
        g_assert_null(tb_scope_fragment(two, NULL)); /* no line of SDP of its own */
        g_assert_null(tb_scope_fragment(none, NULL));
}

static void test_states(void)
{
        json_auto_t *nothing = tb_scope_status(NULL, false, 1500);
        g_assert_true(json_is_null(json_object_get(nothing, "ra")));
        g_assert_true(json_is_false(json_object_get(nothing, "is_connected")));
        g_assert_cmpfloat(json_number_value(json_object_get(nothing, "timestamp")), ==, 1.5);
        json_auto_t *message = tb_scope_message(NULL, "error", NULL, json_object());
        g_assert_nonnull(json_string_value(json_object_get(message, "id")));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/scope-words/actions", test_actions);
        g_test_add_func("/scope-words/candidates", test_candidates);
        g_test_add_func("/scope-words/states", test_states);
        return g_test_run();
}
