/* USB devices by what or where they are, on a tree that is written down: two equal adapters and a camera behind two hubs. */
#include "drivers/transport/usbrule.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"

typedef struct Tree {
        char *root, *devices, *ttys; /* owned */
} Tree;

static void put(const char *dir, const char *name, const char *text)
{
        g_autofree char *file = g_build_filename(dir, name, NULL);
        g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
        g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static void plug(Tree *t, const char *path, const char *vendor, const char *product, const char *serial,
                 const char *tty)
{
        g_autofree char *dir = g_build_filename(t->root, "pci0", path, NULL),
                        *name = g_path_get_basename(path), *entry = g_build_filename(t->devices, name, NULL);
        put(dir, "devnum", "7\n");
        put(dir, "idVendor", vendor);
        put(dir, "idProduct", product);
        if (serial)
                put(dir, "serial", serial);
        g_assert_cmpint(symlink(dir, entry), ==, 0);
        if (tty) {
                g_autofree char *node = g_build_filename(dir, "x:1.0", tty, NULL),
                                *link = g_build_filename(t->ttys, tty, NULL);
                g_assert_cmpint(g_mkdir_with_parents(node, 0700), ==, 0);
                g_assert_cmpint(symlink(node, link), ==, 0);
        }
}

static void erase(const char *path)
{
        g_autoptr(GDir) names = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
        for (const char *name; names && (name = g_dir_read_name(names)) != NULL;) {
                g_autofree char *sub = g_build_filename(path, name, NULL);
                erase(sub);
        }
        g_assert_cmpint(g_remove(path), ==, 0);
}

static void set_up(Tree *t, gconstpointer data G_GNUC_UNUSED)
{
        t->root = g_dir_make_tmp("tb-usbrule-XXXXXX", NULL);
        t->devices = g_build_filename(t->root, "devices", NULL);
        t->ttys = g_build_filename(t->root, "tty", NULL);
        g_mkdir_with_parents(t->devices, 0700);
        g_mkdir_with_parents(t->ttys, 0700);
        plug(t, "usb1", "1d6b\n", "0002\n", "0000:00:14.0\n", NULL);
        plug(t, "usb1/1-1", "0424\n", "2514\n", NULL, NULL);
        plug(t, "usb1/1-1/1-1.2", "05e3\n", "0610\n", "HUB7\n", NULL);
        plug(t, "usb1/1-1/1-1.2/1-1.2.1", "0403\n", "6001\n", "A1\n", "ttyUSB0");
        plug(t, "usb1/1-1/1-1.4", "0403\n", "6001\n", "B2\n", "ttyUSB1");
        plug(t, "usb1/1-1/1-1.3", "046d\n", "082D\n", NULL, NULL);
}

static void tear_down(Tree *t, gconstpointer data G_GNUC_UNUSED)
{
        erase(t->root);
        g_free(t->root);
        g_free(t->devices);
        g_free(t->ttys);
}

static void test_find(Tree *t, gconstpointer data G_GNUC_UNUSED)
{
        static const struct {
                bool tty;
                const char *rule, *port; /* port NULL: none; with a comma: the error names these */
        } cases[] = {
                {true, "0403:6001,serial=A1", "1-1.2.1"},
                {true, "serial=B2", "1-1.4"},
                {true, "port=1-1.4", "1-1.4"},
                {true, "0403:6001", "1-1.2.1, 1-1.4"},
                {true, "0403:6001,under=1-1", "1-1.2.1, 1-1.4"},
                {true, "0403:6001,under=1-1.2", "1-1.2.1"},
                {true, "under=05e3:0610", "1-1.2.1"},
                {true, "under=HUB7,under=0424:2514", "1-1.2.1"},
                {true, "0403:6001,under=1-1.4", NULL}, /* is not under itself */
                {true, "046d:082d", NULL},             /* has no line */
                {false, "046d:082d", "1-1.3"},
                {false, "046D:082D", "1-1.3"},
                {false, "serial=A", NULL},
                {false, "serial=a1", NULL},
                {false, "under=HUB7", "1-1.2.1"},
                {false, "0403:6001,port=1-1.3", NULL},
        };
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *port = tb_usbrule_find(cases[i].tty ? t->ttys : t->devices, cases[i].rule,
                                                        "adapter", &error);
                bool several = cases[i].port && strchr(cases[i].port, ',');
                g_test_message("%s", cases[i].rule);
                g_assert_cmpstr(port, ==, several ? NULL : cases[i].port);
                if (several)
                        g_assert_nonnull(strstr(error->message, cases[i].port));
                g_autoptr(GPtrArray) ports =
                        tb_usbrule_ports(cases[i].tty ? t->ttys : t->devices, cases[i].rule);
                g_ptr_array_add(ports, NULL);
                g_autofree char *all = g_strjoinv(", ", (char **)ports->pdata);
                g_assert_cmpstr(all, ==, cases[i].port ? cases[i].port : "");
                if (!port)
                        g_assert_cmpint(error->code, ==,
                                        several ? (int)TB_ERROR_UNPROCESSABLE : (int)TB_ERROR_GONE);
        }
}

/* Plugged elsewhere, it is found there. */
static void test_moves(Tree *t, gconstpointer data G_GNUC_UNUSED)
{
        g_autofree char *node = g_build_filename(t->ttys, "ttyUSB1", NULL);
        g_autofree char *entry = g_build_filename(t->devices, "1-1.4", NULL);
        g_assert_cmpint(g_remove(node), ==, 0);
        g_assert_cmpint(g_remove(entry), ==, 0);
        g_autofree char *gone = tb_usbrule_find(t->ttys, "serial=B2", "adapter", NULL);
        g_assert_null(gone);
        plug(t, "usb1/1-2", "0403\n", "6001\n", "B2\n", "ttyUSB5");
        g_autofree char *there = tb_usbrule_find(t->ttys, "serial=B2", "adapter", NULL);
        g_assert_cmpstr(there, ==, "1-2");
}

static void test_check(void)
{
        static const char *const bad[] = {
                "",          "0403",  "0403:60011", "403:6001",  "0403:6001,", "serial=", "under",
                "port=usb1", "port=", "serial",     "0403:60g1", "maker=FTDI", ",",       "0403:6001, x=1"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(GError) error = NULL;
                g_test_message("%s", bad[i]);
                g_assert_false(tb_usbrule_check(bad[i], &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                g_assert_cmpstr(tb_error_field(error), ==, "usb");
        }
        g_assert_true(tb_usbrule_check("0403:6001,serial=A1,port=1-1.4,under=1-1,under=HUB7", NULL));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/usbrule/check", test_check);
        g_test_add("/usbrule/find", Tree, NULL, set_up, test_find, tear_down);
        g_test_add("/usbrule/moves", Tree, NULL, set_up, test_moves, tear_down);
        return g_test_run();
}
