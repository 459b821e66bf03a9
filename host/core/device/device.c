#include "host/core/private.h"

#include <string.h>

#include "lib/limits.h"
#include "lib/name.h"

TbInterface *tb_device_find(TbDevice *device, const char *name)
{
        for (guint i = 0; i < device->interfaces->len; i++) {
                TbInterface *iface = g_ptr_array_index(device->interfaces, i);
                if (strcmp(iface->name, name) == 0)
                        return iface;
        }
        return NULL;
}

static bool add_interface(TbDevice *device, const char *name, TbKind kind, TbAttachment *a, guint lane,
                          GError **error)
{
        if (device->interfaces->len >= TB_LIMIT_INTERFACES) {
                tb_error_set_field(error, TB_ERROR_LIMIT, "attach", "a device has at most %d interfaces",
                                   TB_LIMIT_INTERFACES);
                return false;
        }
        g_ptr_array_add(device->interfaces, tb_interface_new(device, name, kind, a, lane));
        return true;
}

/* An attachment of the same URI is shared, so that `power: qemu://x` and `console: qemu://x` run one machine.
 */
static TbAttachment *attachment_for(TbDevice *device, json_t *spec, GError **error)
{
        TbAttachment *fresh =
                tb_attachment_new(device->core, device->id, device->attachments->len, spec, error);
        if (!fresh)
                return NULL;
        for (guint i = 0; i < device->attachments->len; i++) {
                TbAttachment *a = g_ptr_array_index(device->attachments, i);
                if (tb_attachment_same(a, fresh)) {
                        tb_attachment_unref(fresh);
                        return a;
                }
        }
        g_ptr_array_add(device->attachments, fresh);
        return fresh;
}

static bool find_kind(const TbAttachment *a, TbKind kind, guint *ret_lane)
{
        guint lanes = tb_attachment_lanes(a);
        for (guint i = 0; i < a->n_lanes; i++) {
                if (lanes & 1U << i && tb_lane_ops(&a->driver->lanes[i], kind)) {
                        *ret_lane = i;
                        return true;
                }
        }
        return false;
}

static char *kinds_text(const TbAttachment *a)
{
        GString *s = g_string_new(NULL);
        guint lane;
        for (int k = 0; k < TB_KINDS; k++)
                if (find_kind(a, (TbKind)k, &lane))
                        g_string_append_printf(s, "%s%s", s->len ? ", " : "", tb_kind_name((TbKind)k));
        return g_string_free(s, FALSE);
}

/* `power: serial://…` would make a console that all tools take for an outlet. */
static bool is_other_kind(const char *name, TbKind kind)
{
        gsize size = strlen(name);
        while (size > 0 && g_ascii_isdigit(name[size - 1]))
                size--;
        g_autofree char *word = g_strndup(name, size);
        for (int k = 0; k < TB_KINDS; k++)
                if (k != (int)kind && strcmp(tb_kind_name((TbKind)k), word) == 0)
                        return true;
        return false;
}

/* Which kind does `uart1: serial://…` mean? The one it is named after, the one it says, or the only one there
 * is. */
static bool find_meant(const TbAttachment *a, const char *name, json_t *spec, TbKind *ret_kind,
                       guint *ret_lane, GError **error)
{
        const char *said = json_is_object(spec) ? json_string_value(json_object_get(spec, "kind")) : NULL;
        const char *wanted = said ? said : name;
        guint lane;
        guint count = 0;
        for (int k = 0; k < TB_KINDS; k++) {
                if (!find_kind(a, (TbKind)k, &lane))
                        continue;
                if (strcmp(tb_kind_name((TbKind)k), wanted) == 0) {
                        *ret_kind = (TbKind)k;
                        *ret_lane = lane;
                        return true;
                }
                count++;
                *ret_kind = (TbKind)k;
                *ret_lane = lane;
        }
        if (!said && count == 1)
                return true;
        g_autofree char *kinds = kinds_text(a);
        tb_error_set_field(error, TB_ERROR_INVALID, name,
                           "%s offers %s: name the interface after one of them, or add \"kind\"", a->shown,
                           *kinds ? kinds : "nothing");
        return false;
}

