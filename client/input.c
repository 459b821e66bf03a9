/* input: keys, text, pointer and touches; clipboard. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/error.h"
#include "lib/limits.h"

/* "Control+Alt+Delete": down in this order, up in the other one. "+" alone is a key. */
static void add_key(json_t *events, const char *text)
{
        if (strlen(text) < 3 || !strchr(text, '+')) {
                json_array_append_new(events, json_pack("{s:s, s:s}", "type", "key", "key", text));
                return;
        }
        g_auto(GStrv) keys = g_strsplit(text, "+", -1);
        guint n = g_strv_length(keys);
        for (guint i = 0; i < n; i++)
                json_array_append_new(events, json_pack("{s:s, s:s, s:s}", "type", "key", "key",
                                                        *keys[i] ? keys[i] : "+", "action", "down"));
        for (guint i = n; i-- > 0;)
                json_array_append_new(events, json_pack("{s:s, s:s, s:s}", "type", "key", "key",
                                                        *keys[i] ? keys[i] : "+", "action", "up"));
}

/* Numbers of a touch, by the names of its fields. */
static bool add_touch(json_t *events, const char *type, char **words, int n, const char *const *fields,
                      GError **error)
{
        json_t *event = json_pack("{s:s}", "type", type);
        json_array_append_new(events, event);
        for (int i = 0; i < n && fields[i]; i++) {
                char *end = NULL;
                double value = g_ascii_strtod(words[i], &end);
                bool clicks = *fields[i] == 'd'; /* of a wheel, both ways */
                if (!g_ascii_isdigit(words[i][clicks && *words[i] == '-' ? 1 : 0]) || *end) {
                        tb_set_error(error, TB_ERROR_INVALID, "input %s: %s is a number of %s, not \"%s\"",
                                     type, fields[i],
                                     strcmp(fields[i], "ms") == 0 ? "pixels or ms"
                                     : clicks                     ? "wheel clicks"
                                                                  : "pixels",
                                     words[i]);
                        return false;
                }
                bool whole = strcmp(fields[i], "ms") == 0;
                json_object_set_new(event, fields[i],
                                    whole ? json_integer((json_int_t)value) : json_real(value));
        }
        return true;
}

/* Down and up there; `button` NULL: the left one. */
static bool add_click(json_t *events, char **words, const char *button, GError **error)
{
        static const char *const names[] = {"left", "right", "middle", NULL}; /* bits 1, 2, 4 of MouseEvent */
        static const char *const place[] = {"x", "y", NULL};
        int at = 0;
        while (button && names[at] && strcmp(names[at], button) != 0)
                at++;
        if (!names[at]) {
                tb_set_error(error, TB_ERROR_INVALID, "input click: left, right or middle, not \"%s\"",
                             button);
                return false;
        }
        for (int down = 1; down >= 0; down--) {
                if (!add_touch(events, "pointer", words, 2, place, error))
                        return false;
                json_object_set_new(json_array_get(events, json_array_size(events) - 1), "buttons",
                                    json_integer(down ? 1 << at : 0));
        }
        return true;
}

json_t *tb_cli_input_events(char **words, int n, GError **error)
{
        json_auto_t *events = json_array();
        const char *what = words[0];
        bool ok = true;
        if (strcmp(what, "text") == 0 && n == 2)
                json_array_append_new(events, json_pack("{s:s, s:s}", "type", "text", "text", words[1]));
        else if (strcmp(what, "key") == 0 && n > 1)
                for (int i = 1; i < n; i++)
                        add_key(events, words[i]);
        else if (strcmp(what, "tap") == 0 && n == 3)
                ok = add_touch(events, what, words + 1, 2, (const char *const[]){"x", "y", NULL}, error);
        else if (strcmp(what, "swipe") == 0 && (n == 5 || n == 6))
                ok = add_touch(events, what, words + 1, n - 1,
                               (const char *const[]){"x1", "y1", "x2", "y2", "ms", NULL}, error);
        else if (strcmp(what, "click") == 0 && (n == 3 || n == 4))
                ok = add_click(events, words + 1, n == 4 ? words[3] : NULL, error);
        else if (strcmp(what, "move") == 0 && n == 3)
                ok = add_touch(events, "pointer", words + 1, 2, (const char *const[]){"x", "y", NULL}, error);
        else if (strcmp(what, "scroll") == 0 && (n == 4 || n == 5))
                ok = add_touch(events, what, words + 1, n - 1,
                               (const char *const[]){"x", "y", "dy", "dx", NULL}, error);
        else {
                tb_set_error(
                        error, TB_ERROR_INVALID,
                        "input: text TEXT, key KEY…, click X Y [BUTTON], move X Y, scroll X Y DOWN [RIGHT], "
                        "tap X Y or swipe X1 Y1 X2 Y2 [MS]");
                return NULL;
        }
        return ok ? json_incref(events) : NULL;
}

