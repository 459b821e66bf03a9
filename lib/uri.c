#include "lib/uri.h"

#include <stdbool.h>
#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"

/* Where the parts stand in the text. */
typedef struct Parts {
        const char *userinfo, *userinfo_end; /* NULL: none */
        const char *host, *host_end;
        const char *path, *path_end;
        const char *query, *query_end; /* without '?'; NULL: none */
} Parts;

static bool fail(GError **error, const char *what)
{
        tb_error_set_field(error, TB_ERROR_INVALID, "uri", "attach URI: %s", what);
        return false;
}

static char *decode(const char *from, const char *to, GError **error)
{
        GString *out = g_string_sized_new((gsize)(to - from));
        for (const char *p = from; p < to; p++) {
                int c = (guchar)*p;
                if (c == '%') {
                        int hi = to - p > 2 ? g_ascii_xdigit_value(p[1]) : -1;
                        int lo = to - p > 2 ? g_ascii_xdigit_value(p[2]) : -1;
                        c = hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
                        if (c <= 0) {
                                g_string_free(out, TRUE);
                                fail(error,
                                     c == 0 ? "%00 is not allowed"
                                            : "% must be followed by two hex digits (% itself is %25)");
                                return NULL;
                        }
                        p += 2;
                }
                g_string_append_c(out, (char)c);
        }
        if (!g_utf8_validate(out->str, (gssize)out->len, NULL)) {
                g_string_free(out, TRUE);
                fail(error, "it is not UTF-8");
                return NULL;
        }
        return g_string_free(out, FALSE);
}

static const char *find(const char *from, const char *to, char c)
{
        return from < to ? memchr(from, c, (gsize)(to - from)) : NULL;
}

/* `text` has "://". */
static Parts split(const char *text)
{
        Parts parts = {0};
        const char *start = strstr(text, "://") + 3;
        const char *end = start + strlen(start);
        const char *query = find(start, end, '?');
        parts.path_end = query ? query : end;
        if (query) {
                parts.query = query + 1;
                parts.query_end = end;
        }
        const char *slash = find(start, parts.path_end, '/');
        parts.path = slash ? slash : parts.path_end;
        for (const char *p = start; p < parts.path; p++) /* the last @: a password may hold one */
                if (*p == '@') {
                        parts.userinfo = start;
                        parts.userinfo_end = p;
                }
        parts.host = parts.userinfo ? parts.userinfo_end + 1 : start;
        parts.host_end = parts.path;
        return parts;
}

static bool parse_port(const char *from, const char *to, int *ret)
{
        int port = 0;
        if (from == to || to - from > 5)
                return false;
        for (; from < to; from++) {
                if (!g_ascii_isdigit(*from))
                        return false;
                port = port * 10 + (*from - '0');
        }
        *ret = port;
        return port <= 65535;
}

static bool parse_host(TbUri *uri, const char *from, const char *to, GError **error)
{
        const char *port = NULL;
        if (from < to && *from == '[') {
                const char *close = find(from, to, ']');
                if (!close || close == from + 1)
                        return fail(error, "an IPv6 address needs its closing ]");
                if (close + 1 < to && close[1] != ':')
                        return fail(error, "after ] only :port may follow");
                port = close + 1 < to ? close + 2 : NULL;
                from++;
                to = close;
                uri->host = decode(from, to, error);
                if (!uri->host)
                        return false;
                return !port || parse_port(port, port + strcspn(port, "/?"), &uri->port) ||
                       fail(error, "the port must be 0 to 65535");
        }
        const char *colon = find(from, to, ':');
        if (colon && find(colon + 1, to, ':'))
                return fail(
                        error,
                        "an IPv6 address goes in brackets, as in tcp://[::1]:4000; a MAC has dashes, as in "
                        "wol://aa-bb-cc-dd-ee-ff");
        if (colon && !parse_port(colon + 1, to, &uri->port))
                return fail(error, "the port must be 0 to 65535");
        uri->host = decode(from, colon ? colon : to, error);
        return uri->host != NULL;
}

static bool parse_user(TbUri *uri, const Parts *parts, GError **error)
{
        if (!parts->userinfo)
                return true;
        const char *colon = find(parts->userinfo, parts->userinfo_end, ':');
        uri->user = decode(parts->userinfo, colon ? colon : parts->userinfo_end, error);
        if (!uri->user)
                return false;
        if (colon)
                uri->password = decode(colon + 1, parts->userinfo_end, error);
        return !colon || uri->password;
}

