/* The command line: what is understood, what is refused and how, and what is made of the table: help, completion, the man page. */
#include <string.h>

#include "client/api.h"
#include "client/cli.h"
#include "client/text.h"
#include "lib/error.h"
#include "lib/limits.h"

typedef struct Row {
        const char *line;    /* words, with "|" between them */
        const char *refused; /* a part of the message; NULL: it is right */
        const char *args;    /* with "|" between them */
        const char *rest;
        const char *option, *value; /* one that must have been understood so */
} Row;

static const Row rows[] = {
        {"ls", NULL, "", ""},
        {"", NULL, "", ""},
        {"--json|ls", NULL, "", "", "json", ""},
        {"ls|-j", NULL, "", "", "json", ""},
        {"ls|-qj", NULL, "", "", "quiet", ""},
        {"--host|http://a:1|ls", NULL, "", "", "host", "http://a:1"},
        {"ls|--host=http://a:1", NULL, "", "", "host", "http://a:1"},
        {"ls|-Hlab", NULL, "", "", "host", "lab"},
        {"power|board|cycle|--off-s|2", NULL, "board|cycle", "", "off-s", "2"},
        {"power|--off-s=1.5s|board|cycle", NULL, "board|cycle", "", "off-s", "1.5s"},
        {"run|board|ls|-l|--json", NULL, "board", "ls|-l|--json"},
        {"run|board|--|ls|--json", NULL, "board", "ls|--json"},
        {"run|-t|2m|board|--|--odd", NULL, "board", "--odd", "timeout", "2m"},
        {"lease|board|--ttl|60|--|make|test", NULL, "board", "make|test", "ttl", "60"},
        {"lease|board", NULL, "board", ""},
        {"expect|board|--|-x", NULL, "board|-x", ""},
        {"push|b|-|/x", NULL, "b|-|/x", ""},
        {"power|--help", NULL, "", "", "help", ""},
        {"nope", "no command \"nope\"", NULL, NULL},
        {"pow|board", "no command \"pow\"", NULL, NULL}, /* nothing is guessed */
        {"ls|--nope", "unknown option --nope; see testbed ls --help", NULL, NULL},
        {"--off-s|2|power", "options of a command stand behind it", NULL, NULL},
        {"ls|-z", "unknown option -z", NULL, NULL},
        {"ls|--json=1", "takes no value", NULL, NULL},
        {"ls|--host", "needs a value", NULL, NULL},
        {"ls|--host=", "is empty", NULL, NULL},
        {"power", "something is missing; usage: testbed power", NULL, NULL},
        {"power|a|on|b", "\"b\" is too much", NULL, NULL},
        {"power|a|cycle|--off-s|x", "\"x\" is no time", NULL, NULL},
        {"power|a|cycle|--off-s|-1", "is no time", NULL, NULL},
        {"power|a|cycle|--off-s|nan", "is no time", NULL, NULL},
        {"power|a|cycle|--off-s|0x10", "is no time", NULL, NULL},
        {"power|a|cycle|--off-s|1d", "is no time", NULL, NULL},
        {"power|a|cycle|--off-s|3m", "0 to 120 seconds", NULL, NULL},
        {"console|a|--tail|1.5", "whole number", NULL, NULL},
        {"console|a|--tail|-1", "0 to 16777216", NULL, NULL},
        /* what the API carries is text; files and programs of this machine have any name */
        {"run|a|ls|b\xff", "run: word 2 of the program: \"b\xef\xbf\xbd\" is no text", NULL, NULL},
        {"run|a|-c|ls \xff", "run: --command: \"ls \xef\xbf\xbd\" is no text", NULL, NULL},
        {"lock|a|--note|\xff", "lock: --note: ", NULL, NULL},
        {"attach|a|x://\xff", "attach: \"x://", NULL, NULL},
        {"input|a|text|\xff", "input: \"", NULL, NULL},
        {"expect|a|\xff", "expect: \"", NULL, NULL},
        {"push|a|b\xff|/x", NULL, "a|b\xff|/x", ""},
        {"pull|a|/x|b\xff", NULL, "a|/x|b\xff", ""},
        {"pull|a|/\xff", "pull: \"/", NULL, NULL},
        {"lease|a|--|ls|\xff", NULL, "a", "ls|\xff"},
        {"screenshot|a|-o|\xff", NULL, "a", "", "output", "\xff"},
};

static bool parse(TbCli *cli, const char *line, GError **error)
{
        g_auto(GStrv) words = g_strsplit(line, "|", -1);
        return tb_cli_parse(cli, (const char *const *)words, error);
}

