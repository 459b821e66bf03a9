#include "server/phone_links.h"

#include <string.h>

#include "lib/error.h"
#include "lib/net.h"
#include "lib/own_addresses.h"
#include "lib/tls_local.h"
#include "server/server.h"

static bool means_itself(const char *base)
{
        g_autoptr(GUri) uri = g_uri_parse(base, G_URI_FLAGS_NONE, NULL);
        return uri && g_uri_get_host(uri) && tb_address_is_loopback(g_uri_get_host(uri));
}

static bool is_everywhere(const char *listens)
{
        return strcmp(listens, "0.0.0.0") == 0 || strcmp(listens, "::") == 0;
}

char **tb_phone_bases_of(const char *base, bool configured, const char *listens, const char *scheme,
                         guint16 port, char *const *own)
{
        g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
        bool everywhere = is_everywhere(listens), itself = means_itself(base);
        if (configured || !itself || !everywhere || !*own)
                g_ptr_array_add(list, g_strdup(base));
        for (char *const *a = own; !configured && everywhere && *a; a++) {
                bool v6 = strchr(*a, ':') != NULL;
                if (v6 && strcmp(listens, "0.0.0.0") == 0)
                        continue;
                g_autofree char *one =
                        g_strdup_printf("%s://%s%s%s:%u", scheme, v6 ? "[" : "", *a, v6 ? "]" : "", port);
                if (!g_ptr_array_find_with_equal_func(list, one, g_str_equal, NULL))
                        g_ptr_array_add(list, g_steal_pointer(&one));
        }
        if (list->len == 0) /* it hears IPv4 alone, and has IPv6 addresses alone */
                g_ptr_array_add(list, g_strdup(base));
        g_ptr_array_add(list, NULL);
        return (char **)g_ptr_array_steal(list, NULL);
}

char **tb_phone_bases(TbRequest *request, TbServer *server)
{
        const TbServerConfig *c = server->config;
        g_auto(GStrv) own = !c->url && is_everywhere(c->address) ? tb_own_addresses() : g_new0(char *, 1);
        return tb_phone_bases_of(tb_server_base_url(request, server), c->url != NULL, c->address,
                                 c->tls ? "https" : "http", tb_server_port(server), own);
}

static json_t *link_of(const char *base, const char *id, const char *token)
{
        return json_sprintf("%s/m/%s#token=%s", base, id, token);
}

static void put_links(const TbServer *server, char *const *bases, json_t *answer, const char *id,
                      const char *token)
{
        json_object_set_new(answer, "phoneUrl", link_of(bases[0], id, token));
        json_t *all = json_array();
        for (char *const *b = bases; *b; b++)
                json_array_append_new(all, link_of(*b, id, token));
        json_object_set_new(answer, "phoneUrls", all);
        if (server->config->local_tls)
                json_object_set_new(answer, "authorityUrl", json_sprintf("%s/authority.crt", bases[0]));
}

void tb_phone_links(TbRequest *request, TbServer *server, json_t *answer, const char *id, const char *token)
{
        g_auto(GStrv) bases = tb_phone_bases(request, server);
        put_links(server, bases, answer, id, token);
}

/* As the host reaches us, where it told an http address that is one. */
static char *base_of_host(const char *base, TbServer *server)
{
        g_autoptr(GUri) uri = base ? g_uri_parse(base, G_URI_FLAGS_NONE, NULL) : NULL;
        const char *scheme = uri ? g_uri_get_scheme(uri) : "", *host = uri ? g_uri_get_host(uri) : NULL;
        bool tls = strcmp(scheme, "https") == 0 || strcmp(scheme, "wss") == 0;
        if (!host || !*host || g_uri_get_userinfo(uri) ||
            (!tls && strcmp(scheme, "http") != 0 && strcmp(scheme, "ws") != 0))
                return g_strdup_printf("%s://127.0.0.1:%u", server->config->tls ? "https" : "http",
                                       tb_server_port(server));
        g_autofree char *text = g_uri_join(G_URI_FLAGS_NONE, tls ? "https" : "http", NULL, host,
                                           g_uri_get_port(uri), g_uri_get_path(uri), NULL, NULL);
        for (gsize n = strlen(text); n > 0 && text[n - 1] == '/'; n--)
                text[n - 1] = '\0';
        return g_steal_pointer(&text);
}

json_t *tb_phone_links_of_host(const char *base, const char *id, const char *token, gpointer data)
{
        TbServer *server = data;
        const TbServerConfig *c = server->config;
        g_autofree char *reached = c->url ? g_strdup(c->url) : base_of_host(base, server);
        g_auto(GStrv) own = !c->url && is_everywhere(c->address) ? tb_own_addresses() : g_new0(char *, 1);
        g_auto(GStrv) bases = tb_phone_bases_of(reached, c->url != NULL, c->address,
                                                c->tls ? "https" : "http", tb_server_port(server), own);
        json_t *answer = json_object();
        put_links(server, bases, answer, id, token);
        return answer;
}

char *tb_phone_base_asked(TbRequest *request, TbServer *server)
{
        g_auto(GStrv) bases = tb_phone_bases(request, server);
        const char *asked = tb_request_query_string(request, "base");
        if (!asked)
                return g_strdup(bases[0]);
        if (g_strv_contains((const char *const *)bases, asked))
                return g_strdup(asked);
        g_autofree char *ours = g_strjoinv(", ", bases);
        g_autoptr(GError) error = NULL;
        tb_set_error(&error, TB_ERROR_INVALID, "base: this server is reached by %s", ours);
        tb_request_reply_error(request, error);
        return NULL;
}

/* Whoever trusts it trusts this machine's certificate; it is no secret. */
static void get_authority(TbRequest *request, gpointer data)
{
        TbServer *server = data;
        g_autoptr(GBytes) file =
                server->config->local_tls ? tb_tls_local_authority(server->config->state_dir) : NULL;
        if (file) {
                tb_request_add_header(request, "Content-Disposition", "attachment; filename=\"testbed.crt\"");
                tb_request_reply_bytes(request, 200, "application/x-x509-ca-cert", file);
                return;
        }
        g_autoptr(GError) error =
                g_error_new_literal(TB_ERROR, TB_ERROR_NOT_FOUND,
                                    "this server has no authority of its own (tls: local makes one)");
        tb_request_reply_error(request, error);
}

const TbRoute tb_server_phone_routes[] = {
        {.method = "GET",
         .path = "/authority.crt",
         .handler = get_authority,
         .tag = "system",
         .summary = "The certificate of this machine's own authority (tls: local), for phones to trust",
         .answers = "200 application/x-x509-ca-cert; 404"},
        {.method = NULL},
};
