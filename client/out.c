#include "client/out.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/thread.h"

struct TbCliTable {
        guint columns;
        GPtrArray *cells; /* owned texts, row by row; the titles first */
        GArray *colors;   /* of the rows but the titles */
};

static int
        why_not; /* errno of the first write to stdout that failed: stdio remembers that one did, not why */

void tb_cli_print(const char *format, ...)
{
        va_list args;
        va_start(args, format);
        if (vfprintf(stdout, format, args) < 0 && why_not == 0)
                why_not = errno;
        va_end(args);
        if (isatty(STDOUT_FILENO))
                fflush(stdout);
}

void tb_cli_say(const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args), *clean = tb_cli_clean(text);
        va_end(args);
        fflush(stdout);
        fprintf(stderr, "testbed: %s\n", clean);
}

void tb_cli_print_json(const json_t *value)
{
        g_autofree char *text = tb_json_text(value, NULL);
        tb_cli_print("%s\n", text ? text : "null");
}

void tb_cli_print_done(const TbCli *cli, const char *device, const char *field, json_t *value_take)
{
        json_auto_t *said = json_pack("{s:s, s:o}", "device", device, field, value_take);
        if (cli->json)
                tb_cli_print_json(said);
}

bool tb_cli_flush(GError **error)
{
        errno = 0;
        if (fflush(stdout) == 0 && !ferror(stdout))
                return true;
        if (why_not)
                errno = why_not;
        tb_set_error(error, TB_ERROR_INTERNAL, "the standard output cannot be written%s%s", errno ? ": " : "",
                     errno ? g_strerror(errno) : "");
        return false;
}

static void wait_for_reader_to_go(gpointer data G_GNUC_UNUSED)
{
        struct pollfd out = {
                .fd = STDOUT_FILENO}; /* of a pipe without readers, and of nothing else, POLLERR is told */
        while (poll(&out, 1, -1) < 0 && errno == EINTR)
                ;
        if (out.revents & POLLERR)
                kill(getpid(), SIGPIPE);
}

void tb_cli_end_with_reader(void)
{
        tb_thread_try_detach("reader", wait_for_reader_to_go, NULL, NULL); /* else the next line finds out */
}

bool tb_cli_write(int fd, const void *bytes, gsize size, GError **error)
{
        for (const char *at = bytes; size > 0;) {
                ssize_t n = write(fd, at, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        tb_set_error(error, TB_ERROR_INTERNAL, "what came cannot be written: %s",
                                     g_strerror(errno));
                        return false;
                }
                at += n;
                size -= (gsize)n;
        }
        return true;
}

static bool colored(void)
{
        const char *off = g_getenv("NO_COLOR"), *term = g_getenv("TERM");
        return !(off && *off) && term && strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO);
}

TbCliColor tb_cli_color_of(const char *state)
{
        if (!state)
                return TB_CLI_PLAIN;
        if (strcmp(state, "ready") == 0)
                return TB_CLI_GREEN;
        if (strcmp(state, "fault") == 0)
                return TB_CLI_RED;
        return strcmp(state, "absent") == 0 || strcmp(state, "offline") == 0 ? TB_CLI_FAINT : TB_CLI_YELLOW;
}

char *tb_cli_clean(const char *text)
{
        if (!text)
                return g_strdup("-");
        GString *out = g_string_new(NULL);
        g_autofree char *valid = g_utf8_make_valid(text, -1);
        for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
                gunichar c = g_utf8_get_char(at);
                if (c == '\n' || c == '\t')
                        g_string_append_c(out, ' ');
                else
                        g_string_append_unichar(out, g_unichar_iscntrl(c) ? 0xFFFD : c);
        }
        return g_string_free(out, FALSE);
}

TbCliTable *tb_cli_table_new(const char *const *titles)
{
        TbCliTable *table = g_new0(TbCliTable, 1);
        table->cells = g_ptr_array_new_with_free_func(g_free);
        table->colors = g_array_new(FALSE, FALSE, sizeof(TbCliColor));
        for (; titles[table->columns]; table->columns++)
                g_ptr_array_add(table->cells, g_strdup(titles[table->columns]));
        return table;
}

void tb_cli_table_add(TbCliTable *table, TbCliColor color, const char *const *cells)
{
        for (guint i = 0; i < table->columns; i++)
                g_ptr_array_add(table->cells, tb_cli_clean(cells[i]));
        g_array_append_val(table->colors, color);
}

static void print_row(const TbCliTable *table, guint row, const glong *width, const char *on)
{
        g_autoptr(GString) line = g_string_new(on);
        for (guint i = 0; i < table->columns; i++) {
                const char *cell = g_ptr_array_index(table->cells, row * table->columns + i);
                g_string_append(line, cell);
                for (glong pad = width[i] - g_utf8_strlen(cell, -1) + 2; i + 1 < table->columns && pad > 0;
                     pad--)
                        g_string_append_c(line, ' ');
        }
        tb_cli_print("%s%s\n", line->str, *on ? "\033[0m" : "");
}

void tb_cli_table_print(TbCliTable *table)
{
        static const char *const codes[] = {[TB_CLI_PLAIN] = "",
                                            [TB_CLI_GREEN] = "\033[32m",
                                            [TB_CLI_YELLOW] = "\033[33m",
                                            [TB_CLI_RED] = "\033[31m",
                                            [TB_CLI_FAINT] = "\033[2m"};
        g_autofree glong *width = g_new0(glong, table->columns);
        for (guint i = 0; i < table->cells->len; i++) {
                glong n = g_utf8_strlen(g_ptr_array_index(table->cells, i), -1);
                width[i % table->columns] = MAX(width[i % table->columns], n);
        }
        bool color = colored();
        print_row(table, 0, width, color ? "\033[1m" : "");
        for (guint row = 0; row < table->colors->len; row++)
                print_row(table, row + 1, width,
                          color ? codes[g_array_index(table->colors, TbCliColor, row)] : "");
        g_ptr_array_unref(table->cells);
        g_array_unref(table->colors);
        g_free(table);
}
