#include "host/media/peers/peers.h"

#include <string.h>

#include "host/media/peers/pictures.h"
#include "host/media/webrtc/feed.h"
#include "host/media/webrtc/rtpext.h"
#include "host/media/webrtc/session.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/thread.h"

struct TbPeers {
        TbLink *link;         /* owned */
        TbFeeds *feeds;       /* owned; NULL before SETUP */
        GHashTable *sessions; /* id -> borrowed Viewer: they take themselves out */
        void (*ended)(void *data);
        void *data;
};

typedef struct Viewer {
        TbPeers *peers; /* borrowed; NULL: the host has hung up */
        guint32 id;
        TbSession *session; /* ended by `closed` */
} Viewer;

static TbLinkSent say(Viewer *v, TbLinkMessage m)
{
        m.id = v->id;
        return v->peers ? tb_link_send(v->peers->link, &m) : TB_LINK_BAD;
}

static void say_text(Viewer *v, TbLinkType type, const char *text)
{
        g_autofree char *clipped = tb_link_clip(text, TB_LINK_REASON);
        say(v, (TbLinkMessage){.type = type, .text = tb_link_text(clipped)});
}

/* --- what a session says --- */
static void on_answer(TbSession *session G_GNUC_UNUSED, const char *sdp, const GError *error, void *data)
{
        if (sdp)
                say(data, (TbLinkMessage){.type = TB_LINK_ANSWER_SDP, .text = tb_link_text(sdp)});
        else
                say_text(data, TB_LINK_ANSWER_NONE, error->message);
}

static void on_candidate(TbSession *session G_GNUC_UNUSED, const char *candidate, void *data)
{
        say(data, (TbLinkMessage){.type = TB_LINK_LOCAL, .text = tb_link_text(candidate)});
}

static void on_state(TbSession *session G_GNUC_UNUSED, TbViewerState state, void *data)
{
        say(data, (TbLinkMessage){.type = TB_LINK_STATE, .number = state});
}

static void on_restarted(TbSession *session G_GNUC_UNUSED, const char *fragment, void *data)
{
        say(data, (TbLinkMessage){.type = TB_LINK_RESTARTED, .text = tb_link_text(fragment)});
}

static void on_channel(TbSession *session G_GNUC_UNUSED, const char *channel, bool open, void *data)
{
        say(data, (TbLinkMessage){.type = TB_LINK_OPEN, .chunk = {open, tb_link_text(channel), {"", 0}}});
}

static void on_message(TbSession *session, const char *channel, const char *bytes, gsize length, bool text,
                       void *data)
{
        if (say(data, (TbLinkMessage){.type = TB_LINK_MESSAGE,
                                      .chunk = {text, tb_link_text(channel), {bytes, length}}}) ==
            TB_LINK_FULL)
                tb_session_close(session, "data channel messages come faster than they are read");
}

static void on_stats(TbSession *session G_GNUC_UNUSED, const TbLinkStats *stats, void *data)
{
        say(data, (TbLinkMessage){.type = TB_LINK_STATS, .stats = *stats});
}

static void on_closed(TbSession *session G_GNUC_UNUSED, const char *reason, void *data)
{
        Viewer *v = data;
        say_text(v, TB_LINK_CLOSED, reason);
        if (v->peers)
                g_hash_table_remove(v->peers->sessions, GUINT_TO_POINTER(v->id));
        g_free(v);
}

static void on_phone_unit(TbSession *session G_GNUC_UNUSED, GstBuffer *unit, TbCodec codec, bool keyframe,
                          void *data)
{
        Viewer *v = data;
        if (v->peers)
                tb_feeds_push_phone(v->peers->feeds, v->id, codec, unit, keyframe);
}

static const TbSessionCallbacks session_callbacks = {.answer = on_answer,
                                                     .candidate = on_candidate,
                                                     .restarted = on_restarted,
                                                     .state = on_state,
                                                     .channel = on_channel,
                                                     .message = on_message,
                                                     .stats = on_stats,
                                                     .unit = on_phone_unit,
                                                     .closed = on_closed};

