/* Help and completion, made of the table of commands. */
#include <string.h>

#include "client/cli.h"
#include "client/out.h"
#include "lib/error.h"

#define WIDTH 100 /* columns of running text */

static void add_option_name(GString *out, const TbCliOption *o)
{
        if (o->letter)
                g_string_append_printf(out, "-%c, ", o->letter);
        g_string_append_printf(out, "--%s", o->name);
        if (o->value)
                g_string_append_printf(out, " %s", o->value);
}

char *tb_cli_synopsis(const TbCliCommand *command)
{
        GString *out = g_string_new("testbed ");
        g_string_append(out, command->name);
        for (const TbCliOption *o = command->options; o && o->name; o++) {
                if (o->letter)
                        g_string_append_printf(out, " [-%c", o->letter);
                else
                        g_string_append_printf(out, " [--%s", o->name);
                g_string_append_printf(out, "%s%s]", o->value ? " " : "", o->value ? o->value : "");
        }
        g_string_append_printf(out, " %s", command->args);
        return g_string_free(out, FALSE);
}

static void add_wrapped(GString *out, const char *text)
{
        g_auto(GStrv) words = g_strsplit(text, " ", -1);
        glong column = 0;
        for (char **w = words; *w; w++) {
                glong width = g_utf8_strlen(*w, -1);
                if (column > 0 && column + 1 + width > WIDTH) {
                        g_string_append_c(out, '\n');
                        column = 0;
                }
                g_string_append_printf(out, "%s%s", column > 0 ? " " : "", *w);
                column += width + (column > 0);
        }
        g_string_append_c(out, '\n');
}

static void add_options(GString *out, const char *title, const TbCliOption *options)
{
        g_string_append_printf(out, "\n%s\n", title);
        for (const TbCliOption *o = options; o->name; o++) {
                g_autoptr(GString) name = g_string_new("  ");
                if (!o->letter)
                        g_string_append(name, "    ");
                add_option_name(name, o);
                g_string_append_printf(out, "%-28s %s\n", name->str, o->help);
        }
}

static char *help_of_all(void)
{
        GString *out = g_string_new(
                "usage: testbed COMMAND …\n\nBoards, phones and cameras of a testbed host, from here.\n\n");
        for (const TbCliCommand *c = tb_cli_commands; c->name; c++)
                g_string_append_printf(out, "  %-12s %s\n", c->name, c->summary);
        add_options(out, "Options of all commands:", tb_cli_common);
        g_string_append(out, "\nDEVICE is a name that testbed ls shows; with --server HOST/DEVICE. "
                             "testbed COMMAND --help says more, man testbed all.\n");
        return g_string_free(out, FALSE);
}

char *tb_cli_help(const TbCliCommand *command)
{
        if (!command)
                return help_of_all();
        g_autofree char *synopsis = tb_cli_synopsis(command);
        GString *out = g_string_new(NULL);
        g_string_append_printf(out, "usage: %s\n\n", synopsis);
        g_string_append_c(out, g_ascii_toupper(*command->summary));
        g_string_append_printf(out, "%s.\n", command->summary + 1);
        if (command->help)
                add_wrapped(out, command->help);
        if (command->options)
                add_options(out, "Options:", command->options);
        add_options(out, "Options of all commands:", tb_cli_common);
        return g_string_free(out, FALSE);
}

int tb_cli_run_help(TbCli *cli, GError **error)
{
        const TbCliCommand *c = cli->n > 0 ? tb_cli_command(cli->args[0]) : NULL;
        if (cli->n > 0 && !c) {
                tb_set_error(error, TB_ERROR_INVALID, "there is no command \"%s\"; see testbed --help",
                             cli->args[0]);
                return TB_CLI_USAGE;
        }
        g_autofree char *help = tb_cli_help(c);
        tb_cli_print("%s", help);
        return TB_CLI_OK;
}

/* --- completion --- */
static void add_words(GString *out, const TbCliOption *options)
{
        for (const TbCliOption *o = options; o && o->name; o++)
                g_string_append_printf(out, " --%s", o->name);
}

/* Options that take the next word, as patterns of case: files apart from others. */
static void add_takers(GString *out, bool files)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        const char *bar = "";
        for (const TbCliCommand *c = tb_cli_commands;; c++) {
                const TbCliOption *list = c->name ? c->options : tb_cli_common;
                for (const TbCliOption *o = list; o && o->name; o++)
                        if (o->type != TB_CLI_FLAG && (o->type == TB_CLI_FILE) == files &&
                            g_hash_table_add(seen, (gpointer)o->name)) {
                                g_string_append_printf(out, "%s--%s", bar, o->name);
                                bar = "|";
                        }
                if (!c->name)
                        return;
        }
}

