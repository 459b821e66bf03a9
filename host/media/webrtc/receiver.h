#pragma once
/*
 * What a phone sends to us by WebRTC: its camera's pictures, decoded here, where a stranger's bytes may be looked at. We offer H.264
 * (where there is a decoder) and VP8. A phone that turns sends its pictures upright, as the offer names no extension by which it could
 * leave that to us: their size changes. Nothing is decoded while nobody wants a picture; who wants one again waits for a
 * keyframe, which is asked for (PLI). What is lost is asked for again (NACK), what stays lost costs a keyframe. Thread: main.
 */
#include <gst/gst.h>
#include <stdbool.h>

typedef struct TbReceiver TbReceiver;

/* `picture(data, sample)`: a decoded picture (I420), borrowed; on a thread of GStreamer's, one at a time, which waits for
 * its return. `webrtc`: has made no offer yet. */
TbReceiver *tb_receiver_new(GstElement *pipeline, GstElement *webrtc,
                            void (*picture)(gpointer data, GstSample *sample), gpointer data);
/* Sections for what we take; before the offer. */
void tb_receiver_offer(TbReceiver *receiver);
void tb_receiver_want(TbReceiver *receiver, bool pictures);
void tb_receiver_free(
        TbReceiver *receiver); /* `picture` may be under way until the pipeline has ended; accepts NULL */

#define TB_RECEIVER_LATENCY_MS                                                                               \
        120 /* that a packet which is asked for again may take; others do not wait for it */
