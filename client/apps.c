/* install, apps. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>

#include "client/api.h"
#include "client/out.h"
#include "client/progress.h"
#include "lib/error.h"

int tb_cli_run_install(TbCli *cli, GError **error)
{
        const char *file = cli->args[1];
        struct stat st;
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", file,
                             fd < 0 ? g_strerror(errno) : "is no file");
                if (fd >= 0)
                        close(fd);
                return TB_CLI_USAGE;
        }
        g_autoptr(GInputStream) in = g_unix_input_stream_new(fd, TRUE);
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], "apps", &d, error))
                return TB_CLI_FAILED;
        TbCliProgress p;
        tb_cli_progress_begin(&p, cli, file, st.st_size);
        const TbCliRequest request = {.method = "POST",
                                      .device = &d,
                                      .upload = in,
                                      .upload_size = st.st_size,
                                      .sent = tb_cli_progress_add,
                                      .data = &p,
                                      .wait_s = 600};
        json_auto_t *answer = tb_cli_ask(cli, &request, NULL, error);
        tb_cli_progress_end(&p);
        if (!answer)
                return TB_CLI_FAILED;
        if (cli->json)
                tb_cli_print_json(answer);
        else
                tb_cli_print("%s\n", json_string_value(json_object_get(answer, "package")) ?: "installed");
        return TB_CLI_OK;
}

static void print_apps(const json_t *apps)
{
        size_t i;
        const json_t *each;
        json_array_foreach (apps, i, each) {
                g_autofree char *name = tb_cli_clean(
                        json_string_value(json_is_object(each) ? json_object_get(each, "package") : each));
                tb_cli_print("%s\n", name);
        }
}

int tb_cli_run_apps(TbCli *cli, GError **error)
{
        const char *what = cli->n > 1 ? cli->args[1] : NULL;
        bool remove = g_strcmp0(what, "remove") == 0, start = g_strcmp0(what, "start") == 0;
        if (what && (cli->n != 3 || (!remove && !start && strcmp(what, "stop") != 0))) {
                tb_set_error(error, TB_ERROR_INVALID, "apps: start, stop or remove, and the PACKAGE");
                return TB_CLI_USAGE;
        }
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], "apps", &d, error))
                return TB_CLI_FAILED;
        g_autofree char *package = what ? g_uri_escape_string(cli->args[2], NULL, FALSE) : NULL,
                        *path = what ? g_strdup_printf("/%s%s%s", package, remove ? "" : "/",
                                                       remove ? "" : what)
                                     : NULL;
        const TbCliRequest request = {.method = !what    ? "GET"
                                                : remove ? "DELETE"
                                                         : "POST",
                                      .device = &d,
                                      .path = path,
                                      .wait_s = 120};
        json_auto_t *answer = tb_cli_ask(cli, &request, NULL, error);
        if (!answer)
                return TB_CLI_FAILED;
        if (cli->json)
                tb_cli_print_json(answer);
        else if (!what)
                print_apps(answer);
        return TB_CLI_OK;
}