static void test_parse(void)
{
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
                const Row *row = &rows[i];
                g_auto(TbCli) cli = {0};
                g_autoptr(GError) error = NULL;
                bool ok = parse(&cli, row->line, &error);
                g_test_message("%s", row->line);
                if (row->refused) {
                        g_assert_false(ok);
                        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
                        g_assert_nonnull(strstr(error->message, row->refused));
                        continue;
                }
                g_assert_no_error(error);
                g_assert_true(ok);
                g_autofree char *args = g_strjoinv("|", cli.args), *rest = g_strjoinv("|", cli.rest);
                g_assert_cmpstr(args, ==, row->args);
                g_assert_cmpstr(rest, ==, row->rest);
                if (row->option)
                        g_assert_cmpstr(tb_cli_text(&cli, row->option), ==, row->value);
        }
}

static void check_range(const char *format, gint64 limit)
{
        for (int more = 0; more < 2; more++) {
                g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, limit + more),
                                *line = g_strconcat(format, number, NULL);
                g_auto(TbCli) cli = {0};
                g_autoptr(GError) error = NULL;
                g_assert_cmpint(parse(&cli, line, &error), ==, more == 0);
        }
}

/* TB_LIMIT_CLI_TAIL, TB_LIMIT_CLI_LOG_LINES, and those that the host has as well */
static void test_ranges(void)
{
        check_range("console|a|--tail|", TB_LIMIT_CLI_TAIL);
        check_range("log|a|--tail|", TB_LIMIT_CLI_LOG_LINES);
        check_range("power|a|cycle|--off-s|", TB_LIMIT_CYCLE_OFF_S);
        check_range("expect|a|b|--timeout|", TB_LIMIT_COMMAND_S);
        check_range("lease|a|--ttl|", TB_LIMIT_LEASE_S);
        check_range("lease|a|--wait|", TB_LIMIT_LEASE_WAIT_S);
}

static void test_device(void)
{
        static const struct {
                const char *text;
                bool server;
                const char *host, *id, *interface, *name; /* id NULL: refused */
        } cases[] = {
                {"board", false, NULL, "board", NULL, "board"},
                {"board/uart1", false, NULL, "board", "uart1", "board"},
                {"lab-1/board", true, "lab-1", "board", NULL, "lab-1/board"},
                {"lab-1~2/board/uart1", true, "lab-1~2", "board", "uart1", "lab-1~2/board"},
                {"board", true},
                {"a/b/c", false},
                {"a/b/c/d", true},
                {"", false},
                {"/", false},
                {"board/", false},
                {"Board", false},
                {"../x", false},
                {"lab/../x", true},
                {"a?b", false},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(TbCliDevice) d = {0};
                g_autoptr(GError) error = NULL;
                bool ok = tb_cli_device_parse(cases[i].text, cases[i].server, &d, &error);
                g_assert_cmpint(ok, ==, cases[i].id != NULL);
                g_assert_cmpstr(d.host, ==, cases[i].host);
                g_assert_cmpstr(d.id, ==, cases[i].id);
                g_assert_cmpstr(d.interface, ==, cases[i].interface);
                g_assert_cmpstr(d.name, ==, cases[i].name);
        }
}

static void test_codes(void)
{
        static const struct {
                TbErrorCode error;
                int code;
        } cases[] = {{TB_ERROR_INVALID, 2},   {TB_ERROR_NOT_FOUND, 1},   {TB_ERROR_UNAUTHORIZED, 3},
                     {TB_ERROR_FORBIDDEN, 3}, {TB_ERROR_LOCKED, 4},      {TB_ERROR_TIMEOUT, 5},
                     {TB_ERROR_DEVICE, 1},    {TB_ERROR_UNAVAILABLE, 3}, {TB_ERROR_UNSUPPORTED, 1},
                     {TB_ERROR_GONE, 1}};
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                g_assert_cmpint(tb_cli_code_of(&(GError){.domain = TB_ERROR, .code = (int)cases[i].error}),
                                ==, cases[i].code);
        g_assert_cmpint(tb_cli_code_of(NULL), ==, 0);
}

static void test_unescape(void)
{
        static const struct {
                const char *in, *out; /* out NULL: refused */
        } cases[] = {{"version\\n", "version\n"},
                     {"\\r\\t\\e\\\\", "\r\t\033\\"},
                     {"\\x03", "\003"},
                     {"grün", "grün"},
                     {"\\x00", NULL},
                     {"\\xff", NULL},
                     {"\\x4", NULL},
                     {"\\q", NULL},
                     {"\\", NULL},
                     {"\xff", NULL},
                     {"", ""}};
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GError) error = NULL;
                g_autofree char *out = tb_cli_unescape(cases[i].in, &error);
                g_assert_cmpstr(out, ==, cases[i].out);
                g_assert_cmpint(out == NULL, ==, error != NULL);
        }
        g_autofree char *end = tb_cli_tail_text("xä", 1); /* not half a character */
        g_assert_cmpstr(end, ==, "");
}

static char *dump(char **words)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *events = tb_cli_input_events(words, (int)g_strv_length(words), &error);
        return events ? json_dumps(events, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
}

