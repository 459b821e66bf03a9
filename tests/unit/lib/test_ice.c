/* ICE servers: credentials, the forms that they take on their way. */
#include "lib/ice.h"

#include <string.h>

static void test_uris(void)
{
        json_t *servers = json_loads(
                "[{\"urls\":[\"stun:a.example:3478\",\"turns:no.example\"]},{\"urls\":\"turn:b.example:3478?"
                "transport=tcp\","
                "\"username\":\"17:p/"
                "2\",\"credential\":\"a+b=@\"},{\"urls\":\"turn:c.example\"},7,{\"urls\":[5,null]}]",
                0, NULL);
        g_auto(GStrv) list = tb_ice_uris(servers);
        g_assert_cmpuint(g_strv_length(list), ==, 2);
        g_assert_cmpstr(list[0], ==, "stun:a.example:3478");
        g_assert_cmpstr(list[1], ==, "turn:17%3Ap%2F2:a%2Bb%3D%40@b.example:3478?transport=tcp");
        json_decref(servers);
        json_t *many = json_array();
        for (int i = 0; i < 20; i++)
                json_array_append_new(many, json_pack("{s:s}", "urls", "stun:x"));
        g_auto(GStrv) bounded = tb_ice_uris(many);
        g_assert_cmpuint(g_strv_length(bounded), ==, 8);
        g_auto(GStrv) none = tb_ice_uris(NULL);
        g_assert_cmpuint(g_strv_length(none), ==, 0);
        json_decref(many);
}

/* The credentials of a moment, and that they are checked as coturn does: expiry first, HMAC-SHA1 of it all.
 */
static void test_credentials(void)
{
        const TbIceConfig config = {.stun = (char *[]){(char *)"stun:a", NULL},
                                    .turn = (char *[]){(char *)"turn:b?transport=tcp", NULL},
                                    .secret = (char *)"north",
                                    .ttl_s = 3600};
        /* python3: base64.b64encode(hmac.new(b"north", b"1700003600:p2", "sha1").digest()) */
        g_autofree char *credential = tb_ice_credential("north", "1700003600:p2");
        g_assert_cmpstr(credential, ==, "XCxmAAJRVo/D681Q1RMWi/1DRMM=");
        json_t *servers = tb_ice_servers(&config, "p2", 1700000000999);
        g_assert_cmpuint(json_array_size(servers), ==, 2);
        json_t *turn = json_array_get(servers, 1);
        g_assert_cmpstr(json_string_value(json_object_get(turn, "username")), ==, "1700003600:p2");
        g_assert_cmpstr(json_string_value(json_object_get(turn, "credential")), ==, credential);
        g_auto(GStrv) links = tb_ice_links(servers);
        g_assert_cmpuint(g_strv_length(links), ==, 2);
        g_assert_cmpstr(links[0], ==, "<stun:a>; rel=\"ice-server\"");
        g_assert_cmpstr(links[1], ==,
                        "<turn:b?transport=tcp>; rel=\"ice-server\"; username=\"1700003600:p2\"; "
                        "credential=\"XCxmAAJRVo/D681Q1RMWi/1DRMM=\"; credential-type=\"password\"");
        json_decref(servers);
}

/* A TURN server that has one user: the same for everybody, and without an end. */
static void test_one_user(void)
{
        char *turn[] = {(char *)"turn:b", NULL};
        TbIceConfig config = {
                .turn = turn, .username = (char *)"lab", .password = (char *)"pass", .ttl_s = 3600};
        json_t *servers = tb_ice_servers(&config, "p2", 1700000000999), *only = json_array_get(servers, 0);

        g_assert_cmpuint(json_array_size(servers), ==, 1);
        g_assert_cmpstr(json_string_value(json_object_get(only, "username")), ==, "lab");
        g_assert_cmpstr(json_string_value(json_object_get(only, "credential")), ==, "pass");
        json_decref(servers);
        g_assert_null(tb_ice_problem(&config));
        config.password = NULL;
        g_assert_false(tb_ice_has_turn(&config));
        g_assert_nonnull(strstr(tb_ice_problem(&config), "one of them is missing"));
        config.secret = (char *)"north";
        g_assert_nonnull(strstr(tb_ice_problem(&config), "one of the two"));
        config.username = NULL;
        g_assert_null(tb_ice_problem(&config));
        config.secret = NULL;
        g_assert_nonnull(strstr(tb_ice_problem(&config), "a secret is needed"));
        config.turn = NULL;
        g_assert_null(tb_ice_problem(&config));
}

/* The user of a link is a name from a configuration: nothing in it leaves its quotes. mediamtx's
 * link_header_test.go has the first. */
static void test_links(void)
{
        json_t *servers = json_pack("[{s:[s], s:s, s:s}]", "urls", "turns:turn.example.com", "username",
                                    "myuser\"a?2;B\\\r\nX-Evil: 1", "credential", "mypwd");
        g_auto(GStrv) links = tb_ice_links(servers);
        g_assert_cmpstr(links[0], ==,
                        "<turns:turn.example.com>; rel=\"ice-server\"; "
                        "username=\"myuser\\\"a?2;B\\\\X-Evil: 1\"; credential=\"mypwd\"; "
                        "credential-type=\"password\"");
        json_decref(servers);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/ice/uris", test_uris);
        g_test_add_func("/ice/credentials", test_credentials);
        g_test_add_func("/ice/one-user", test_one_user);
        g_test_add_func("/ice/links", test_links);
        return g_test_run();
}
