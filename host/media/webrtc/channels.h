#pragma once
/*
 * The data channels of one peer, made by the browser, or by us where we offer. webrtcbin tells of them on its own threads; here
 * everything arrives on the main loop, in order, bounded: a browser that sends faster than the host reads, or does
 * not read, is reported by `flooded`, and nothing of it is taken after that.
 */
#include <gst/gst.h>
#include <stdbool.h>

typedef struct TbChannels TbChannels;

/* All on the main thread, none after tb_channels_close(). Strings are borrowed. */
typedef struct TbChannelsCallbacks {
        void (*open)(void *data, const char *label, bool open);
        void (*message)(void *data, const char *label, const char *bytes, gsize length, bool text);
        void (*flooded)(void *data, const char *why);
} TbChannelsCallbacks;

/* `webrtc`: a webrtcbin that has not been given an offer yet. */
TbChannels *tb_channels_new(GstElement *webrtc, const TbChannelsCallbacks *callbacks, void *data);
/* One of ours: before the offer, in a webrtcbin that plays. `lossy`: unordered, nothing is sent again. False: webrtcbin cannot. */
bool tb_channels_make(TbChannels *channels, const char *label, bool lossy);
/* See tb_peer_send(). */
bool tb_channels_send(TbChannels *channels, const char *label, const char *text, GError **error);
void tb_channels_close(TbChannels *channels); /* main; frees it when the last message of a foreign thread has
                                                 gone; accepts NULL */

#define TB_CHANNELS 16          /* per peer */
#define TB_CHANNEL_LABEL 64     /* bytes */
#define TB_CHANNEL_PENDING 1024 /* messages on their way to the main loop */
