/* What is under way on the host's own line, told by marks between the bytes. */
#include "host/outward/marks.h"

#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "host/outward/own_end.h"
#include "lib/limits.h"

#define MS 1000

static void test_under_way(void)
{
        TbMarks m;
        tb_marks_init(&m);
        g_assert_false(tb_marks_sent(&m, TB_MARKS_EVERY - 1));
        g_assert_true(tb_marks_sent(&m, 1));
        gint64 first = tb_marks_add(&m, 0);
        tb_marks_sent(&m, 10);
        gint64 second = tb_marks_add(&m, 10 * MS);
        g_assert_false(tb_marks_arrived(&m, first));
        tb_marks_pong(&m, first, 40 * MS);
        g_assert_true(tb_marks_arrived(&m, first));
        g_assert_false(tb_marks_arrived(&m, second));
        g_assert_cmpuint(m.sent - m.arrived, ==, 10);
        g_assert_cmpint(m.trip_us, ==, 40 * MS);
        tb_marks_pong(&m, second, 30 * MS); /* the quickest counts */
        g_assert_cmpint(m.trip_us, ==, 20 * MS);
        gint64 lost = tb_marks_add(&m, 50 * MS);
        tb_marks_clear(&m); /* with its connection */
        g_assert_true(tb_marks_arrived(&m, lost));
        g_assert_cmpint(tb_marks_add(&m, 0), >, lost);
        tb_marks_clear(&m);
}

/* A far line is not a late one; a full one is, until what is on it has arrived. */
static void test_late(void)
{
        TbMarks m;
        tb_marks_init(&m);
        gint64 t = tb_marks_add(&m, 0);
        g_assert_false(tb_marks_are_late(&m, 5000 * MS)); /* how far it is is not known yet */
        tb_marks_pong(&m, t, 300 * MS);
        t = tb_marks_add(&m, 1000 * MS);
        g_assert_false(tb_marks_are_late(&m, 1000 * MS + 300 * MS + TB_MARKS_LATE_US));
        g_assert_true(tb_marks_are_late(&m, 1000 * MS + 300 * MS + TB_MARKS_LATE_US + 1));
        tb_marks_pong(&m, t, 1600 * MS);
        g_assert_false(tb_marks_are_late(&m, 9000 * MS));
        tb_marks_clear(&m);
}

/* TB_LIMIT_LINK_UNSENT bytes and no more lie in the kernel, whatever libsoup lays over the socket. */
static void test_short(void)
{
        g_autoptr(GSocketListener) listener = g_socket_listener_new();
        guint16 port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
        g_autoptr(GSocketClient) client = g_socket_client_new();
        g_autoptr(GSocketConnection) connection =
                g_socket_client_connect_to_host(client, "127.0.0.1", port, NULL, NULL);
        g_assert_nonnull(connection);
        GIOStream *below = G_IO_STREAM(connection);
        g_autoptr(GIOStream) above = g_object_new(G_TYPE_TCP_WRAPPER_CONNECTION, "base-io-stream", below,
                                                  "socket", g_socket_connection_get_socket(connection), NULL);
        tb_own_end_keep_short(above);
        int unsent = 0;
        g_assert_true(g_socket_get_option(g_socket_connection_get_socket(connection), IPPROTO_TCP,
                                          TCP_NOTSENT_LOWAT, &unsent, NULL));
        g_assert_cmpint(unsent, ==, TB_LIMIT_LINK_UNSENT);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/marks/under-way", test_under_way);
        g_test_add_func("/marks/late", test_late);
        g_test_add_func("/marks/short", test_short);
        return g_test_run();
}
