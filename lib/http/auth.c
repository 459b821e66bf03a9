#include "lib/http/auth.h"

#include <string.h>
#include <sys/random.h>

#include "lib/error.h"
#include "lib/http/grants.h"
#include "lib/limits.h"
#include "lib/refcount.h"

#define HASH_SIZE 32

typedef struct Token {
        char *name; /* owned */
        guint8 hash[HASH_SIZE];
        TbRole role;
        TbGrants *grants; /* ref; NULL: everywhere */
} Token;

struct TbAuth {
        TbRefCount ref;
        GArray *tokens;
        bool closed;
};

static const char *const role_names[] = {"none", "viewer", "operator", "admin"};

const char *tb_role_name(TbRole role)
{
        return role_names[role];
}

bool tb_role_parse(const char *text, TbRole *ret_role)
{
        for (guint i = TB_ROLE_VIEWER; text && i < G_N_ELEMENTS(role_names); i++) {
                if (strcmp(text, role_names[i]) == 0) {
                        *ret_role = (TbRole)i;
                        return true;
                }
        }
        return false;
}

static void clear_token(gpointer p)
{
        g_free(((Token *)p)->name);
        tb_grants_unref(((Token *)p)->grants);
}

TbAuth *tb_auth_new(void)
{
        TbAuth *auth = g_new0(TbAuth, 1);
        tb_ref_init(&auth->ref);
        auth->tokens = g_array_new(FALSE, TRUE, sizeof(Token));
        g_array_set_clear_func(auth->tokens, clear_token);
        return auth;
}

TbAuth *tb_auth_ref(TbAuth *auth)
{
        tb_ref_inc(&auth->ref);
        return auth;
}

void tb_auth_unref(TbAuth *auth)
{
        if (!auth || !tb_ref_dec(&auth->ref))
                return;
        g_array_unref(auth->tokens);
        g_free(auth);
}

void tb_secret_hash(const char *secret, guint8 ret_hash[TB_SECRET_HASH])
{
        g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
        gsize size = TB_SECRET_HASH;
        g_checksum_update(sum, (const guchar *)secret, (gssize)strlen(secret));
        g_checksum_get_digest(sum, ret_hash, &size);
}

bool tb_secret_equal(const void *a, const void *b, gsize size)
{
        const volatile guint8 *x = a, *y = b;
        guint8 difference = 0;
        for (gsize i = 0; i < size; i++)
                difference |= x[i] ^ y[i];
        return difference == 0;
}

bool tb_auth_add(TbAuth *auth, const char *name, const char *token, TbRole role, GError **error)
{
        if (strlen(token) < TB_LIMIT_TOKEN_MIN) {
                tb_set_error(error, TB_ERROR_INVALID, "the token of \"%s\" is shorter than %d bytes", name,
                             TB_LIMIT_TOKEN_MIN);
                return false;
        }
        if (strlen(token) > TB_LIMIT_TOKEN) {
                tb_set_error(error, TB_ERROR_INVALID, "the token of \"%s\" is longer than %d bytes", name,
                             TB_LIMIT_TOKEN);
                return false;
        }
        for (const char *p = token; *p; p++) {
                if (!g_ascii_isgraph(*p)) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "the token of \"%s\" has a character that no header can carry", name);
                        return false;
                }
        }
        Token entry = {.role = role};
        tb_secret_hash(token, entry.hash);
        for (guint i = 0; i < auth->tokens->len; i++) {
                const Token *other = &g_array_index(auth->tokens, Token, i);
                if (tb_secret_equal(other->hash, entry.hash, HASH_SIZE)) {
                        tb_set_error(error, TB_ERROR_INVALID, "\"%s\" and \"%s\" have the same token",
                                     other->name, name);
                        return false;
                }
        }
        entry.name = g_strdup(name);
        g_array_append_val(auth->tokens, entry);
        return true;
}

void tb_auth_remove(TbAuth *auth, const char *token)
{
        guint8 hash[HASH_SIZE];
        tb_secret_hash(token, hash);
        for (guint i = 0; i < auth->tokens->len; i++) {
                Token *entry = &g_array_index(auth->tokens, Token, i);
                if (!tb_secret_equal(entry->hash, hash, HASH_SIZE))
                        continue;
                g_array_remove_index_fast(auth->tokens, i);
                return;
        }
}

bool tb_auth_is_open(TbAuth *auth)
{
        return auth->tokens->len == 0 && !auth->closed;
}

