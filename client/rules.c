/* rules: what the host does by itself (docs/RULES.md). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/api.h"
#include "client/out.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"

static const char *text_of(const json_t *object, const char *field)
{
        return json_string_value(json_object_get(object, field));
}

/* Its condition in a few words: `console "Kernel panic"`, `video.motion above 0.02`. */
static char *when_of(const json_t *rule)
{
        const json_t *when = json_object_get(rule, "when");
        GString *out = g_string_new(NULL);
        const char *stream = text_of(when, "stream"), *key;
        if (stream)
                g_string_append(out, stream);
        json_t *value;
        json_object_foreach ((json_t *)when, key, value) {
                if (strcmp(key, "stream") == 0 || json_is_null(value))
                        continue;
                g_autofree char *text = json_is_string(value) ? g_strdup(json_string_value(value))
                                                              : tb_json_text(value, NULL);
                g_string_append_printf(out, "%s%s %s", out->len ? " " : "", key, text ? text : "?");
        }
        return g_string_free(out, FALSE);
}

static void print_rules(const json_t *rules)
{
        TbCliTable *table = tb_cli_table_new(
                (const char *const[]){"RULE", "DEVICE", "WHEN", "STATE", "FIRED", "LAST", NULL});
        size_t i;
        const json_t *r;
        json_array_foreach (rules, i, r) {
                const json_t *state = json_object_get(r, "state");
                const char *trouble = text_of(state, "trouble");
                bool rests = json_is_false(json_object_get(r, "enabled")),
                     dry = json_is_true(json_object_get(r, "dry_run"));
                gint64 at = json_integer_value(json_object_get(state, "fired_at"));
                g_autofree char *when = when_of(r), *last = at > 0 ? tb_clock_rfc3339(at) : NULL,
                                *fired = g_strdup_printf("%" JSON_INTEGER_FORMAT,
                                                         json_integer_value(json_object_get(state, "fired")));
                tb_cli_table_add(table,
                                 trouble ? TB_CLI_RED
                                 : rests ? TB_CLI_FAINT
                                         : TB_CLI_PLAIN,
                                 (const char *const[]){text_of(r, "name"), text_of(r, "device"), when,
                                                       trouble ? trouble
                                                       : rests ? "disabled"
                                                       : dry   ? "dry run"
                                                               : "watches",
                                                       fired, last});
        }
        tb_cli_table_print(table);
}

static int list(TbCli *cli, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        if (!tb_cli_host(cli, cli->n > 1 ? cli->args[1] : NULL, &d, error))
                return TB_CLI_FAILED;
        if (d.id) {
                tb_set_error(error, TB_ERROR_INVALID, "rules list %s: a host is named with --server alone",
                             cli->args[1]);
                return TB_CLI_USAGE;
        }
        json_auto_t *rules = tb_cli_ask(cli, &(TbCliRequest){.method = "GET", .device = &d, .path = "/rules"},
                                        NULL, error);
        if (!rules)
                return TB_CLI_FAILED;
        if (cli->json)
                tb_cli_print_json(rules);
        else
                print_rules(rules);
        return TB_CLI_OK;
}

/* "RULE", through a server "HOST/RULE": its host, and its path. */
static char *rule_path(TbCli *cli, const char *below, TbCliDevice *d, GError **error)
{
        if (!tb_cli_host(cli, cli->args[1], d, error))
                return NULL;
        g_autofree char *rule = g_steal_pointer(&d->id);
        if (!rule)
                tb_set_error(error, TB_ERROR_INVALID, "%s: HOST/RULE (testbed rules list %s)", cli->args[1],
                             d->host);
        return rule ? g_strdup_printf("/rules/%s%s", rule, below) : NULL;
}

static json_t *ask(TbCli *cli, const char *method, const char *below, json_t *body, GError **error)
{
        g_auto(TbCliDevice) d = {0};
        g_autofree char *path = rule_path(cli, below, &d, error);
        const TbCliRequest request = {
                .method = method, .device = &d, .path = path, .body = body, .wait_s = 60};
        return path ? tb_cli_ask(cli, &request, NULL, error) : NULL;
}

