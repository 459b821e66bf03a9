/* listen: what a microphone hears, as a WAV file. */
#include <unistd.h>

#include "client/out.h"
#include "client/screen.h"
#include "lib/error.h"

#define FIRST_S 10 /* within which sound has to come */
#define WAV_HEAD 44

static void count(gsize bytes, gpointer data)
{
        *(gsize *)data += bytes;
}

int tb_cli_run_listen(TbCli *cli, GError **error)
{
        double seconds = 0;
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_seconds(cli->args[1], &seconds, error) ||
            !tb_cli_device(cli, cli->args[0], "audio", &d, error))
                return TB_CLI_FAILED;
        char number[G_ASCII_DTOSTR_BUF_SIZE];
        g_ascii_formatd(number, sizeof number, "%.3f", MIN(seconds, 86400));
        g_autofree char *path = g_strconcat("/stream.wav?seconds=", number, NULL), *name = NULL;
        const TbCliRequest request = {.method = "GET", .device = &d, .path = path, .wait_s = FIRST_S};
        g_autoptr(GInputStream) in = tb_cli_open(cli, &request, NULL, error);
        int fd = in ? tb_cli_open_output(cli, &d, ".wav", &name, error) : -1;
        if (fd < 0)
                return TB_CLI_FAILED;
        gsize bytes = 0;
        bool ok = tb_cli_copy(in, fd, count, &bytes, error);
        if (ok && bytes <= WAV_HEAD) {
                tb_set_error(error, TB_ERROR_DEVICE, "%s: no sound came", d.name);
                ok = false;
        }
        return tb_cli_close_output(cli, &d, fd, name, 0, ok, error) ? TB_CLI_OK : TB_CLI_FAILED;
}
