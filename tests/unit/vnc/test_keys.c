#include "host/vnc/keys.h"

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
                {0xff8d, "Enter"},
                {0xff1b, "Escape"},
                {0xff09, "Tab"},
                {0xfe20, "Tab"},
                {0xff08, "Backspace"},
                {0xffff, "Delete"},
                {0xff51, "ArrowLeft"},
                {0xff54, "ArrowDown"},
                {0xff55, "PageUp"},
                {0xffbe, "F1"},
                {0xffc9, "F12"},
                {0xffd5, "F24"},
                {0xffe1, "Shift"},
                {0xffe4, "Control"},
                {0xffe9, "Alt"},
                {0xffeb, "Meta"},
                {0xfe03, "AltGraph"},
                {0xffb5, "5"} /* KP_5 */,
                {0xffab, "+"} /* KP_Add */,
                {0x1008ff13, "AudioVolumeUp"},
                {0, NULL},
                {0xffffffff, NULL},
                {0x01000007, NULL} /* a control character */,
                {0x1008ff02, NULL},
                {0xffd6, NULL},
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
        check(&state, (TbVncInput[]){{.key = true, .down = true, .keysym = 0x1008ff02}}, 1, "[]");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/vnc/keys/names", test_names);
        g_test_add_func("/vnc/keys/input", test_input);
        return g_test_run();
}
