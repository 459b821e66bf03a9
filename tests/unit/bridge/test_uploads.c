/* A picture goes up once, however many observers of one form there are. */
#include "host/bridge/uploads.h"

#include <string.h>

static GBytes *ask(TbUploads *u, const char *peer, GBytes *source, int width)
{
        return tb_uploads_message(u, "s", peer, source, width, source);
}

static guint8 kind(GBytes *message_take)
{
        g_autoptr(GBytes) message = message_take;
        return ((const guint8 *)g_bytes_get_data(message, NULL))[0];
}

static void test_once(void)
{
        TbUploads u = {.shares = true};
        g_autoptr(GBytes) a = g_bytes_new_static("jpeg a", 6);
        g_autoptr(GBytes) b = g_bytes_new_static("jpeg b", 6);
        g_assert_cmpint(kind(ask(&u, "p1", a, 0)), ==, 1);
        g_autoptr(GBytes) named = ask(&u, "p2", a, 0);
        g_assert_cmpmem(g_bytes_get_data(named, NULL), g_bytes_get_size(named), "\x02\x02p2\x01s", 6);
        g_assert_cmpint(kind(ask(&u, "p3", a, 640)), ==, 1); /* of another form */
        g_assert_cmpint(kind(ask(&u, "p4", a, 640)), ==, 2);
        g_assert_cmpint(kind(ask(&u, "p1", b, 640)), ==, 1);
        tb_uploads_clear(&u); /* the server has been away */
        u.shares = true;
        g_assert_cmpint(kind(ask(&u, "p1", b, 640)), ==, 1);
        g_autoptr(GBytes) unit = g_bytes_new_static("unit", 4);
        g_autoptr(GBytes) first = tb_uploads_unit(&u, "s", "p1", unit, true, 1280, 720);
        g_assert_cmpmem(g_bytes_get_data(first, NULL), g_bytes_get_size(first),
                        "\x03\x02p1\x01s\x01\x05\x00\x02\xd0unit", 15);
        g_assert_cmpint(kind(tb_uploads_unit(&u, "s", "p2", unit, true, 1280, 720)), ==, 2);
        g_assert_cmpint(kind(ask(&u, "p2", b, 640)), ==, 1);
        u.shares = false; /* an older one */
        g_assert_cmpint(kind(ask(&u, "p2", b, 640)), ==, 1);
        tb_uploads_clear(&u);
}

static GBytes *hear(TbUploads *u, const char *peer, const char *packet, guint32 at)
{
        return tb_uploads_sound(u, "s", peer, (const guint8 *)packet, strlen(packet), at);
}

/* Also of a host that was busy, and gives all that waited to one after the other. */
static void test_sound(void)
{
        TbUploads u = {.shares_sound = true};
        g_autoptr(GBytes) first = hear(&u, "p1", "opus", 960);
        g_assert_cmpmem(g_bytes_get_data(first, NULL), g_bytes_get_size(first),
                        "\x04\x02p1\x01s\0\0\x03\xc0opus", 14);
        g_assert_cmpint(kind(hear(&u, "p1", "opus", 1920)), ==, 4); /* the same sound, later */
        g_assert_cmpint(kind(hear(&u, "p1", "more", 2880)), ==, 4);
        g_autoptr(GBytes) named = hear(&u, "p2", "opus", 960);
        g_assert_cmpmem(g_bytes_get_data(named, NULL), g_bytes_get_size(named), "\x05\x02p2\x01s\x02", 7);
        g_assert_cmpint(kind(hear(&u, "p2", "opus", 1920)), ==, 5);
        g_assert_cmpint(kind(hear(&u, "p2", "more", 2880)), ==, 5);
        for (guint i = 1; i < TB_LINK_SOUNDS - 2; i++)
                g_assert_cmpint(kind(hear(&u, "p1", "more", 2880 + 960 * i)), ==, 4);
        g_assert_cmpint(kind(hear(&u, "p3", "opus", 960)), ==, 5); /* the oldest that is there */
        g_assert_cmpint(kind(hear(&u, "p1", "more", 96000)), ==, 4);
        g_assert_cmpint(kind(hear(&u, "p3", "opus", 960)), ==, 4); /* no more */
        tb_uploads_clear(&u);
        g_assert_cmpint(kind(hear(&u, "p1", "more", 96000)), ==, 4);
        g_assert_cmpint(kind(hear(&u, "p2", "more", 96000)), ==, 4); /* an older server */
        tb_uploads_clear(&u);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/uploads/once", test_once);
        g_test_add_func("/uploads/sound", test_sound);
        return g_test_run();
}
