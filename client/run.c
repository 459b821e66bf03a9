/* run: a program on the device, by its shell. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"

/* All of our standard input, as the text that it has to be. */
static bool read_stdin(json_t *body, GError **error)
{
        g_autoptr(GByteArray) all = g_byte_array_new();
        guint8 chunk[16 * 1024];
        ssize_t n;
        while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0 && all->len <= TB_LIMIT_HTTP_BODY)
                g_byte_array_append(all, chunk, (guint)n);
        const guint8 *nul = all->len ? memchr(all->data, 0, all->len) : NULL;
        if (n < 0) {
                tb_set_error(error, TB_ERROR_INVALID, "--stdin: %s", g_strerror(errno));
                return false;
        }
        if (nul) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "--stdin: byte %u is NUL, which no text has; testbed push takes any bytes",
                             (guint)(nul - all->data));
                return false;
        }
        json_t *text = json_stringn(all->len ? (const char *)all->data : "", all->len);
        if (!text) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "--stdin: it is no text (UTF-8); testbed push takes any bytes");
                return false;
        }
        json_object_set_new(body, "stdin", text);
        gsize size = 0;
        g_autofree char *sent = tb_json_text(body, &size);
        if (size > TB_LIMIT_HTTP_BODY)
                tb_set_error(
                        error, TB_ERROR_TOO_LARGE,
                        "--stdin: the host takes requests of 1 MiB, and with it this one has %s%zu bytes, "
                        "as JSON writes them; testbed push takes files of any size",
                        all->len > TB_LIMIT_HTTP_BODY ? "more than " : "", size);
        return size <= TB_LIMIT_HTTP_BODY;
}

static json_t *program(TbCli *cli, GError **error)
{
        const char *line = tb_cli_text(cli, "command");
        if ((line != NULL) == (*cli->rest != NULL)) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "run: name a program, or a line with -c; usage: testbed run %s",
                             cli->command->args);
                return NULL;
        }
        json_t *body = json_object();
        if (line)
                json_object_set_new(body, "command", json_string(line));
        else
                json_object_set_new(body, "argv", json_array());
        for (char **word = cli->rest; *word; word++)
                json_array_append_new(json_object_get(body, "argv"), json_string(*word));
        json_object_set_new(body, "timeout_s", json_real(tb_cli_number(cli, "timeout", 30)));
        return body;
}

int tb_cli_run_run(TbCli *cli, GError **error)
{
        json_auto_t *body = program(cli, error);
        g_auto(TbCliDevice) d = {0};
        if (!body || (tb_cli_flag(cli, "stdin") && !read_stdin(body, error)) ||
            !tb_cli_device(cli, cli->args[0], "shell", &d, error))
                return TB_CLI_FAILED;
        json_auto_t *problem = NULL;
        const TbCliRequest request = {
                .method = "POST", .device = &d, .body = body, .wait_s = tb_cli_number(cli, "timeout", 30)};
        json_auto_t *result = tb_cli_ask(cli, &request, &problem, error);
        const json_t *said = result ? result : problem; /* what came before it was killed */
        if (cli->json && result)
                tb_cli_print_json(result);
        const char *const streams[] = {"stdout", "stderr"};
        for (int i = 0; i < 2 && !(cli->json && result); i++) {
                const json_t *text = json_object_get(said, streams[i]);
                if (json_is_string(text) &&
                    !tb_cli_write(i == 0 ? STDOUT_FILENO : STDERR_FILENO, json_string_value(text),
                                  json_string_length(text), result ? error : NULL))
                        return TB_CLI_FAILED;
        }
        return result ? (int)json_integer_value(json_object_get(result, "exit_code")) & 0xff : TB_CLI_FAILED;
}
