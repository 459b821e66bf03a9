/* testbed: the line, the command, the exit code. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "client/cli.h"
#include "client/out.h"
#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/version.h"

static int run(TbCli *cli, GError **error)
{
        if (tb_cli_flag(cli, "version")) {
                tb_cli_print("testbed %s\n", tb_version);
                return TB_CLI_OK;
        }
        if (tb_cli_flag(cli, "help") || !cli->command) {
                g_autofree char *help = tb_cli_help(cli->command);
                bool asked = tb_cli_flag(cli, "help");
                fputs(help, asked ? stdout : stderr);
                return asked ? TB_CLI_OK : TB_CLI_USAGE;
        }
        return cli->command->run(cli, error);
}

/* A program's own code is told from ours. */
static bool passes(const TbCli *cli)
{
        return cli->command && cli->command->rest && (*cli->rest || tb_cli_text(cli, "command"));
}

int main(int argc G_GNUC_UNUSED, char **argv)
{
        tb_descriptors_standard();
        setlocale(LC_CTYPE, "");
        g_set_prgname("testbed");
        g_autoptr(GError) error = NULL;
        g_auto(TbCli) cli = {0};
        int code = TB_CLI_USAGE;
        if (tb_cli_parse(&cli, (const char *const *)argv + (argv[0] ? 1 : 0), &error))
                code = run(&cli, &error);
        if (error) {
                tb_cli_say("%s", tb_error_detail(error));
                code = tb_cli_code_of(error) + (passes(&cli) ? TB_CLI_OWN : 0);
        }
        g_autoptr(GError) unwritten = NULL;
        if (!tb_cli_flush(&unwritten) && code == TB_CLI_OK) {
                tb_cli_say("%s", tb_error_detail(unwritten));
                code = TB_CLI_FAILED;
        }
        return code;
}
