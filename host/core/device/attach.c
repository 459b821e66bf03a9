#include "host/core/private.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

/* The longest socket name that a driver makes below run_dir, and what sun_path holds. */
#define SOCKET_NAME 16
#define SUN_PATH 108
#define RUN_NAME 24

/* The name that people know where it is short; a long one would leave a state directory no room in sun_path. */
static char *run_name(const char *device)
{
        if (strlen(device) <= RUN_NAME)
                return g_strdup(device);
        g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, device, -1);
        return g_strdup_printf("%.*s-%.8s", RUN_NAME - 9, device, sum);
}

/* {"driver":"qemu", …} is written as a URI, so that everything behind this line knows one form. */
static char *uri_of(json_t *spec, GError **error)
{
        if (json_is_string(spec))
                return g_strdup(json_string_value(spec));
        if (!json_is_object(spec)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "attach",
                                   "an attachment is a URI, or an object with \"uri\" or \"driver\"");
                return NULL;
        }
        json_t *uri = json_object_get(spec, "uri"), *driver = json_object_get(spec, "driver");
        if (json_is_string(uri) && !driver)
                return g_strdup(json_string_value(uri));
        if (json_is_string(driver) && !uri)
                return g_strconcat(json_string_value(driver), "://", NULL);
        tb_error_set_field(error, TB_ERROR_INVALID, "attach",
                           "an attachment object needs \"uri\" or \"driver\" (one of them, a string)");
        return NULL;
}

/* Parameters of the URI's query (text) and of the object form (typed) together. */
static json_t *params_of(const TbDriver *driver, const TbUri *uri, json_t *spec, GError **error)
{
        const TbParam *table = driver->params ? driver->params : tb_no_params;
        json_auto_t *typed = json_is_object(spec) ? json_copy(spec) : json_object();
        json_object_del(typed, "uri");
        json_object_del(typed, "driver");
        json_object_del(typed, "kind");
        const char *key;
        json_t *value;
        if (json_object_size(uri->query) == 0)
                return tb_params_validate(table, typed, error);
        json_object_foreach (typed, key, value) {
                tb_error_set_field(error, TB_ERROR_INVALID, key,
                                   "give parameters in the URI's query or beside \"uri\", not in both");
                return NULL;
        }
        return tb_params_validate_text(table, uri->query, error);
}

static char *redacted(const TbDriver *driver, const TbUri *uri)
{
        g_autoptr(GPtrArray) secrets = g_ptr_array_new();
        for (const TbParam *p = driver->params; p && p->name; p++)
                if (p->type == TB_PARAM_SECRET)
                        g_ptr_array_add(secrets, (gpointer)p->name);
        g_ptr_array_add(secrets, NULL);
        return tb_uri_redacted(uri, (const char *const *)secrets->pdata);
}

/* An object as the URI that it stands for, so that whoever reads it (a form) can give it back; secrets are hidden. */
static char *spelled(const TbDriver *driver, const char *shown, json_t *spec)
{
        g_autoptr(GString) text = g_string_new(shown);
        const char *key;
        json_t *value;
        json_object_foreach (spec, key, value) {
                const TbParam *p = driver->params;
                while (p && p->name && strcmp(p->name, key) != 0)
                        p++;
                if (!p || !p->name) /* uri, driver, kind */
                        continue;
                g_autofree char *json = json_is_string(value) ? NULL : tb_json_text(value, NULL);
                const char *plain = p->type == TB_PARAM_SECRET ? "***"
                                    : json                     ? json
                                                               : json_string_value(value);
                g_autofree char *escaped = g_uri_escape_string(plain, "/:,[]\"@*", FALSE);
                g_string_append_printf(text, "%c%s=%s", strchr(text->str, '?') ? '&' : '?', key, escaped);
        }
        /* longer than a URI may be: nobody could give it back */
        return text->len < TB_LIMIT_URI ? g_string_free(g_steal_pointer(&text), FALSE) : g_strdup(shown);
}

/* Everything of it that no text may hold. Before the parameters are valid: whatever was given for one that is
 * secret. */
static void find_secrets(const TbDriver *driver, const TbUri *uri, json_t *spec, TbSecrets *secrets)
{
        tb_secrets_add(secrets, uri->password);
        for (const TbParam *p = driver->params; p && p->name; p++) {
                if (p->type != TB_PARAM_SECRET)
                        continue;
                tb_secrets_add(secrets, json_string_value(json_object_get(uri->query, p->name)));
                tb_secrets_add(secrets, json_string_value(json_object_get(spec, p->name)));
        }
}

/* The URI of `"attach": "tapo://…"` is no field of its own: "attach" is what to mend. */
static void blame_attach(json_t *spec, GError **error)
{
        if (!error || json_is_object(spec) || g_strcmp0(tb_error_field(*error), "uri") != 0)
                return;
        g_autoptr(GError) of_uri = g_steal_pointer(error);
        tb_error_set_field(error, (TbErrorCode)of_uri->code, "attach", "%s", of_uri->message);
}