/* --- what the feeds wish --- */
static void wish(TbPeers *peers, TbLinkMessage m)
{
        if (tb_link_send(peers->link, &m) != TB_LINK_SENT)
                tb_log(TB_LOG_DEBUG, TB_F(), "the host does not take a wish of message %u", (guint)m.type);
}

static void on_subscribe(void *data, guint source, TbRung rung, bool on)
{
        wish(data, (TbLinkMessage){.type = on ? TB_LINK_SUBSCRIBE : TB_LINK_UNSUBSCRIBE,
                                   .id = source,
                                   .number = rung});
}

static void on_keyframe(void *data, guint source, TbRung rung)
{
        wish(data, (TbLinkMessage){.type = TB_LINK_KEYFRAME, .id = source, .number = rung});
}

static void on_rate(void *data, guint source, TbRung rung, guint kbps, guint fps)
{
        wish(data, (TbLinkMessage){.type = TB_LINK_RATE, .id = source, .feed = {rung, kbps, fps}});
}

static void on_phone_keyframe(void *data, guint phone)
{
        Viewer *v = g_hash_table_lookup(((TbPeers *)data)->sessions, GUINT_TO_POINTER(phone));
        if (v)
                tb_session_want_keyframe(v->session);
}

static const TbFeedOps feed_ops = {.subscribe = on_subscribe,
                                   .keyframe = on_keyframe,
                                   .rate = on_rate,
                                   .phone_keyframe = on_phone_keyframe};

/* --- what the host says --- */
static void set_up(TbPeers *peers, const TbLinkSetup *setup)
{
        tb_log_init((TbLogLevel)setup->log_level, setup->log_json);
        tb_media_set_epoch((gint64)setup->epoch_us);
        if (!peers->feeds)
                peers->feeds =
                        tb_feeds_new(&(TbFeedLimits){setup->max_fps, setup->max_kbps,
                                                     (guint16)setup->min_port, (guint16)setup->max_port},
                                     &feed_ops, peers);
}

static void new_peer(TbPeers *peers, guint32 id, const TbLinkPeer *m, bool phone)
{
        g_autoptr(GError) error = NULL;
        const char *servers[TB_LINK_SERVERS + 1] = {NULL};
        for (guint i = 0; i < m->n_servers; i++)
                servers[i] = m->servers[i].data;
        const TbSessionOptions options = {.source = m->source,
                                          .sound = m->sound,
                                          .device = m->device.data,
                                          .label = m->label.data,
                                          .offer = phone ? NULL : m->offer.data,
                                          .phone = {tb_pictures_write, tb_pictures_write_sound},
                                          .id = id,
                                          .ice_servers = servers,
                                          .answer_wait_ms = m->answer_wait_ms,
                                          .answer_at_relay = m->answer_at_relay,
                                          .max_kbps = m->max_kbps};
        Viewer *v = g_new0(Viewer, 1);
        *v = (Viewer){.peers = peers, .id = id};
        v->session = tb_session_new(peers->feeds, &options, &session_callbacks, v, &error);
        if (v->session) {
                g_hash_table_insert(peers->sessions, GUINT_TO_POINTER(id), v);
                return;
        }
        say_text(v, TB_LINK_ANSWER_NONE, error->message);
        say_text(v, TB_LINK_CLOSED, error->message);
        g_free(v);
}

static void got_unit(TbPeers *peers, guint32 source, const TbLinkUnit *unit)
{
        GstBuffer *buffer = gst_buffer_new_memdup(unit->data.data, unit->data.length);
        GST_BUFFER_PTS(buffer) = unit->pts_ns;
        if (!unit->keyframe)
                GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        tb_feeds_push(peers->feeds, source, (TbRung)unit->rung, buffer, unit->keyframe);
        gst_buffer_unref(buffer);
}

static void got_sound(TbPeers *peers, guint32 sound, const TbLinkSound *m)
{
        GstBuffer *buffer = gst_buffer_new_memdup(m->data.data, m->data.length);
        GST_BUFFER_PTS(buffer) = m->pts_ns;
        tb_feeds_push_sound(peers->feeds, sound, buffer);
        gst_buffer_unref(buffer);
}

