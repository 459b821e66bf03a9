/* REST of the rules. Who makes one says what the host does by itself from then on, and where it sends words to: an admin. */
#include <string.h>

#include "host/rules/private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/limits_rules.h"

#define DAY_MS 86400000

static bool sees_all(TbRequest *request)
{
        return tb_request_role(request) >= TB_ROLE_ADMIN;
}

static void reply(TbRequest *request, int status, TbLiveRule *live)
{
        tb_request_reply_json(request, status, tb_live_json(live, sees_all(request)));
}

typedef struct Listing {
        json_t *all;
        bool whole;
} Listing;

static gboolean append(gpointer name G_GNUC_UNUSED, gpointer value, gpointer data)
{
        const Listing *listing = data;
        json_array_append_new(listing->all, tb_live_json(value, listing->whole));
        return FALSE;
}

static void list(TbRequest *request, gpointer data)
{
        TbRules *rules = data;
        Listing listing = {json_array(), sees_all(request)};
        g_tree_foreach(rules->all, append, &listing);
        tb_request_reply_json(request, 200, listing.all);
}

/* NULL: 404 was answered. */
static TbLiveRule *asked_for(TbRequest *request, TbRules *rules)
{
        const char *name = tb_request_arg(request, "name");
        TbLiveRule *live = tb_rules_find(rules, name);
        g_autoptr(GError) error = NULL;
        if (live)
                return live;
        tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no rule \"%.80s\"; GET /host/rules lists them",
                     name);
        tb_request_reply_error(request, error);
        return NULL;
}

static void get(TbRequest *request, gpointer data)
{
        TbLiveRule *live = asked_for(request, data);
        if (live)
                reply(request, 200, live);
}

/* The rule of a body; `name`: of the path, NULL: it says its name itself. */
static TbRule *parse_body(TbRules *rules, TbRequest *request, const char *name, GError **error)
{
        json_auto_t *body = json_deep_copy(tb_request_json(request));
        if (!json_is_object(body)) {
                tb_set_error(error, TB_ERROR_INVALID, "a rule is an object: {name, device, when, then}");
                return NULL;
        }
        json_object_del(body, "state"); /* as GET shows it: what was read can be given back */
        json_object_del(body, "configured");
        const char *said = json_string_value(json_object_get(body, "name"));
        if (name && said && strcmp(name, said) != 0) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "name",
                        "the path says %s, the body %s: a rule that gets another name is a new one", name,
                        said);
                return NULL;
        }
        if (name)
                json_object_set_new(body, "name", json_string(name));
        said = json_string_value(json_object_get(body, "name"));
        const TbLiveRule *before = said ? tb_rules_find(rules, said) : NULL;
        tb_rule_keep_secrets(body, before ? before->rule : NULL);
        TbRule *rule = tb_rule_parse(body, error);
        if (rule && tb_rules_check_verbs(rule, error))
                return rule;
        tb_rule_free(rule);
        return NULL;
}

static bool may_change(const TbLiveRule *live, GError **error)
{
        if (!live->configured)
                return true;
        tb_set_error(error, TB_ERROR_BUSY, "%s stands in the host's configuration: change it there (rules:)",
                     live->rule->name);
        return false;
}

static void put_rule(TbRules *rules, TbRequest *request, TbRule *rule_take, int status)
{
        TbLiveRule *live = tb_rules_put(rules, rule_take, false);
        tb_rules_keep(rules);
        tb_bus_publish(tb_core_bus(rules->core), "rules.changed", NULL, NULL,
                       json_pack("{s:s, s:s}", "rule", live->rule->name, "user", tb_request_user(request)));
        reply(request, status, live);
}

static void post(TbRequest *request, gpointer data)
{
        TbRules *rules = data;
        g_autoptr(GError) error = NULL;
        TbRule *rule = parse_body(rules, request, NULL, &error);
        if (rule && tb_rules_find(rules, rule->name))
                tb_error_set_field(&error, TB_ERROR_BUSY, "name",
                                   "there is a rule %s already: PUT changes it", rule->name);
        else if (rule && g_tree_nnodes(rules->all) >= TB_LIMIT_RULES)
                tb_set_error(&error, TB_ERROR_LIMIT, "a host has %d rules at most: remove one first",
                             TB_LIMIT_RULES);
        if (!error) {
                put_rule(rules, request, rule, 201);
                return;
        }
        tb_rule_free(rule);
        tb_request_reply_error(request, error);
}

