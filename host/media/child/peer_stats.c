/* What is known of a viewer. */
#include "host/media/child/peer_private.h"

void tb_peer_get_stats(TbPeer *peer, TbPeerStats *ret_stats)
{
        const TbLinkStats *s = &peer->stats;
        *ret_stats = (TbPeerStats){.sent_kbps = s->sent_kbps,
                                   .recv_kbps = s->recv_kbps,
                                   .loss_percent = s->loss_percent,
                                   .rtt_ms = s->rtt_ms,
                                   .queue_ms = s->queue_ms,
                                   .estimate_kbps = s->estimate_kbps,
                                   .target_kbps = s->target_kbps,
                                   .target_fps = s->target_fps,
                                   .rung = (int)s->rung,
                                   .frames = s->frames,
                                   .keyframes = s->keyframes,
                                   .bytes = s->bytes,
                                   .dropped = s->dropped,
                                   .pli = s->pli,
                                   .sound_packets = s->sound_packets,
                                   .sound_bytes = s->sound_bytes};
}

json_t *tb_peer_to_json(TbPeer *peer)
{
        TbPeerStats s;
        tb_peer_get_stats(peer, &s);
        json_t *json = json_pack("{s:s?, s:s?, s:s, s:s}", "device", tb_peer_device(peer), "interface",
                                 peer->hub     ? tb_hub_interface(peer->hub)
                                 : peer->sound ? tb_sound_hub_interface(peer->sound)
                                               : NULL,
                                 "label", peer->label, "state", tb_viewer_state_name(peer->state));
        json_object_set_new(json, "age_s",
                            json_integer((g_get_monotonic_time() - peer->born_us) / G_USEC_PER_SEC));
        if (peer->sound)
                json_object_set_new(json, "audio",
                                    json_pack("{s:s, s:s, s:I, s:I}", "interface",
                                              tb_sound_hub_interface(peer->sound), "codec", "OPUS", "packets",
                                              (json_int_t)s.sound_packets, "bytes",
                                              (json_int_t)s.sound_bytes));
        if (!peer->hub)
                return json;
        json_t *video = json_pack("{s:s, s:i, s:f, s:f, s:f, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:i}",
                                  "codec", tb_codec_name(peer->offer.codec), "rung", s.rung, "sent_kbps",
                                  s.sent_kbps, "loss_percent", s.loss_percent, "queue_ms", s.queue_ms,
                                  "estimate_kbps", (int)s.estimate_kbps, "target_kbps", (int)s.target_kbps,
                                  "target_fps", (int)s.target_fps, "frames", (json_int_t)s.frames,
                                  "keyframes", (json_int_t)s.keyframes, "bytes", (json_int_t)s.bytes,
                                  "dropped", (json_int_t)s.dropped, "pli", (int)s.pli);
        json_object_set_new(video, "recv_kbps", s.recv_kbps < 0 ? json_null() : json_real(s.recv_kbps));
        json_object_set_new(video, "rtt_ms", s.rtt_ms < 0 ? json_null() : json_real(s.rtt_ms));
        json_object_update(json, video);
        json_decref(video);
        return json;
}
