#pragma once
/* A pairing without sockets and without a clock: lines on which parties speak, and what was said to them. */
#include "server/pairing/pairing.h"

#include <string.h>

#include "lib/json.h"

/* A connection that is only a list of what was said to it. */
typedef struct Line {
        TbParty *party;
        GPtrArray *said; /* owned json_t */
        gsize queued, pictures;
        char last_picture;
        int closed;
        char *reason;
        const char *net; /* NULL: this machine */
        guint probed;
        gint64 silent_ms;
} Line;

static inline bool say(gpointer connection, const char *text, gsize size)
{
        Line *line = connection;
        json_t *message = tb_json_parse(text, size, NULL);
        g_assert_true(json_is_object(message));
        g_ptr_array_add(line->said, message);
        return true;
}

static inline bool show(gpointer connection, const void *bytes, gsize size)
{
        Line *line = connection;
        line->pictures++;
        line->last_picture = ((const char *)bytes)[size - 1];
        return true;
}

static inline gsize queued(gpointer connection)
{
        return ((Line *)connection)->queued;
}

static inline void cut(gpointer connection, int code, const char *reason)
{
        Line *line = connection;
        line->closed = code;
        line->reason = g_strdup(reason);
}

static inline const char *net_of_line(gpointer connection)
{
        return ((Line *)connection)->net;
}

static inline void probe(gpointer connection)
{
        ((Line *)connection)->probed++;
}

static inline gint64 silent_ms(gpointer connection)
{
        return ((Line *)connection)->silent_ms;
}

static const TbPartyOps ops = {.text = say,
                               .binary = show,
                               .queued = queued,
                               .close = cut,
                               .net = net_of_line,
                               .probe = probe,
                               .silent_ms = silent_ms};
static const TbIceConfig no_ice;

typedef struct World {
        TbPairing *pairing;
        TbAuth *hosts;
        gint64 now;
} World;

static inline void setup(World *w)
{
        w->hosts = tb_auth_new();
        w->now = 1700000000000;
        w->pairing = tb_pairing_new(&(TbPairingOptions){.ops = &ops, .ice = &no_ice, .hosts = w->hosts});
}

static inline void teardown(World *w)
{
        tb_pairing_free(w->pairing);
        tb_auth_unref(w->hosts);
}

static inline Line *dial(World *w)
{
        Line *line = g_new0(Line, 1);
        line->said = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
        line->party = tb_pairing_join(w->pairing, line, "r", w->now);
        return line;
}

static inline void hang_up(World *w, Line *line)
{
        tb_pairing_left(line->party, w->now);
        g_ptr_array_unref(line->said);
        g_free(line->reason);
        g_free(line);
}

static inline void tell(World *w, Line *line, json_t *message_take)
{
        gsize size;
        g_autofree char *text = tb_json_text(message_take, &size);
        json_decref(message_take);
        tb_pairing_text(line->party, text, size, w->now);
}

static inline json_t *last(Line *line)
{
        return line->said->len ? g_ptr_array_index(line->said, line->said->len - 1) : NULL;
}

static inline const char *text_of(json_t *message, const char *field)
{
        return json_string_value(json_object_get(message, field));
}

/* The last message of that type; there has to be one. */
static inline json_t *newest(const Line *line, const char *type)
{
        for (guint i = line->said->len; i-- > 0;)
                if (g_strcmp0(text_of(g_ptr_array_index(line->said, i), "type"), type) == 0)
                        return g_ptr_array_index(line->said, i);
        g_assert_not_reached();
}

static inline Line *join(World *w, const char *role, const char *id, const char *token)
{
        Line *line = dial(w);
        tell(w, line,
             json_pack("{s:s, s:s, s:s, s:s}", "type", "hello", "role", role, "sessionId", id, "token",
                       token));
        return line;
}

static inline TbSession *create(World *w, char **ret_token)
{
        g_autofree char *view = NULL;
        TbSession *session = tb_pairing_create(
                w->pairing,
                &(TbSessionAsk){
                        .device = NULL, .mode = TB_MODE_VIEW, .observers = 1, .share = "net", .wide = "wide"},
                w->now, ret_token, &view, NULL);
        g_assert_null(view);
        return session;
}
