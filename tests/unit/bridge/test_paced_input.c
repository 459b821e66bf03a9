/* What the host reads from its link's socket: a turn's worth, then everybody else's turn. */
#include "host/outward/paced_input.h"

#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/limits.h"

/* Reads until there is nothing: bytes. */
static gssize read_turn(TbPacedInput *input)
{
        guint8 bytes[3000];
        gssize n, all = 0;
        g_autoptr(GError) error = NULL;
        while ((n = g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(input), bytes,
                                                             sizeof bytes, NULL, &error)) > 0)
                all += n;
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
        return all;
}

static gboolean on_readable(GObject *stream G_GNUC_UNUSED, gpointer data)
{
        ++*(guint *)data;
        return G_SOURCE_REMOVE;
}

/* Waits for more as a reader does, who thereby ends a turn. False: nothing is there, or it is held. */
static bool wait_for_more(TbPacedInput *input)
{
        guint called = 0;
        g_autoptr(GSource) source =
                g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(input), NULL);
        g_source_set_callback(source, G_SOURCE_FUNC(on_readable), &called, NULL);
        g_source_attach(source, NULL);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_source_destroy(source);
        return called > 0;
}

/* TB_LIMIT_LINK_TURN_IN bytes are one turn; the next one comes with the next. */
static void test_turn(void)
{
        for (guint beyond = 0; beyond <= 1; beyond++) {
                int ends[2];
                g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==,
                                0);
                g_autoptr(GInputStream) base = g_unix_input_stream_new(ends[0], TRUE);
                g_autoptr(TbPacedInput) input = tb_paced_input_new(base);
                const gssize size = TB_LIMIT_LINK_TURN_IN + (gssize)beyond;
                g_autofree char *bytes = g_malloc0((gsize)size);
                g_assert_cmpint(write(ends[1], bytes, (gsize)size), ==, size);
                g_assert_cmpint(read_turn(input), ==, TB_LIMIT_LINK_TURN_IN);
                g_assert_false(g_pollable_input_stream_is_readable(G_POLLABLE_INPUT_STREAM(input)));
                g_assert_cmpint(wait_for_more(input), ==, beyond);
                g_assert_cmpint(read_turn(input), ==, (gssize)beyond);
                close(ends[1]);
        }
}

/* While it is held nothing is there, whatever the socket has. */
static void test_hold(void)
{
        int ends[2];
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
        g_autoptr(GInputStream) base = g_unix_input_stream_new(ends[0], TRUE);
        g_autoptr(TbPacedInput) input = tb_paced_input_new(base);
        g_assert_cmpint(write(ends[1], "x", 1), ==, 1);
        tb_paced_input_hold(input, true);
        g_assert_false(wait_for_more(input));
        g_assert_cmpint(read_turn(input), ==, 0);
        tb_paced_input_hold(input, false);
        g_assert_true(wait_for_more(input));
        g_assert_cmpint(read_turn(input), ==, 1);
        close(ends[1]);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/paced-input/turn", test_turn);
        g_test_add_func("/paced-input/hold", test_hold);
        return g_test_run();
}
