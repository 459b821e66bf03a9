/*
 * Outlets of other interfaces: what a group asks of its members, that no group is in itself, and that no two devices have the same
 * outlet. Members are asked by commands like anybody's: their lease, limits and audit hold.
 */
#include <math.h>
#include <string.h>

#include "host/core/lanes/outlet.h"
#include "host/core/private.h"
#include "lib/limits.h"

#define DEEPEST 8 /* groups in groups */

/* "psu-a/power", "psu-a": its interface of that name, or its first outlet. */
static TbInterface *member_of(TbCore *core, const char *member, GError **error)
{
        g_auto(GStrv) parts = g_strsplit(member, "/", 2);
        TbDevice *device = tb_core_device(core, parts[0] ? parts[0] : "", error);
        if (!device)
                return NULL;
        TbInterface *iface =
                parts[1] ? tb_device_find(device, parts[1]) : tb_device_interface_of(device, TB_KIND_POWER);
        if (iface && iface->kind == TB_KIND_POWER)
                return iface;
        tb_set_error(error, TB_ERROR_NOT_FOUND, "%s is no outlet: name one as device/interface", member);
        return NULL;
}

/* --- a member is asked --- */
static void told(TbOutletCall *call, const TbInterface *iface)
{
        TbPowerState state = iface->power;
        if (iface->power_at == 0)
                state = (TbPowerState){TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN};
        tb_outlet_call_answer(call, &state, NULL);
}

typedef struct Asked {
        TbCore *core;
        TbOutletCall *call;
} Asked;

static void on_done(json_t *result G_GNUC_UNUSED, const GError *error, gpointer data)
{
        Asked *asked = data;
        GError *why = error ? g_error_copy(error) : NULL;
        const TbInterface *iface =
                why ? NULL : member_of(asked->core, tb_outlet_call_member(asked->call), &why);
        if (!why && iface)
                told(asked->call, iface);
        else
                tb_outlet_call_answer(asked->call, NULL, why);
        g_free(asked);
}

/* What is known of it, where that is worth anything. */
static void look(TbOutletCall *call, const TbInterface *iface)
{
        const char *reason;
        GError *why = NULL;
        if (tb_interface_state(iface, &reason) == TB_STATE_ABSENT)
                tb_set_error(&why, TB_ERROR_GONE, "%s is not there: %s", iface->id,
                             reason ? reason : "no reason is known");
        if (why)
                tb_outlet_call_answer(call, NULL, why);
        else
                told(call, iface);
}

static bool is_in(TbCore *core, const TbInterface *iface, const TbInterface *wanted, guint depth);

void tb_outlets_ask(const TbInterface *from, TbOutletCall *call)
{
        TbCore *core = from->device->core;
        TbOutletAsk ask = tb_outlet_call_ask(call);
        GError *why = NULL;
        TbInterface *iface = member_of(core, tb_outlet_call_member(call), &why);
        if (iface && is_in(core, iface, from, 0))
                tb_set_error(&why, TB_ERROR_DEVICE, "%s is in itself, by %s: take it out of \"members\"",
                             from->id, iface->id);
        if (why || !iface) {
                tb_outlet_call_answer(call, NULL, why);
                return;
        }
        if (ask == TB_OUTLET_LOOK) {
                look(call, iface);
                return;
        }
        g_autofree char *user = g_strdup_printf("group:%s", from->id),
                        *verb = g_strdup_printf("%s.%s", iface->name, ask == TB_OUTLET_READ ? "get" : "set");
        const TbActor actor = {.user = user, .role = TB_ROLE_OPERATOR, .via = "core"};
        json_auto_t *params = ask == TB_OUTLET_READ
                                      ? NULL
                                      : json_pack("{s:s}", "state", ask == TB_OUTLET_ON ? "on" : "off");
        Asked *asked = g_new(Asked, 1);
        *asked = (Asked){core, call};
        tb_core_command(core, &actor, iface->device->id, verb, params, NULL, on_done, asked);
}

