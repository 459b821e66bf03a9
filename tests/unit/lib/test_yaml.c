#include "lib/yaml.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits.h"

static const struct {
        const char *in, *out, *error;
} rows[] = {
        {"", "{}", NULL},
        {"# only a comment\n", "{}", NULL},
        {"a: 1\nb: [x, 'y', \"z\"]\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"]}", NULL},
        {"a: true\nb: ~\nc: null\nd:\ne: False\nf: yes\n",
         "{\"a\":true,\"b\":null,\"c\":null,\"d\":null,\"e\":false,\"f\":\"yes\"}", NULL},
        {"a: 0x1F\nb: 0o17\nc: -3\nd: +4\ne: 1.5\nf: .5\ng: 1e3\nh: 1.\n",
         "{\"a\":31,\"b\":15,\"c\":-3,\"d\":4,\"e\":1.5,\"f\":0.5,\"g\":1000.0,\"h\":1.0}", NULL},
        {"a: 0A1B2C3D\nb: 1-1.4\nc: '12'\nd: 10.0.0.7\ne: 1e\nf: .\ng: 0x\nh: -x\n",
         "{\"a\":\"0A1B2C3D\",\"b\":\"1-1.4\",\"c\":\"12\",\"d\":\"10.0.0.7\",\"e\":\"1e\",\"f\":\".\",\"g\":"
         "\"0x\",\"h\":\"-x\"}",
         NULL},
        {"a: serial:///dev/ttyUSB0?baud=115200\n", "{\"a\":\"serial:///dev/ttyUSB0?baud=115200\"}", NULL},
        {"text: |\n  one\n  two\n", "{\"text\":\"one\\ntwo\\n\"}", NULL},
        {"- 1\n- {a: []}\n", "[1,{\"a\":[]}]", NULL},
        {"a: 1\nb: 2\na: 3\n", NULL, "f:3: the key \"a\" is there twice (first on line 1)"},
        {"a: &x 1\n", NULL, "f:1: anchors (&x) are not supported"},
        {"a: 1\nb: *x\n", NULL, "f:2: aliases (*name) are not supported"},
        {"a: !!int 1\n", NULL, "f:1: tags (tag:yaml.org,2002:int) are not supported"},
        {"a: 1\n---\nb: 2\n", NULL, "f:2: only one document is allowed in the file"},
        {"a: 99999999999999999999\n", NULL,
         "f:1: the number 99999999999999999999 is too large; put it in quotes if it is a text"},
        {"a: 1e999\n", NULL, "f:1: the number 1e999 is too large; put it in quotes if it is a text"},
        {"a: .inf\n", NULL, "f:1: .inf is no number that can be used here; put it in quotes if it is a text"},
        {"? [a]\n: b\n", NULL, "f:1: a key must be a simple text"},
        {"<<: {a: 1}\n", NULL, "f:1: merge keys (<<) are not supported"},
        {"a: \"\\0\"\n", NULL, "f:1: a NUL character is not allowed"},
};

static void test_table(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TbYaml) yaml = tb_yaml_parse("f", rows[i].in, strlen(rows[i].in), &error);
                if (rows[i].error) {
                        g_assert_null(yaml);
                        g_assert_cmpstr(error->message, ==, rows[i].error);
                        continue;
                }
                g_assert_no_error(error);
                json_t *want = json_loads(rows[i].out, 0, NULL);
                if (!json_equal(tb_yaml_root(yaml), want))
                        g_error("%s: got %s", rows[i].in, json_dumps(tb_yaml_root(yaml), JSON_ENCODE_ANY));
                json_decref(want);
        }
}

static void test_syntax_error_has_line(void)
{
        static const char *const bad[] = {"a: 1\nb: [1, 2\nc: 3\n", "a: 1\n\tb: 2\n", "a: \"x\n",
                                          "a: \xff\n"};
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(tb_yaml_parse("host.yaml", bad[i], strlen(bad[i]), &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_assert_true(g_str_has_prefix(error->message, "host.yaml:"));
                g_assert_cmpint(g_ascii_strtoll(error->message + 10, NULL, 10), >, 0);
        }
}

static void test_lines(void)
{
        const char *text = "port: 1\ndevices:\n  rpi:\n    label: x\n    on: true\nlist:\n  - a\n  - b\n";
        g_autoptr(TbYaml) yaml = tb_yaml_parse("f", text, strlen(text), NULL);
        json_t *root = tb_yaml_root(yaml), *rpi = json_object_get(json_object_get(root, "devices"), "rpi");
        g_assert_cmpint(tb_yaml_line(yaml, json_object_get(root, "port")), ==, 1);
        g_assert_cmpint(tb_yaml_line(yaml, rpi), ==, 4);
        g_assert_cmpint(tb_yaml_line(yaml, json_array_get(json_object_get(root, "list"), 1)), ==, 8);
        g_assert_cmpint(tb_yaml_line(yaml, json_object_get(rpi, "on")), ==, 0);
        g_assert_cmpint(tb_yaml_field_line(yaml, rpi, "on"), ==, 5);
        g_assert_cmpint(tb_yaml_field_line(yaml, root, "devices"), ==, 2);
        g_assert_cmpint(tb_yaml_field_line(yaml, root, "nope"), ==, 0);
        g_assert_cmpstr(tb_yaml_name(yaml), ==, "f");
}

static char *nested(guint depth)
{
        g_autofree char *open = g_strnfill(depth, '['), *close = g_strnfill(depth, ']');
        return g_strconcat(open, close, NULL);
}

static void test_limits(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *deep = nested(TB_LIMIT_JSON_DEPTH), *deeper = nested(TB_LIMIT_JSON_DEPTH + 1);
        g_autoptr(TbYaml) fits = tb_yaml_parse("f", deep, strlen(deep), &error);
        g_assert_no_error(error);
        g_assert_null(tb_yaml_parse("f", deeper, strlen(deeper), &error));
        g_assert_cmpstr(error->message, ==, "f:1: nested more than 32 deep");
        g_clear_error(&error);

        g_autofree char *big = g_strnfill(TB_LIMIT_CONFIG_FILE + 1, ' ');
        g_autoptr(TbYaml) largest = tb_yaml_parse("f", big, TB_LIMIT_CONFIG_FILE, &error);
        g_assert_no_error(error);
        g_assert_null(tb_yaml_parse("f", big, TB_LIMIT_CONFIG_FILE + 1, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_TOO_LARGE);
}

static void test_load(void)
{
        g_autoptr(GError) error = NULL;
        g_assert_null(tb_yaml_load("/nonexistent/x.yaml", &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_NOT_FOUND);
        g_assert_cmpstr(error->message, ==, "/nonexistent/x.yaml: No such file or directory");
        g_clear_error(&error);
        g_assert_null(tb_yaml_load("/", &error));
        g_assert_cmpstr(error->message, ==, "/: Is a directory");
        g_clear_error(&error);

        g_autofree char *path = NULL;
        close(g_file_open_tmp("yaml-XXXXXX", &path, NULL));
        g_file_set_contents(path, "a: 1\n", -1, NULL);
        g_autoptr(TbYaml) yaml = tb_yaml_load(path, &error);
        g_assert_no_error(error);
        g_assert_cmpint(json_integer_value(json_object_get(tb_yaml_root(yaml), "a")), ==, 1);
        g_unlink(path);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/yaml/table", test_table);
        g_test_add_func("/yaml/syntax-error-has-line", test_syntax_error_has_line);
        g_test_add_func("/yaml/lines", test_lines);
        g_test_add_func("/yaml/limits", test_limits);
        g_test_add_func("/yaml/load", test_load);
        return g_test_run();
}
