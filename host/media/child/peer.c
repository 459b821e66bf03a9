/* One WebRTC viewer as the host knows it: what it says goes over the link, what comes back is checked. */
#include "host/media/peer.h"

#include <string.h>

#include "host/media/child/peer_private.h"
#include "host/media/child/sounds.h"
#include "host/media/gstreamer.h"
#include "host/media/webrtc/candidate.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define ANSWER_WAIT_MS 40

static const TbPeerOptions defaults;

const char *tb_peer_device(TbPeer *peer)
{
        return peer->hub ? tb_hub_device(peer->hub) : peer->sound ? tb_sound_hub_device(peer->sound) : NULL;
}

/* --- the end --- */
static void peer_free(TbPeer *peer)
{
        tb_offer_clear(&peer->offer);
        g_ptr_array_free(peer->channels, TRUE);
        tb_place_give(&peer->place);
        g_free(peer->key);
        g_free(peer->label);
        g_free(peer->reason);
        g_free(peer);
}

static void tell_closed(TbPeer *peer)
{
        if (peer->ended)
                return;
        peer->ended = true;
        tb_media_remove_peer(peer->media, peer);
        tb_place_give(&peer->place);
        tb_log(TB_LOG_INFO, TB_F("device", tb_peer_device(peer), "peer", peer->label), "%s left: %s",
               peer->phone ? "phone" : "viewer", peer->reason);
        g_clear_pointer(&peer->hub, tb_hub_unref);
        g_clear_pointer(&peer->sound, tb_sound_hub_unref);
        peer->callbacks->closed(peer, peer->reason, peer->data);
}

static void tell_closed_later(gpointer data)
{
        tell_closed(data);
        peer_free(data);
}

static TbLinkSent say(TbPeer *peer, TbLinkMessage m)
{
        TbLink *link = tb_media_child_link(tb_media_child(peer->media));
        m.id = peer->id;
        return link ? tb_link_send(link, &m) : TB_LINK_BAD;
}

static void route(TbPeer *peer, bool on)
{
        TbPictures *pictures = tb_media_child_pictures(tb_media_child(peer->media));
        const TbPicturesRoute to = {peer->callbacks->picture, peer->callbacks->phone_sound, peer->data};
        if (peer->phone && pictures)
                tb_pictures_route(pictures, peer->id, on ? &to : NULL);
}

static void leave(TbPeer *peer)
{
        tb_sources_leave(tb_media_sources(peer->media), peer->source);
        tb_sounds_leave(tb_media_sounds(peer->media), peer->heard);
        if (peer->hub)
                tb_hub_release(peer->hub, true);
        if (peer->sound)
                tb_sound_hub_release(peer->sound, true);
}

/* False: that has been done. */
static bool begin_end(TbPeer *peer, const char *reason)
{
        if (peer->ending)
                return false;
        peer->ending = true;
        peer->state = TB_VIEWER_CLOSED;
        peer->reason = g_strdup(reason ? reason : "closed");
        g_ptr_array_set_size(peer->channels, 0);
        route(peer, false);
        say(peer, (TbLinkMessage){.type = TB_LINK_CLOSE});
        leave(peer);
        return true;
}

void tb_peer_close(TbPeer *peer, const char *reason)
{
        tb_assert_main();
        /* without a loop nobody hears of it before tb_peer_end_now() */
        if (begin_end(peer, reason))
                peer->posted = tb_main_post(tell_closed_later, peer);
}

void tb_peer_make_room(TbPeer *peer)
{
        tb_peer_close(peer, "it made room: it was not connected in time, and others want to watch");
        tb_place_give(&peer->place);
}

TbRoomPlace tb_peer_place(const TbPeer *peer)
{
        /* who has no answer cannot connect: its time has not begun */
        return (TbRoomPlace){peer->key, peer->told ? peer->told_us : G_MAXINT64,
                             peer->ending || peer->state >= TB_VIEWER_CONNECTED};
}

void tb_peer_end_now(TbPeer *peer, const char *reason)
{
        begin_end(peer, reason);
        tell_closed(peer);
        if (!peer->posted)
                peer_free(peer); /* else tell_closed_later() does */
}

