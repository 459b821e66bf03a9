#include "lib/reload.h"

#include <string.h>

#include "lib/json.h"

json_t *tb_config_prints(TbConfigReader *r)
{
        json_t *prints = json_object();
        const char *field;
        json_t *value;
        json_object_foreach (tb_config_root(r), field, value) {
                gsize size;
                json_auto_t *list = json_pack("[O]", value); /* a text has an array or an object */
                g_autofree char *text = tb_json_text(list, &size);
                g_autofree char *hash =
                        g_compute_checksum_for_string(G_CHECKSUM_SHA256, text ? text : "", -1);
                json_object_set_new(prints, field, json_string(hash));
        }
        return prints;
}

static bool has_changed(const TbReload *now, const TbReload *fresh, const char *field)
{
        return g_strcmp0(json_string_value(json_object_get(now->prints, field)),
                         json_string_value(json_object_get(fresh->prints, field))) != 0;
}

/* From now on it is the running one's. */
static void note(TbReload *now, const TbReload *fresh, const char *field)
{
        json_t *print = json_object_get(fresh->prints, field);
        if (print)
                json_object_set(now->prints, field, print);
        else
                json_object_del(now->prints, field);
}

static void list_changed(const TbReload *now, const TbReload *fresh, GString *out)
{
        json_auto_t *all = json_copy(now->prints);
        const char *field;
        json_t *print;
        json_object_update(all, fresh->prints);
        json_object_foreach (all, field, print)
                if (has_changed(now, fresh, field))
                        g_string_append_printf(out, "%s%s", out->len ? ", " : "", field);
}

char **tb_reload_take(TbReload *now, const TbReload *fresh, const char *const *more)
{
        g_autoptr(GString) later = g_string_new(NULL);
        g_autofree char *about = NULL;
        char **gone = NULL;
        if (now->tls && fresh->tls) {
                tb_tls_replace(now->tls, fresh->tls);
                about = tb_tls_about(now->tls);
                note(now, fresh, "tls");
        }
        /* with the first token, and without the last one, raw ports open and close: that is decided at the start */
        if (tb_auth_is_open(now->auth) == tb_auth_is_open(fresh->auth)) {
                gone = tb_auth_exchange(now->auth, fresh->auth);
                note(now, fresh, "tokens");
        }
        note(now, fresh, "log_level");
        for (; more && *more; more++)
                note(now, fresh, *more);
        list_changed(now, fresh, later);
        tb_log_set_level(MAX(fresh->log_level, TB_LOG_INFO)); /* who has asked hears it */
        tb_log(TB_LOG_INFO, TB_F("tls", about), "the configuration was read again: %s%s",
               later->len ? "these need a restart: " : "all of it holds now", later->str);
        tb_log_set_level(fresh->log_level);
        return gone ? gone : g_new0(char *, 1);
}