/* To one viewer; one that has ended meanwhile hears nothing. */
static void to_viewer(TbPeers *peers, const TbLinkMessage *m)
{
        Viewer *v = g_hash_table_lookup(peers->sessions, GUINT_TO_POINTER(m->id));
        if (!v)
                return;
        if (m->type == TB_LINK_CLOSE)
                tb_session_close(v->session, "the host ended it");
        else if (m->type == TB_LINK_REMOTE)
                tb_session_add_candidate(v->session, m->text.data);
        else if (m->type == TB_LINK_RESTART)
                tb_session_restart(v->session, m->text.data);
        else if (m->type == TB_LINK_REFRESH)
                tb_session_want_keyframe(v->session);
        else if (m->type == TB_LINK_ACCEPT)
                tb_session_accept(v->session, m->text.data);
        else if (m->type == TB_LINK_WANT)
                tb_session_want_of_phone(v->session, m->number & TB_LINK_WANT_PICTURES,
                                         m->number & TB_LINK_WANT_SOUND);
        else
                tb_session_send(v->session, m->chunk.channel.data, m->chunk.bytes.data, NULL);
}

static void on_host(const TbLinkMessage *m, void *data)
{
        TbPeers *peers = data;
        if (m->type == TB_LINK_SETUP) {
                set_up(peers, &m->setup);
        } else if (m->type == TB_LINK_PING) {
                tb_link_send(peers->link, &(TbLinkMessage){.type = TB_LINK_PONG, .id = m->id});
        } else if (!peers->feeds) {
                return; /* nothing comes before SETUP */
        } else if (m->type == TB_LINK_PEER || m->type == TB_LINK_CALL) {
                new_peer(peers, m->id, &m->peer, m->type == TB_LINK_CALL);
        } else if (m->type == TB_LINK_SOURCE) {
                tb_feeds_set_source(peers->feeds, m->id,
                                    &(TbFeedSource){m->source.width, m->source.height,
                                                    (TbCodec)m->source.codec, m->source.origin});
        } else if (m->type == TB_LINK_FEED) {
                tb_feeds_set_rate(peers->feeds, m->id, (TbRung)m->feed.rung, m->feed.kbps, m->feed.fps);
        } else if (m->type == TB_LINK_UNIT) {
                got_unit(peers, m->id, &m->unit);
        } else if (m->type == TB_LINK_SOUND) {
                got_sound(peers, m->id, &m->sound);
        } else {
                to_viewer(peers, m);
        }
}

static void on_gone(const char *why, void *data)
{
        TbPeers *peers = data;
        if (strcmp(why, TB_LINK_GONE) != 0)
                tb_log(TB_LOG_ERROR, TB_F(), "testbed-media does not understand the host: %s", why);
        peers->ended(peers->data);
}

static const TbLinkCallbacks link_callbacks = {.message = on_host, .ended = on_gone};

/* --- life --- */
TbPeers *tb_peers_new(int fd, void (*ended)(void *data), void *data)
{
        TbPeers *peers = g_new0(TbPeers, 1);
        peers->ended = ended;
        peers->data = data;
        peers->sessions = g_hash_table_new(NULL, NULL);
        peers->link = tb_link_new(fd, TB_LINK_MEDIA, &link_callbacks, peers);
        return peers;
}

void tb_peers_ready(TbPeers *peers, const TbLinkReady *ready)
{
        tb_link_send(peers->link, &(TbLinkMessage){.type = TB_LINK_READY, .ready = *ready});
}

void tb_peers_free(TbPeers *peers)
{
        if (!peers)
                return;
        g_autoptr(GList) all = g_hash_table_get_values(peers->sessions);
        for (GList *l = all; l; l = l->next) {
                Viewer *v = l->data;
                tb_session_free(v->session);
                g_free(v);
        }
        tb_feeds_free(peers->feeds);
        tb_link_free(peers->link);
        g_hash_table_unref(peers->sessions);
        g_free(peers);
}