static void test_input(void)
{
        static const struct {
                const char *words, *json; /* json NULL: refused */
        } cases[] = {
                {"text|a b", "[{\"type\":\"text\",\"text\":\"a b\"}]"},
                {"key|Enter|a", "[{\"type\":\"key\",\"key\":\"Enter\"},{\"type\":\"key\",\"key\":\"a\"}]"},
                {"key|+", "[{\"type\":\"key\",\"key\":\"+\"}]"},
                {"key|Control+c",
                 "[{\"type\":\"key\",\"key\":\"Control\",\"action\":\"down\"},{\"type\":\"key\",\"key\":"
                 "\"c\","
                 "\"action\":\"down\"},{\"type\":\"key\",\"key\":\"c\",\"action\":\"up\"},{\"type\":\"key\","
                 "\"key\":\"Control\",\"action\":\"up\"}]"},
                {"tap|10|20.5", "[{\"type\":\"tap\",\"x\":10.0,\"y\":20.5}]"},
                {"swipe|1|2|3|4|500",
                 "[{\"type\":\"swipe\",\"x1\":1.0,\"y1\":2.0,\"x2\":3.0,\"y2\":4.0,\"ms\":500}]"},
                {"click|1|2|right",
                 "[{\"type\":\"pointer\",\"x\":1.0,\"y\":2.0,\"buttons\":2},{\"type\":\"pointer\",\"x\":1.0,"
                 "\"y\":2.0,\"buttons\":0}]"},
                {"click|1|2",
                 "[{\"type\":\"pointer\",\"x\":1.0,\"y\":2.0,\"buttons\":1},{\"type\":\"pointer\",\"x\":1.0,"
                 "\"y\":2.0,\"buttons\":0}]"},
                {"move|1|2", "[{\"type\":\"pointer\",\"x\":1.0,\"y\":2.0}]"},
                {"scroll|1|2|-3|0.5", "[{\"type\":\"scroll\",\"x\":1.0,\"y\":2.0,\"dy\":-3.0,\"dx\":0.5}]"},
                {"click|1|2|wheel", NULL},
                {"move|1|-2", NULL},
                {"scroll|1|2|-", NULL},
                {"scroll|1|2", NULL},
                {"tap|10", NULL},
                {"tap|10|x", NULL},
                {"tap|10|2x", NULL},
                {"text", NULL},
                {"wave|1", NULL},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(GStrv) words = g_strsplit(cases[i].words, "|", -1);
                char *json = dump(words);
                g_assert_cmpstr(json, ==, cases[i].json);
                free(json);
        }
}

/* The man page without what roff does to it. */
static char *man_text(void)
{
        char *text = NULL;
        g_assert_true(g_file_get_contents("docs/man/testbed.1", &text, NULL, NULL));
        GString *out = g_string_new(NULL);
        for (const char *at = text; *at; at++) {
                if (*at == '\\' && at[1] == 'f')
                        at += 2;
                else if (*at == '\\' && at[1] == '-')
                        g_string_append_c(out, *++at);
                else if (*at != '\\' || at[1] != '&')
                        g_string_append_c(out, *at);
                else
                        at++;
        }
        g_free(text);
        return g_string_free(out, FALSE);
}

/* One table: every command and option stands in help, completion and man page. */
static void test_table(void)
{
        g_autofree char *man = man_text(), *completion = tb_cli_completion(), *all = tb_cli_help(NULL);
        for (const TbCliCommand *c = tb_cli_commands; c->name; c++) {
                g_autofree char *synopsis = tb_cli_synopsis(c), *help = tb_cli_help(c),
                                *row = g_strdup_printf("\n  %-12s %s\n", c->name, c->summary),
                                *arm = g_strdup_printf("\t%s) opts='", c->name);
                g_assert_nonnull(strstr(all, row));
                g_assert_nonnull(strstr(help, synopsis));
                g_assert_nonnull(strstr(completion, arm));
                g_test_message("docs/man/testbed.1 is to have: %s", synopsis);
                g_assert_nonnull(strstr(man, synopsis));
                for (const TbCliOption *o = c->options; o && o->name; o++) {
                        g_autofree char *name = g_strdup_printf("--%s", o->name);
                        g_assert_nonnull(strstr(help, name));
                        g_assert_nonnull(strstr(completion, name));
                        g_test_message("docs/man/testbed.1 is to have: %s", name);
                        g_assert_nonnull(strstr(man, name));
                }
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/cli/parse", test_parse);
        g_test_add_func("/cli/ranges", test_ranges);
        g_test_add_func("/cli/device", test_device);
        g_test_add_func("/cli/codes", test_codes);
        g_test_add_func("/cli/unescape", test_unescape);
        g_test_add_func("/cli/input", test_input);
        g_test_add_func("/cli/table", test_table);
        return g_test_run();
}
