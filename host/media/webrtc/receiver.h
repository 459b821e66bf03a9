#pragma once
/*
 * What a phone sends to us by WebRTC: its camera's pictures and its microphone's sound, decoded here, where a stranger's bytes may be looked at. We offer H.264
 * (where there is a decoder) and VP8. A phone that turns sends its pictures upright, as the offer names no extension by which it could
 * leave that to us: their size changes. Nothing is decoded while nobody wants a picture; who wants one again waits for a
 * keyframe, which is asked for (PLI). What is lost is asked for again (NACK), what stays lost costs a keyframe. Thread: main.
 */
#include <gst/gst.h>
#include <stdbool.h>

#include "host/media/encode/codec.h"

typedef struct TbReceiver TbReceiver;

/* A decoded picture (I420), a block of sound (S16LE, TB_PICTURES_RATE, 1 or 2 channels), borrowed; on threads of GStreamer's, one
 * of each at a time, which wait for the return. */
typedef struct TbReceiverOps {
        void (*picture)(gpointer data, GstSample *sample);
        void (*sound)(gpointer data, GstSample *sample);
} TbReceiverOps;

/* A picture as it came, borrowed, on the same thread: VP8, or H.264 in byte-stream form whose keyframes have their parameter sets. `data` is
 * `unref`ed when nobody can call any more, on any thread. */
typedef struct TbReceiverUnits {
        void (*unit)(gpointer data, GstBuffer *unit, TbCodec codec, bool keyframe);
        gpointer data; /* owned */
        GDestroyNotify unref;
} TbReceiverUnits;

/* `ops`, `units_take` are copied. `webrtc`: has made no offer yet. */
TbReceiver *tb_receiver_new(GstElement *pipeline, GstElement *webrtc, const TbReceiverOps *ops, gpointer data,
                            const TbReceiverUnits *units_take);
/* Sections for what we take; before the offer. */
void tb_receiver_offer(TbReceiver *receiver);
void tb_receiver_want(TbReceiver *receiver, bool pictures, bool sound);
void tb_receiver_want_keyframe(TbReceiver *receiver); /* soon, and not too often */
void tb_receiver_free(
        TbReceiver *receiver); /* the ops may be under way until the pipeline has ended; accepts NULL */

#define TB_RECEIVER_LATENCY_MS                                                                               \
        120 /* that a packet which is asked for again may take; others do not wait for it */
