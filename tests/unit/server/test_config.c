/* What the server takes from the environment of a platform that runs containers; limits that are settings. */
#include "server/config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits_oidc.h"

static void test_platform(void)
{
        g_autoptr(GError) error = NULL;
        g_setenv("PORT", "10000", TRUE);
        g_setenv("RENDER_EXTERNAL_URL", "https://pair.example.org/", TRUE);
        g_setenv("TESTBED_TOKEN", "0123456789abcdef", TRUE);
        g_autoptr(TbServerConfig) given = tb_server_config_load("/dev/null", "/nowhere", false, &error);
        g_assert_no_error(error);
        g_assert_cmpint(given->port, ==, 10000);
        g_assert_cmpstr(given->url, ==, "https://pair.example.org");
        g_assert_cmpstr(given->names[0], ==, "pair.example.org"); /* else it would answer 421 */
        g_setenv("SERVER_URL", "https://named.example.org", TRUE);
        g_autoptr(TbServerConfig) named = tb_server_config_load("/dev/null", "/nowhere", false, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(named->url, ==, "https://named.example.org");
        g_setenv("PORT", "65536", TRUE);
        g_assert_null(tb_server_config_load("/dev/null", "/nowhere", false, &error));
        g_assert_nonnull(strstr(error->message, "PORT: a port number is expected, got \"65536\""));
}

static TbServerConfig *load(const char *yaml, GError **error);

/* Where clips lie: keys come from files or the environment, and what is missing is said. */
static void test_blob(void)
{
        static const struct {
                const char *yaml, *says;
        } wrong[] = {
                {"blob: {s3: {bucket: clips}}", "its keys are needed: AWS_ACCESS_KEY_ID"},
                {"blob: {s3: {region: here}}", "its bucket is not named"},
                {"blob: {s3: {bucket: clips, key_file: /nowhere/at/all}}", "/nowhere/at/all cannot be read"},
                {"blob: {s3: {bucket: clips, secret_key: x}}", "secret_key"},
                {"blob: {azure: {container: clips}}", "its account and its container are needed"},
                {"blob: {azure: {account: a, container: clips}}", "its key is needed, in base64"},
                {"blob: {folder: /tmp/x, s3: {bucket: clips}}", "clips lie in one place"},
                {"blob: {s3: {bucket: clips, url: \"http://me:pw@host\"}}", "without a user"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;
                g_assert_null(load(wrong[i].yaml, &error));
                g_assert_nonnull(strstr(error->message, wrong[i].says));
        }
        g_autoptr(GError) error = NULL;
        g_autofree char *file = NULL;
        int fd = g_file_open_tmp("tb-key-XXXXXX", &file, NULL);
        g_assert_true(g_file_set_contents(file, "ACCESS:secret/of+it=\n", -1, NULL));
        g_autofree char *yaml = g_strdup_printf(
                "blob: {grant_s: 60, s3: {bucket: clips, url: \"https://s3.example\", key_file: %s}}", file);
        g_autoptr(TbServerConfig) s3 = load(yaml, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(s3->events.blob.access_key, ==, "ACCESS");
        g_assert_cmpstr(s3->events.blob.secret_key, ==, "secret/of+it=");
        g_assert_cmpstr(s3->events.blob.region, ==, "us-east-1");
        g_assert_true(s3->events.blob.path_style && s3->events.blob.direct);
        g_assert_cmpuint(s3->events.blob.grant_s, ==, 60);
        g_unlink(file);
        close(fd);
}

static TbServerConfig *load(const char *yaml, GError **error)
{
        g_autofree char *file = NULL;
        int fd = g_file_open_tmp("tb-config-XXXXXX.yaml", &file, NULL);
        g_assert_true(g_file_set_contents(file, yaml, -1, NULL));
        TbServerConfig *config = tb_server_config_load(file, "/nowhere", false, error);
        g_unlink(file);
        close(fd);
        return config;
}

/* A provider that says who people are: what has to be said of it, and that of its groups (TB_LIMIT_OIDC_RULES). */
static void test_oidc(void)
{
        static const struct {
                const char *yaml, *says; /* says NULL: fine */
        } table[] = {
                {"oidc: {issuer: \"https://id.example\", client_id: bench, role: viewer}", NULL},
                {"oidc: {issuer: \"http://[::1]:8080/realm\", client_id: bench, map: [{value: x, role: "
                 "admin}]}",
                 NULL},
                {"oidc: {issuer: \"https://id.example\", client_id: bench}",
                 "oidc.role: nobody would be let in"},
                {"oidc: {issuer: \"https://id.example\", role: viewer}",
                 "oidc.client_id: issuer and client_id"},
                {"oidc: {client_id: bench, role: viewer}", "oidc.issuer: issuer and client_id"},
                {"oidc: {issuer: \"http://id.example\", client_id: bench, role: viewer}",
                 "oidc.issuer: an https"},
                {"oidc: {issuer: \"https://me:pw@id.example\", client_id: b, role: viewer}",
                 "oidc.issuer: an https"},
                {"oidc: {issuer: \"https://id.example?x\", client_id: b, role: viewer}",
                 "oidc.issuer: an https"},
                {"oidc: {issuer: \"https://id.example\", client_id: b, role: boss}", "oidc.role"},
                {"oidc: {issuer: \"https://id.example\", client_id: b, role: viewer, scope: \"profile\"}",
                 "openid"},
                {"oidc: {issuer: \"https://id.example\", client_id: b, map: [{role: admin}]}", "value"},
                {"oidc: {issuer: \"https://id.example\", client_id: b, map: [{value: x, groups: [\"a b\"]}]}",
                 "a group's name has"},
                {"oidc: {issuer: \"https://id.example\", client_id: b, role: viewer, ca: /nowhere}",
                 "oidc.ca"},
        };
        for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(TbServerConfig) config = load(table[i].yaml, &error);
                g_assert_true((config != NULL) == (table[i].says == NULL));
                if (config)
                        g_assert_false(tb_auth_is_open(config->auth));
                else if (!strstr(error->message, table[i].says))
                        g_error("%s is not in: %s", table[i].says, error->message);
        }
        for (guint more = 0; more < 2; more++) {
                g_autoptr(GString) yaml =
                        g_string_new("oidc: {issuer: \"https://id.example\", client_id: b, map: [");
                for (guint i = 0; i < TB_LIMIT_OIDC_RULES + more; i++)
                        g_string_append_printf(yaml, "%s{value: g%u, role: viewer}", i ? ", " : "", i);
                g_string_append(yaml, "]}");
                g_autoptr(TbServerConfig) config = load(yaml->str, NULL);
                g_assert_true((config == NULL) == (more > 0));
                g_assert_true(more || config->oidc.rules->len == TB_LIMIT_OIDC_RULES);
        }
        g_setenv("OIDC_ISSUER", "https://env.example", TRUE);
        g_setenv("OIDC_CLIENT_ID", "bench", TRUE);
        g_setenv("OIDC_CLIENT_SECRET", "a secret", TRUE);
        g_autoptr(GError) error = NULL;
        g_assert_null(load("{}", &error));
        g_assert_nonnull(strstr(error->message, "OIDC_ROLE: nobody would be let in"));
        g_setenv("OIDC_ROLE", "operator", TRUE);
        g_autoptr(TbServerConfig) given = load("{}", NULL);
        g_assert_cmpstr(given->oidc.issuer, ==, "https://env.example");
        g_assert_cmpstr(given->oidc.client_secret, ==, "a secret");
        g_assert_cmpstr(given->oidc.name, ==, "env.example");
        g_assert_cmpint(given->oidc.role, ==, TB_ROLE_OPERATOR);
        for (const char *const *name = (const char *const[]){"OIDC_ISSUER", "OIDC_CLIENT_ID",
                                                             "OIDC_CLIENT_SECRET", "OIDC_ROLE", NULL};
             *name; name++)
                g_unsetenv(*name);
}

/* Each limit is a setting: its value of lib/limits.h unless it is said, from its least to its most; the manual names it with that
 * value. */
static void test_limits(void)
{
        static const struct {
                const char *name;
                gsize at;
                guint usual, least, most;
        } limits[] = {
#define TB_SERVER_LIMIT(field, macro, least, most, about)                                                    \
        {#field, offsetof(TbServerLimits, field), TB_LIMIT_##macro, least, most},
                TB_SERVER_LIMITS(TB_SERVER_LIMIT)
#undef TB_SERVER_LIMIT
        };
        g_autofree char *man = NULL;
        g_assert_true(g_file_get_contents("docs/man/testbed-server.1", &man, NULL, NULL));
        g_autoptr(TbServerConfig) usual = load("port: 0\n", NULL);
        for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
                g_autofree char *row = g_strdup_printf("\\fB%s\\fR (%u) ", limits[i].name, limits[i].usual);
                g_assert_nonnull(strstr(man, row));
                g_assert_cmpuint(G_STRUCT_MEMBER(guint, &usual->limits, limits[i].at), ==, limits[i].usual);
                g_assert_cmpuint(G_STRUCT_MEMBER(guint, &tb_server_limits, limits[i].at), ==,
                                 limits[i].usual);
                g_assert_cmpuint(limits[i].usual, >=, limits[i].least);
                g_assert_cmpuint(limits[i].usual, <=, limits[i].most);
                for (gint64 at = 0; at < 2; at++) {
                        gint64 good = at ? limits[i].most : limits[i].least, bad = at ? good + 1 : good - 1;
                        g_autoptr(GError) error = NULL;
                        g_autofree char *fine = g_strdup_printf("limits: {%s: %" G_GINT64_FORMAT "}\n",
                                                                limits[i].name, good),
                                        *beyond = g_strdup_printf("limits: {%s: %" G_GINT64_FORMAT "}\n",
                                                                  limits[i].name, bad);
                        g_autoptr(TbServerConfig) set = load(fine, &error);
                        g_assert_no_error(error);
                        g_assert_cmpuint(G_STRUCT_MEMBER(guint, &set->limits, limits[i].at), ==, good);
                        g_assert_null(load(beyond, &error));
                        g_assert_nonnull(strstr(error->message, limits[i].name));
                }
        }
}

static void test_redis(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TbServerConfig) good = load("redis: {url: \"redis://:secret@h:1/2\"}\n", &error);
        g_assert_no_error(error);
        g_assert_cmpstr(good->redis, ==, "redis://:secret@h:1/2");
        g_assert_null(load("redis: {url: \"rediss://:secret@h\"}\n", &error));
        g_assert_nonnull(strstr(error->message, "redis.url (REDIS_URL): rediss:// is not spoken"));
        g_assert_null(strstr(error->message, "secret"));
        g_autoptr(TbServerConfig) there = load("cluster: {listen: \"10.0.0.5:5110\"}\n", NULL);
        g_assert_cmpstr(there->cluster_address, ==, "10.0.0.5");
        g_assert_cmpint(there->cluster_port, ==, 5110);
        g_clear_error(&error);
        g_assert_null(load("cluster: {listen: \"0.0.0.0:5110\"}\n", &error)); /* nobody finds that */
        g_assert_nonnull(strstr(error->message, "cluster.listen (CLUSTER_LISTEN): the numeric address"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/server-config/blob", test_blob);
        g_test_add_func("/server-config/redis", test_redis);
        g_test_add_func("/server-config/oidc", test_oidc);
        g_test_add_func("/server-config/limits", test_limits); /* before the environment says what is wrong */
        g_test_add_func("/server-config/platform", test_platform);
        return g_test_run();
}
