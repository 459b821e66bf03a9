#include "tests/contract/sim.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static char *read_answer(Sim *sim)
{
        g_autoptr(GError) error = NULL;
        char *line = tb_transport_read_line(tb_child_stdout(sim->child), &sim->io, 1000, PATIENCE_MS, &error);
        g_assert_no_error(error);
        return line;
}

Sim sim_start(const char *script, const char *const *args)
{
        Sim sim = {0};
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) argv = g_ptr_array_new();
        g_ptr_array_add(argv, (gpointer) "node");
        g_ptr_array_add(argv, (gpointer)script);
        g_ptr_array_add(argv, (gpointer) "--control");
        for (; args && *args; args++)
                g_ptr_array_add(argv, (gpointer)*args);
        g_ptr_array_add(argv, NULL);
        tb_io_init_plain(&sim.io);
        sim.child = tb_child_spawn((const char *const *)argv->pdata, NULL, NULL,
                                   TB_CHILD_STDIN | TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        g_autofree char *line = read_answer(&sim);
        g_assert_true(g_str_has_prefix(line, "listening "));
        guint64 port = 0;
        g_assert_true(
                g_ascii_string_to_unsigned(line + strlen("listening "), 10, 1, G_MAXUINT16, &port, NULL));
        sim.port = (int)port;
        return sim;
}

void sim_stop(Sim *sim)
{
        tb_child_free(sim->child, 0);
        tb_io_clear_plain(&sim->io);
}

char *sim_ask(Sim *sim, const char *line)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strconcat(line, "\n", NULL);
        tb_transport_write(tb_child_stdin(sim->child), &sim->io, text, strlen(text), PATIENCE_MS, &error);
        g_assert_no_error(error);
        return read_answer(sim);
}

void sim_do(Sim *sim, const char *line)
{
        g_autofree char *answer = sim_ask(sim, line);
        g_assert_cmpstr(answer, ==, "ok");
}

int sim_free_port(int type)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&a, sizeof a), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &size), ==, 0);
        close(fd);
        return ntohs(a.sin_port);
}