void tb_auth_close(TbAuth *auth)
{
        auth->closed = true;
}

void tb_auth_limit(TbAuth *auth, const char *token, TbGrants *grants)
{
        guint8 hash[HASH_SIZE];
        tb_secret_hash(token, hash);
        for (guint i = 0; i < auth->tokens->len; i++) {
                Token *entry = &g_array_index(auth->tokens, Token, i);
                if (!tb_secret_equal(entry->hash, hash, HASH_SIZE))
                        continue;
                tb_grants_unref(entry->grants);
                entry->grants = tb_grants_ref(grants);
        }
}

bool tb_auth_has(TbAuth *auth, TbRole role)
{
        for (guint i = 0; i < auth->tokens->len; i++)
                if (g_array_index(auth->tokens, Token, i).role >= role)
                        return true;
        return false;
}

bool tb_auth_names(TbAuth *auth, const char *name)
{
        for (guint i = 0; i < auth->tokens->len; i++)
                if (strcmp(g_array_index(auth->tokens, Token, i).name, name) == 0)
                        return true;
        return false;
}

bool tb_auth_resembles(TbAuth *auth, const char *name)
{
        for (guint i = 0; i < auth->tokens->len; i++)
                if (g_ascii_strcasecmp(g_array_index(auth->tokens, Token, i).name, name) == 0)
                        return true;
        return false;
}

TbRole tb_auth_most(TbAuth *auth, const char *name,
                    TbRole (*at)(TbRole role, TbGrants *grants, gpointer data), gpointer data)
{
        TbRole most = TB_ROLE_NONE;
        for (guint i = 0; i < auth->tokens->len; i++) {
                const Token *token = &g_array_index(auth->tokens, Token, i);
                if (strcmp(token->name, name) == 0)
                        most = MAX(most, at(token->role, token->grants, data));
        }
        return most;
}

static bool keeps(const TbAuth *auth, const Token *token)
{
        for (guint i = 0; i < auth->tokens->len; i++) {
                const Token *entry = &g_array_index(auth->tokens, Token, i);
                if (tb_secret_equal(entry->hash, token->hash, HASH_SIZE))
                        return entry->role >= token->role && strcmp(entry->name, token->name) == 0 &&
                               tb_grants_equal(entry->grants, token->grants);
        }
        return false;
}

char **tb_auth_exchange(TbAuth *auth, TbAuth *newer)
{
        GArray *old = auth->tokens;
        g_autoptr(GStrvBuilder) gone = g_strv_builder_new();
        auth->tokens = newer->tokens;
        newer->tokens = old;
        for (guint i = 0; i < old->len; i++)
                if (!keeps(auth, &g_array_index(old, Token, i)))
                        g_strv_builder_add(gone, g_array_index(old, Token, i).name);
        return g_strv_builder_end(gone);
}

TbRole tb_auth_check(TbAuth *auth, const char *token, const char **ret_name)
{
        TbGrants *grants;
        return tb_auth_find(auth, token, ret_name, &grants);
}

TbRole tb_auth_find(TbAuth *auth, const char *token, const char **ret_name, TbGrants **ret_grants)
{
        const Token *found = NULL;
        guint8 hash[HASH_SIZE];
        *ret_grants = NULL;
        if (tb_auth_is_open(auth)) {
                if (ret_name)
                        *ret_name = "local";
                return TB_ROLE_ADMIN;
        }
        if (!token)
                return TB_ROLE_NONE;
        tb_secret_hash(token, hash);
        for (guint i = 0; i < auth->tokens->len; i++) { /* all of them, always: the time tells nothing */
                const Token *entry = &g_array_index(auth->tokens, Token, i);
                if (tb_secret_equal(entry->hash, hash, HASH_SIZE))
                        found = entry;
        }
        if (found && ret_name)
                *ret_name = found->name;
        *ret_grants = found ? found->grants : NULL;
        return found ? found->role : TB_ROLE_NONE;
}

char *tb_random_token(gsize n)
{
        g_autofree guint8 *bytes = g_malloc(n);
        for (gsize got = 0; got < n;) {
                gssize r = getrandom(bytes + got, n - got, 0);
                g_assert(r > 0 || r == -1); /* -1: a signal came; ENOSYS cannot be on kernels of ours */
                got += r > 0 ? (gsize)r : 0;
        }
        char *text = g_base64_encode(bytes, n);
        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        text[strcspn(text, "=")] = '\0';
        return text;
}
