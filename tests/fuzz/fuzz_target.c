/* Request targets, Host and Origin: whatever comes, no pattern may be fooled and no decoded text may be
 * unprintable. */
#include <stdint.h>
#include <string.h>

#include "lib/http/guard.h"
#include "lib/http/route.h"
#include "lib/http/ws_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const patterns[] = {"/", "/host/devices/{id}",
                                       "/host/devices/{id}/{interface}/whep/{peer}",
                                       "/api/hosts/{host}/host/{path...}"};

static void check_path(const char *target)
{
        TbPath pattern, path;
        if (!tb_path_split(target, &path))
                return;
        for (gsize i = 0; i < G_N_ELEMENTS(patterns); i++) {
                g_assert(tb_path_compile(patterns[i], &pattern));
                if (!tb_path_match(&pattern, &path))
                        continue;
                for (guint j = 0; j < pattern.n; j++) {
                        if (!pattern.segments[j].is_param)
                                continue;
                        g_autofree char *name = g_strndup(pattern.segments[j].text, pattern.segments[j].size);
                        gsize n;
                        const char *raw = tb_path_arg(&pattern, &path, name, &n);
                        g_assert(raw >= target && raw + n <= target + strlen(target));
                        bool rest = pattern.tail && j + 1 == pattern.n;
                        g_assert(rest || (n > 0 && !memchr(raw, '/', n)));
                        g_autofree char *value = tb_percent_decode(raw, n, false);
                        g_assert(!value || (g_utf8_validate(value, -1, NULL) && strlen(value) <= n));
                }
        }
}

static void check_query(const char *query)
{
        g_autoptr(GError) error = NULL;
        json_t *out = tb_query_parse(query, &error);
        g_assert((out == NULL) == (error != NULL));
        g_assert(!json_object_get(out, "access_token"));
        json_decref(out);
        g_free(tb_query_value(query, "access_token"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const origins[] = {"https://front.example", NULL};
        TbGuard guard = {.loopback = true, .address = "127.0.0.1", .origins = origins};
        g_autofree char *text = g_strndup((const char *)data, size);
        char name[256];
        check_path(text);
        check_query(text);
        bool host = tb_guard_host(&guard, text, "127.0.0.1");
        g_assert(!host || tb_host_split(text, name, sizeof name));
        g_assert(!host || g_str_has_suffix(name, "localhost") || g_str_has_prefix(name, "127.") ||
                 g_str_equal(name, "::1"));
        if (tb_guard_unsafe(&guard, text, NULL, "localhost:6109"))
                g_assert(g_str_equal(text, origins[0]) || g_str_has_suffix(text, "//localhost:6109") ||
                         g_ascii_strcasecmp(strrchr(text, '/') + 1, "localhost:6109") == 0 ||
                         g_ascii_strcasecmp(text, origins[0]) == 0);
        char reason[124];
        g_assert(tb_ws_close_reason(text, reason) <= 123 && g_utf8_validate(reason, -1, NULL));
        g_free(tb_ws_accept(text));
        tb_header_has_token(text, "upgrade");
        return 0;
}
