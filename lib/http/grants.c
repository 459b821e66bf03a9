#include "lib/http/grants.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/refcount.h"

typedef struct Grant {
        char *host, *device; /* owned patterns; device NULL: the host and all that is on it */
        TbRole role;
} Grant;

struct TbGrants {
        TbRefCount ref;
        GArray *all;
};

static void clear_grant(gpointer p)
{
        Grant *g = p;
        g_free(g->host);
        g_free(g->device);
}

TbGrants *tb_grants_new(void)
{
        TbGrants *grants = g_new0(TbGrants, 1);
        tb_ref_init(&grants->ref);
        grants->all = g_array_new(FALSE, FALSE, sizeof(Grant));
        g_array_set_clear_func(grants->all, clear_grant);
        return grants;
}

TbGrants *tb_grants_ref(TbGrants *grants)
{
        if (grants)
                tb_ref_inc(&grants->ref);
        return grants;
}

void tb_grants_unref(TbGrants *grants)
{
        if (!grants || !tb_ref_dec(&grants->ref))
                return;
        g_array_unref(grants->all);
        g_free(grants);
}

static bool is_part(const char *text, gsize size)
{
        for (gsize i = 0; i < size; i++)
                if (!g_ascii_isalnum(text[i]) && !strchr("._-~*", text[i]))
                        return false;
        return size > 0 && size <= TB_LIMIT_ID;
}

bool tb_grants_pattern_valid(const char *pattern)
{
        const char *slash = strchr(pattern, '/');
        if (!slash)
                return is_part(pattern, strlen(pattern));
        return is_part(pattern, (gsize)(slash - pattern)) && is_part(slash + 1, strlen(slash + 1));
}

void tb_grants_add(TbGrants *grants, const char *pattern, TbRole role)
{
        const char *slash = strchr(pattern, '/');
        bool all = !slash || strcmp(slash, "/*") == 0;
        Grant grant = {.host = slash ? g_strndup(pattern, (gsize)(slash - pattern)) : g_strdup(pattern),
                       .device = all ? NULL : g_strdup(slash + 1),
                       .role = role};
        g_array_append_val(grants->all, grant);
}

bool tb_grants_equal(const TbGrants *a, const TbGrants *b)
{
        if (!a || !b || a->all->len != b->all->len)
                return a == b;
        for (guint i = 0; i < a->all->len; i++) {
                const Grant *x = &g_array_index(a->all, Grant, i), *y = &g_array_index(b->all, Grant, i);
                if (x->role != y->role || strcmp(x->host, y->host) != 0 ||
                    g_strcmp0(x->device, y->device) != 0)
                        return false;
        }
        return true;
}

void tb_grants_append(const TbGrants *grants, GString *out)
{
        for (guint i = 0; i < grants->all->len; i++) {
                const Grant *g = &g_array_index(grants->all, Grant, i);
                g_string_append_printf(out, "%s/%s=%d ", g->host, g->device ? g->device : "*", (int)g->role);
        }
}

/* The last star takes what is missing: in time proportional to the product of both, at the most. */
static bool matches(const char *pattern, const char *text)
{
        const char *star = NULL, *from = NULL;
        while (*text) {
                if (*pattern == '*') {
                        star = pattern++;
                        from = text;
                } else if (*pattern == *text) {
                        pattern++;
                        text++;
                } else if (star) {
                        pattern = star + 1;
                        text = ++from;
                } else {
                        return false;
                }
        }
        while (*pattern == '*')
                pattern++;
        return *pattern == '\0';
}

TbRole tb_grants_role(const TbGrants *grants, TbRole role, const char *host, const char *device)
{
        TbRole most = TB_ROLE_NONE;
        if (!grants || role >= TB_ROLE_ADMIN)
                return role;
        for (guint i = 0; i < grants->all->len; i++) {
                const Grant *g = &g_array_index(grants->all, Grant, i);
                if (g->role > most && matches(g->host, host) &&
                    (!g->device || (device && matches(g->device, device))))
                        most = g->role;
        }
        return MIN(most, role);
}

bool tb_grants_touch(const TbGrants *grants, TbRole role, const char *host)
{
        if (!grants || role >= TB_ROLE_ADMIN)
                return role > TB_ROLE_NONE;
        for (guint i = 0; i < grants->all->len; i++)
                if (matches(g_array_index(grants->all, Grant, i).host, host))
                        return role > TB_ROLE_NONE;
        return false;
}