/* --- life --- */
static bool announce(TbPeer *peer, const char *offer, const TbPeerOptions *options, GError **error)
{
        const char *device = tb_peer_device(peer);
        g_autofree char *label = tb_link_clip(peer->label, TB_LINK_LABEL);
        TbLinkMessage m = {
                .type = peer->phone ? TB_LINK_CALL : TB_LINK_PEER,
                .peer = {.source = peer->source,
                         .sound = peer->heard,
                         .answer_wait_ms = options->answer_wait_ms ? options->answer_wait_ms : ANSWER_WAIT_MS,
                         .answer_at_relay = options->answer_at_relay,
                         .max_kbps = MIN(options->max_kbps, G_MAXINT32),
                         .label = tb_link_text(label),
                         .device = tb_link_text(device ? device : ""),
                         .offer = tb_link_text(offer)}};
        const char *const *servers =
                options->ice_servers ? options->ice_servers : tb_media_ice_servers(peer->media);
        for (; servers && *servers && m.peer.n_servers < TB_LINK_SERVERS; servers++)
                m.peer.servers[m.peer.n_servers++] = tb_link_text(*servers);
        TbLinkSent sent = say(peer, m);
        if (sent != TB_LINK_SENT)
                tb_set_error(error, TB_ERROR_UNAVAILABLE,
                             sent == TB_LINK_FULL ? "testbed-media is overloaded: try again"
                                                  : "testbed-media does not take this viewer: try again");
        return sent == TB_LINK_SENT;
}

static bool begin(TbPeer *peer, const char *offer, const TbPeerOptions *options, GError **error)
{
        TbMediaChild *child = tb_media_child(peer->media);
        TbLink *link = tb_media_child_link(child);
        if (!link) {
                const char *why = tb_media_child_why(child);
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "media: restarting (%s): try again in a moment",
                             why ? why : "testbed-media does not run");
                return false;
        }
        if (peer->hub) {
                peer->source = tb_sources_enter(tb_media_sources(peer->media), link, peer->hub,
                                                peer->offer.codec, error);
                if (!peer->source)
                        return false;
        }
        if (peer->sound) {
                peer->heard = tb_sounds_enter(tb_media_sounds(peer->media), link, peer->sound, error);
                if (!peer->heard)
                        return false;
        }
        return announce(peer, offer, options, error);
}

static TbPeer *peer_new(TbMedia *media, TbPlace place, const TbPeerOptions *options,
                        const TbPeerCallbacks *callbacks, void *data)
{
        TbPeer *peer = g_new0(TbPeer, 1);
        peer->media = media;
        peer->place = place;
        peer->key = options->by ? tb_place_key(options->by->user, options->by->peer) : NULL;
        peer->id = tb_media_next_peer(media);
        peer->callbacks = callbacks;
        peer->data = data;
        peer->label = g_strdup(options->label ? options->label : "viewer");
        peer->channels = g_ptr_array_new_with_free_func(g_free);
        peer->stats = (TbLinkStats){.recv_kbps = -1, .rtt_ms = -1};
        peer->born_us = g_get_monotonic_time();
        return peer;
}

TbPeer *tb_peer_new(TbMedia *media, TbHub *hub, const char *offer_sdp, const TbPeerOptions *options,
                    const TbPeerCallbacks *callbacks, void *data, GError **error)
{
        tb_assert_main();
        g_auto(TbOffer) offer = {0};
        options = options ? options : &defaults;
        if (offer_sdp && !g_utf8_validate(offer_sdp, -1, NULL)) {
                tb_set_error(error, TB_ERROR_INVALID, "the SDP offer is not UTF-8");
                return NULL;
        }
        TbPlace place;
        guint want = (hub ? TB_OFFER_WANT_VIDEO : 0) | (options->sound ? TB_OFFER_WANT_SOUND : 0);
        tb_media_start(media);
        if (!tb_gstreamer_ready(error) || !tb_offer_parse(offer_sdp, want, &offer, error) ||
            !tb_media_admit_peer(media, options->by, &place, error))
                return NULL;

        TbPeer *peer = peer_new(media, place, options, callbacks, data);
        peer->offer = offer;
        offer = (TbOffer){0};
        if (hub && peer->offer.video_mline >= 0) {
                peer->hub = tb_hub_ref(hub);
                tb_hub_acquire(hub, true);
        }
        if (options->sound && peer->offer.sound_mline >= 0) {
                peer->sound = tb_sound_hub_ref(options->sound);
                tb_sound_hub_acquire(peer->sound, true);
        }
        if (begin(peer, offer_sdp, options, error)) {
                tb_media_add_peer(media, peer);
                return peer;
        }
        leave(peer);
        if (peer->hub)
                tb_hub_unref(peer->hub);
        tb_sound_hub_unref(peer->sound);
        peer_free(peer);
        return NULL;
}

/* --- candidates of the other side --- */
bool tb_peer_add_candidate(TbPeer *peer, const char *candidate, guint mline_index G_GNUC_UNUSED,
                           GError **error)
{
        if (peer->remote_candidates >= TB_LIMIT_CANDIDATES) {
                tb_set_error(error, TB_ERROR_LIMIT, "more than %d ICE candidates", TB_LIMIT_CANDIDATES);
                return false;
        }
        peer->remote_candidates++;
        TbCandidate kind = tb_candidate_check(candidate);
        if (kind == TB_CANDIDATE_BAD) {
                tb_set_error(error, TB_ERROR_INVALID, "\"%.80s\" is not an ICE candidate", candidate);
                return false;
        }
        if (kind == TB_CANDIDATE_IGNORE || peer->ending)
                return true;
        g_autofree char *line = g_strndup(candidate, strcspn(candidate, "\r\n"));
        say(peer, (TbLinkMessage){.type = TB_LINK_REMOTE,
                                  .text = tb_link_text(g_str_has_prefix(line, "a=") ? line + 2 : line)});
        return true;
}

