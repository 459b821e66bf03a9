/* GET, POST /api/groups, DELETE /api/groups/{name}: where their members may do how much. */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/server_limits.h"
#include "server/accounts/people_private.h"

void tb_server_refuse(TbRequest *request, GError **error)
{
        tb_request_reply_error(request, *error);
        g_clear_error(error);
}

char **tb_server_texts_of(const json_t *list, const char *field, bool (*good)(const char *text),
                          const char *rule, GError **error)
{
        g_autoptr(GStrvBuilder) out = g_strv_builder_new();
        gsize i;
        json_t *one;
        json_array_foreach (list, i, one) {
                const char *text = json_string_value(one);
                if (!text || !good(text)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, field, "%s: \"%.80s\" must be %s", field,
                                           text ? text : "that", rule);
                        return NULL;
                }
                g_strv_builder_add(out, text);
        }
        return g_strv_builder_end(out);
}

bool tb_server_is_name(const char *text)
{
        return tb_name_valid(TB_NAME_HOST, text);
}

json_t *tb_server_json_of(char **texts)
{
        json_t *out = json_array();
        for (; *texts; texts++)
                json_array_append_new(out, json_string(*texts));
        return out;
}

static json_t *about_group(TbServer *server, const TbGroup *group)
{
        g_autoptr(GPtrArray) users = tb_accounts_list_users(tb_people_store(server->people));
        json_t *members = json_array();
        for (guint i = 0; i < users->len; i++) {
                const TbUser *user = g_ptr_array_index(users, i);
                if (g_strv_contains((const char *const *)user->groups, group->name))
                        json_array_append_new(members, json_string(user->name));
        }
        return json_pack("{s:s, s:s, s:o, s:o}", "name", group->name, "role", tb_role_name(group->role),
                         "devices", tb_server_json_of(group->devices), "members", members);
}

static void list_groups(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GPtrArray) all = tb_accounts_list_groups(tb_people_store(server->people));
        json_t *out = json_array();
        for (guint i = 0; i < all->len; i++)
                json_array_append_new(out, about_group(server, g_ptr_array_index(all, i)));
        tb_request_reply_tagged(request, out);
}

/* What a group gives. NULL: there is none; it gives nothing. */
static TbGrants *given_by(const TbGroup *group)
{
        TbGrants *grants = tb_grants_new();
        for (char **d = group ? group->devices : NULL; d && *d; d++)
                tb_grants_add(grants, *d, group->role);
        return grants;
}

static void narrow_members(TbServer *server, const char *group, const TbGrants *before)
{
        g_autoptr(TbGrants) now = given_by(tb_accounts_group(tb_people_store(server->people), group));
        g_autoptr(GPtrArray) users = tb_accounts_list_users(tb_people_store(server->people));
        for (guint i = 0; i < users->len; i++) {
                const TbUser *user = g_ptr_array_index(users, i);
                if (g_strv_contains((const char *const *)user->groups, group))
                        tb_server_narrowed(server, user->name);
        }
        /* who says by a signature that he is in it */
        tb_server_group_changed(server, before, now);
        tb_server_rights_changed(server, "");
}

static void put_group(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const json_t *in = tb_request_json(request);
        TbAccounts *store = tb_people_store(server->people);
        const char *name = json_string_value(json_object_get(in, "name"));
        const TbGroup *old = tb_accounts_group(store, name);
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) devices = tb_server_texts_of(json_object_get(in, "devices"), "devices",
                                                   tb_grants_pattern_valid, TB_GRANT_PATTERN_RULE, &error);
        if (!error && !tb_server_is_name(name))
                tb_error_set_field(&error, TB_ERROR_INVALID, "name", "name must be %s",
                                   tb_name_rule(TB_NAME_HOST));
        else if (!error && !old && tb_accounts_groups(store) >= tb_server_limits.groups)
                tb_set_error(&error, TB_ERROR_LIMIT, "there are %u groups, more are not kept",
                             tb_server_limits.groups);
        if (error) {
                tb_server_refuse(request, &error);
                return;
        }
        bool is_new = !old;
        g_autoptr(TbGrants) before = given_by(old);
        TbGroup group = {.name = (char *)name,
                         .devices = devices,
                         .created_ms = old ? old->created_ms : tb_clock_ms()};
        tb_role_parse(json_string_value(json_object_get(in, "role")), &group.role);
        tb_accounts_put_group(store, &group);
        narrow_members(server, name, before);
        tb_log(TB_LOG_INFO, TB_F("user", tb_request_user(request), "request", tb_request_id(request)),
               "group %s is %s", name, is_new ? "new" : "changed");
        tb_server_when_written(request, server, is_new ? 201 : 200,
                               about_group(server, tb_accounts_group(store, name)));
}

static void remove_group(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        const char *name = tb_request_arg(request, "name");
        g_autoptr(TbGrants) before = given_by(tb_accounts_group(tb_people_store(server->people), name));
        g_autoptr(GError) error = NULL;
        if (!tb_accounts_remove_group(tb_people_store(server->people), name)) {
                tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no group \"%s\"", name);
                tb_server_refuse(request, &error);
                return;
        }
        narrow_members(server, name, before); /* they are in it still: it gives them nothing */
        tb_log(TB_LOG_INFO, TB_F("user", tb_request_user(request), "request", tb_request_id(request)),
               "group %s was removed", name);
        tb_server_when_written(request, server, 204, NULL);
}

static const TbParam group_params[] = {
        {.name = "name",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_ID,
         .help = "its name"},
        {.name = "role",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("viewer", "operator"),
         .fallback = "\"operator\"",
         .help = "the most that its members may there"},
        {.name = "devices",
         .type = TB_PARAM_ARRAY,
         .required = true,
         .max = TB_LIMIT_GROUP_DEVICES,
         .help = "[\"HOST/DEVICE\" or \"HOST\", with *]"},
        TB_PARAM_END,
};

const TbRoute tb_server_group_routes[] = {
        TB_ACCOUNT_ROUTE("GET", "/api/groups", list_groups, "Groups: where their members may do how much",
                         "200 application/json"),
        TB_ACCOUNT_ROUTE("POST", "/api/groups", put_group, "Make a group, or change it",
                         "200 application/json; 201 application/json; 400; 429",
                         TB_ACCOUNT_BODY(group_params)),
        TB_ACCOUNT_ROUTE("DELETE", "/api/groups/{name}", remove_group,
                         "Remove a group: its members do not see more by that", "204; 404"),
        {.method = NULL},
};
