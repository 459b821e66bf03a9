#include "server/oidc/pending.h"

#include <jose/b64.h>
#include <string.h>

#include "lib/http/auth.h"
#include "lib/limits_oidc.h"

#define RANDOM 32 /* bytes */

struct TbPendings {
        GHashTable *by_state; /* state, of the row -> TbPending, owned */
        GQueue oldest;        /* TbPending, not owned: in the order of their time */
};

TbPendings *tb_pendings_new(void)
{
        TbPendings *all = g_new0(TbPendings, 1);
        all->by_state = g_hash_table_new(g_str_hash, g_str_equal);
        g_queue_init(&all->oldest);
        return all;
}

void tb_pending_free(TbPending *p)
{
        if (!p)
                return;
        g_free(p->state);
        g_free(p->nonce);
        g_free(p->verifier);
        g_free(p->browser);
        g_free(p->redirect_uri);
        g_free(p->to);
        g_free(p->user);
        g_free(p);
}

static TbPending *take(TbPendings *all, TbPending *p)
{
        g_hash_table_remove(all->by_state, p->state);
        g_queue_remove(&all->oldest, p);
        return p;
}

void tb_pendings_free(TbPendings *all)
{
        while (!g_queue_is_empty(&all->oldest))
                tb_pending_free(take(all, g_queue_peek_head(&all->oldest)));
        g_hash_table_unref(all->by_state);
        g_free(all);
}

const TbPending *tb_pendings_add(TbPendings *all, const char *redirect_uri, const char *to, const char *user,
                                 gint64 now_ms)
{
        const TbPending *first;
        while ((first = g_queue_peek_head(&all->oldest)) &&
               (now_ms >= first->ends_ms || g_queue_get_length(&all->oldest) >= TB_LIMIT_OIDC_PENDING))
                tb_pending_free(take(all, (TbPending *)first));
        TbPending *p = g_new0(TbPending, 1);
        p->state = tb_random_token(RANDOM);
        p->nonce = tb_random_token(RANDOM);
        p->verifier = tb_random_token(RANDOM);
        p->browser = tb_random_token(RANDOM);
        p->redirect_uri = g_strdup(redirect_uri);
        p->to = g_strdup(to);
        p->user = g_strdup(user);
        p->ends_ms = now_ms + TB_LIMIT_OIDC_PENDING_S * G_GINT64_CONSTANT(1000);
        g_hash_table_insert(all->by_state, p->state, p);
        g_queue_push_tail(&all->oldest, p);
        return p;
}

TbPending *tb_pendings_take(TbPendings *all, const char *state, const char *browser, gint64 now_ms)
{
        TbPending *p = g_hash_table_lookup(all->by_state, state);
        if (!p)
                return NULL;
        take(all, p);
        gsize n = strlen(p->browser);
        if (now_ms < p->ends_ms && browser && strlen(browser) == n && tb_secret_equal(browser, p->browser, n))
                return p;
        tb_pending_free(p);
        return NULL;
}

char *tb_pending_challenge(const TbPending *p)
{
        guint8 hash[TB_SECRET_HASH];
        tb_secret_hash(p->verifier, hash);
        json_auto_t *text = jose_b64_enc(hash, sizeof hash);
        return g_strdup(json_string_value(text));
}
