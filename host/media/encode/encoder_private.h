#pragma once
/* What encoder.c (life, taps, rate) and encoder_pipeline.c (frames in, packets out) share. */
#include <gst/app/app.h>

#include "host/media/encode/encoder.h"
#include "host/media/encode/group.h"
#include "host/media/private.h"
#include "lib/thread.h"

typedef struct TbRungSpec {
        guint max_height; /* pixels; 0: as the source */
        guint max_fps, kbps;
} TbRungSpec;

extern const TbRungSpec tb_rung_specs[TB_RUNGS];

struct TbEncoders {
        GPtrArray *all;   /* borrowed TbEncoder */
        GPtrArray *coded; /* coded.c's feeds; borrowed */
        guint max_fps, max_kbps;
        bool hardware;
};

struct TbEncoder {
        TbEncoders *set; /* borrowed */
        TbHub *hub;      /* ref */
        TbCodec codec;
        TbRung rung;
        const TbEncoderSpec *spec; /* static */
        GstElement *pipeline;      /* ref; NULL: it failed, retry_timer runs */
        guint build;     /* number of that pipeline; no other of this process has it; 0: none; atomic */
        guint pipelines; /* made and not ended yet: their threads know the encoder */
        bool ended;      /* nobody has it any more; freed when the last pipeline ends */
        bool whole;      /* a picture is one slice */
        GstAppSrc *src;  /* borrowed from pipeline */
        GstElement *scaled, *encoder; /* borrowed from pipeline */
        TbHubSink *sink;              /* owned */

        TbMutex taps_lock;
        GPtrArray *taps; /* owned by who made them; protected by taps_lock */
        TbGroup group;   /* protected by taps_lock */

        TbFramePool *padded; /* owned; pictures of odd sizes, made even; any thread */
        TbFramePool *planar; /* owned; pictures as the encoder takes them; any thread */

        TbMutex input_lock;   /* frames come from the hub and, again, from main */
        TbPixelFormat format; /* of the current caps; protected by input_lock */
        bool converted;       /* … by us, to I420; protected by input_lock */
        int width, height;    /* of the current caps; 0: none yet; protected by input_lock */
        gint64 live_us;       /* when the hub's last frame went in; protected by input_lock */
        gint64 last_pts_us;   /* protected by input_lock */
        gint64 due_us;        /* the next frame of the rung's rate; protected by input_lock */
        guint fps;            /* protected by input_lock */
        guint caps_fps;       /* what the encoder was told of it; protected by input_lock */
        bool begun;           /* a picture went into this pipeline; protected by input_lock */
        guint64 draft; /* value of `encoded` when the draft is out; 0: none was made; with input_lock */
        bool resting;  /* nothing moves: it is set up for few pictures; protected by input_lock */
        guint64 pushed, encoded; /* atomic */
        guint size;              /* bytes of the last one that came out; atomic */

        guint kbps;    /* written by main with input_lock */
        gint64 key_us; /* when the last keyframe was asked for */
        guint key_timer, refresh_timer, retry_timer, still_ticks;
        guint64 seen_encoded, seen_pushed; /* when the encoder last gave something */
        gint64 seen_us;
};

struct TbTap {
        TbEncoder *encoder;
        void (*packet)(void *data, GstBuffer *buffer, bool keyframe);
        void (*given)(void *data,
                      gint64 taken_us); /* NULL: it does not ask; protected by encoder->taps_lock */
        void *data;                     /* borrowed from who made it */
        bool open;                      /* protected by encoder->taps_lock */
};

/* --- encoder_pipeline.c --- */
/* Makes and starts the pipeline of encoder->spec, fed by the hub. False: nothing was changed. Main thread. */
bool tb_encoder_build(TbEncoder *encoder, GError **error);
/* Ends the pipeline, if there is one. Main thread. */
void tb_encoder_stop(TbEncoder *encoder);
/* `again`: the hub did not send it now, the rung's rate does not count. */
void tb_encoder_push(TbEncoder *encoder, TbFrame *frame, bool again);
/* The draft is out, and what it is a draft of has not gone in yet. Main thread. */
bool tb_encoder_owes(TbEncoder *encoder);

/* --- encoder.c --- */
/* Sets the encoder to kbps and fps. With input_lock held. */
void tb_encoder_apply_rate(TbEncoder *encoder);
void tb_encoder_free(TbEncoder *encoder); /* no pipeline of it is left */

/* --- encoder_failover.c; main thread --- */
/* Makes the pipeline of encoder->spec, or of the next best one that can be made. */
bool tb_encoder_build_best(TbEncoder *encoder, GError **error);
void tb_encoder_retry(TbEncoder *encoder); /* there is no pipeline: the same in a while, and again */
/* The pipeline with this number told an error. `encoder` may have gone since. */
void tb_encoder_failed(TbEncoders *set, TbEncoder *encoder, guint build, const char *why);
/* Now and then: an encoder that gives nothing has failed, too. */
void tb_encoder_check(TbEncoder *encoder);