static void put(TbRequest *request, gpointer data)
{
        TbRules *rules = data;
        g_autoptr(GError) error = NULL;
        const TbLiveRule *live = asked_for(request, rules);
        if (!live)
                return;
        TbRule *rule = may_change(live, &error) ? parse_body(rules, request, live->rule->name, &error) : NULL;
        if (rule)
                put_rule(rules, request, rule, 200);
        else
                tb_request_reply_error(request, error);
}

static void take_away(TbRequest *request, gpointer data)
{
        TbRules *rules = data;
        g_autoptr(GError) error = NULL;
        const TbLiveRule *live = asked_for(request, rules);
        if (!live)
                return;
        if (!may_change(live, &error)) {
                tb_request_reply_error(request, error);
                return;
        }
        json_t *told = json_pack("{s:s, s:s}", "rule", live->rule->name, "user", tb_request_user(request));
        tb_rules_remove(rules, tb_request_arg(request, "name"));
        tb_rules_keep(rules);
        tb_bus_publish(tb_core_bus(rules->core), "rules.changed", NULL, NULL, told);
        tb_request_reply_empty(request, 204);
}

/* {"from"?, "rule"?}: the rule that is, or one that is being written. */
static void test(TbRequest *request, gpointer data)
{
        TbRules *rules = data;
        g_autoptr(GError) error = NULL;
        const char *name = tb_request_arg(request, "name");
        const json_t *in = tb_request_json(request), *from = json_object_get(in, "from");
        json_t *given = json_object_get(in, "rule");
        const TbLiveRule *live = given ? NULL : asked_for(request, rules);
        if (!given && !live)
                return;
        json_auto_t *spec = json_deep_copy(given ? given : live->rule->source);
        if (given) {
                json_object_set_new(spec, "name", json_string(name));
                json_object_del(spec, "state");
                json_object_del(spec, "configured");
                size_t i;
                json_t *action;
                json_array_foreach (json_object_get(spec, "then"), i, action)
                        json_object_del(action, "secret"); /* nothing is sent */
        }
        TbRule *rule = tb_rule_parse(spec, &error);
        if (rule && g_queue_get_length(&rules->tries) >= TB_LIMIT_RULE_TRIES)
                tb_set_error(&error, TB_ERROR_LIMIT, "%d rules are being tried already", TB_LIMIT_RULE_TRIES);
        if (error) {
                tb_rule_free(rule);
                tb_request_reply_error(request, error);
                return;
        }
        tb_rule_try(rules, rule, from ? json_integer_value(from) : tb_clock_ms() - DAY_MS, request);
}

static const TbParam test_params[] = {
        {.name = "from",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .unit = "ms",
         .help = "since the epoch: from when on; default: a day ago"},
        {.name = "rule", .type = TB_PARAM_OBJECT, .help = "this one instead, as it is being written"},
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/rules",
         .role = TB_ROLE_VIEWER,
         .handler = list,
         .tag = "rules",
         .summary = "The rules, and how each is: its last value, when it fired, why it does not",
         .answers = "200 application/json RuleList"},
        {.method = "POST",
         .path = "/host/rules",
         .role = TB_ROLE_ADMIN,
         .body = TB_BODY_JSON_ANY,
         .handler = post,
         .tag = "rules",
         .summary = "Make a rule {name, device, when, then}; kept over restarts",
         .answers = "201 application/json Rule; 409; 429"},
        {.method = "GET",
         .path = "/host/rules/{name}",
         .role = TB_ROLE_VIEWER,
         .handler = get,
         .tag = "rules",
         .summary = "One rule; secrets are ***",
         .answers = "200 application/json Rule"},
        {.method = "PUT",
         .path = "/host/rules/{name}",
         .role = TB_ROLE_ADMIN,
         .body = TB_BODY_JSON_ANY,
         .handler = put,
         .tag = "rules",
         .summary = "Change a rule; a secret that is *** stays",
         .answers = "200 application/json Rule; 409"},
        {.method = "DELETE",
         .path = "/host/rules/{name}",
         .role = TB_ROLE_ADMIN,
         .handler = take_away,
         .tag = "rules",
         .summary = "Remove a rule",
         .answers = "204; 409"},
        {.method = "POST",
         .path = "/host/rules/{name}/test",
         .role = TB_ROLE_OPERATOR,
         .body = TB_BODY_JSON,
         .json = test_params,
         .handler = test,
         .tag = "rules",
         .summary =
                 "When it would have fired, by what is kept of streams, consoles and events; nothing is done",
         .answers = "200 application/json RuleTest; 429"},
        {.method = NULL},
};

void tb_rules_add_routes(TbRules *rules, TbHttp *http)
{
        tb_http_add_routes(http, routes, rules);
}
