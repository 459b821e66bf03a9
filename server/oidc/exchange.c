#include "server/oidc/exchange.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "server/oidc/token.h"

struct TbOidcExchange {
        const TbOidcOptions *options;
        TbOidcProvider *provider; /* borrowed */
        char *code;               /* owned, as all of these */
        TbPending *pending;
        json_t *tokens, *claims;
        TbSend *send;
        GQueue *under_way; /* borrowed */
        TbOidcExchanged done;
        gpointer data;
        bool asked_again, is_over;
        guint waits; /* it is among those whom the provider tells */
};

static void look_at_token(TbOidcExchange *x);

static void free_it(TbOidcExchange *x)
{
        if (x->waits > 0)
                return;
        g_free(x->code);
        tb_pending_free(x->pending);
        json_decref(x->tokens);
        json_decref(x->claims);
        g_free(x);
}

static void end(TbOidcExchange *x, const GError *error)
{
        g_auto(TbOidcPerson) person = {NULL};
        tb_send_cancel(x->send);
        x->send = NULL;
        x->is_over = true;
        g_queue_remove(x->under_way, x);
        if (!error)
                tb_oidc_person(x->options, x->claims, &person);
        x->done(error ? NULL : &person, error, x->pending, x->data);
        free_it(x);
}

/* --- userinfo --- */
static void on_userinfo(const TbSendAnswer *answer, gpointer data)
{
        TbOidcExchange *x = data;
        g_autoptr(GError) error = NULL;
        json_auto_t *o = tb_oidc_answer(answer, "userinfo_endpoint", &error);
        x->send = NULL;
        if (o && !json_equal(json_object_get(o, "sub"), json_object_get(x->claims, "sub")))
                tb_set_error(&error, TB_ERROR_UNAUTHORIZED,
                             "the provider's userinfo_endpoint speaks of somebody else");
        if (!error)
                json_object_update_missing(x->claims, o);
        end(x, error);
}

/* Many providers say groups and names there alone. */
static bool is_all_said(const TbOidcExchange *x)
{
        g_auto(TbOidcPerson) person = {NULL};
        tb_oidc_person(x->options, x->claims, &person);
        return person.name &&
               (x->options->rules->len == 0 || json_object_get(x->claims, x->options->groups_claim));
}

static void ask_userinfo(TbOidcExchange *x)
{
        const char *url = tb_oidc_provider_says(x->provider, "userinfo_endpoint"),
                   *token = json_string_value(json_object_get(x->tokens, "access_token"));
        g_autoptr(GError) error = NULL;
        if (is_all_said(x) || !url || !token) {
                end(x, NULL);
                return;
        }
        g_autofree char *header = g_strconcat("Authorization: Bearer ", token, NULL);
        x->send = tb_oidc_ask(x->options, url, header, NULL, on_userinfo, x, &error);
        if (!x->send)
                end(x, error);
}

/* --- the ID token --- */
static void on_keys(const GError *error, gpointer data)
{
        TbOidcExchange *x = data;
        x->waits--;
        if (x->is_over)
                free_it(x);
        else if (error)
                end(x, error);
        else
                look_at_token(x);
}

static void look_at_token(TbOidcExchange *x)
{
        const char *token = json_string_value(json_object_get(x->tokens, "id_token"));
        const json_t *keys = tb_oidc_provider_keys(x->provider);
        g_autoptr(GError) error = NULL;
        if (token && !x->asked_again && !tb_oidc_token_has_key(token, keys) &&
            tb_oidc_provider_renew(x->provider)) {
                x->asked_again = true;
                x->waits++;
                tb_oidc_provider_ready(x->provider, on_keys, x);
                return;
        }
        TbOidcExpect expect = {x->options->issuer, x->options->client_id, x->pending->nonce,
                               tb_clock_ms() / 1000};
        x->claims = tb_oidc_token_read(token ? token : "", keys, &expect, &error);
        if (x->claims)
                ask_userinfo(x);
        else
                end(x, error);
}

static void on_tokens(const TbSendAnswer *answer, gpointer data)
{
        TbOidcExchange *x = data;
        g_autoptr(GError) error = NULL;
        x->send = NULL;
        x->tokens = tb_oidc_answer(answer, "token_endpoint", &error);
        if (x->tokens)
                look_at_token(x);
        else
                end(x, error);
}

/* --- the code --- */
static void add(GString *form, const char *name, const char *value)
{
        g_string_append_printf(form, "%s%s=", form->len > 0 ? "&" : "", name);
        g_string_append_uri_escaped(form, value, NULL, FALSE);
}

static char *basic_of(const TbOidcOptions *o)
{
        g_autofree char *id = g_uri_escape_string(o->client_id, NULL, FALSE),
                        *secret = g_uri_escape_string(o->client_secret, NULL, FALSE),
                        *both = g_strconcat(id, ":", secret, NULL),
                        *text = g_base64_encode((const guint8 *)both, strlen(both));
        return g_strconcat("Authorization: Basic ", text, NULL);
}

static void on_ready(const GError *failed, gpointer data)
{
        TbOidcExchange *x = data;
        const TbOidcOptions *o = x->options;
        static const char ways[] = "token_endpoint_auth_methods_supported";
        g_autoptr(GString) form = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        x->waits--;
        if (x->is_over || failed) {
                if (x->is_over)
                        free_it(x);
                else
                        end(x, failed);
                return;
        }
        bool posts = o->client_secret && tb_oidc_provider_lists(x->provider, ways, "client_secret_post") &&
                     !tb_oidc_provider_lists(x->provider, ways, "client_secret_basic");
        g_autofree char *basic = o->client_secret && !posts ? basic_of(o) : NULL;
        add(form, "grant_type", "authorization_code");
        add(form, "code", x->code);
        add(form, "redirect_uri", x->pending->redirect_uri);
        add(form, "code_verifier", x->pending->verifier);
        if (!basic)
                add(form, "client_id", o->client_id);
        if (posts)
                add(form, "client_secret", o->client_secret);
        x->send = tb_oidc_ask(o, tb_oidc_provider_says(x->provider, "token_endpoint"), basic, form->str,
                              on_tokens, x, &error);
        if (!x->send)
                end(x, error);
}

void tb_oidc_exchange(const TbOidcOptions *options, TbOidcProvider *provider, const char *code,
                      TbPending *pending_take, GQueue *under_way, TbOidcExchanged done, gpointer data)
{
        TbOidcExchange *x = g_new0(TbOidcExchange, 1);
        x->options = options;
        x->provider = provider;
        x->code = g_strdup(code);
        x->pending = pending_take;
        x->under_way = under_way;
        x->done = done;
        x->data = data;
        x->waits = 1;
        g_queue_push_tail(under_way, x);
        tb_oidc_provider_ready(provider, on_ready, x);
}

void tb_oidc_exchange_cancel(TbOidcExchange *x)
{
        g_autoptr(GError) over = g_error_new_literal(TB_ERROR, TB_ERROR_INTERRUPTED, "the server is ending");
        end(x, over);
}
