/* What stands on the line, by the table of commands. */
#include <string.h>

#include "client/api.h"
#include "client/cli.h"
#include "client/settings.h"
#include "lib/error.h"

static const TbCliOption *find_long(const TbCliOption *list, const char *name, gsize size)
{
        for (const TbCliOption *o = list; o && o->name; o++)
                if (strlen(o->name) == size && strncmp(o->name, name, size) == 0)
                        return o;
        return NULL;
}

static const TbCliOption *find_letter(const TbCliOption *list, char letter)
{
        for (const TbCliOption *o = list; o && o->name; o++)
                if (o->letter == letter)
                        return o;
        return NULL;
}

bool tb_cli_seconds(const char *text, double *ret, GError **error)
{
        char *end = NULL;
        double value = g_ascii_strtod(text, &end);
        double unit = strcmp(end, "") == 0 || strcmp(end, "s") == 0 ? 1
                      : strcmp(end, "m") == 0                       ? 60
                      : strcmp(end, "h") == 0                       ? 3600
                                                                    : 0;
        /* a digit first: strtod also knows "inf", "nan" and "0x10" */
        if (!g_ascii_isdigit(*text) || end == text || unit == 0 || strpbrk(text, "xX") || value > 1e9) {
                tb_set_error(error, TB_ERROR_INVALID, "\"%s\" is no time: 30, 1.5, 30s, 2m, 1h", text);
                return false;
        }
        *ret = value * unit;
        return true;
}

static bool check_range(const TbCliOption *o, const char *text, double value, GError **error)
{
        if (value >= o->min && value <= o->max)
                return true;
        tb_set_error(error, TB_ERROR_INVALID, "--%s %s: %.15g to %.15g%s is allowed", o->name, text, o->min,
                     o->max, o->type == TB_CLI_SECONDS ? " seconds" : "");
        return false;
}

static bool check(const TbCliOption *o, const char *text, GError **error)
{
        gint64 whole = 0;
        double value = 0;
        switch (o->type) {
        case TB_CLI_INT:
                if (!g_ascii_string_to_signed(text, 10, -(gint64)9e15, (gint64)9e15, &whole, NULL)) {
                        tb_set_error(error, TB_ERROR_INVALID, "--%s takes a whole number, not \"%s\"",
                                     o->name, text);
                        return false;
                }
                return check_range(o, text, (double)whole, error);
        case TB_CLI_SECONDS:
                if (!tb_cli_seconds(text, &value, error)) {
                        tb_error_prefix(error, "--%s: ", o->name);
                        return false;
                }
                return check_range(o, text, value, error);
        case TB_CLI_FLAG:
        case TB_CLI_TEXT:
        case TB_CLI_FILE: break;
        }
        if (o->type != TB_CLI_FLAG && !*text) {
                tb_set_error(error, TB_ERROR_INVALID, "--%s: %s is empty", o->name, o->value);
                return false;
        }
        return true;
}

/* The value stands behind "=" or the letter (`joined`), or is the next word. Returns how many words were taken; 0: error. */
static int take(TbCli *cli, const TbCliOption *o, const char *joined, const char *next, GError **error)
{
        if (o->type == TB_CLI_FLAG) {
                if (joined) {
                        tb_set_error(error, TB_ERROR_INVALID, "--%s takes no value", o->name);
                        return 0;
                }
                g_hash_table_replace(cli->values, g_strdup(o->name), g_strdup(""));
                return 1;
        }
        const char *text = joined ? joined : next;
        if (!text) {
                tb_set_error(error, TB_ERROR_INVALID, "--%s needs a value: --%s %s", o->name, o->name,
                             o->value);
                return 0;
        }
        if (!check(o, text, error))
                return 0;
        g_hash_table_replace(cli->values, g_strdup(o->name), g_strdup(text));
        return joined ? 1 : 2;
}

static int take_long(TbCli *cli, const char *word, const char *next, GError **error)
{
        const char *name = word + 2, *equals = strchr(name, '=');
        gsize size = equals ? (gsize)(equals - name) : strlen(name);
        const TbCliOption *o = cli->command ? find_long(cli->command->options, name, size) : NULL;
        if (!o)
                o = find_long(tb_cli_common, name, size);
        if (o)
                return take(cli, o, equals ? equals + 1 : NULL, next, error);
        const char *behind = cli->command ? cli->command->name : "";
        tb_set_error(error, TB_ERROR_INVALID, "unknown option --%.*s%s; see testbed %s%s--help", (int)size,
                     name, cli->command ? "" : " (options of a command stand behind it)", behind,
                     *behind ? " " : "");
        return 0;
}

static int take_short(TbCli *cli, const char *word, const char *next, GError **error)
{
        for (const char *letter = word + 1; *letter; letter++) {
                const TbCliOption *o = cli->command ? find_letter(cli->command->options, *letter) : NULL;
                if (!o)
                        o = find_letter(tb_cli_common, *letter);
                if (!o) {
                        tb_set_error(error, TB_ERROR_INVALID, "unknown option -%c; see testbed %s%s--help",
                                     *letter, cli->command ? cli->command->name : "",
                                     cli->command ? " " : "");
                        return 0;
                }
                if (o->type != TB_CLI_FLAG)
                        return take(cli, o, letter[1] ? letter + 1 : NULL, next, error);
                if (!take(cli, o, NULL, NULL, error))
                        return 0;
        }
        return 1;
}

