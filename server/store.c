#include "server/store.h"

#include <string.h>

#include "lib/json.h"
#include "lib/limits.h"
#include "server/pairing_private.h"

/* --- write --- */
static json_t *hash_json(const guint8 hash[TB_SECRET_HASH])
{
        g_autofree char *text = g_base64_encode(hash, TB_SECRET_HASH);
        return json_string(text);
}

static json_t *session_json(const TbSession *s)
{
        json_t *o =
                json_pack("{s:s, s:o, s:o, s:s, s:i, s:I, s:I}", "id", s->id, "token", hash_json(s->token),
                          "view", hash_json(s->view), "mode", s->mode == TB_MODE_CONTROL ? "control" : "view",
                          "observers", (int)s->max_observers, "created", (json_int_t)s->created_ms, "active",
                          (json_int_t)s->active_ms);
        if (s->host) {
                json_object_set_new(o, "host", json_string(s->host));
                json_object_set_new(o, "device", json_string(s->device));
        }
        return o;
}

bool tb_sessions_save(TbPairing *pairing, const char *path, GError **error)
{
        json_auto_t *list = json_array();
        GHashTableIter iter;
        gpointer value;
        gsize size;
        g_hash_table_iter_init(&iter, pairing->sessions);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                json_array_append_new(list, session_json(value));
        g_autofree char *text = tb_json_text(list, &size);
        return g_file_set_contents_full(path, text, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                        error);
}

guint64 tb_sessions_stamp(const TbPairing *pairing)
{
        return pairing->created + pairing->expired;
}

/* --- read --- */
static bool read_hash(const json_t *o, const char *name, guint8 ret[TB_SECRET_HASH])
{
        const char *text = json_string_value(json_object_get(o, name));
        gsize size = 0;
        g_autofree guchar *bytes = text && strlen(text) < 64 ? g_base64_decode(text, &size) : NULL;
        if (size != TB_SECRET_HASH)
                return false;
        memcpy(ret, bytes, TB_SECRET_HASH);
        return true;
}

static bool is_text(const char *text, gsize max)
{
        return text && *text && strlen(text) <= max;
}

static void read_session(TbPairing *pairing, const json_t *o, gint64 now_ms)
{
        const char *id = json_string_value(json_object_get(o, "id")),
                   *host = json_string_value(json_object_get(o, "host")),
                   *device = json_string_value(json_object_get(o, "device")),
                   *mode = json_string_value(json_object_get(o, "mode"));
        json_int_t observers = json_integer_value(json_object_get(o, "observers")),
                   created = json_integer_value(json_object_get(o, "created")),
                   active = json_integer_value(json_object_get(o, "active"));
        guint8 token[TB_SECRET_HASH], view[TB_SECRET_HASH];
        if (!is_text(id, 64) || g_hash_table_contains(pairing->sessions, id) ||
            !read_hash(o, "token", token) || !read_hash(o, "view", view) || observers < 1 ||
            observers > TB_LIMIT_OBSERVERS || created <= 0 || active < created || active > now_ms ||
            (host && (!is_text(host, TB_LIMIT_ID) || !is_text(device, TB_LIMIT_ID))) ||
            g_hash_table_size(pairing->sessions) >= TB_LIMIT_SESSIONS)
                return;
        TbSession *s = g_new0(TbSession, 1);
        s->pairing = pairing;
        s->id = g_strdup(id);
        s->host = g_strdup(host);
        s->device = host ? g_strdup(device) : NULL;
        s->mode = g_strcmp0(mode, "control") == 0 ? TB_MODE_CONTROL : TB_MODE_VIEW;
        s->max_observers = (guint)observers;
        s->created_ms = created;
        s->active_ms = active;
        s->observers = g_ptr_array_new();
        memcpy(s->token, token, sizeof token);
        memcpy(s->view, view, sizeof view);
        g_hash_table_insert(pairing->sessions, s->id, s);
}

bool tb_sessions_load(TbPairing *pairing, const char *path, gint64 now_ms, GError **error)
{
        g_autofree char *text = NULL;
        g_autoptr(GError) why = NULL;
        gsize size, i;
        json_t *entry;
        if (!g_file_get_contents(path, &text, &size, &why)) {
                if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
                        return true;
                g_propagate_error(error, g_steal_pointer(&why));
                return false;
        }
        json_auto_t *list = tb_json_parse(text, size, error);
        if (!list)
                return false;
        json_array_foreach (list, i, entry)
                read_session(pairing, entry, now_ms);
        tb_session_expire(pairing, now_ms);
        return true;
}
