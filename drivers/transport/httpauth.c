#include "drivers/transport/httpauth.h"

#include <string.h>
#include <sys/random.h>

static bool is_token(char c)
{
        return g_ascii_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip(const char *p)
{
        while (*p == ' ' || *p == '\t')
                p++;
        return p;
}

/* Advances *p over a token; NULL when there is none. */
static char *read_token(const char **p)
{
        const char *start = *p;
        while (is_token(**p))
                (*p)++;
        return *p > start ? g_strndup(start, (gsize)(*p - start)) : NULL;
}

/* token or quoted-string */
static char *read_value(const char **p)
{
        if (**p != '"')
                return read_token(p);
        GString *out = g_string_new(NULL);
        for ((*p)++; **p != '"'; (*p)++) {
                if (**p == '\\' && (*p)[1])
                        (*p)++;
                if (!**p) {
                        g_string_free(out, TRUE);
                        return NULL;
                }
                g_string_append_c(out, **p);
        }
        (*p)++;
        return g_string_free(out, FALSE);
}

typedef struct Candidate {
        TbHttpAuthChallenge c;
        bool unknown_algorithm, qop_given;
} Candidate;

void tb_http_auth_clear(TbHttpAuthChallenge *challenge)
{
        g_free(challenge->realm);
        g_free(challenge->nonce);
        g_free(challenge->opaque);
        *challenge = (TbHttpAuthChallenge){0};
}

static void set(char **where, char **value_take)
{
        g_free(*where);
        *where = g_steal_pointer(value_take);
}

static void read_algorithm(Candidate *now, const char *value)
{
        static const struct {
                const char *name;
                TbHttpAuthScheme scheme;
                bool session;
        } known[] = {
                {"MD5", TB_HTTP_AUTH_DIGEST_MD5, false},
                {"MD5-sess", TB_HTTP_AUTH_DIGEST_MD5, true},
                {"SHA-256", TB_HTTP_AUTH_DIGEST_SHA256, false},
                {"SHA-256-sess", TB_HTTP_AUTH_DIGEST_SHA256, true},
        };
        now->unknown_algorithm = true;
        for (guint i = 0; i < G_N_ELEMENTS(known); i++)
                if (g_ascii_strcasecmp(known[i].name, value) == 0) {
                        now->c.scheme = known[i].scheme;
                        now->c.session = known[i].session;
                        now->unknown_algorithm = false;
                }
}

static void read_param(Candidate *now, const char *key, char *value_take)
{
        g_autofree char *value = value_take;
        if (g_ascii_strcasecmp(key, "realm") == 0) {
                set(&now->c.realm, &value);
        } else if (g_ascii_strcasecmp(key, "nonce") == 0) {
                set(&now->c.nonce, &value);
        } else if (g_ascii_strcasecmp(key, "opaque") == 0) {
                set(&now->c.opaque, &value);
        } else if (g_ascii_strcasecmp(key, "stale") == 0) {
                now->c.stale = g_ascii_strcasecmp(value, "true") == 0;
        } else if (g_ascii_strcasecmp(key, "algorithm") == 0 && now->c.scheme > TB_HTTP_AUTH_BASIC) {
                read_algorithm(now, value);
        } else if (g_ascii_strcasecmp(key, "qop") == 0) {
                now->qop_given = true;
                g_auto(GStrv) list = g_strsplit_set(value, ", ", -1);
                for (char **q = list; *q; q++)
                        now->c.qop |= g_ascii_strcasecmp(*q, "auth") == 0;
        }
}

static void settle(Candidate *now, TbHttpAuthChallenge *best)
{
        bool digest = now->c.scheme > TB_HTTP_AUTH_BASIC;
        bool usable = !digest || (now->c.realm && now->c.nonce && !now->unknown_algorithm &&
                                  (now->c.qop || !now->qop_given));
        if (usable && now->c.scheme > best->scheme) {
                tb_http_auth_clear(best);
                *best = now->c;
                now->c = (TbHttpAuthChallenge){0};
        }
        tb_http_auth_clear(&now->c);
        *now = (Candidate){0};
}

static TbHttpAuthScheme scheme_of(const char *name)
{
        if (g_ascii_strcasecmp(name, "Basic") == 0)
                return TB_HTTP_AUTH_BASIC;
        return g_ascii_strcasecmp(name, "Digest") == 0
                       ? TB_HTTP_AUTH_DIGEST_MD5
                       : TB_HTTP_AUTH_NONE; /* MD5 unless "algorithm" says more */
}

bool tb_http_auth_parse(const char *header, TbHttpAuthChallenge *ret)
{
        TbHttpAuthChallenge best = {0};
        Candidate now = {0};
        const char *p = header;
        bool ok = true;
        for (;;) {
                while (*p == ',' || *p == ' ' || *p == '\t')
                        p++;
                if (!*p)
                        break;
                g_autofree char *word = read_token(&p);
                p = skip(p);
                if (!word) {
                        ok = false;
                        break;
                }
                if (*p == '=') {
                        p = skip(p + 1);
                        char *value = read_value(&p);
                        if (!value) {
                                ok = false;
                                break;
                        }
                        read_param(&now, word, value);
                        p = skip(p);
                        ok = !*p || *p == ',';
                        if (!ok)
                                break;
                } else { /* a scheme begins; its first parameter follows without a comma */
                        settle(&now, &best);
                        now.c.scheme = scheme_of(word);
                }
        }
        settle(&now, &best);
        if (!ok)
                tb_http_auth_clear(&best);
        *ret = best;
        return ok;
}

static char *hash(TbHttpAuthScheme scheme, const char *format, ...) G_GNUC_PRINTF(2, 3);
static char *hash(TbHttpAuthScheme scheme, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        return g_compute_checksum_for_string(
                scheme == TB_HTTP_AUTH_DIGEST_SHA256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_MD5, text, -1);
}

static void append_quoted(GString *out, const char *key, const char *value)
{
        g_string_append_printf(out, "%s%s=\"", out->str[out->len - 1] == ' ' ? "" : ", ", key);
        for (; *value; value++) {
                if (*value == '"' || *value == '\\')
                        g_string_append_c(out, '\\');
                g_string_append_c(out, *value);
        }
        g_string_append_c(out, '"');
}

char *tb_http_auth_answer(const TbHttpAuthChallenge *c, const char *user, const char *password,
                          const char *method, const char *target, const char *cnonce, guint nc)
{
        if (c->scheme == TB_HTTP_AUTH_NONE)
                return NULL;
        if (c->scheme == TB_HTTP_AUTH_BASIC) {
                g_autofree char *pair = g_strdup_printf("%s:%s", user, password);
                g_autofree char *base64 = g_base64_encode((const guchar *)pair, strlen(pair));
                return g_strdup_printf("Basic %s", base64);
        }
        g_autofree char *ha1 = hash(c->scheme, "%s:%s:%s", user, c->realm, password);
        if (c->session) {
                char *plain = ha1;
                ha1 = hash(c->scheme, "%s:%s:%s", plain, c->nonce, cnonce);
                g_free(plain);
        }
        g_autofree char *ha2 = hash(c->scheme, "%s:%s", method, target);
        g_autofree char *response =
                c->qop ? hash(c->scheme, "%s:%s:%08x:%s:auth:%s", ha1, c->nonce, nc, cnonce, ha2)
                       : hash(c->scheme, "%s:%s:%s", ha1, c->nonce, ha2);
        GString *out = g_string_new("Digest ");
        append_quoted(out, "username", user);
        append_quoted(out, "realm", c->realm);
        append_quoted(out, "nonce", c->nonce);
        append_quoted(out, "uri", target);
        g_string_append_printf(out, ", algorithm=%s%s",
                               c->scheme == TB_HTTP_AUTH_DIGEST_SHA256 ? "SHA-256" : "MD5",
                               c->session ? "-sess" : "");
        append_quoted(out, "response", response);
        if (c->qop)
                g_string_append_printf(out, ", qop=auth, nc=%08x", nc);
        if (c->qop || c->session)
                append_quoted(out, "cnonce", cnonce);
        if (c->opaque)
                append_quoted(out, "opaque", c->opaque);
        return g_string_free(out, FALSE);
}

char *tb_http_auth_cnonce(void)
{
        guint8 bytes[16];
        g_assert(getrandom(bytes, sizeof bytes, 0) == sizeof bytes);
        GString *out = g_string_sized_new(32);
        for (guint i = 0; i < sizeof bytes; i++)
                g_string_append_printf(out, "%02x", bytes[i]);
        return g_string_free(out, FALSE);
}

void tb_http_auth_forget(TbHttpAuth *auth)
{
        tb_http_auth_clear(&auth->challenge);
        auth->count = 0;
}

bool tb_http_auth_learn(TbHttpAuth *auth, const char *header)
{
        tb_http_auth_forget(auth);
        return tb_http_auth_parse(header, &auth->challenge) && auth->challenge.scheme != TB_HTTP_AUTH_NONE;
}

char *tb_http_auth_next(TbHttpAuth *auth, const char *user, const char *password, const char *method,
                        const char *target)
{
        if (auth->challenge.scheme == TB_HTTP_AUTH_NONE)
                return NULL;
        g_autofree char *cnonce = tb_http_auth_cnonce();
        return tb_http_auth_answer(&auth->challenge, user, password, method, target, cnonce, ++auth->count);
}
