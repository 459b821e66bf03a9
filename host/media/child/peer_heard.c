/* What the child says of a viewer. Its types and ranges are checked (host/media/link/message.h); here, whether it
 * can be so: it counts no more than a viewer's own word. */
#include "host/media/child/peer_heard.h"

#include "host/media/child/peer_private.h"
#include "host/media/webrtc/channels.h"
#include "lib/error.h"

static void answered(TbPeer *peer, const TbLinkMessage *m)
{
        if (peer->told)
                return;
        peer->told = true;
        peer->told_us = g_get_monotonic_time();
        if (m->type == TB_LINK_ANSWER_SDP) {
                if (peer->state == TB_VIEWER_NEW)
                        peer->state = TB_VIEWER_CONNECTING;
                peer->callbacks->answer(peer, m->text.data, NULL, peer->data);
                return;
        }
        g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_UNPROCESSABLE, "%s", m->text.data);
        peer->callbacks->answer(peer, NULL, error, peer->data);
        tb_peer_close(peer, error->message);
}

static void changed(TbPeer *peer, TbViewerState state)
{
        if (peer->state == state || state <= TB_VIEWER_NEW || state >= TB_VIEWER_CLOSED)
                return;
        peer->state = state;
        if (peer->callbacks->state)
                peer->callbacks->state(peer, state, peer->data);
}

static void opened(TbPeer *peer, const char *name, bool open)
{
        guint at = 0;
        bool known = g_ptr_array_find_with_equal_func(peer->channels, name, g_str_equal, &at);
        if (known && open)
                return;
        if (!known && (!open || peer->channels->len >= TB_CHANNELS))
                return;
        if (open)
                g_ptr_array_add(peer->channels, g_strdup(name));
        else
                g_ptr_array_remove_index(peer->channels, at);
        if (peer->callbacks->channel)
                peer->callbacks->channel(peer, name, open, peer->data);
}

static void measured(TbPeer *peer, const TbLinkStats *stats)
{
        if (stats->bytes > peer->stats.bytes)
                TB_COUNT(tb_media_counters()->bytes_sent, stats->bytes - peer->stats.bytes);
        peer->stats = *stats;
}

void tb_peer_heard(TbPeer *peer, const TbLinkMessage *m)
{
        if (peer->ending)
                return;
        if (m->type == TB_LINK_ANSWER_SDP || m->type == TB_LINK_ANSWER_NONE)
                answered(peer, m);
        else if (m->type == TB_LINK_LOCAL && peer->phone)
                peer->callbacks->candidate(peer, m->text.data, NULL, 0, peer->data);
        else if (m->type == TB_LINK_LOCAL && peer->callbacks->candidate)
                peer->callbacks->candidate(peer, m->text.data, peer->offer.sections[peer->offer.tagged].mid,
                                           peer->offer.tagged, peer->data);
        else if (m->type == TB_LINK_RESTARTED && peer->callbacks->restarted)
                peer->callbacks->restarted(peer, *m->text.data ? m->text.data : NULL, peer->data);
        else if (m->type == TB_LINK_STATE)
                changed(peer, (TbViewerState)m->number);
        else if (m->type == TB_LINK_OPEN)
                opened(peer, m->chunk.channel.data, m->chunk.flag);
        else if (m->type == TB_LINK_MESSAGE && peer->callbacks->message)
                peer->callbacks->message(peer, m->chunk.channel.data, m->chunk.bytes.data,
                                         m->chunk.bytes.length, m->chunk.flag, peer->data);
        else if (m->type == TB_LINK_STATS)
                measured(peer, &m->stats);
        else if (m->type == TB_LINK_CLOSED)
                tb_peer_close(peer, m->text.data);
}

guint32 tb_peer_id(TbPeer *peer)
{
        return peer->id;
}

void tb_peer_check(TbPeer *peer, gint64 answer_us)
{
        if (!peer->told && g_get_monotonic_time() - peer->born_us > answer_us)
                tb_peer_close(peer, "testbed-media made no answer in time");
}