static bool parse_query(TbUri *uri, const char *from, const char *to, GError **error)
{
        while (from < to) {
                const char *end = find(from, to, '&');
                end = end ? end : to;
                const char *equals = find(from, end, '=');
                g_autofree char *key = decode(from, equals ? equals : end, error);
                g_autofree char *value = key ? decode(equals ? equals + 1 : end, end, error) : NULL;
                if (!value)
                        return false;
                if (*key == '\0')
                        return fail(error, "a parameter in the query has no name");
                if (json_object_get(uri->query, key)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, key,
                                           "attach URI: the parameter %s is given twice", key);
                        return false;
                }
                json_object_set_new(uri->query, key, json_string(value));
                from = end < to ? end + 1 : to;
        }
        return true;
}

static bool check_text(const char *text, GError **error)
{
        if (strlen(text) > TB_LIMIT_URI) {
                tb_error_set_field(error, TB_ERROR_TOO_LARGE, "uri", "attach URI: longer than %d bytes",
                                   TB_LIMIT_URI);
                return false;
        }
        for (const char *p = text; *p; p++) {
                if ((guchar)*p <= ' ' || *p == 0x7f)
                        return fail(error, "spaces and control characters must be percent-encoded");
                if (*p == '#')
                        return fail(error, "# must be written as %23");
        }
        const char *colon = strstr(text, "://");
        if (!colon || colon == text || !g_ascii_isalpha(*text))
                return fail(error, "it must begin with a driver's name and ://, as in serial:///dev/ttyUSB0");
        for (const char *p = text; p < colon; p++)
                if (!g_ascii_isalnum(*p) && !strchr("+.-", *p))
                        return fail(error, "the part before :// may only hold letters, digits, +, . and -");
        return true;
}

TbUri *tb_uri_parse(const char *text, GError **error)
{
        if (!check_text(text, error))
                return NULL;
        g_autoptr(TbUri) uri = g_new0(TbUri, 1);
        uri->port = -1;
        uri->query = json_object();
        uri->raw = g_strdup(text);
        uri->shown = tb_uri_shown(text);
        uri->shown[strcspn(uri->shown, "?")] = '\0';
        uri->scheme = g_ascii_strdown(text, strstr(text, "://") - text);

        Parts parts = split(text);
        if (!parse_user(uri, &parts, error) || !parse_host(uri, parts.host, parts.host_end, error))
                return NULL;
        uri->path = decode(parts.path, parts.path_end, error);
        if (!uri->path || (parts.query && !parse_query(uri, parts.query, parts.query_end, error)))
                return NULL;
        return g_steal_pointer(&uri);
}

void tb_uri_free(TbUri *uri)
{
        if (!uri)
                return;
        g_free(uri->scheme);
        g_free(uri->user);
        g_free(uri->password);
        g_free(uri->host);
        g_free(uri->path);
        json_decref(uri->query);
        g_free(uri->shown);
        g_free(uri->raw);
        g_free(uri);
}

char *tb_uri_shown(const char *url)
{
        if (!strstr(url, "://")) {
                g_autofree char *text = g_strndup(url, strcspn(url, "?"));
                const char *at = strrchr(text, '@'); /* what stands before it may be a password */
                return at ? g_strconcat("***", at, NULL) : g_steal_pointer(&text);
        }
        Parts parts = split(url);
        const char *from = parts.userinfo ? parts.userinfo_end : parts.host;
        GString *out = g_string_new_len(url, strstr(url, "://") + 3 - url);
        if (parts.userinfo)
                g_string_append(out, "***");
        g_string_append_len(out, from, parts.path_end - from);
        if (parts.query)
                g_string_append(out, "?***");
        return g_string_free(out, FALSE);
}

char *tb_uri_redacted(const TbUri *uri, const char *const *secrets)
{
        Parts parts = split(uri->raw);
        GString *out = g_string_new(NULL);
        const char *colon = parts.userinfo ? find(parts.userinfo, parts.userinfo_end, ':') : NULL;
        if (colon) {
                g_string_append_len(out, uri->raw, colon + 1 - uri->raw);
                g_string_append(out, "***");
                g_string_append_len(out, parts.userinfo_end, parts.path_end - parts.userinfo_end);
        } else {
                g_string_append_len(out, uri->raw, parts.path_end - uri->raw);
        }
        for (const char *p = parts.query; p && p < parts.query_end;) {
                const char *end = find(p, parts.query_end, '&');
                end = end ? end : parts.query_end;
                const char *equals = find(p, end, '=');
                g_autofree char *key = decode(p, equals ? equals : end, NULL);
                g_string_append_c(out, p == parts.query ? '?' : '&');
                if (equals && secrets && g_strv_contains(secrets, key))
                        g_string_append_printf(out, "%.*s=***", (int)(equals - p), p);
                else
                        g_string_append_len(out, p, end - p);
                p = end + 1;
        }
        return g_string_free(out, FALSE);
}
