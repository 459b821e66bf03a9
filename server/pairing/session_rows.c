#include "server/pairing/session_rows.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "server/store/sql.h"

#define LIFE_MOST_S (100 * 366 * 86400ll)
#define OBSERVERS_MOST 10000 /* of lib/server_limits.h: one that was made under another limit goes on */

/* --- write --- */
void tb_session_row_put(TbDbCall *call, const TbSession *s, gint64 wall_offset_ms)
{
        tb_db_statement(call, tb_sql_session_put);
        tb_db_text(call, s->id);
        tb_db_bytes(call, s->token, sizeof s->token);
        tb_db_bytes(call, s->view, sizeof s->view);
        tb_db_text(call, s->share);
        tb_db_text(call, s->wide);
        tb_db_text(call, s->host);
        tb_db_text(call, s->device);
        tb_db_text(call, s->mode == TB_MODE_CONTROL ? "control" : "view");
        tb_db_int(call, s->host ? s->max_observers : s->max_phones);
        tb_db_int(call, s->created_ms + wall_offset_ms);
        tb_db_int(call, s->active_ms + wall_offset_ms);
        tb_db_int(call, s->life_s);
        tb_db_text(call, s->note);
}

void tb_session_row_touch(TbDbCall *call, const TbSession *s, gint64 wall_offset_ms)
{
        tb_db_statement(call, tb_sql_session_touch);
        tb_db_text(call, s->id);
        tb_db_int(call, s->created_ms + wall_offset_ms);
        tb_db_int(call, s->active_ms + wall_offset_ms);
}

void tb_session_row_end(TbDbCall *call, const char *id)
{
        tb_db_statement(call, tb_sql_session_end);
        tb_db_text(call, id);
}

/* --- read --- */
typedef struct Row {
        const char *id, *share, *wide, *host, *device, *mode;
        const void *token, *view;
        gsize token_size, view_size;
        gint64 observers, created_ms, active_ms, life_s; /* wall clock */
        const char *note;
} Row;

static bool is_text(const char *text, gsize max)
{
        return text && *text && strlen(text) <= max;
}

static bool makes_sense(const Row *r)
{
        return is_text(r->id, 64) && r->token_size == TB_SECRET_HASH && r->view_size == TB_SECRET_HASH &&
               r->observers >= 1 && r->observers <= OBSERVERS_MOST && r->created_ms > 0 &&
               r->active_ms >= r->created_ms && r->life_s >= TB_LIFE_UNTIL_REVOKED &&
               r->life_s <= LIFE_MOST_S &&
               (!r->host || (is_text(r->host, TB_LIMIT_ID) && is_text(r->device, TB_LIMIT_ID)));
}

/* Ages are what counts: how old it was by the wall clock, it is by ours. */
static TbSession *session_of(const Row *r, gint64 wall_offset_ms)
{
        if (!makes_sense(r))
                return NULL;
        gint64 now_ms = tb_clock_mono_ms();
        TbSession *s = g_new0(TbSession, 1);
        s->id = g_strdup(r->id);
        s->share = g_ref_string_new_intern(r->share ? r->share : "");
        s->wide = g_ref_string_new_intern(r->wide ? r->wide : "");
        s->host = g_strdup(r->host);
        s->device = r->host ? g_strdup(r->device) : NULL;
        s->mode = g_strcmp0(r->mode, "control") == 0 ? TB_MODE_CONTROL : TB_MODE_VIEW;
        /* of a phone session there is one desktop, and the number is that of phones */
        s->max_observers = r->host ? (guint)r->observers : 1;
        s->max_phones = r->host ? 0 : (guint)r->observers;
        s->active_ms = MIN(r->active_ms - wall_offset_ms, now_ms);
        s->created_ms = MIN(r->created_ms - wall_offset_ms, s->active_ms);
        s->observers = g_ptr_array_new();
        s->phones = g_ptr_array_new();
        s->told_ms = G_MININT64 / 2;
        s->life_s = r->life_s;
        s->note = r->note && *r->note ? g_strdup(r->note) : NULL;
        memcpy(s->token, r->token, sizeof s->token);
        memcpy(s->view, r->view, sizeof s->view);
        return s;
}

TbSession *tb_session_of_row(const TbDbResult *rows, guint row, gint64 wall_offset_ms)
{
        Row r = {.id = tb_db_get_text(rows, row, 0),
                 .share = tb_db_get_text(rows, row, 3),
                 .wide = tb_db_get_text(rows, row, 4),
                 .host = tb_db_get_text(rows, row, 5),
                 .device = tb_db_get_text(rows, row, 6),
                 .mode = tb_db_get_text(rows, row, 7),
                 .observers = tb_db_get_int(rows, row, 8),
                 .created_ms = tb_db_get_int(rows, row, 9),
                 .active_ms = tb_db_get_int(rows, row, 10),
                 .life_s = tb_db_get_int(rows, row, 11),
                 .note = tb_db_get_text(rows, row, 12)};
        r.token = tb_db_get_bytes(rows, row, 1, &r.token_size);
        r.view = tb_db_get_bytes(rows, row, 2, &r.view_size);
        return session_of(&r, wall_offset_ms);
}

static guchar *hash_of(const json_t *o, const char *name, gsize *ret_size)
{
        const char *text = json_string_value(json_object_get(o, name));
        *ret_size = 0;
        return text && strlen(text) < 64 ? g_base64_decode(text, ret_size) : NULL;
}

TbSession *tb_session_of_json(const json_t *o, gint64 wall_offset_ms)
{
        Row r = {.id = json_string_value(json_object_get(o, "id")),
                 .host = json_string_value(json_object_get(o, "host")),
                 .device = json_string_value(json_object_get(o, "device")),
                 .mode = json_string_value(json_object_get(o, "mode")),
                 .observers = json_integer_value(json_object_get(o, "observers")),
                 .created_ms = json_integer_value(json_object_get(o, "created")),
                 .active_ms = json_integer_value(json_object_get(o, "active")),
                 .life_s = TB_LIFE_USED};
        g_autofree guchar *token = hash_of(o, "token", &r.token_size),
                          *view = hash_of(o, "view", &r.view_size);
        r.token = token;
        r.view = view;
        return session_of(&r, wall_offset_ms);
}
