#include "host/vnc/keys.h"
#include "host/vnc/places.h"

#include "lib/limits.h"

static void test_names(void)
{
        static const struct {
                guint32 keysym;
                const char *key;
        } rows[] = {
                {'a', "a"},
                {'A', "A"},
                {' ', " "},
                {'~', "~"},
                {0xe9, "é"},
                {0x010020ac, "€"},
                {0x20ac, "€"},
                {0x06c1, "а"} /* Cyrillic_a */,
                {0x0101f600, "😀"},
                {0xff0d, "Enter"},
                {0xff8d, "KP_Enter"},
                {0xff1b, "Escape"},
                {0xff09, "Tab"},
                {0xfe20, "ISO_Left_Tab"},
                {0xff08, "Backspace"},
                {0xffff, "Delete"},
                {0xff51, "ArrowLeft"},
                {0xff54, "ArrowDown"},
                {0xff55, "PageUp"},
                {0xffbe, "F1"},
                {0xffc9, "F12"},
                {0xffd5, "F24"},
                {0xffe1, "Shift"},
                {0xffe4, "Control_R"},
                {0xfe51, "dead_acute"},
                {0xffe9, "Alt"},
                {0xffeb, "Meta"},
                {0xfe03, "AltGraph"},
                {0xffb5, "KP_5"},
                {0xffab, "KP_Add"},
                {0x1008ff13, "AudioVolumeUp"},
                {0, NULL},
                {0xffffffff, NULL},
                {0x01000007, NULL} /* a control character */,
                {0x1008ff02, "XF86MonBrightnessUp"},
                {0xffd6, "F25"},
                {0x1fffffff, NULL},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *key = tb_vnc_key_name(rows[i].keysym);
                g_assert_cmpstr(key, ==, rows[i].key);
        }
        /* every keysym of the table is found: it is sorted */
        for (guint32 k = 0xff50; k <= 0xff57; k++) {
                g_autofree char *key = tb_vnc_key_name(k);
                g_assert_nonnull(key);
        }
        for (guint32 k = 0xffe1; k <= 0xffee; k++) {
                g_autofree char *key = tb_vnc_key_name(k);
                g_assert_nonnull(key);
        }
}

static void check(TbVncInputState *state, const TbVncInput *events, guint n, const char *expected)
{
        json_t *list = json_array();
        tb_vnc_input_json(state, events, n, list);
        g_autofree char *text = json_dumps(list, JSON_COMPACT);
        g_assert_cmpstr(text, ==, expected);
        json_decref(list);
}

static void test_input(void)
{
        TbVncInputState state = {0};
        check(&state,
              (TbVncInput[]){{.key = true, .down = true, .keysym = 0xffe1}, {.key = true, .keysym = 0xffe1}},
              2,
              "[{\"type\":\"key\",\"key\":\"Shift\",\"action\":\"down\"},{\"type\":\"key\",\"key\":\"Shift\","
              "\"action\":\"up\"}]");
        check(&state, (TbVncInput[]){{.x = 3, .y = 4, .mask = 1}}, 1,
              "[{\"type\":\"pointer\",\"x\":3,\"y\":4,\"buttons\":1}]");
        check(&state, (TbVncInput[]){{.x = 3, .y = 4, .mask = 2}}, 1,
              "[{\"type\":\"pointer\",\"x\":3,\"y\":4,\"buttons\":4}]");
        check(&state, (TbVncInput[]){{.x = 3, .y = 4, .mask = 4}}, 1,
              "[{\"type\":\"pointer\",\"x\":3,\"y\":4,\"buttons\":2}]");
        check(&state, (TbVncInput[]){{.x = 3, .y = 4, .mask = 0}}, 1,
              "[{\"type\":\"pointer\",\"x\":3,\"y\":4,\"buttons\":0}]");
        /* wheel: press scrolls once, release is silent */
        check(&state,
              (TbVncInput[]){{.x = 1, .y = 2, .mask = 8},
                             {.x = 1, .y = 2},
                             {.x = 1, .y = 2, .mask = 16},
                             {.x = 1, .y = 2}},
              4,
              "[{\"type\":\"scroll\",\"x\":1,\"y\":2,\"dx\":0,\"dy\":-1},{\"type\":\"scroll\",\"x\":1,\"y\":"
              "2,\"dx\":0,\"dy\":1}]");
        check(&state, (TbVncInput[]){{.x = 1, .y = 2, .mask = 64}, {.x = 1, .y = 2}}, 2,
              "[{\"type\":\"scroll\",\"x\":1,\"y\":2,\"dx\":1,\"dy\":0}]");
        check(&state, (TbVncInput[]){{.key = true, .down = true, .keysym = 0x1fffffff}}, 1, "[]");
        check(&state, (TbVncInput[]){{.x = 1, .y = 2, .mask = 0x180}}, 1,
              "[{\"type\":\"pointer\",\"x\":1,\"y\":2,\"buttons\":24}]");
}