/* What goes to the host is text. Files here may have any name, and so may the words of a program that runs here. */
static bool check_utf8(const TbCli *cli, GError **error)
{
        const TbCliCommand *c = cli->command;
        const TbCliOption *const lists[] = {tb_cli_common, c ? c->options : NULL};
        g_autofree char *what = NULL;
        const char *bad = NULL;
        for (guint i = 0; i < G_N_ELEMENTS(lists) && !bad; i++)
                for (const TbCliOption *o = lists[i]; o && o->name && !bad; o++) {
                        const char *text = o->type == TB_CLI_TEXT ? tb_cli_text(cli, o->name) : NULL;
                        if (!text || g_utf8_validate(text, -1, NULL))
                                continue;
                        bad = text;
                        what = g_strconcat("--", o->name, NULL);
                }
        for (int i = 0; i < cli->n && !bad; i++) {
                bool file =
                        c && i < (int)G_N_ELEMENTS(c->complete) && g_strcmp0(c->complete[i], "@file") == 0;
                if (!file && !g_utf8_validate(cli->args[i], -1, NULL))
                        bad = cli->args[i];
        }
        for (int i = 0; c && c->remote && cli->rest[i] && !bad; i++)
                if (!g_utf8_validate(cli->rest[i], -1, NULL)) {
                        bad = cli->rest[i];
                        what = g_strdup_printf("word %d of the program", i + 1);
                }
        g_autofree char *shown = bad ? g_utf8_make_valid(bad, -1) : NULL;
        if (bad)
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s%s\"%s\" is no text (UTF-8)", c ? c->name : "",
                             what ? what : "", what ? ": " : "", shown);
        return !bad;
}

static bool check_count(const TbCli *cli, GError **error)
{
        const TbCliCommand *c = cli->command;
        if (!c || g_hash_table_contains(cli->values, "help") || (cli->n >= c->min && cli->n <= c->max))
                return true;
        g_autofree char *synopsis = tb_cli_synopsis(c);
        if (cli->n < c->min)
                tb_set_error(error, TB_ERROR_INVALID, "%s: something is missing; usage: %s", c->name,
                             synopsis);
        else
                tb_set_error(error, TB_ERROR_INVALID, "%s: \"%s\" is too much; usage: %s", c->name,
                             cli->args[c->max], synopsis);
        return false;
}

bool tb_cli_parse(TbCli *cli, const char *const *words, GError **error)
{
        g_autoptr(GPtrArray) args = g_ptr_array_new_with_free_func(g_free);
        *cli = (TbCli){.values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
        int used = 1;
        for (; *words && used; words += used) {
                const char *word = *words, *next = words[1];
                bool option = word[0] == '-' && word[1] != '\0';
                if (strcmp(word, "--") == 0) {
                        words++;
                        break;
                }
                if (cli->command && cli->command->rest && (int)args->len == cli->command->max && !option)
                        break;
                used = 1;
                if (option)
                        used = word[1] == '-' ? take_long(cli, word, next, error)
                                              : take_short(cli, word, next, error);
                else if (cli->command)
                        g_ptr_array_add(args, g_strdup(word));
                else if (!(cli->command = tb_cli_command(word))) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "there is no command \"%s\"; see testbed --help", word);
                        used = 0;
                }
        }
        /* behind "--": the program, or arguments that begin with "-" */
        bool rest = cli->command && cli->command->rest;
        for (; used && !rest && *words; words++)
                g_ptr_array_add(args, g_strdup(*words));
        cli->rest = g_strdupv((char **)(used ? words : (const char *const[]){NULL}));
        cli->n = (int)args->len;
        g_ptr_array_add(args, NULL);
        cli->args = (char **)g_ptr_array_free(g_steal_pointer(&args), FALSE);
        cli->json = g_hash_table_contains(cli->values, "json");
        return used && check_count(cli, error) && check_utf8(cli, error);
}

void tb_cli_clear(TbCli *cli)
{
        if (cli->values)
                g_hash_table_unref(cli->values);
        g_strfreev(cli->args);
        g_strfreev(cli->rest);
        tb_cli_api_free(cli->api);
        tb_cli_settings_free(cli->settings);
        *cli = (TbCli){0};
}

bool tb_cli_flag(const TbCli *cli, const char *name)
{
        return g_hash_table_contains(cli->values, name);
}

const char *tb_cli_text(const TbCli *cli, const char *name)
{
        return g_hash_table_lookup(cli->values, name);
}

double tb_cli_number(const TbCli *cli, const char *name, double fallback)
{
        const char *text = tb_cli_text(cli, name);
        double value = fallback;
        if (text && !tb_cli_seconds(text, &value,
                                    NULL)) /* what was parsed is right; a negative whole number is no time */
                value = g_ascii_strtod(text, NULL);
        return value;
}

int tb_cli_code_of(const GError *error)
{
        if (!error)
                return TB_CLI_OK;
        if (error->domain != TB_ERROR)
                return TB_CLI_FAILED;
        switch ((int)error->code) {
        case TB_ERROR_INVALID:
        case TB_ERROR_METHOD:
        case TB_ERROR_TOO_LARGE:
        case TB_ERROR_MEDIA_TYPE: return TB_CLI_USAGE;
        case TB_ERROR_UNAUTHORIZED:
        case TB_ERROR_FORBIDDEN:
        case TB_ERROR_UNAVAILABLE: return TB_CLI_NO_HOST;
        case TB_ERROR_LOCKED: return TB_CLI_LEASED;
        case TB_ERROR_TIMEOUT: return TB_CLI_TIMEOUT;
        default: return TB_CLI_FAILED;
        }
}