int tb_cli_run_input(TbCli *cli, GError **error)
{
        json_auto_t *events = tb_cli_input_events(cli->args + 1, cli->n - 1, error);
        g_auto(TbCliDevice) d = {0};
        if (!events || !tb_cli_device(cli, cli->args[0], "input", &d, error))
                return TB_CLI_FAILED;
        const TbCliRequest request = {.method = "POST", .device = &d, .body = events};
        json_auto_t *answer = tb_cli_ask(cli, &request, NULL, error);
        if (answer)
                tb_cli_print_done(cli, d.name, "events", json_integer((json_int_t)json_array_size(events)));
        return answer ? TB_CLI_OK : TB_CLI_FAILED;
}

/* --- clipboard --- */
static GBytes *read_stdin(GError **error)
{
        g_autoptr(GByteArray) all = g_byte_array_new();
        guint8 chunk[16 * 1024];
        ssize_t n;
        while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0 && all->len <= TB_LIMIT_CLIPBOARD)
                g_byte_array_append(all, chunk, (guint)n);
        if (n < 0)
                tb_set_error(error, TB_ERROR_INVALID, "clipboard: %s", g_strerror(errno));
        else if (all->len > TB_LIMIT_CLIPBOARD)
                tb_set_error(error, TB_ERROR_TOO_LARGE, "clipboard: a text has %d bytes at most",
                             TB_LIMIT_CLIPBOARD);
        return n < 0 || all->len > TB_LIMIT_CLIPBOARD ? NULL
                                                      : g_byte_array_free_to_bytes(g_steal_pointer(&all));
}

static int show(TbCli *cli, const TbCliDevice *d, GError **error)
{
        const TbCliRequest request = {.method = "GET", .device = d, .path = "/clipboard"};
        g_autoptr(GInputStream) in = tb_cli_open(cli, &request, NULL, error);
        g_autoptr(GByteArray) all = g_byte_array_new();
        if (!in || !tb_cli_read_all(in, all, error))
                return TB_CLI_FAILED;
        if (cli->json) {
                json_auto_t *said = json_pack("{s:s, s:s%}", "device", d->name, "text",
                                              all->len ? (const char *)all->data : "", (size_t)all->len);
                tb_cli_print_json(said);
                return TB_CLI_OK;
        }
        return tb_cli_write(STDOUT_FILENO, all->data, all->len, error) ? TB_CLI_OK : TB_CLI_FAILED;
}

int tb_cli_run_clipboard(TbCli *cli, GError **error)
{
        const char *text = cli->n > 1 ? cli->args[1] : NULL;
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_device(cli, cli->args[0], "input", &d, error))
                return TB_CLI_FAILED;
        if (!text)
                return show(cli, &d, error);
        g_autoptr(GBytes) bytes =
                strcmp(text, "-") == 0 ? read_stdin(error) : g_bytes_new(text, strlen(text));
        if (!bytes)
                return TB_CLI_FAILED;
        g_autoptr(GInputStream) in = g_memory_input_stream_new_from_bytes(bytes);
        const TbCliRequest request = {.method = "PUT",
                                      .device = &d,
                                      .path = "/clipboard",
                                      .upload = in,
                                      .upload_size = (gint64)g_bytes_get_size(bytes),
                                      .upload_type = "text/plain; charset=utf-8"};
        json_auto_t *answer = tb_cli_ask(cli, &request, NULL, error);
        if (answer)
                tb_cli_print_done(cli, d.name, "bytes", json_integer((json_int_t)g_bytes_get_size(bytes)));
        return answer ? TB_CLI_OK : TB_CLI_FAILED;
}
