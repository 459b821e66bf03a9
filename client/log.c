/* log: what a console has said. */
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"

#define LINE 120 /* bytes that a line is taken to have at first */

/* *mid: the line before goes on in this one. */
static void print_line(TbCli *cli, const json_t *line, bool *mid)
{
        if (cli->json) {
                tb_cli_print_json(line);
                return;
        }
        g_autofree char *clean = tb_cli_clean(json_string_value(json_object_get(line, "text")));
        g_autofree char *at = tb_clock_rfc3339((gint64)json_integer_value(json_object_get(line, "t")));
        bool times = tb_cli_flag(cli, "times");
        bool begins = times && !*mid;
        *mid = json_is_true(json_object_get(line, "more"));
        tb_cli_print("%s%s%s%s", begins ? at : "", begins ? " " : "", clean, *mid ? "" : "\n");
}

/* Lines from this byte on, as many as one answer has; *ret_next: where the next look begins. */
static json_t *fetch(TbCli *cli, const TbCliDevice *d, guint64 from, guint64 *ret_next, GError **error)
{
        g_autofree char *path = g_strdup_printf("/log?format=jsonl&from=%" G_GUINT64_FORMAT "&limit=%d", from,
                                                TB_LIMIT_CLI_LOG_LINES);
        g_autoptr(SoupMessage) m = NULL;
        const TbCliRequest request = {.method = "GET", .device = d, .path = path};
        g_autoptr(GInputStream) in = tb_cli_open(cli, &request, &m, error);
        g_autoptr(GByteArray) all = g_byte_array_new();
        if (!in || !tb_cli_read_all(in, all, error))
                return NULL;
        const char *next =
                soup_message_headers_get_one(soup_message_get_response_headers(m), "X-Next-Offset");
        *ret_next = next ? g_ascii_strtoull(next, NULL, 10) : from;
        g_byte_array_append(all, (const guint8 *)"", 1);
        g_auto(GStrv) texts = g_strsplit((char *)all->data, "\n", -1);
        json_auto_t *lines = json_array();
        for (char **at = texts; *at; at++) {
                if (!**at)
                        continue;
                json_t *line = json_loads(*at, 0, NULL);
                if (!line) {
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "%s: the history came in a form that is not known here", d->name);
                        return NULL;
                }
                json_array_append_new(lines, line);
        }
        return json_incref(lines);
}

/* The last lines: looks back from the end, each time twice as far. */
static json_t *last_lines(TbCli *cli, const TbCliDevice *d, guint n, GError **error)
{
        json_auto_t *console = tb_cli_ask(cli, &(TbCliRequest){.method = "GET", .device = d}, NULL, error);
        if (!console)
                return NULL;
        guint64 start = (guint64)json_integer_value(json_object_get(console, "start")),
                end = (guint64)json_integer_value(json_object_get(console, "offset"));
        for (guint64 window = (guint64)(n + 1) * LINE;; window *= 2) {
                bool whole = window >= end - MIN(start, end);
                json_auto_t *lines = json_array();
                for (guint64 at = whole ? start : end - window, next = at; at < end; at = next) {
                        json_auto_t *some = fetch(cli, d, at, &next, error);
                        if (!some)
                                return NULL;
                        json_array_extend(lines, some);
                        if (next <= at || json_array_size(some) == 0)
                                break;
                }
                size_t have = json_array_size(lines);
                if (have <= n && !whole) /* the first one may lack its beginning */
                        continue;
                for (; have > n; have--)
                        json_array_remove(lines, 0);
                return json_incref(lines);
        }
}

static void print_all(TbCli *cli, const json_t *lines, gint64 since_ms, bool *mid)
{
        size_t i;
        const json_t *line;
        json_array_foreach (lines, i, line)
                if (json_integer_value(json_object_get(line, "t")) >= since_ms)
                        print_line(cli, line, mid);
}

/* The last one has not ended yet: a prompt. */
static void end_line(bool mid)
{
        if (mid)
                tb_cli_print("\n");
}

int tb_cli_run_log(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (tb_cli_text(cli, "tail") && tb_cli_text(cli, "from")) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "log: --tail counts from the end, --from from the beginning: one of them");
                return TB_CLI_USAGE;
        }
        if (!tb_cli_device(cli, cli->args[0], "console", &d, error))
                return TB_CLI_FAILED;
        bool mid = false;
        gint64 since = 0;
        if (tb_cli_text(cli, "since"))
                since = tb_clock_ms() - (gint64)(tb_cli_number(cli, "since", 0) * 1000);
        if (tb_cli_text(cli, "tail")) {
                json_auto_t *lines = last_lines(cli, &d, (guint)tb_cli_number(cli, "tail", 0), error);
                if (!lines)
                        return TB_CLI_FAILED;
                print_all(cli, lines, since, &mid);
                end_line(mid);
                return TB_CLI_OK;
        }
        for (guint64 from = (guint64)tb_cli_number(cli, "from", 0), next = from;; from = next) {
                json_auto_t *lines = fetch(cli, &d, from, &next, error);
                if (!lines)
                        return TB_CLI_FAILED;
                print_all(cli, lines, since, &mid);
                if (next > from && json_array_size(lines) > 0)
                        continue;
                end_line(mid);
                return TB_CLI_OK;
        }
}