/* Bursts: moves become one, clicks of the wheel add up, nothing else is lost. */
static void test_queue(void)
{
        json_auto_t *pending = json_array(), *events = json_array();
        json_t *event;
        TbVncInputState state = {0};
        TbVncInput burst[2 * 250];
        for (guint i = 0; i < G_N_ELEMENTS(burst); i++)
                burst[i] = (TbVncInput){.x = 1, .y = 2, .mask = i % 2 ? 0 : 16};
        tb_vnc_input_json(&state, burst, G_N_ELEMENTS(burst), events);
        tb_vnc_input_json(&state,
                          (TbVncInput[]){{.x = 3, .y = 4}, {.x = 5, .y = 6}, {.x = 5, .y = 6, .mask = 1}}, 3,
                          events);
        size_t i;
        json_array_foreach (events, i, event)
                tb_vnc_input_queue(pending, event);
        g_assert_cmpuint(json_array_size(pending), ==, 5);
        json_auto_t *first = tb_vnc_input_take(pending, 3);
        int clicks = 0;
        json_array_foreach (first, i, event)
                clicks += (int)json_integer_value(json_object_get(event, "dy"));
        g_assert_cmpint(clicks, ==, 250);
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(pending, 0), "x")), ==, 5);
        json_auto_t *rest = tb_vnc_input_take(pending, 3);
        g_assert_cmpuint(json_array_size(rest), ==, 2);
        g_assert_cmpuint(json_array_size(pending), ==, 0);
}

/* By place where the keysym has no name; nothing where neither says something. */
static void test_places(void)
{
        static const TbVncInput inputs[] = {
                {.key = true, .down = true, .keysym = 'z', .place = 0x15},
                {.key = true, .down = true, .place = 0x15},
                {.key = true, .keysym = 0x1fffffff, .place = 0xb8},
                {.key = true, .down = true, .place = 0x7f},
                {.key = true, .down = true, .place = 0xffffffff},
        };
        TbVncInputState state = {0};
        json_auto_t *events = json_array();
        tb_vnc_input_json(&state, inputs, G_N_ELEMENTS(inputs), events);
        g_autofree char *text = json_dumps(events, JSON_COMPACT);
        g_assert_cmpstr(
                text, ==,
                "[{\"type\":\"key\",\"key\":\"z\",\"action\":\"down\"},{\"type\":\"key\",\"code\":\"KeyY\","
                "\"action\":\"down\"},{\"type\":\"key\",\"code\":\"AltRight\",\"action\":\"up\"}]");
        g_assert_null(tb_vnc_place_code(256));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc/keys/names", test_names);
        g_test_add_func("/vnc/keys/input", test_input);
        g_test_add_func("/vnc/keys/queue", test_queue);
        g_test_add_func("/vnc/keys/places", test_places);
        return g_test_run();
}
