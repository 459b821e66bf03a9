#include "tests/contract/xserver.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Not the first one that is free: another test's server takes that while ours is started again. */
static int own_display(void)
{
        static int n;
        return 1000 + (getpid() * 8 + n++) % 50000;
}

void xserver_start(XServer *server, const char *program, const char *size, int display)
{
        TbIo io;
        tb_io_init_plain(&io);
        g_autofree char *name = g_strdup_printf(":%d", display >= 0 ? display : own_display());
        g_autofree char *screen = g_strconcat(size, "x24", NULL);
        GPtrArray *argv = g_ptr_array_new();
        g_ptr_array_add(argv, (gpointer)program);
        g_ptr_array_add(argv, name);
        const char *const common[] = {"-displayfd", "1", "-nolisten", "tcp", "-noreset", NULL};
        const char *const xvfb[] = {"-screen", "0", screen, NULL};
        const char *const xvnc[] = {"-geometry",
                                    size,
                                    "-depth",
                                    "24",
                                    "-SecurityTypes",
                                    "None",
                                    "-rfbunixpath",
                                    g_getenv("TB_VNC_SOCKET"),
                                    "-rfbport",
                                    "-1",
                                    NULL};
        for (const char *const *a = common; *a; a++)
                g_ptr_array_add(argv, (gpointer)*a);
        for (const char *const *a = strcmp(program, "Xvfb") == 0 ? xvfb : xvnc; *a; a++)
                g_ptr_array_add(argv, (gpointer)*a);
        g_ptr_array_add(argv, NULL);
        g_autoptr(GError) error = NULL;
        server->child = tb_child_spawn((const char *const *)argv->pdata, NULL, NULL, TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        g_autofree char *line =
                tb_transport_read_line(tb_child_stdout(server->child), &io, 100, 30000, &error);
        g_assert_no_error(error);
        server->display = (int)g_ascii_strtoll(line, NULL, 10);
        g_ptr_array_free(argv, TRUE);
        tb_io_clear_plain(&io);
}

void xserver_stop(XServer *server)
{
        tb_child_free(g_steal_pointer(&server->child), 0);
}

static char *display_env(XServer *server)
{
        return g_strdup_printf("DISPLAY=:%d", server->display);
}

TbChild *xserver_spawn(XServer *server, const char *const *argv, guint flags)
{
        g_autofree char *display = display_env(server);
        g_autoptr(GError) error = NULL;
        TbChild *child = tb_child_spawn(argv, (const char *const[]){display, "LC_ALL=C.UTF-8", NULL}, NULL,
                                        flags, &error);
        g_assert_no_error(error);
        return child;
}

char *xserver_run(XServer *server, const char *const *argv)
{
        TbIo io;
        tb_io_init_plain(&io);
        TbChild *child = xserver_spawn(server, argv, TB_CHILD_STDOUT);
        GString *out = g_string_new(NULL);
        char buf[1024];
        gssize n;
        while ((n = tb_transport_read(tb_child_stdout(child), &io, buf, sizeof buf, 20000, NULL)) > 0)
                g_string_append_len(out, buf, n);
        int status = -1;
        g_assert_true(tb_child_wait(child, &io, 20000, &status, NULL));
        if (status != 0)
                g_error("%s ended with %d", argv[0], status);
        tb_child_free(child, 0);
        tb_io_clear_plain(&io);
        return g_string_free(out, FALSE);
}

void xserver_paint(XServer *server, const char *colour)
{
        g_autofree char *out = xserver_run(server, (const char *const[]){"xsetroot", "-solid", colour, NULL});
}