static int test(TbCli *cli, GError **error)
{
        json_auto_t *body = json_object();
        if (tb_cli_text(cli, "since"))
                json_object_set_new(
                        body, "from",
                        json_integer(tb_clock_ms() - (gint64)(tb_cli_number(cli, "since", 0) * 1000)));
        json_auto_t *said = ask(cli, "POST", "/test", body, error);
        if (!said)
                return TB_CLI_FAILED;
        if (cli->json) {
                tb_cli_print_json(said);
                return TB_CLI_OK;
        }
        size_t i;
        const json_t *each;
        json_array_foreach (json_object_get(said, "fired"), i, each) {
                g_autofree char *at = tb_clock_rfc3339(json_integer_value(json_object_get(each, "t"))),
                                *cause = tb_cli_clean(text_of(each, "cause"));
                tb_cli_print("%s  %s\n", at, cause);
        }
        const json_t *held = json_object_get(said, "held");
        tb_cli_say("it would have fired %zu times%s; nothing was done",
                   json_array_size(json_object_get(said, "fired")),
                   json_is_true(json_object_get(said, "more")) ? " and more" : "");
        if (json_is_integer(held) && json_integer_value(held) > 0)
                tb_cli_say("its guardrails would have held it back %" JSON_INTEGER_FORMAT " times",
                           json_integer_value(held));
        return TB_CLI_OK;
}

static int done(const TbCli *cli, const char *word, json_t *answer_take)
{
        if (!answer_take)
                return TB_CLI_FAILED;
        if (cli->json && json_is_object(answer_take))
                tb_cli_print_json(answer_take);
        else if (cli->json)
                tb_cli_print_done(cli, cli->args[1], word, json_true());
        json_decref(answer_take);
        return TB_CLI_OK;
}

static int enable(TbCli *cli, bool on, GError **error)
{
        json_auto_t *rule = ask(cli, "GET", "", NULL, error);
        if (!rule)
                return TB_CLI_FAILED;
        json_object_set_new(rule, "enabled", json_boolean(on));
        return done(cli, "enabled", ask(cli, "PUT", "", rule, error));
}

/* The rule that stands in a file, "-": the standard input; made, or changed where there is one of that name. */
static int put(TbCli *cli, GError **error)
{
        const char *file = cli->args[2];
        g_autoptr(GString) text = g_string_new(NULL);
        FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
        char chunk[4096];
        for (size_t n; in && text->len <= TB_LIMIT_CLI_ANSWER && (n = fread(chunk, 1, sizeof chunk, in)) > 0;)
                g_string_append_len(text, chunk, (gssize)n);
        if (!in || ferror(in)) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", file, g_strerror(errno));
                if (in && in != stdin)
                        fclose(in);
                return TB_CLI_USAGE;
        }
        if (in != stdin)
                fclose(in);
        json_auto_t *rule = tb_json_parse(text->str, text->len, error);
        if (!rule) {
                tb_error_prefix(error, "%s: ", file);
                return TB_CLI_USAGE;
        }
        g_autoptr(GError) why = NULL;
        json_t *answer = ask(cli, "PUT", "", rule, &why);
        if (!answer && g_error_matches(why, TB_ERROR, TB_ERROR_NOT_FOUND)) { /* none of that name yet */
                g_auto(TbCliDevice) d = {0};
                if (!tb_cli_host(cli, cli->args[1], &d, error))
                        return TB_CLI_FAILED;
                g_autofree char *name = g_steal_pointer(&d.id);
                json_object_set_new(rule, "name", json_string(name));
                answer = tb_cli_ask(
                        cli, &(TbCliRequest){.method = "POST", .device = &d, .path = "/rules", .body = rule},
                        NULL, error);
        } else if (!answer) {
                g_propagate_error(error, g_steal_pointer(&why));
        }
        return done(cli, "put", answer);
}

static int show(TbCli *cli, GError **error)
{
        json_auto_t *rule = ask(cli, "GET", "", NULL, error);
        if (!rule)
                return TB_CLI_FAILED;
        tb_cli_print_json(rule);
        return TB_CLI_OK;
}

int tb_cli_run_rules(TbCli *cli, GError **error)
{
        const char *what = cli->n > 0 ? cli->args[0] : "list";
        if (strcmp(what, "list") == 0 && cli->n < 3)
                return list(cli, error);
        if (cli->n == 2 && strcmp(what, "show") == 0)
                return show(cli, error);
        if (cli->n == 2 && strcmp(what, "test") == 0)
                return test(cli, error);
        if (cli->n == 2 && (strcmp(what, "enable") == 0 || strcmp(what, "disable") == 0))
                return enable(cli, what[0] == 'e', error);
        if (cli->n == 2 && strcmp(what, "remove") == 0)
                return done(cli, "removed", ask(cli, "DELETE", "", NULL, error));
        if (cli->n == 3 && strcmp(what, "put") == 0)
                return put(cli, error);
        tb_set_error(
                error, TB_ERROR_INVALID,
                "rules: list, show RULE, test RULE, enable RULE, disable RULE, put RULE FILE or remove RULE");
        return TB_CLI_USAGE;
}
