#include "host/core/ceiling.h"

#include <string.h>

#include "host/core/private.h"

char *tb_via_server_user(const char *user, const char *link)
{
        GString *out = g_string_new(NULL);
        for (const char *p = user && *user ? user : "somebody"; *p; p = g_utf8_next_char(p)) {
                gunichar c = g_utf8_get_char(p);
                g_string_append_unichar(out, g_unichar_isprint(c) ? c : '_');
        }
        if (link)
                g_string_append_printf(out, TB_LINK_OF "%s", link);
        g_string_append(out, TB_VIA_SERVER);
        return g_string_free(out, FALSE);
}

bool tb_is_via_server(const char *user)
{
        return user && g_str_has_suffix(user, TB_VIA_SERVER);
}

TbPlaceBy tb_actor_place(const TbActor *actor)
{
        return (TbPlaceBy){.user = actor->user, .watches = actor->role < TB_ROLE_OPERATOR};
}

TbRole tb_via_server_role(TbCore *core, TbRole role)
{
        return MIN(role, core->config->server_role);
}

static bool allowed(TbCore *core, const TbActor *actor, guint needed, const char *what, GError **error)
{
        static const char *const words[] = {"attach", "exec", "shell", "files", "apps"};
        guint missing = needed & ~core->config->server_allow;
        if (missing == 0 || !tb_is_via_server(actor->user))
                return true;
        tb_set_error(error, TB_ERROR_FORBIDDEN,
                     "%s: this host does not let its pairing server do that; `server: {allow: [%s]}` in its "
                     "configuration would",
                     what, words[g_bit_nth_lsf(missing, -1)]);
        return false;
}

bool tb_ceiling_verb(TbCore *core, const TbActor *actor, int kind, TbRole role, const char *verb,
                     GError **error)
{
        guint needed = 0;
        switch (kind) {
        case TB_KIND_SHELL: needed = TB_ALLOW_SHELL; break;
        case TB_KIND_FILES: needed = TB_ALLOW_FILES; break;
        case TB_KIND_APPS: needed = TB_ALLOW_APPS; break;
        case -1: needed = role >= TB_ROLE_ADMIN ? TB_ALLOW_ATTACH : 0; break; /* device.get and leases pass */
        default: break;
        }
        return allowed(core, actor, needed, verb, error);
}

/* Built on trial: the spec has many spellings, and the drivers that it means are what counts. */
static bool starts_programs(TbCore *core, json_t *spec)
{
        TbDevice *trial = tb_device_new(core, "trial", spec, NULL);
        bool found = false;
        for (guint i = 0; trial && i < trial->attachments->len; i++)
                found = found ||
                        ((TbAttachment *)g_ptr_array_index(trial->attachments, i))->driver->starts_programs;
        tb_device_free(trial);
        return found;
}

bool tb_ceiling_attach(TbCore *core, const TbActor *actor, json_t *spec, GError **error)
{
        if (!tb_is_via_server(actor->user))
                return true;
        return allowed(core, actor, TB_ALLOW_ATTACH, "attaching, changing and removing devices", error) &&
               (!spec || !starts_programs(core, spec) ||
                allowed(core, actor, TB_ALLOW_EXEC, "attaching a driver that starts programs", error));
}
