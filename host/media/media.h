#pragma once
/*
 * TbMedia: the media room of one host: its hubs, its limits, its viewers, the threads that end pipelines.
 * host/core never includes it: who builds a host creates it and hands it the video and audio interfaces that core has.
 * Thread: main. Errors: TB_ERROR.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "host/media/hub/hub.h"
#include "host/media/sound/sound_hub.h"
#include "lib/places.h"

typedef struct TbMedia TbMedia;

/* Zero and NULL mean the default. Copied. */
typedef struct TbMediaConfig {
        guint max_viewers; /* WebRTC peers of the host; TB_LIMIT_VIEWERS */
        guint max_mjpeg;   /* MJPEG clients of the host; TB_LIMIT_MJPEG_VIEWERS */
        const char *const
                *ice_servers; /* "stun:host:port", "turn:user:secret@host:port?transport=udp|tcp"; borrowed */
        guint16 min_port, max_port; /* UDP ports of ICE, for firewalls; 0: any */
        guint max_fps;              /* of WebRTC streams; 60 */
        guint max_kbps;             /* of one stream; 8000 */
        bool no_hardware;           /* do not probe hardware encoders */
        bool log_json;              /* testbed-media logs as we do */
        const char *program;        /* testbed-media; NULL: the one beside this program */
} TbMediaConfig;

TbMedia *tb_media_new(const TbMediaConfig *config);
/* Initialises GStreamer (gstreamer.h) and starts testbed-media now, and not with the first peer. Returns at once: until
 * both are done the state is "starting", and peers are refused or wait. */
void tb_media_start(TbMedia *media);
/* Ends every peer and stream (each gets its `closed`), stops every source, waits for pipelines to end.
 * Accepts NULL. */
void tb_media_free(TbMedia *media);

/* A video interface came up. `source` is borrowed until tb_media_remove_hub(). The hub is borrowed from
 * `media`. */
TbHub *tb_media_add_hub(TbMedia *media, const char *device, const char *interface, const TbVideoSource *ops,
                        void *source);
/* It is going away: the source is stopped, viewers see a slate with `reason` and their peers are closed. */
void tb_media_remove_hub(TbMedia *media, TbHub *hub, const char *reason);
/* Borrowed; NULL + TB_ERROR_NOT_FOUND. */
TbHub *tb_media_find_hub(TbMedia *media, const char *device, const char *interface, GError **error);

/* The same for audio interfaces: who hears one is closed when it goes away. */
TbSoundHub *tb_media_add_sound(TbMedia *media, const char *device, const char *interface,
                               const TbSoundSource *ops, void *source);
void tb_media_remove_sound(TbMedia *media, TbSoundHub *hub, const char *reason);
/* Borrowed; NULL + TB_ERROR_NOT_FOUND. `interface` NULL: the first one of the device. */
TbSoundHub *tb_media_find_sound(TbMedia *media, const char *device, const char *interface, GError **error);

/* --- testbed-media, where the peers are --- */
/* NULL: WebRTC works; else why it does not at the moment. Borrowed until it changes. */
const char *tb_media_fault(TbMedia *media);
const char *tb_media_state_name(
        TbMedia *media); /* static: "starting" "running" "restarting"; "unavailable": it will not run */
/* Called when that changes; one listener. */
void tb_media_listen(TbMedia *media, void (*changed)(void *data), void *data);

typedef struct TbMediaStats {
        guint hubs, hubs_live;
        guint peers, mjpeg, sinks;          /* now */
        guint encoders;                     /* now */
        guint64 peers_total, peers_refused; /* since start */
        guint64 frames_in, frames_dropped; /* pictures of sources; dropped before encoding because the encoder
                                              was busy */
        guint64 frames_encoded, keyframes, bytes_sent;
        int child; /* process id of testbed-media; 0: none */
} TbMediaStats;

void tb_media_get_stats(TbMedia *media, TbMediaStats *ret_stats);
/* For GET /host/info (without codecs until GStreamer runs): {"video":["H264","VP8"],"audio":["OPUS"],"encoders":{"H264":"x264enc",…},"limits":{…}}; the caller owns
 * the reference. */
json_t *tb_media_info(TbMedia *media);
/* Every peer now, as tb_peer_to_json() has it; the caller owns the reference. */
json_t *tb_media_peers(TbMedia *media);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TbMedia, tb_media_free)
