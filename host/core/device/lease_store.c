/* Leases across restarts: leases.json, {device: {hash, holder, of_token, ttl_ms, expires_ms, note?}}; expires_ms by the wall clock. */
#include <string.h>

#include "host/core/device/lease_private.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/log.h"

static gboolean save_one(gpointer key, gpointer value, gpointer data)
{
        TbLeaseState *l = ((TbDevice *)value)->lease;
        if (l->held) {
                g_autofree char *hash = g_base64_encode(l->hash, sizeof l->hash);
                json_t *o = l->unknown ? json_copy(l->unknown) : json_object();
                json_object_set_new(o, "hash", json_string(hash));
                json_object_set_new(o, "holder", json_string(l->holder));
                json_object_set_new(o, "of_token", json_boolean(l->of_token));
                json_object_set_new(o, "ttl_ms", json_integer(l->ttl_ms));
                json_object_set_new(o, "expires_ms", json_integer(tb_lease_wall_end_ms(l)));
                if (l->note)
                        json_object_set_new(o, "note", json_string(l->note));
                json_object_set_new(data, key, o);
                l->saved_ms = l->ends_ms;
        }
        return FALSE;
}

json_t *tb_leases_json(TbCore *core)
{
        json_t *all = json_copy(core->unknown_leases);
        g_tree_foreach(core->devices, save_one, all);
        return all;
}

void tb_leases_save(TbCore *core)
{
        tb_saver_now(core->save_leases); /* it tries again by itself, and says so */
}

static bool restore(TbLeaseState *l, const json_t *o)
{
        static const char *const known[] = {"hash", "holder", "of_token", "ttl_ms", "expires_ms", "note"};
        const char *hash = json_string_value(json_object_get(o, "hash")),
                   *holder = json_string_value(json_object_get(o, "holder"));
        gint64 ttl = json_integer_value(json_object_get(o, "ttl_ms")),
               left = json_integer_value(json_object_get(o, "expires_ms"));
        gsize n = 0;
        g_autofree guchar *raw = hash && strlen(hash) < 100 ? g_base64_decode(hash, &n) : NULL;
        if (n != sizeof l->hash || !holder || ttl < 1 || ttl > TB_LIMIT_LEASE_S * G_GINT64_CONSTANT(1000) ||
            left < 0)
                return false;
        if (left <= tb_clock_ms()) /* understood: over */
                return true;
        memcpy(l->hash, raw, n);
        l->held = true;
        l->holder = g_strdup(holder);
        l->of_token = json_is_true(json_object_get(o, "of_token"));
        l->note = g_strdup(json_string_value(json_object_get(o, "note")));
        l->unknown = json_copy((json_t *)(gpointer)o);
        for (guint i = 0; i < G_N_ELEMENTS(known); i++)
                json_object_del(l->unknown, known[i]);
        l->ttl_ms = ttl;
        l->ends_ms = l->saved_ms = tb_clock_mono_ms() + MIN(left - tb_clock_ms(), ttl);
        tb_lease_arm(l);
        return true;
}

void tb_leases_load(TbCore *core)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *all = tb_state_load(core->state, "leases.json", JSON_OBJECT, &error);
        const char *id;
        json_t *o;
        if (error)
                tb_log(TB_LOG_ERROR, TB_F(), "%s; nobody holds a lease now", error->message);
        json_object_foreach (all, id, o) {
                TbDevice *device = g_tree_lookup(core->devices, id);
                if (!device || !restore(device->lease, o)) {
                        tb_log(TB_LOG_WARNING, TB_F("device", id), "%s",
                               device ? "its lease is not understood: kept in leases.json, not used"
                                      : "a lease of a device that is not here: kept in leases.json");
                        json_object_set(core->unknown_leases, id, o);
                }
        }
}
