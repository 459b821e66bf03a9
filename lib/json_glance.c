#include "lib/json_glance.h"

#include <string.h>

#include "lib/limits.h"

#define DEPTH 8   /* of nesting that is looked at */
#define KEYS 16   /* of an object: each is compared with all before it */
#define DIGITS 15 /* characters of a number: no such one overflows */

typedef struct Glance {
        const char *at, *end;
        char *type;
        bool has_type;
} Glance;

typedef struct Text {
        const char *start; /* between the quotes */
        gsize size;
        bool plain; /* without escapes */
} Text;

static bool value(Glance *g, guint depth);

static void blanks(Glance *g)
{
        while (g->at < g->end && (*g->at == ' ' || *g->at == '\n' || *g->at == '\r' || *g->at == '\t'))
                g->at++;
}

static bool take(Glance *g, char c)
{
        blanks(g);
        if (g->at >= g->end || *g->at != c)
                return false;
        g->at++;
        return true;
}

static bool text(Glance *g, Text *out)
{
        bool ascii = true;
        if (!take(g, '"'))
                return false;
        *out = (Text){.start = g->at, .plain = true};
        for (; g->at < g->end && *g->at != '"'; g->at++) {
                guint8 c = (guint8)*g->at;
                if (c < 0x20)
                        return false;
                ascii = ascii && c < 0x80;
                if (c != '\\')
                        continue;
                out->plain = false;
                if (++g->at >= g->end || !*g->at || !strchr("\"\\/bfnrt", *g->at))
                        return false;
        }
        out->size = (gsize)(g->at - out->start);
        return take(g, '"') && (ascii || g_utf8_validate(out->start, (gssize)out->size, NULL));
}

static guint digits(Glance *g)
{
        const char *from = g->at;
        while (g->at < g->end && g_ascii_isdigit(*g->at))
                g->at++;
        return (guint)(g->at - from);
}

static bool is_next(Glance *g, const char *any)
{
        if (g->at >= g->end || !*g->at || !strchr(any, *g->at))
                return false;
        g->at++;
        return true;
}

static bool number(Glance *g)
{
        const char *from = g->at;
        is_next(g, "-");
        bool zero = g->at < g->end && *g->at == '0';
        guint whole = digits(g);
        if (whole == 0 || (zero && whole > 1))
                return false;
        if (is_next(g, ".") && digits(g) == 0)
                return false;
        if (is_next(g, "eE")) {
                is_next(g, "+-");
                guint exponent = digits(g);
                if (exponent == 0 || exponent > 2)
                        return false;
        }
        return g->at - from <= DIGITS;
}

static bool literal(Glance *g, const char *word)
{
        gsize n = strlen(word);
        if ((gsize)(g->end - g->at) < n || memcmp(g->at, word, n) != 0)
                return false;
        g->at += n;
        return true;
}

static bool array(Glance *g, guint depth)
{
        if (take(g, ']'))
                return true;
        do {
                if (!value(g, depth))
                        return false;
        } while (take(g, ','));
        return take(g, ']');
}

static bool is_key(const Text *key, const char *name)
{
        return key->size == strlen(name) && memcmp(key->start, name, key->size) == 0;
}

static bool own_type(Glance *g)
{
        Text type;
        if (!text(g, &type) || !type.plain || type.size >= TB_JSON_TYPE)
                return false;
        memcpy(g->type, type.start, type.size);
        g->type[type.size] = '\0';
        g->has_type = true;
        return true;
}

static bool object(Glance *g, guint depth)
{
        Text keys[KEYS];
        guint n = 0;
        if (take(g, '}'))
                return true;
        do {
                if (n == KEYS || !text(g, &keys[n]) || !keys[n].plain || !take(g, ':'))
                        return false;
                for (guint i = 0; i < n; i++)
                        if (keys[i].size == keys[n].size &&
                            memcmp(keys[i].start, keys[n].start, keys[n].size) == 0)
                                return false;
                if (depth == 1 && is_key(&keys[n], "type") ? !own_type(g) : !value(g, depth))
                        return false;
                n++;
        } while (take(g, ','));
        return take(g, '}');
}

static bool value(Glance *g, guint depth)
{
        Text ignored;
        blanks(g);
        if (g->at >= g->end)
                return false;
        switch (*g->at) {
        case '"': return text(g, &ignored);
        case '{': g->at++; return depth < DEPTH && object(g, depth + 1);
        case '[': g->at++; return depth < DEPTH && array(g, depth + 1);
        case 't': return literal(g, "true");
        case 'f': return literal(g, "false");
        case 'n': return literal(g, "null");
        default: return number(g);
        }
}

bool tb_json_glance(const char *json, gsize size, char type[TB_JSON_TYPE])
{
        Glance g = {.at = json, .end = json + size, .type = type};
        if (size > TB_LIMIT_JSON_VALUES) /* a value takes a byte: so there are not more of them */
                return false;
        blanks(&g);
        if (g.at >= g.end || *g.at != '{' || !value(&g, 0) || !g.has_type)
                return false;
        blanks(&g);
        return g.at == g.end;
}
