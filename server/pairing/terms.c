/*
 * On which terms a session is: what is told of it to who asks, and their change. Whoever is in it on terms that are no more is
 * cut at once, here and (by his end) at the host: nobody goes on as more than the link is.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/server_limits.h"
#include "lib/text.h"
#include "server/pairing/pairing_private.h"

static const char *mode_name(TbMode mode)
{
        return mode == TB_MODE_CONTROL ? "control" : "view";
}

static json_t *time_json(gint64 ms)
{
        g_autofree char *text = ms == G_MAXINT64 ? NULL : tb_clock_rfc3339(tb_clock_wall_of(ms));
        return text ? json_string(text) : json_null();
}

void tb_session_put_phones(const TbSession *session, json_t *to)
{
        if (session->max_phones > 1)
                json_object_set_new(to, "phones", json_integer(session->max_phones));
}

json_t *tb_session_status(TbSession *session)
{
        json_t *o = json_pack("{s:s, s:b, s:b, s:i, s:o, s:o}", "sessionId", session->id, "desktopConnected",
                              session->observers->len > 0, "phoneConnected", tb_session_present(session),
                              "observers", (int)session->observers->len, "createdAt",
                              time_json(session->created_ms), "expiresAt",
                              time_json(tb_session_expires_ms(session)));
        tb_session_put_phones(session, o);
        if (session->max_phones > 1)
                json_object_set_new(o, "phonesConnected", json_integer(session->phones->len));
        if (session->host) {
                g_autofree char *name = g_strconcat(session->host, "/", session->device, NULL);
                json_object_set_new(o, "device", json_string(name));
                json_object_set_new(o, "mode", json_string(mode_name(session->mode)));
        }
        return o;
}

/* --- the list --- */
static bool is_asked(const TbSession *session, const TbSight *sight, gint64 now_ms)
{
        if (now_ms >= tb_session_expires_ms(session) ||
            (sight->share && strcmp(session->share, sight->share) != 0))
                return false;
        return !sight->only || (session->host && tb_grants_role(sight->only, TB_ROLE_VIEWER, session->host,
                                                                session->device) > TB_ROLE_NONE);
}

static int by_age(gconstpointer a, gconstpointer b)
{
        const TbSession *one = *(const TbSession *const *)a, *other = *(const TbSession *const *)b;
        return (one->created_ms < other->created_ms) - (one->created_ms > other->created_ms);
}

static json_t *entry(TbSession *session)
{
        json_t *o = tb_session_status(session), *people = json_array();
        for (guint i = 0; i < session->observers->len; i++)
                json_array_append_new(people, tb_person_json(g_ptr_array_index(session->observers, i)));
        json_object_set_new(o, "maker", json_string(session->share));
        json_object_set_new(o, "note", session->note ? json_string(session->note) : json_null());
        json_object_set_new(o, "max", json_integer(session->max_observers));
        json_object_set_new(o, "untilRevoked", json_boolean(session->life_s == TB_LIFE_UNTIL_REVOKED));
        json_object_set_new(o, "whileUsed", json_boolean(session->life_s == TB_LIFE_USED));
        json_object_set_new(o, "usedAt", time_json(session->active_ms));
        const TbHeld *held = tb_held_of(session);
        json_object_set_new(o, "holder", held ? json_string(held->holder) : json_null());
        json_object_set_new(o, "people", people);
        return o;
}

bool tb_session_row(TbPairing *pairing, const char *id, const TbSight *sight, gint64 now_ms, GString *out)
{
        TbSession *session = g_hash_table_lookup(pairing->sessions, id);
        if (!session || session->ended || !is_asked(session, sight, now_ms))
                return false;
        gsize size;
        json_auto_t *row = entry(session);
        g_autofree char *text = tb_json_text(row, &size);
        if (!text)
                return false;
        g_string_append_len(out, text, (gssize)size);
        g_string_append_c(out, ',');
        return true;
}

json_t *tb_pairing_sessions(TbPairing *pairing, const TbSight *sight, gint64 now_ms)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new();
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, pairing->sessions);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (is_asked(value, sight, now_ms))
                        g_ptr_array_add(all, value);
        g_ptr_array_sort(all, by_age);
        json_t *list = json_array();
        for (guint i = 0; i < MIN(all->len, tb_server_limits.sessions_shown); i++)
                json_array_append_new(list, entry(g_ptr_array_index(all, i)));
        return list;
}

/* --- change --- */
/* It has a token of its own for watching. */
static bool is_for_control(const TbSession *session)
{
        return memcmp(session->token, session->view, TB_SECRET_HASH) != 0;
}

static void cut_who_controls(TbSession *session)
{
        for (guint i = session->observers->len; i-- > 0;) {
                TbParty *observer = g_ptr_array_index(session->observers, i);
                if (observer->mode != TB_MODE_CONTROL)
                        continue;
                observer->cut = true;
                tb_party_leave_session(observer);
                tb_party_refuse(observer, "mode-changed", "This link is for watching only now");
        }
}

bool tb_pairing_change(TbPairing *pairing, TbSession *session, const TbSessionTerms *terms, gint64 now_ms,
                       GError **error)
{
        bool controls = terms->has_mode && terms->mode == TB_MODE_CONTROL;
        if (controls && !(session->host && is_for_control(session))) {
                tb_error_set_field(error, TB_ERROR_BUSY, "mode",
                                   "this link was made for watching: make one for control");
                return false;
        }
        if (terms->has_life) {
                session->life_s = terms->life_s; /* from now on */
                if (session->life_s > 0)
                        session->life_s += MAX(now_ms - session->created_ms, 0) / 1000;
        }
        if (terms->note) {
                g_free(session->note);
                session->note = *terms->note ? tb_text_line(terms->note, TB_LIMIT_LABEL) : NULL;
        }
        if (terms->observers > 0 && session->host)
                session->max_observers = terms->observers;
        if (terms->has_mode && session->host) {
                session->mode = terms->mode;
                if (!controls)
                        cut_who_controls(session);
        }
        session->active_ms = now_ms;
        pairing->ends_ms = MIN(pairing->ends_ms, tb_session_expires_ms(session));
        tb_session_tell(session, TB_SESSION_CHANGED);
        return true;
}
