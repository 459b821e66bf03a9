/* The other half of a port where the kernel names none, on folders as the kernel makes them. */
#include <string.h>
#include <unistd.h>

#include "drivers/usb/usb_peer.h"
#include "tests/contract/folder.h"

static char *root;

static void put(const char *device, const char *attr, const char *text)
{
        g_autofree char *file = g_strdup_printf("%s/%s", device, attr),
                        *folder = g_build_filename(root, device, NULL);
        g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
        folder_put(root, file, text);
}

static void hub(const char *name, const char *version, const char *serial)
{
        put(name, "devnum", "2\n");
        put(name, "idVendor", "2109\n");
        put(name, "idProduct", "0817\n");
        put(name, "maxchild", "4\n");
        put(name, "version", version);
        if (serial)
                put(name, "serial", serial);
}

static void expect(const char *hub_name, guint number, const char *peer, const char *how)
{
        TbUsbPort port = {.number = number}, other;
        const char *guess = "";
        g_assert_true(tb_usb_path_parse(hub_name, &port.hub));
        bool found = tb_usb_peer_find(root, &port, &other, &guess);
        g_assert_true(found == (peer != NULL));
        if (!peer)
                return;
        g_autofree char *name = tb_usb_path_format(&other.hub);
        g_assert_cmpstr(name, ==, peer);
        g_assert_cmpuint(other.number, ==, number);
        if (how)
                g_assert_nonnull(strstr(guess, how));
        else
                g_assert_null(guess);
}

static void begin(void)
{
        root = folder_new();
        hub("usb1", " 2.00\n", "0000:00:14.0");
        hub("usb2", " 3.00\n", "0000:00:14.0");
}

static void end(void)
{
        folder_remove(root);
        g_clear_pointer(&root, g_free);
}

/* Two hubs of one sort, whose USB 3 halves hang at other numbers than their USB 2 ones. */
static void test_serial(void)
{
        begin();
        hub("1-3", " 2.10\n", "A\n");
        hub("1-4", " 2.10\n", "B\n");
        hub("2-1", " 3.10\n", "B\n");
        hub("2-2", " 3.10\n", "A\n");
        expect("1-3", 2, "2-2", "serial number");
        expect("2-1", 4, "1-4", "serial number");
        expect("usb1", 1, NULL, NULL); /* the firmware's word on a controller's ports is not doubted */
        expect("1-3", 5, NULL, NULL);  /* there is no such port */
        hub("2-3", " 3.10\n", "A\n");  /* two that fit */
        expect("1-3", 2, NULL, NULL);
        end();
}

static void test_place(void)
{
        begin();
        hub("1-3", " 2.10\n", NULL);
        hub("2-3", " 3.10\n", NULL);
        hub("1-3.1", " 2.10\n", NULL);
        hub("2-3.1", " 3.10\n", NULL);
        expect("1-3", 2, "2-3", "same place");
        expect("1-3.1", 1, "2-3.1", "same place");
        put("2-3", "idVendor", "0bda\n"); /* another maker's */
        expect("1-3", 2, NULL, NULL);
        put("2-3", "idVendor", "2109\n");
        put("2-3", "version", " 2.10\n"); /* of the same speed */
        expect("1-3", 2, NULL, NULL);
        end();
}

/* The kernel's word counts before all that could be guessed. */
static void test_kernel(void)
{
        begin();
        hub("1-3", " 2.10\n", "A\n");
        hub("2-2", " 3.10\n", "A\n");
        put("1-3:1.0/1-3-port2", "disable", "0\n");
        g_autofree char *link = g_build_filename(root, "1-3:1.0/1-3-port2/peer", NULL);
        g_assert_cmpint(symlink("../../2-1:1.0/2-1-port2", link), ==, 0);
        expect("1-3", 2, "2-1", NULL);
        expect("1-3", 3, "2-2", "serial number");
        end();
}

static void test_container(void)
{
        static const guint8 bos[] = {5, 0x0f, 32, 0, 2, 7, 0x10, 2, 2, 0,  0,  0,  20, 0x10, 4,  0,
                                     1, 2,    3,  4, 5, 6, 7,    8, 9, 10, 11, 12, 13, 14,   15, 16};
        guint8 id[16];
        g_assert_true(tb_usb_peer_container(bos, sizeof bos, id));
        g_assert_cmpmem(id, sizeof id, bos + 16, 16);
        for (gsize n = 0; n < sizeof bos; n++)
                g_assert_false(tb_usb_peer_container(bos, n, id));
        g_assert_false(tb_usb_peer_container((const guint8[]){0, 0, 0, 0}, 4, id));
        g_assert_false(tb_usb_peer_container((const guint8[]){3, 0x10, 4}, 3, id));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/usb-peer/serial", test_serial);
        g_test_add_func("/usb-peer/place", test_place);
        g_test_add_func("/usb-peer/kernel", test_kernel);
        g_test_add_func("/usb-peer/container", test_container);
        return g_test_run();
}
