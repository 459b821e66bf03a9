/* The elements of a dump: whole, cut anywhere, byte by byte; what is left out; how one is found. */
#include <string.h>

#include "host/api/compat/elements.h"
#include "lib/error.h"

static const char dump[] =
        "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><hierarchy rotation=\"0\">"
        "<node text=\"\" resource-id=\"\" class=\"android.view.View\" content-desc=\"\" clickable=\"true\" "
        "enabled=\"true\" bounds=\"[0,0][9,9]\">" /* says nothing */
        "<node text=\"\" class=\"android.widget.ImageView\" content-desc=\"\" clickable=\"false\" "
        "enabled=\"false\"/>"
        "<node text=\"Wi-Fi &amp; &lt;net&gt; &#228;\" resource-id=\"a:id/title\" class=\"TextView\" "
        "content-desc=\"\" "
        "clickable=\"false\" enabled=\"true\" bounds=\"[10,20][110,60]\"/>"
        "<node text=\"\" resource-id=\"\" class=\"Button\" content-desc=\"Go \xc3\x84\" clickable=\"true\" "
        "enabled=\"true\" bounds=\"nonsense\"/></node></hierarchy>\n";

static json_t *parse(const char *text, gsize size, gsize step, GError **error)
{
        TbElements *e = tb_elements_new();
        bool ok = true;
        for (gsize at = 0; ok && at < size; at += step)
                ok = tb_elements_feed(e, text + at, MIN(step, size - at), error);
        json_t *list = ok ? tb_elements_end(e, error) : NULL;
        tb_elements_free(e);
        return list;
}

static void test_split(void)
{
        json_auto_t *whole = parse(dump, strlen(dump), strlen(dump), NULL);
        g_assert_cmpuint(json_array_size(whole), ==, 2);
        json_t *title = json_array_get(whole, 0), *go = json_array_get(whole, 1);
        json_auto_t *want =
                json_loads("{\"id\": 1, \"text\": \"Wi-Fi & <net> \\u00e4\", \"className\": \"TextView\", "
                           "\"contentDesc\": \"<no "
                           "content-desc>\", \"package\": \"a:id/title\", \"bounds\": {\"left\": 10, "
                           "\"top\": 20, \"right\": 110, "
                           "\"bottom\": 60}, \"clickable\": false, \"enabled\": true, \"xpath\": null}",
                           0, NULL);
        g_assert_true(json_equal(title, want));
        g_assert_cmpint(json_integer_value(json_object_get(json_object_get(go, "bounds"), "right")), ==, 0);
        for (gsize step = 1; step < 40; step++) {
                json_auto_t *pieces = parse(dump, strlen(dump), step, NULL);
                g_assert_true(json_equal(pieces, whole));
        }
}

static void test_bad(void)
{
        static const char *const bad[] = {"",
                                          "ERROR: null root node",
                                          "<hierarchy><node text=\"x\"",
                                          "<hierarchy><node></hierarchy>",
                                          "<other/>",
                                          "<hierarchy><node text=\"\xff\"/></hierarchy>",
                                          "<hierarchy/>UI hierchary dumped"};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(parse(bad[i], strlen(bad[i]), 3, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
                g_assert_nonnull(strstr(error->message, "no dump of a screen"));
        }
}

static void test_find(void)
{
        json_auto_t *all = parse(dump, strlen(dump), 100, NULL);
        static const struct {
                const char *term;
                gint64 id, found; /* found: of its element; 0: none */
        } cases[] = {{"wi-fi", 0, 1},        {"ID/TITLE", 0, 1}, {"go \xc3\xa4", 0, 2},
                     {"nothing | go", 0, 2}, {"nothing", 0, 0},  {"", 0, 0},
                     {"no text", 0, 0},      {NULL, 2, 2},       {NULL, 3, 0}};
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                json_t *e = tb_elements_pick(all, cases[i].term, cases[i].id);
                g_assert_cmpint(json_integer_value(json_object_get(e, "id")), ==, cases[i].found);
        }
        json_auto_t *found = tb_elements_find(all, "WI-fi");
        g_assert_cmpuint(json_array_size(found), ==, 1);
        json_t *first = json_array_get(found, 0);
        g_assert_cmpstr(json_string_value(json_object_get(first, "bounds")), ==, "[10,20][110,60]");
        g_assert_cmpstr(json_string_value(json_object_get(first, "match_reason")), ==,
                        "Text: 'Wi-Fi & <net> \xc3\xa4'");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/elements/split", test_split);
        g_test_add_func("/elements/bad", test_bad);
        g_test_add_func("/elements/find", test_find);
        return g_test_run();
}