static bool kind_of(const TbAttachment *a, const char *name, json_t *spec, TbKind *ret_kind, guint *ret_lane,
                    GError **error)
{
        if (!find_meant(a, name, spec, ret_kind, ret_lane, error))
                return false;
        if (!is_other_kind(name, *ret_kind))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, name,
                           "%s would be a %s here: give the interface a name that is not another kind's",
                           a->shown, tb_kind_name(*ret_kind));
        return false;
}

static bool attach_named(TbDevice *device, json_t *attach, GError **error)
{
        const char *name;
        json_t *spec;
        json_object_foreach (attach, name, spec) {
                if (!tb_name_valid(TB_NAME_ID, name)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "attach",
                                           "interface name \"%.80s\": a name has %s", name,
                                           tb_name_rule(TB_NAME_ID));
                        return false;
                }
                if (tb_is_device_noun(name)) {
                        tb_error_set_field(error, TB_ERROR_INVALID, "attach",
                                           "no interface can be named \"%s\"", name);
                        return false;
                }
                TbAttachment *a = attachment_for(device, spec, error);
                TbKind kind = TB_KIND_POWER;
                guint lane = 0;
                if (!a || !kind_of(a, name, spec, &kind, &lane, error) ||
                    !add_interface(device, name, kind, a, lane, error))
                        return false;
        }
        return true;
}

static bool attach_all(TbDevice *device, json_t *spec, GError **error)
{
        TbAttachment *a = attachment_for(device, spec, error);
        if (!a)
                return false;
        guint before = device->interfaces->len;
        for (int k = 0; k < TB_KINDS; k++) {
                guint lane;
                if (!find_kind(a, (TbKind)k, &lane))
                        continue;
                const char *kind = tb_kind_name((TbKind)k);
                g_autofree char *name = g_strdup(kind);
                for (int n = 2; tb_device_find(device, name); n++) {
                        g_free(name);
                        name = g_strdup_printf("%s%d", kind, n);
                }
                if (!add_interface(device, name, (TbKind)k, a, lane, error))
                        return false;
        }
        if (device->interfaces->len == before) {
                tb_error_set_field(error, TB_ERROR_INVALID, "attach", "%s offers no interface", a->shown);
                return false;
        }
        return true;
}

static bool attach_any(TbDevice *device, json_t *attach, GError **error)
{
        size_t i;
        json_t *spec;
        if (json_is_string(attach))
                return attach_all(device, attach, error);
        if (json_is_object(attach))
                return attach_named(device, attach, error);
        json_array_foreach (attach, i, spec) {
                if (!attach_all(device, spec, error))
                        return false;
        }
        return true;
}

static const TbParam device_params[] = {
        {.name = "label",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_LABEL,
         .help = "what people call it",
         .shown = true},
        {.name = "attach",
         .type = TB_PARAM_ANY,
         .required = true,
         .help = "a URI, an array of URIs, or {interface: URI}"},
        TB_PARAM_DEVICE_MORE,
        TB_PARAM_END,
};

TbDevice *tb_device_new(TbCore *core, const char *id, json_t *spec, GError **error)
{
        if (!tb_name_valid(TB_NAME_ID, id)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "id", "a device id has %s",
                                   tb_name_rule(TB_NAME_ID));
                return NULL;
        }
        json_auto_t *valid = tb_params_validate(device_params, spec, error);
        if (!valid)
                return NULL;
        TbDevice *device = g_new0(TbDevice, 1);
        device->core = core;
        device->id = g_strdup(id);
        const char *label = json_string_value(json_object_get(valid, "label"));
        device->label = g_strdup(label ? label : id);
        device->spec = json_incref(spec);
        device->interfaces = g_ptr_array_new_with_free_func((GDestroyNotify)tb_interface_free);
        device->attachments = g_ptr_array_new_with_free_func((GDestroyNotify)tb_attachment_unref);
        device->lease = tb_lease_new(device);
        json_t *attach = json_object_get(valid, "attach");
        if (!json_is_string(attach) && !json_is_array(attach) && !json_is_object(attach)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "attach",
                                   "must be a URI, an array of URIs, or an object {interface: URI}");
                g_clear_pointer(&device, tb_device_free);
        } else if (!attach_any(device, attach, error) || !tb_device_check_ports(device, "rfc2217", error) ||
                   !tb_device_check_ports(device, "tcp", error)) {
                g_clear_pointer(&device, tb_device_free);
        }
        return device;
}

