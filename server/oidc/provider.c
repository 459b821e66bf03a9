#include "server/oidc/provider.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits_oidc.h"

#define FRESH_S 3600 /* what it says of itself is asked again after */
#define MS G_GINT64_CONSTANT(1000)

typedef struct Waiter {
        TbOidcReady ready;
        gpointer data;
} Waiter;

struct TbOidcProvider {
        const TbOidcOptions *options;
        json_t *about, *keys;     /* owned; NULL: not known */
        gint64 about_ms, keys_ms; /* when they came, boot clock */
        bool wants_keys;          /* those that are there are not enough */
        TbSend *send;             /* under way; NULL */
        GQueue waiters;           /* Waiter, owned */
};

static void ask_next(TbOidcProvider *p);

TbOidcProvider *tb_oidc_provider_new(const TbOidcOptions *options)
{
        TbOidcProvider *p = g_new0(TbOidcProvider, 1);
        p->options = options;
        g_queue_init(&p->waiters);
        return p;
}

/* Those who wait now; whoever is told may ask again. */
static void tell(TbOidcProvider *p, const GError *error)
{
        GQueue now = p->waiters;
        Waiter *w;
        g_queue_init(&p->waiters);
        while ((w = g_queue_pop_head(&now))) {
                w->ready(error, w->data);
                g_free(w);
        }
}

void tb_oidc_provider_free(TbOidcProvider *p)
{
        g_autoptr(GError) over = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "the server is ending");
        tb_send_cancel(p->send);
        p->send = NULL;
        tell(p, over);
        json_decref(p->about);
        json_decref(p->keys);
        g_free(p);
}

TbSend *tb_oidc_ask(const TbOidcOptions *options, const char *url, const char *header, const char *body,
                    TbSendDone done, gpointer data, GError **error)
{
        const char *headers[] = {"Accept: application/json", header, NULL};
        return tb_send(&(TbSendAsk){.url = url,
                                    .headers = headers,
                                    .ca = options->ca,
                                    .body = body,
                                    .size = body ? strlen(body) : 0,
                                    .timeout_s = TB_LIMIT_OIDC_ASK_S},
                       done, data, error);
}

json_t *tb_oidc_answer(const TbSendAnswer *answer, const char *what, GError **error)
{
        json_t *o = answer->status ? tb_json_parse(answer->text, answer->size, NULL) : NULL;
        const char *code = json_string_value(json_object_get(o, "error"));
        if (answer->status == 200 && json_is_object(o))
                return o;
        if (!answer->status)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the provider's %s cannot be asked: %s", what,
                             answer->why);
        else if (answer->status == 200)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the provider's %s answered no JSON", what);
        else
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "the provider's %s answered %u%s%.64s%s", what,
                             answer->status, code ? " " : "", code ? code : "",
                             g_strcmp0(code, "invalid_client") == 0
                                     ? ": oidc.client_id or oidc.client_secret is not what it knows"
                                     : "");
        json_decref(o);
        return NULL;
}

const char *tb_oidc_provider_says(const TbOidcProvider *p, const char *name)
{
        return json_string_value(json_object_get(p->about, name));
}

bool tb_oidc_provider_lists(const TbOidcProvider *p, const char *name, const char *value)
{
        const json_t *list = json_object_get(p->about, name);
        for (gsize i = 0; i < json_array_size(list); i++)
                if (g_strcmp0(json_string_value(json_array_get(list, i)), value) == 0)
                        return true;
        return false;
}

const json_t *tb_oidc_provider_keys(const TbOidcProvider *p)
{
        return p->keys;
}

bool tb_oidc_provider_renew(TbOidcProvider *p)
{
        bool may = tb_clock_mono_ms() - p->keys_ms >= TB_LIMIT_OIDC_KEYS_AGAIN_S * MS;
        p->wants_keys |= may;
        return may;
}

/* As safe as the issuer's own address: a code or a token that goes another way is everybody's. */
static bool is_endpoint(const TbOidcProvider *p, const json_t *about, const char *name, GError **error)
{
        const char *url = json_string_value(json_object_get(about, name));
        bool plain = g_str_has_prefix(p->options->issuer, "http:");
        if (url && (g_str_has_prefix(url, "https://") || (plain && g_str_has_prefix(url, "http://"))))
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the provider says no https address of its %s", name);
        return false;
}

static bool take_about(TbOidcProvider *p, json_t *about, GError **error)
{
        const char *issuer = json_string_value(json_object_get(about, "issuer"));
        if (g_strcmp0(issuer, p->options->issuer) != 0) {
                tb_set_error(
                        error, TB_ERROR_UNAVAILABLE,
                        "the provider calls itself \"%.200s\", and oidc.issuer is \"%s\": they must be the "
                        "same",
                        issuer ? issuer : "", p->options->issuer);
                return false;
        }
        if (!is_endpoint(p, about, "authorization_endpoint", error) ||
            !is_endpoint(p, about, "token_endpoint", error) || !is_endpoint(p, about, "jwks_uri", error))
                return false;
        json_decref(p->about);
        p->about = json_incref(about);
        p->about_ms = tb_clock_mono_ms();
        p->wants_keys = true; /* they come with it */
        return true;
}

static void on_answer(const TbSendAnswer *answer, gpointer data)
{
        TbOidcProvider *p = data;
        bool of_keys = p->wants_keys;
        g_autoptr(GError) error = NULL;
        json_auto_t *o = tb_oidc_answer(answer, of_keys ? "jwks_uri" : "openid-configuration", &error);
        p->send = NULL;
        if (o && of_keys) {
                json_decref(p->keys);
                p->keys = json_incref(o);
                p->keys_ms = tb_clock_mono_ms();
                p->wants_keys = false;
        } else if (o) {
                take_about(p, o, &error);
        }
        if (error)
                tell(p, error);
        else
                ask_next(p);
}

static bool is_fresh(const TbOidcProvider *p)
{
        return p->about && tb_clock_mono_ms() - p->about_ms < FRESH_S * MS;
}

/* First what it says of itself, then its keys; then all who wait. */
static void ask_next(TbOidcProvider *p)
{
        g_autoptr(GError) error = NULL;
        if (is_fresh(p) && p->keys && !p->wants_keys) {
                tell(p, NULL);
                return;
        }
        p->wants_keys &= is_fresh(p);
        bool slash = g_str_has_suffix(p->options->issuer, "/");
        g_autofree char *url = p->wants_keys ? g_strdup(tb_oidc_provider_says(p, "jwks_uri"))
                                             : g_strconcat(p->options->issuer, slash ? "" : "/",
                                                           ".well-known/openid-configuration", NULL);
        p->send = tb_oidc_ask(p->options, url, NULL, NULL, on_answer, p, &error);
        if (!p->send)
                tell(p, error);
}

void tb_oidc_provider_ready(TbOidcProvider *p, TbOidcReady ready, gpointer data)
{
        Waiter *w = g_new(Waiter, 1);
        *w = (Waiter){ready, data};
        g_queue_push_tail(&p->waiters, w);
        if (!p->send)
                ask_next(p);
}
