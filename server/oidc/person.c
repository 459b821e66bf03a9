/* Who somebody is here by what his provider says of him. */
#include <string.h>

#include "lib/limits_oidc.h"
#include "server/oidc/oidc.h"

void tb_oidc_rule_free(gpointer data)
{
        TbOidcRule *rule = data;
        g_free(rule->value);
        g_strfreev(rule->groups);
        g_free(rule);
}

void tb_oidc_options_clear(TbOidcOptions *o)
{
        g_free(o->issuer);
        g_free(o->client_id);
        g_free(o->client_secret);
        g_free(o->name);
        g_free(o->scope);
        g_free(o->ca);
        g_free(o->name_claim);
        g_free(o->groups_claim);
        if (o->rules)
                g_ptr_array_unref(o->rules);
        *o = (TbOidcOptions){NULL};
}

void tb_oidc_person_clear(TbOidcPerson *person)
{
        g_free(person->identity);
        g_free(person->name);
        g_strfreev(person->groups);
        *person = (TbOidcPerson){NULL};
}

/* A text, or a list of them. */
static bool says(const json_t *claim, const char *value)
{
        if (g_strcmp0(json_string_value(claim), value) == 0)
                return true;
        for (gsize i = 0; i < MIN(json_array_size(claim), TB_LIMIT_OIDC_VALUES); i++)
                if (g_strcmp0(json_string_value(json_array_get(claim, i)), value) == 0)
                        return true;
        return false;
}

/* "realm_access.roles": also what is within another. */
static const json_t *claim_of(const json_t *claims, const char *path)
{
        const json_t *at = json_object_get(claims, path);
        g_auto(GStrv) words = at ? NULL : g_strsplit(path, ".", -1);
        if (at)
                return at;
        at = claims;
        for (char **w = words; *w && at; w++)
                at = json_object_get(at, *w);
        return at;
}

static void add(GPtrArray *groups, char **more)
{
        for (; more && *more; more++)
                if (!g_ptr_array_find_with_equal_func(groups, *more, g_str_equal, NULL))
                        g_ptr_array_add(groups, g_strdup(*more));
}

void tb_oidc_person(const TbOidcOptions *options, const json_t *claims, TbOidcPerson *ret)
{
        const json_t *said = claim_of(claims, options->groups_claim);
        GPtrArray *groups = g_ptr_array_new();
        TbRole most = TB_ROLE_NONE;
        for (guint i = 0; i < options->rules->len; i++) {
                const TbOidcRule *rule = g_ptr_array_index(options->rules, i);
                if (!says(said, rule->value))
                        continue;
                most = MAX(most, rule->role);
                add(groups, rule->groups);
        }
        g_ptr_array_add(groups, NULL);
        *ret = (TbOidcPerson){.identity = g_strdup_printf("%s %s", options->issuer,
                                                          json_string_value(json_object_get(claims, "sub"))),
                              .name = g_strdup(json_string_value(claim_of(claims, options->name_claim))),
                              .role = most ? most : options->role,
                              .groups = (char **)g_ptr_array_free(groups, FALSE)};
}