static TbAttachment *attachment_new(TbCore *core, const char *device, guint number, json_t *spec,
                                    TbSecrets *secrets, GError **error)
{
        g_autofree char *text = uri_of(spec, error);
        if (!text)
                return NULL;
        g_autoptr(TbUri) uri = tb_uri_parse(text, error);
        if (!uri)
                return NULL;
        const TbDriver *driver = tb_driver_find(uri->scheme);
        if (!driver) {
                tb_error_set_field(error, TB_ERROR_INVALID, "attach",
                                   "no driver for \"%s://\"; GET /host/drivers lists them", uri->scheme);
                return NULL;
        }
        if (!driver->lanes[0].name) {
                tb_error_set_field(
                        error, TB_ERROR_INVALID, "attach",
                        "%s:// finds hardware and serves none: attach what it found by its own URI "
                        "(GET /host/resources)",
                        uri->scheme);
                return NULL;
        }
        find_secrets(driver, uri, spec, secrets);
        json_auto_t *params = params_of(driver, uri, spec, error);
        if (!params || (driver->check && !driver->check(uri, params, error)))
                return NULL;
        g_autofree char *name = run_name(device),
                        *run = g_strdup_printf("%s/run/%s-%u", core->config->state_dir, name, number);
        if (strlen(run) + SOCKET_NAME >= SUN_PATH) {
                tb_set_error(
                        error, TB_ERROR_INTERNAL,
                        "the path %s is too long for a socket in it (%d bytes at most): choose a shorter "
                        "--state-dir",
                        run, SUN_PATH - SOCKET_NAME);
                return NULL;
        }
        TbAttachment *a = g_new0(TbAttachment, 1);
        a->ref = 1;
        a->core = core;
        a->driver = driver;
        a->shown = redacted(driver, uri);
        a->spelled = spelled(driver, a->shown, spec);
        a->uri = g_steal_pointer(&uri);
        a->params = g_steal_pointer(&params);
        a->run_dir = g_steal_pointer(&run);
        while (driver->lanes[a->n_lanes].name)
                a->n_lanes++;
        a->workers = g_new0(TbWorker *, a->n_lanes);
        return a;
}

TbAttachment *tb_attachment_new(TbCore *core, const char *device, guint number, json_t *spec, GError **error)
{
        g_autoptr(TbSecrets) secrets = tb_secrets_new();
        TbAttachment *a = attachment_new(core, device, number, spec, secrets, error);
        if (a) {
                a->secrets = g_steal_pointer(&secrets);
                return a;
        }
        blame_attach(spec, error);
        if (error)
                tb_secrets_hide_error(secrets, *error);
        return NULL;
}

TbAttachment *tb_attachment_ref(TbAttachment *a)
{
        a->ref++;
        return a;
}

void tb_attachment_unref(TbAttachment *a)
{
        if (!a || --a->ref > 0)
                return;
        g_assert(a->live == 0);
        tb_uri_free(a->uri);
        json_decref(a->params);
        json_decref(a->facts);
        g_rmdir(a->run_dir); /* kept when the driver left something in it */
        g_free(a->run_dir);
        g_free(a->shown);
        g_free(a->spelled);
        tb_secrets_free(a->secrets);
        g_free(a->workers);
        g_free(a);
}

bool tb_attachment_same(const TbAttachment *a, const TbAttachment *b)
{
        return a->driver == b->driver && strcmp(a->uri->raw, b->uri->raw) == 0 &&
               json_equal(a->params, b->params);
}

guint tb_attachment_lanes(const TbAttachment *a)
{
        guint all = (1U << a->n_lanes) - 1;
        return a->driver->lanes_of ? a->driver->lanes_of(a->uri, a->params) & all : all;
}

static void worker_ended(gpointer data)
{
        TbLaneOwner *owner = data;
        TbAttachment *a = owner->attachment;
        a->live--;
        a->core->ending--;
        tb_attachment_unref(a);
        g_free(owner);
}

static int sample_interval(const TbAttachment *a, const TbLane *lane)
{
        if (!lane->sensors || !lane->sensors->sample)
                return 0;
        json_int_t ms = json_integer_value(json_object_get(a->params, "interval_ms"));
        return ms >= TB_LIMIT_SENSOR_MS_MIN ? (int)ms
                                            : MAX(lane->sensors->interval_ms, TB_LIMIT_SENSOR_MS_MIN);
}

void tb_attachment_start(TbAttachment *a, TbDevice *device)
{
        if (g_mkdir_with_parents(a->run_dir, 0700) < 0) /* the driver that needs it says what it cannot do */
                tb_log(TB_LOG_ERROR, TB_F("device", device->id), "cannot make %s: %s", a->run_dir,
                       g_strerror(errno));
        guint used = 0;
        bool sensors = false;
        for (guint i = 0; i < device->interfaces->len; i++) {
                const TbInterface *iface = g_ptr_array_index(device->interfaces, i);
                if (iface->attachment != a)
                        continue;
                used |= 1U << iface->lane;
                sensors |= iface->kind == TB_KIND_SENSORS;
        }
        for (guint i = 0; i < a->n_lanes; i++) {
                if (!(used & 1U << i) || a->workers[i])
                        continue;
                TbLaneOwner *owner = g_new(TbLaneOwner, 1);
                *owner = (TbLaneOwner){device, tb_attachment_ref(a), i};
                a->live++;
                a->workers[i] = tb_worker_new(&(TbWorkerOptions){
                        .driver = a->driver,
                        .lane = &a->driver->lanes[i],
                        .uri = a->uri,
                        .params = a->params,
                        .secrets = a->secrets,
                        .device = device->id,
                        .run_dir = a->run_dir,
                        .sample_ms = sensors ? sample_interval(a, &a->driver->lanes[i]) : 0,
                        .ops = &tb_interface_worker_ops,
                        .owner = owner,
                        .ended = worker_ended,
                        .ended_data = owner,
                });
        }
}

void tb_attachment_release(TbAttachment *a)
{
        for (guint i = 0; i < a->n_lanes; i++) {
                if (!a->workers[i])
                        continue;
                a->core->ending++;
                tb_worker_release(g_steal_pointer(&a->workers[i]));
        }
}
