/* Heads of carried requests and answers: which headers pass, and what stands beside them. */
#include "server/pairing/carry_head.h"

#include <string.h>

#include "lib/error.h"
#include "lib/http/ws.h"
#include "lib/json.h"

/* Where the host's "/" is for the client, with what a proxy before us put in front: for Location. */
static char *prefix_of(TbRequest *request, const char *name)
{
        const char *base = tb_request_base_url(request), *path = strchr(strstr(base, "://") + 3, '/');
        return g_strconcat(path ? path : "", "/api/hosts/", name, NULL);
}

/* NULL: one of them is no text. */
static json_t *headers_of(TbRequest *request, const char *name, GError **error)
{
        static const char *const passed[] = {"Accept",        "Content-Type", "X-Lease", "Last-Event-ID",
                                             "If-None-Match", "If-Match",     "Range"};
        json_t *out = json_object();
        for (gsize i = 0; i < G_N_ELEMENTS(passed); i++) {
                const char *value = tb_request_header(request, passed[i]);
                if (value && json_object_set_new(out, passed[i], json_string(value)) != 0) {
                        tb_set_error(error, TB_ERROR_INVALID, "the header %s is not UTF-8", passed[i]);
                        json_decref(out);
                        return NULL;
                }
        }
        g_autofree char *prefix = prefix_of(request, name);
        json_object_set_new(out, "X-Request-Id", json_string(tb_request_id(request)));
        json_object_set_new(out, "X-Forwarded-Prefix", json_string(prefix));
        return out;
}

/* What the client offers, but for his token: that is for this server alone. The caller frees. */
static char *offers_of(TbRequest *request)
{
        const char *offers = tb_request_header(request, "Sec-WebSocket-Protocol");
        g_auto(GStrv) all = g_strsplit(offers ? offers : "", ",", -1);
        GString *kept = g_string_new(NULL);
        for (char **one = all; *one; one++) {
                const char *name = g_strstrip(*one);
                if (*name && !g_str_has_prefix(name, TB_WS_BEARER))
                        g_string_append_printf(kept, "%s%s", kept->len > 0 ? ", " : "", name);
        }
        return g_string_free(kept, FALSE);
}

char *tb_carry_head(TbRequest *request, const char *host, const char *path, const TbCarryAs *as,
                    bool websocket, gsize *ret_size, GError **error)
{
        json_t *headers = headers_of(request, host, error);
        if (!headers)
                return NULL;
        json_auto_t *head =
                json_pack("{s:s, s:s, s:o, s:s, s:s}", "method", tb_request_method(request), "path", path,
                          "headers", headers, "role", tb_role_name(as->role), "user", as->user);
        if (as->session) /* his name is that of who made the link */
                json_object_set_new(headers, "X-By-Link", json_string("1"));
        if (tb_request_content_length(request) >= 0)
                json_object_set_new(head, "length", json_integer(tb_request_content_length(request)));
        if (websocket) {
                g_autofree char *offers = offers_of(request);
                json_object_set_new(head, "websocket", json_string(offers));
        }
        return tb_json_text(head, ret_size);
}

const char *tb_carry_answer_headers(TbRequest *request, json_t *headers)
{
        static const char *const passed[] = {"Cache-Control", "Content-Disposition",
                                             "ETag",          "Last-Modified",
                                             "Retry-After",   "Allow",
                                             "Location",      "Accept-Patch",
                                             "Accept-Post",   "Link",
                                             "X-Next-Offset", "X-End-Offset",
                                             "X-Taken-At",    "X-File-Mode",
                                             "Upgrade",       NULL};
        const char *type = NULL, *name;
        json_t *value;
        json_object_foreach (headers, name, value) {
                const char *text = json_string_value(value);
                if (text && g_ascii_strcasecmp(name, "Content-Type") == 0)
                        type = text;
                for (gsize i = 0; text && passed[i]; i++)
                        if (g_ascii_strcasecmp(name, passed[i]) == 0)
                                tb_request_add_header(request, passed[i], text);
        }
        /* A host's pages must not act with the rights of this server's origin. */
        tb_request_add_header(request, "Content-Security-Policy", "default-src 'none'; sandbox");
        return type;
}
