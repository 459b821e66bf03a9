#include "server/oidc/oidc.h"

#include <math.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits_oidc.h"
#include "lib/rate.h"
#include "server/oidc/exchange.h"

struct TbOidc {
        const TbOidcOptions *options;
        TbOidcProvider *provider; /* owned */
        TbPendings *pendings;     /* owned */
        TbRates *begun;           /* owned; per network */
        GQueue under_way;         /* TbOidcExchange: each frees itself */
        guint beginning;          /* who waits for the provider to say where to go */
};

TbOidc *tb_oidc_new(const TbOidcOptions *options)
{
        TbOidc *o = g_new0(TbOidc, 1);
        o->options = options;
        o->provider = tb_oidc_provider_new(options);
        o->pendings = tb_pendings_new();
        o->begun = tb_rates_new(TB_LIMIT_OIDC_A_MINUTE / 60.0, TB_LIMIT_OIDC_A_MINUTE);
        g_queue_init(&o->under_way);
        return o;
}

void tb_oidc_free(TbOidc *o)
{
        if (!o)
                return;
        while (!g_queue_is_empty(&o->under_way))
                tb_oidc_exchange_cancel(g_queue_peek_head(&o->under_way));
        tb_oidc_provider_free(o->provider);
        tb_pendings_free(o->pendings);
        tb_rates_free(o->begun);
        g_free(o);
}

const TbOidcOptions *tb_oidc_options(const TbOidc *o)
{
        return o->options;
}

/* --- there --- */
typedef struct Begin {
        TbOidc *oidc;
        char *redirect_uri, *to, *user; /* owned */
        TbOidcBegun begun;
        gpointer data;
} Begin;

static void add(GString *url, const char *name, const char *value)
{
        g_string_append_printf(url, "%c%s=", strchr(url->str, '?') ? '&' : '?', name);
        g_string_append_uri_escaped(url, value, NULL, FALSE);
}

static void send_there(const Begin *b)
{
        TbOidc *o = b->oidc;
        const TbPending *p =
                tb_pendings_add(o->pendings, b->redirect_uri, b->to, b->user, tb_clock_mono_ms());
        g_autoptr(GString) url = g_string_new(tb_oidc_provider_says(o->provider, "authorization_endpoint"));
        g_autofree char *challenge = tb_pending_challenge(p);
        add(url, "response_type", "code");
        add(url, "client_id", o->options->client_id);
        add(url, "redirect_uri", p->redirect_uri);
        add(url, "scope", o->options->scope);
        add(url, "state", p->state);
        add(url, "nonce", p->nonce);
        add(url, "code_challenge", challenge);
        add(url, "code_challenge_method", "S256");
        b->begun(url->str, p->state, p->browser, NULL, b->data);
}

static void on_ready(const GError *error, gpointer data)
{
        Begin *b = data;
        b->oidc->beginning--;
        if (error)
                b->begun(NULL, NULL, NULL, error, b->data);
        else
                send_there(b);
        g_free(b->redirect_uri);
        g_free(b->to);
        g_free(b->user);
        g_free(b);
}

bool tb_oidc_begin(TbOidc *o, const TbOidcBegin *begin, TbOidcBegun begun, gpointer data, GError **error)
{
        double wait_s = 0;
        if (!tb_rates_take(o->begun, begin->network, 1, g_get_monotonic_time(), &wait_s)) {
                tb_set_error(error, TB_ERROR_LIMIT,
                             "too many sign-ins were begun from this network: again in %d s",
                             (int)ceil(wait_s));
                return false;
        }
        if (o->beginning >= TB_LIMIT_OIDC_PENDING) {
                tb_set_error(error, TB_ERROR_LIMIT, "too many wait for the provider: again in a minute");
                return false;
        }
        Begin *b = g_new(Begin, 1);
        *b = (Begin){o,   g_strdup(begin->redirect_uri), g_strdup(begin->to), g_strdup(begin->user), begun,
                     data};
        o->beginning++;
        tb_oidc_provider_ready(o->provider, on_ready, b);
        return true;
}

/* --- and back --- */
typedef struct End {
        TbOidcEnded ended;
        gpointer data;
} End;

static void on_exchanged(const TbOidcPerson *person, const GError *error, const TbPending *pending,
                         gpointer data)
{
        End *e = data;
        e->ended(&(TbOidcEnd){person, pending->to, pending->user}, error, e->data);
        g_free(e);
}

bool tb_oidc_end(TbOidc *o, const char *state, const char *browser, const char *code, TbOidcEnded ended,
                 gpointer data, GError **error)
{
        if (g_queue_get_length(&o->under_way) >= TB_LIMIT_OIDC_UNDER_WAY) {
                tb_set_error(error, TB_ERROR_LIMIT, "too many sign in at once: again in a few seconds");
                return false;
        }
        TbPending *pending = tb_pendings_take(o->pendings, state, browser, tb_clock_mono_ms());
        if (!pending) {
                tb_set_error(error, TB_ERROR_UNAUTHORIZED,
                             "this sign-in was not begun in this browser, has been used, or took longer than "
                             "%d minutes: begin it again",
                             TB_LIMIT_OIDC_PENDING_S / 60);
                return false;
        }
        End *e = g_new(End, 1);
        *e = (End){ended, data};
        tb_oidc_exchange(o->options, o->provider, code, pending, &o->under_way, on_exchanged, e);
        return true;
}

void tb_oidc_drop(TbOidc *o, const char *state, const char *browser)
{
        tb_pending_free(tb_pendings_take(o->pendings, state, browser, tb_clock_mono_ms()));
}
