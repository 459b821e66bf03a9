/* redis://user:password@host:port/number */
#include <string.h>

#include "lib/error.h"
#include "server/cluster/redis_private.h"

#define PORT 6379
#define NUMBER_MOST 999999

void tb_redis_url_clear(TbRedisUrl *url)
{
        g_free(url->host);
        g_free(url->user);
        g_free(url->password);
        g_free(url->number);
        *url = (TbRedisUrl){0};
}

static bool is_number(const char *text)
{
        gint64 n = -1;
        return g_ascii_string_to_signed(text, 10, 0, NUMBER_MOST, &n, NULL);
}

bool tb_redis_url_parse(const char *text, TbRedisUrl *ret, GError **error)
{
        g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_HAS_PASSWORD, NULL);
        const char *scheme = uri ? g_uri_get_scheme(uri) : "", *host = uri ? g_uri_get_host(uri) : NULL,
                   *path = uri ? g_uri_get_path(uri) : "";
        if (strcmp(scheme, "rediss") == 0) {
                tb_set_error(
                        error, TB_ERROR_INVALID,
                        "rediss:// is not spoken: Redis belongs into the servers' own network, or behind "
                        "stunnel; redis://host:port/number is expected");
                return false;
        }
        if (strcmp(scheme, "redis") != 0 || !host || !*host || g_uri_get_query(uri) ||
            g_uri_get_port(uri) == 0 || (path[0] && path[1] && !is_number(path + 1))) {
                tb_set_error(error, TB_ERROR_INVALID,
                             "an address like redis://user:password@host:6379/0 is expected");
                return false;
        }
        const char *user = g_uri_get_user(uri), *password = g_uri_get_password(uri);
        ret->host = g_strdup(host);
        ret->port = g_uri_get_port(uri) > 0 ? (guint16)g_uri_get_port(uri) : PORT;
        ret->user = user && *user ? g_strdup(user) : NULL;
        ret->password = password && *password ? g_strdup(password) : NULL;
        ret->number = path[0] && path[1] ? g_strdup(path + 1) : NULL;
        return true;
}

bool tb_redis_url_check(const char *url, GError **error)
{
        TbRedisUrl parsed = {0};
        bool ok = tb_redis_url_parse(url, &parsed, error);
        tb_redis_url_clear(&parsed);
        return ok;
}
