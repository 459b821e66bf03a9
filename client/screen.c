/* screenshot. */
#include "client/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/error.h"

#define FRAME_S 15 /* within which a picture has to come */

int tb_cli_open_output(const TbCli *cli, const TbCliDevice *d, const char *suffix, char **ret_name,
                       GError **error)
{
        const char *wanted = tb_cli_text(cli, "output");
        if (wanted && strcmp(wanted, "-") == 0) {
                *ret_name = NULL;
                if (cli->json) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "--output -: the standard output is the picture: no JSON goes there");
                        return -1;
                }
                return STDOUT_FILENO;
        }
        g_autofree char *name = wanted ? g_strdup(wanted) : g_strconcat(d->id, suffix, NULL);
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0)
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", name, g_strerror(errno));
        else
                *ret_name = g_steal_pointer(&name);
        return fd;
}

bool tb_cli_close_output(const TbCli *cli, const TbCliDevice *d, int fd, const char *name, guint pictures,
                         bool ok, GError **error)
{
        if (fd != STDOUT_FILENO && close(fd) != 0 && ok) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", name, g_strerror(errno));
                return false;
        }
        if (ok && name && cli->json) {
                json_auto_t *said = json_pack("{s:s, s:s}", "device", d->name, "interface", d->interface);
                if (pictures)
                        json_object_set_new(said, "pictures", json_integer(pictures));
                if (g_utf8_validate(name, -1, NULL))
                        json_object_set_new(said, "file", json_string(name));
                tb_cli_print_json(said);
        } else if (ok && name)
                tb_cli_print("%s\n", name);
        return ok;
}

int tb_cli_run_screenshot(TbCli *cli, GError **error)
{
        const char *wanted = tb_cli_text(cli, "output");
        bool jpeg = wanted && (g_str_has_suffix(wanted, ".jpg") || g_str_has_suffix(wanted, ".jpeg"));
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], "video", &d, error))
                return TB_CLI_FAILED;
        const TbCliRequest request = {.method = "GET",
                                      .device = &d,
                                      .path = jpeg ? "/snapshot.jpg" : "/snapshot.png",
                                      .wait_s = FRAME_S};
        g_autoptr(GInputStream) in = tb_cli_open(cli, &request, NULL, error);
        g_autofree char *name = NULL;
        int fd = in ? tb_cli_open_output(cli, &d, ".png", &name, error) : -1;
        if (fd < 0)
                return TB_CLI_FAILED;
        bool ok = tb_cli_copy(in, fd, NULL, NULL, error);
        return tb_cli_close_output(cli, &d, fd, name, 1, ok, error) ? TB_CLI_OK : TB_CLI_FAILED;
}
