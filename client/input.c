/* input: keys, text and touches. */
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/error.h"

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
                if (!g_ascii_isdigit(*words[i]) || *end) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "input %s: %s is a number of pixels%s, not \"%s\"", type, fields[i],
                                     strcmp(fields[i], "ms") == 0 ? " or ms" : "", words[i]);
                        return false;
                }
                bool whole = strcmp(fields[i], "ms") == 0;
                json_object_set_new(event, fields[i],
                                    whole ? json_integer((json_int_t)value) : json_real(value));
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
        else {
                tb_set_error(error, TB_ERROR_INVALID,
                             "input: text TEXT, key KEY…, tap X Y or swipe X1 Y1 X2 Y2 [MS]");
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