static const char head[] =
        "# bash completion of testbed, made by `testbed completion bash`\n"
        "_testbed() {\n"
        "\tlocal command= n=0 i w words= opts= cur= prev=\n"
        "\tlocal -a at=() typed=()\n"
        /* readline splits at ':' and '=', of which URLs and options have some: the line's own words are taken */
        "\tlocal line=${COMP_LINE:0:COMP_POINT}\n"
        "\tread -ra typed <<<\"$line\"\n"
        "\t[[ $line == *[[:blank:]] ]] && typed+=('')\n"
        "\tlocal last=$((${#typed[@]} - 1))\n"
        "\tcur=${typed[last]}\n"
        "\t((last > 0)) && prev=${typed[last-1]}\n"
        "\tCOMPREPLY=()\n";

/* Devices are asked for with the options that stand on the line: the host may be another one. */
static const char body[] =
        "\tfor ((i = 1; i < last; i++)); do\n"
        "\t\tw=${typed[i]}\n"
        "\t\tcase $w in\n"
        "\t\t--) return ;;\n"
        "\t\t--host|-H|--server|--token-file|--ca) at+=(\"$w\" \"${typed[i+1]}\"); ((i++)) ;;\n"
        "\t\t--host=*|--server=*|--token-file=*|--ca=*) at+=(\"$w\") ;;\n"
        "\t\t-*) [[ \" $takers \" == *\" $w \"* ]] && ((i++)) ;;\n"
        "\t\t*) if [[ -z $command ]]; then command=$w; else ((n++)); fi ;;\n"
        "\t\tesac\n"
        "\tdone\n";

static const char tail[] =
        "\tcase $words in\n"
        /* not by compgen -W, which evaluates what a host calls its devices */
        "\t@device) while read -r w; do [[ $w == \"$cur\"* ]] && COMPREPLY+=(\"$w\"); done \\\n"
        "\t\t< <(testbed \"${at[@]}\" ls -q 2>/dev/null) ;;\n"
        "\t@file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
        "\t*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
        "\tesac\n"
        /* readline replaces only what stands behind the last ':' or '=' */
        "\tlocal before=${cur%\"${cur##*[:=]}\"}\n"
        "\tCOMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")\n"
        "}\n"
        "complete -F _testbed testbed\n";

static void add_command_case(GString *out, const TbCliCommand *c)
{
        g_string_append_printf(out, "\t%s) opts='", c->name);
        add_words(out, c->options);
        g_string_append(out, "'; case $n in");
        for (guint i = 0; i < G_N_ELEMENTS(c->complete); i++)
                if (c->complete[i])
                        g_string_append_printf(out, " %u) words='%s' ;;", i, c->complete[i]);
        g_string_append(out, " esac ;;\n");
}

char *tb_cli_completion(void)
{
        GString *out = g_string_new(head);
        g_autoptr(GString) files = g_string_new(NULL), others = g_string_new(NULL);
        add_takers(files, true);
        add_takers(others, false);
        g_string_append_printf(out,
                               "\tcase $prev in\n\t%s|-o|-l) COMPREPLY=($(compgen -f -- \"$cur\")); return "
                               ";;\n\t%s) return ;;\n\tesac\n",
                               files->str, others->str);
        g_string_append(out, "\tlocal takers='");
        for (const char *p = files->str; *p; p++)
                g_string_append_c(out, *p == '|' ? ' ' : *p);
        g_string_append_c(out, ' ');
        for (const char *p = others->str; *p; p++)
                g_string_append_c(out, *p == '|' ? ' ' : *p);
        g_string_append(out, " -o -l -n -t -s -w -m -c -e'\n");
        g_string_append(out, body);
        g_string_append(out, "\tcase $command in\n\t'') words='");
        for (const TbCliCommand *c = tb_cli_commands; c->name; c++)
                g_string_append_printf(out, "%s%s", c == tb_cli_commands ? "" : " ", c->name);
        g_string_append(out, "' ;;\n");
        for (const TbCliCommand *c = tb_cli_commands; c->name; c++)
                add_command_case(out, c);
        g_string_append(out, "\tesac\n\tif [[ $cur == -* ]]; then words=\"$opts");
        add_words(out, tb_cli_common);
        g_string_append(out, "\"; fi\n");
        g_string_append(out, tail);
        return g_string_free(out, FALSE);
}

int tb_cli_run_completion(TbCli *cli, GError **error)
{
        if (strcmp(cli->args[0], "bash") != 0) {
                tb_set_error(error, TB_ERROR_INVALID, "completion is made for bash, not for \"%s\"",
                             cli->args[0]);
                return TB_CLI_USAGE;
        }
        g_autofree char *script = tb_cli_completion();
        tb_cli_print("%s", script);
        return TB_CLI_OK;
}