void tb_device_start(TbDevice *device)
{
        for (guint i = 0; i < device->interfaces->len; i++)
                tb_interface_open_history(g_ptr_array_index(device->interfaces, i));
        for (guint i = 0; i < device->attachments->len; i++)
                tb_attachment_start(g_ptr_array_index(device->attachments, i), device);
        for (guint i = 0; i < device->interfaces->len; i++)
                tb_interface_started(g_ptr_array_index(device->interfaces, i));
}

void tb_device_free(TbDevice *device)
{
        if (!device)
                return;
        for (guint i = 0; i < device->attachments->len; i++)
                tb_attachment_release(g_ptr_array_index(device->attachments, i));
        g_ptr_array_free(device->interfaces, TRUE);
        g_ptr_array_free(device->attachments, TRUE);
        tb_lease_free(device->lease);
        json_decref(device->spec);
        tb_device_people_free(device);
        g_free(device->label);
        g_free(device->id);
        g_free(device);
}

const char *tb_device_id(const TbDevice *device)
{
        return device->id;
}

const char *tb_device_label(const TbDevice *device)
{
        return device->label;
}

TbInterface *tb_device_interface_of(TbDevice *device, TbKind kind)
{
        for (guint i = 0; i < device->interfaces->len; i++) {
                TbInterface *iface = g_ptr_array_index(device->interfaces, i);
                if (iface->kind == kind)
                        return iface;
        }
        return NULL;
}

void tb_device_each_interface(TbDevice *device, void (*call)(TbInterface *, gpointer), gpointer user)
{
        for (guint i = 0; i < device->interfaces->len; i++)
                call(g_ptr_array_index(device->interfaces, i), user);
}

/* The worst of its interfaces that matters: a fault shows, and so does something that is away. */
static TbState device_state(const TbDevice *device)
{
        TbState worst = TB_STATE_READY;
        for (guint i = 0; i < device->interfaces->len; i++) {
                TbState s = tb_interface_state(g_ptr_array_index(device->interfaces, i), NULL);
                if (s == TB_STATE_FAULT)
                        return s;
                if (s == TB_STATE_ABSENT || (s == TB_STATE_OPENING && worst == TB_STATE_READY))
                        worst = s;
        }
        return worst;
}

/* Of the first attachment that tells each; NULL: none does. */
static json_t *facts_of(const TbDevice *device)
{
        json_t *all = NULL;
        for (guint i = 0; i < device->attachments->len; i++) {
                json_t *facts = ((const TbAttachment *)g_ptr_array_index(device->attachments, i))->facts;
                if (facts && !all)
                        all = json_object();
                if (facts)
                        json_object_update_missing(all, facts);
        }
        return all;
}

json_t *tb_device_json(TbDevice *device)
{
        json_t *interfaces = json_array();
        for (guint i = 0; i < device->interfaces->len; i++)
                json_array_append_new(interfaces,
                                      tb_interface_json(g_ptr_array_index(device->interfaces, i)));
        json_t *o = json_pack("{s:s, s:s, s:s, s:b, s:o, s:o}", "id", device->id, "label", device->label,
                              "state", tb_state_name(device_state(device)), "stored", device->stored,
                              "interfaces", interfaces, "lease", tb_device_lease_json(device));
        json_object_set_new(o, "facts", facts_of(device));               /* nobody tells: it is not there */
        json_object_set_new(o, "people", tb_device_people_json(device)); /* nobody: it is not there */
        return o;
}
