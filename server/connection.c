#include "server/connection.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/server_limits.h"

/* --- the pairing's view of a connection --- */
static bool party_text(gpointer connection, const char *text, gsize size)
{
        return !text ||
               tb_ws_send(((TbConnection *)connection)->ws, false, text, size); /* NULL: lib/json.h */
}

static bool party_binary(gpointer connection, const void *bytes, gsize size)
{
        return tb_ws_send(((TbConnection *)connection)->ws, true, bytes, size);
}

static gsize party_queued(gpointer connection)
{
        return tb_ws_queued(((TbConnection *)connection)->ws);
}

static bool is_spent(TbConnection *c)
{
        return !tb_rates_has(c->server->refusals, c->net, 1, g_get_monotonic_time(), NULL);
}

/* Counted when it is refused, not when its socket has gone: a refused one may leave that waiting for long. */
void tb_connection_nothing(TbConnection *c)
{
        if (c->party && !c->counted && !tb_party_has_role(c->party))
                tb_rates_take(c->server->refusals, c->net, 1, g_get_monotonic_time(), NULL);
        c->counted = true;
}

/* Of a network that comes to nothing all the time nobody is waited for, to end his connection in order. */
static void party_close(gpointer connection, int code, const char *reason)
{
        TbConnection *c = connection;
        bool hurry = !tb_party_has_role(c->party) && is_spent(c);
        tb_connection_nothing(c);
        tb_ws_close(c->ws, code, reason);
        if (hurry)
                tb_ws_drop(c->ws);
}

static bool party_spent(gpointer connection)
{
        return is_spent(connection);
}

static void party_pause(gpointer connection, bool paused)
{
        tb_ws_pause(((TbConnection *)connection)->ws, paused);
}

static const char *party_net(gpointer connection)
{
        const TbConnection *c = connection;
        return c->local ? NULL : c->net; /* this machine speaks for many */
}

static void party_mark(gpointer connection, gsize bytes)
{
        guint32 payload[2] = {GUINT32_TO_BE((guint32)bytes), GUINT32_TO_BE((guint32)tb_clock_mono_ms())};
        tb_ws_ping(((TbConnection *)connection)->ws, payload, sizeof payload);
}

static void party_shorten(gpointer connection)
{
        tb_ws_keep_short(((TbConnection *)connection)->ws);
}

static void party_probe(gpointer connection)
{
        tb_ws_ping(((TbConnection *)connection)->ws, NULL, 0);
}

static bool party_is_us(gpointer connection, const char *server)
{
        return tb_server_is_named(((TbConnection *)connection)->server->config, server);
}

static gint64 party_silent_ms(gpointer connection)
{
        return tb_ws_silent_ms(((TbConnection *)connection)->ws);
}

/* --- sockets without an accepted hello, by network: they cost the same as others and are nobody's --- */
void tb_connection_waits(TbConnection *c)
{
        GQueue *queue = g_hash_table_lookup(c->server->waiting, c->net);
        if (!queue) {
                queue = g_new0(GQueue, 1);
                g_hash_table_insert(c->server->waiting, g_strdup(c->net), queue);
        }
        c->link.data = c;
        g_queue_push_tail_link(queue, &c->link);
}

void tb_connection_entered(TbConnection *c)
{
        GQueue *queue = g_hash_table_lookup(c->server->waiting, c->net);
        if (!c->link.data)
                return;
        c->link.data = NULL;
        g_queue_unlink(queue, &c->link);
        if (queue->length == 0)
                g_hash_table_remove(c->server->waiting, c->net);
}

/* Who has a token says so at once. So not the newest is refused, which may be he, but the oldest gives way. */
void tb_connection_make_room(TbServer *server, const char *net)
{
        GQueue *queue = g_hash_table_lookup(server->waiting, net);
        if (!queue || queue->length < tb_server_limits.waiting)
                return;
        TbConnection *oldest = queue->head->data;
        tb_connection_entered(oldest);
        if (oldest->party)
                tb_pairing_give_way(oldest->party);
        tb_ws_drop(oldest->ws);
}

void tb_connection_forget_caller(TbConnection *c)
{
        if (c->caller)
                tb_caller_clear(c->caller);
        g_clear_pointer(&c->caller, g_free);
}

static void on_role(gpointer connection)
{
        TbConnection *c = connection;
        tb_connection_entered(c);
        tb_connection_forget_caller(c);
        tb_ws_set_max_message(c->ws, tb_server_limits.message_bytes);
}

const TbPartyOps tb_connection_ops = {party_text,  party_binary,    party_queued, party_close, on_role,
                                      party_spent, party_pause,     party_net,    party_mark,  party_probe,
                                      party_is_us, party_silent_ms, party_shorten};
