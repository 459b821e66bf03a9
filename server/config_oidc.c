#include "server/config_oidc.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/limits_oidc.h"
#include "lib/name.h"
#include "lib/net.h"

#define ADDRESS 2048 /* bytes of one */

#define ROLE(help_)                                                                                          \
        {                                                                                                    \
                .name = "role", .type = TB_PARAM_ENUM, .choices = TB_CHOICES("viewer", "operator", "admin"), \
                .help = help_                                                                                \
        }

static const TbParam params[] = {
        {.name = "issuer",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = ADDRESS,
         .help = "https://…, as the provider says it of itself, letter for letter"},
        {.name = "client_id",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 256,
         .help = "what this server is called there"},
        {.name = "client_secret",
         .type = TB_PARAM_SECRET,
         .min = 1,
         .max = 1024,
         .help = "without one it is a public client (PKCE)"},
        {.name = "name",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = TB_LIMIT_LABEL,
         .help = "what people call it, on the button; default: the issuer's host"},
        {.name = "scope",
         .type = TB_PARAM_STRING,
         .min = 6,
         .max = 256,
         .fallback = "\"openid profile\"",
         .help = "what is asked for; groups may need a word of the provider's here"},
        {.name = "name_claim",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 128,
         .fallback = "\"preferred_username\"",
         .help = "what a new account is called"},
        {.name = "groups_claim",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 128,
         .fallback = "\"groups\"",
         .help = "what `map` is about; a dot leads into it: realm_access.roles"},
        ROLE("of whom `map` gives none; without it he is not let in"),
        {.name = "map",
         .type = TB_PARAM_ARRAY,
         .max = TB_LIMIT_OIDC_RULES,
         .fallback = "[]",
         .help = "[{value, role?, groups?}]: what a group there is here"},
        {.name = "ca",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 4096,
         .help = "PEM file with who signs its certificate; default: whom the system trusts"},
        TB_PARAM_END,
};

static const TbParam rule_params[] = {
        {.name = "value",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = 256,
         .help = "a group there"},
        ROLE("the most that its members may here"),
        {.name = "groups",
         .type = TB_PARAM_ARRAY,
         .max = TB_LIMIT_USER_GROUPS,
         .fallback = "[]",
         .help = "groups here that they are in"},
        TB_PARAM_END,
};

static TbRole role_of(const json_t *section)
{
        TbRole role = TB_ROLE_NONE;
        const char *text = json_string_value(json_object_get(section, "role"));
        if (text)
                tb_role_parse(text, &role);
        return role;
}

static void read_rules(TbOidcOptions *o, TbConfigReader *r, const json_t *list)
{
        for (gsize i = 0; i < json_array_size(list); i++) {
                g_autofree char *path = g_strdup_printf("oidc.map[%zu]", i),
                                *within = g_strconcat(path, ".groups", NULL);
                json_t *node = json_array_get(list, i);
                json_auto_t *section = tb_config_section(r, rule_params, node, path);
                TbOidcRule *rule = g_new0(TbOidcRule, 1);
                rule->value = tb_config_string(section, "value");
                rule->role = role_of(section);
                rule->groups = tb_config_strings(r, json_object_get(section, "groups"), within);
                for (char **g = rule->groups; *g; g++)
                        if (!tb_name_valid(TB_NAME_HOST, *g))
                                tb_config_problem(r, node, "groups", within, "a group's name has %s",
                                                  tb_name_rule(TB_NAME_HOST));
                if (rule->value)
                        g_ptr_array_add(o->rules, rule);
                else
                        tb_oidc_rule_free(rule); /* it was said what is wrong */
        }
}

/* `section` NULL: of the environment. */
static void blame(TbConfigReader *r, const json_t *section, const char *field, const char *env,
                  const char *words)
{
        g_autofree char *path = g_strconcat("oidc.", field, NULL);
        if (section)
                tb_config_problem(r, section, field, path, "%s", words);
        else
                tb_config_env_problem(r, env, "%s", words);
}

/* Whoever is between would say who everybody is. */
static bool is_issuer(const char *text)
{
        g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
        const char *host = uri ? g_uri_get_host(uri) : NULL;
        if (!host || !*host || g_uri_get_userinfo(uri) || g_uri_get_query(uri) || g_uri_get_fragment(uri))
                return false;
        return strcmp(g_uri_get_scheme(uri), "https") == 0 ||
               (strcmp(g_uri_get_scheme(uri), "http") == 0 &&
                (strcmp(host, "localhost") == 0 || tb_address_is_loopback(host)));
}

static void check(TbOidcOptions *o, TbConfigReader *r, const json_t *section)
{
        if (o->issuer && !is_issuer(o->issuer))
                blame(r, section, "issuer", "OIDC_ISSUER",
                      "an https:// address is expected (http:// on this machine alone), without ? and #");
        if (!o->issuer != !o->client_id)
                blame(r, section, o->issuer ? "client_id" : "issuer",
                      o->issuer ? "OIDC_CLIENT_ID" : "OIDC_ISSUER", "issuer and client_id are needed, both");
        if (o->issuer && o->role == TB_ROLE_NONE && o->rules->len == 0)
                blame(r, section, "role", "OIDC_ROLE",
                      "nobody would be let in: `role` says what everybody is who comes from there, `map` "
                      "what "
                      "members of its groups are");
        g_auto(GStrv) words = g_strsplit(o->scope, " ", -1);
        if (!g_strv_contains((const char *const *)words, "openid"))
                blame(r, section, "scope", "OIDC_SCOPE", "\"openid\" must be among its words");
        if (o->issuer && !o->name) {
                g_autoptr(GUri) uri = g_uri_parse(o->issuer, G_URI_FLAGS_NONE, NULL);
                o->name = g_strdup(uri ? g_uri_get_host(uri) : o->issuer);
        }
}

void tb_config_oidc_read(TbOidcOptions *o, TbConfigReader *r, const json_t *top)
{
        json_t *node = json_object_get(top, "oidc");
        json_auto_t *section = tb_config_section(r, params, node, "oidc");
        g_autofree char *ca = tb_config_string(section, "ca");
        o->issuer = tb_config_string(section, "issuer");
        o->client_id = tb_config_string(section, "client_id");
        o->client_secret = tb_config_string(section, "client_secret");
        o->name = tb_config_string(section, "name");
        o->scope = tb_config_string(section, "scope");
        o->name_claim = tb_config_string(section, "name_claim");
        o->groups_claim = tb_config_string(section, "groups_claim");
        o->ca = tb_config_path(r, ca);
        o->role = role_of(section);
        o->rules = g_ptr_array_new_with_free_func(tb_oidc_rule_free);
        read_rules(o, r, json_object_get(section, "map"));
        tb_config_ca(r, node, "oidc.ca", o->ca);
        if (json_object_size(node) > 0 && !tb_config_env("OIDC_ISSUER") && !tb_config_env("OIDC_CLIENT_ID"))
                check(o, r, node);
}

void tb_config_oidc_environment(TbOidcOptions *o, TbConfigReader *r)
{
        const char *role = tb_config_env("OIDC_ROLE");
        tb_config_env_string(&o->issuer, "OIDC_ISSUER");
        tb_config_env_string(&o->client_id, "OIDC_CLIENT_ID");
        tb_config_env_string(&o->client_secret, "OIDC_CLIENT_SECRET");
        if (role && !tb_role_parse(role, &o->role))
                tb_config_env_problem(r, "OIDC_ROLE", "viewer, operator or admin is expected");
        if (tb_config_env("OIDC_ISSUER") || tb_config_env("OIDC_CLIENT_ID"))
                check(o, r, NULL);
}