static bool frag_candidate(const char *line, guint mline, void *data, GError **error)
{
        return tb_peer_add_candidate(data, line, mline, error);
}

static bool frag_check(const char *line, guint mline G_GNUC_UNUSED, void *data G_GNUC_UNUSED, GError **error)
{
        if (tb_candidate_check(line) != TB_CANDIDATE_BAD)
                return true;
        tb_set_error(error, TB_ERROR_INVALID, "\"%.80s\" is not an ICE candidate", line);
        return false;
}

bool tb_peer_add_sdpfrag(TbPeer *peer, const char *fragment, GError **error)
{
        /* all or nothing: first look, then add */
        return tb_sdpfrag_parse(fragment, frag_check, NULL, error) &&
               tb_sdpfrag_parse(fragment, frag_candidate, peer, error);
}

bool tb_peer_restart(TbPeer *peer, const char *ufrag, const char *pwd, const char *fragment, GError **error)
{
        if (!tb_sdpfrag_parse(fragment, frag_check, NULL, error))
                return false;
        g_autofree char *both = g_strdup_printf("%s %s", ufrag, pwd);
        g_free(peer->offer.ufrag);
        peer->offer.ufrag = g_strdup(ufrag);
        peer->remote_candidates = 0;
        say(peer, (TbLinkMessage){.type = TB_LINK_RESTART, .text = tb_link_text(both)});
        return tb_sdpfrag_parse(fragment, frag_candidate, peer, error);
}

const char *tb_peer_ufrag(TbPeer *peer)
{
        return peer->offer.ufrag;
}

/* --- to the viewer --- */
bool tb_peer_send(TbPeer *peer, const char *channel, const char *text, GError **error)
{
        if (!g_ptr_array_find_with_equal_func(peer->channels, channel, g_str_equal, NULL)) {
                tb_set_error(error, TB_ERROR_NOT_FOUND, "the viewer has no open data channel \"%s\"",
                             channel);
                return false;
        }
        if (strlen(text) > TB_LIMIT_CHANNEL_MESSAGE) { /* webrtcbin 1.22 would send nothing more after it */
                tb_set_error(error, TB_ERROR_TOO_LARGE, "a data channel message may have %d bytes",
                             TB_LIMIT_CHANNEL_MESSAGE);
                return false;
        }
        TbLinkSent sent = say(peer, (TbLinkMessage){.type = TB_LINK_SEND,
                                                    .chunk = {1, tb_link_text(channel), tb_link_text(text)}});
        if (sent == TB_LINK_SENT)
                return true;
        if (sent == TB_LINK_FULL) { /* a gap in the answers would be worse than an end */
                tb_set_error(error, TB_ERROR_LIMIT, "the viewer does not read its data channel \"%s\"",
                             channel);
                tb_peer_close(peer, "the viewer does not read its data channel");
        } else {
                tb_set_error(error, TB_ERROR_BUSY, "the data channel \"%s\" is not open", channel);
        }
        return false;
}

TbHub *tb_peer_hub(TbPeer *peer)
{
        return peer->hub;
}

TbSoundHub *tb_peer_sound(TbPeer *peer)
{
        return peer->sound;
}

/* --- a phone --- */
TbPeer *tb_peer_call(TbMedia *media, const TbPeerOptions *options, const TbPeerCallbacks *callbacks,
                     void *data, GError **error)
{
        tb_assert_main();
        tb_media_start(media);
        options = options ? options : &defaults;
        if (!tb_gstreamer_ready(error))
                return NULL;
        /* its number is bounded where its pairing is made: it takes no viewer's place */
        TbPeer *peer = peer_new(media, (TbPlace){0}, options, callbacks, data);
        peer->phone = true;
        if (!begin(peer, "", options, error)) {
                peer_free(peer);
                return NULL;
        }
        route(peer, true);
        tb_media_add_peer(media, peer);
        return peer;
}

void tb_peer_accept(TbPeer *peer, const char *answer_sdp)
{
        if (peer->phone && !peer->ending && strlen(answer_sdp) <= TB_LIMIT_SDP)
                say(peer, (TbLinkMessage){.type = TB_LINK_ACCEPT, .text = tb_link_text(answer_sdp)});
}

void tb_peer_want(TbPeer *peer, bool pictures, bool sound)
{
        if (peer->phone && !peer->ending)
                say(peer, (TbLinkMessage){.type = TB_LINK_WANT,
                                          .number = (pictures ? TB_LINK_WANT_PICTURES : 0u) |
                                                    (sound ? TB_LINK_WANT_SOUND : 0u)});
}