/* --- nothing is in itself --- */
static char **members_of(const TbInterface *iface)
{
        const char *name = iface->kind == TB_KIND_POWER ? iface->attachment->driver->members : NULL;
        const char *list = name ? json_string_value(json_object_get(iface->attachment->params, name)) : NULL;
        return list ? g_strsplit(list, ",", -1) : NULL;
}

/* The device alone is one of its outlets, maybe this one. `iface` need not be in the core yet. */
static bool names(const char *member, const TbInterface *iface)
{
        return strcmp(member, iface->id) == 0 || strcmp(member, iface->device->id) == 0;
}

/* `wanted` is `iface` or among what it switches, by its name: it may be about to take the place of another. */
static bool is_in(TbCore *core, const TbInterface *iface, const TbInterface *wanted, guint depth)
{
        if (strcmp(iface->id, wanted->id) == 0 || depth == DEEPEST)
                return true;
        g_auto(GStrv) members = members_of(iface);
        for (char **m = members; m && *m; m++) {
                const char *member = g_strstrip(*m);
                const TbInterface *next = names(member, wanted) ? wanted : member_of(core, member, NULL);
                if (next && is_in(core, next, wanted, depth + 1))
                        return true;
        }
        return false;
}

static bool check_members(TbCore *core, const TbInterface *iface, GError **error)
{
        g_auto(GStrv) members = members_of(iface);
        for (char **m = members; m && *m; m++) {
                const char *member = g_strstrip(*m);
                const TbInterface *next = member_of(core, member, NULL);
                if (!names(member, iface) && !(next && is_in(core, next, iface, 0)))
                        continue;
                tb_error_set_field(error, TB_ERROR_INVALID, "attach",
                                   "%s would be in itself, by its member %s", iface->id, member);
                return false;
        }
        return true;
}

/* --- one outlet, one device --- */
/* What does not say which outlet it is: who asks, how, and how often. */
static bool says_which(const TbParam *p)
{
        static const char *const how[] = {"user",    "timeout_ms", "poll_ms",  "interval_ms", "connect_ms",
                                          "version", "tls",        "protocol", NULL};
        return p->type != TB_PARAM_SECRET && !g_strv_contains(how, p->name);
}

static bool same_outlet(const TbAttachment *a, const TbAttachment *b)
{
        if (a->driver != b->driver || !*a->uri->host || g_ascii_strcasecmp(a->uri->host, b->uri->host) != 0 ||
            a->uri->port != b->uri->port || strcmp(a->uri->path, b->uri->path) != 0)
                return false;
        for (const TbParam *p = a->driver->params; p && p->name; p++) {
                json_t *one = json_object_get(a->params, p->name),
                       *other = json_object_get(b->params, p->name);
                if (says_which(p) && one != other && !json_equal(one, other))
                        return false;
        }
        return true;
}

static const TbInterface *claimed(const TbDevice *device, const TbInterface *iface)
{
        for (guint i = 0; i < device->interfaces->len; i++) {
                const TbInterface *other = g_ptr_array_index(device->interfaces, i);
                if (other->kind == TB_KIND_POWER && same_outlet(iface->attachment, other->attachment))
                        return other;
        }
        return NULL;
}

bool tb_device_check_outlets(TbCore *core, const TbDevice *fresh, const TbDevice *old, GError **error)
{
        for (guint i = 0; i < fresh->interfaces->len; i++) {
                const TbInterface *iface = g_ptr_array_index(fresh->interfaces, i);
                if (iface->kind != TB_KIND_POWER)
                        continue;
                if (!check_members(core, iface, error))
                        return false;
                for (GTreeNode *n = g_tree_node_first(core->devices); n; n = g_tree_node_next(n)) {
                        const TbDevice *device = g_tree_node_value(n);
                        const TbInterface *other =
                                device != old && device != fresh ? claimed(device, iface) : NULL;
                        if (!other)
                                continue;
                        tb_error_set_field(
                                error, TB_ERROR_BUSY, "attach",
                                "the outlet %s is that of %s: %s cannot have it, too (a group of outlets is "
                                "\"group://?members=…\")",
                                iface->attachment->shown, other->id, iface->id);
                        return false;
                }
        }
        return true;
}
