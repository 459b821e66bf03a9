#pragma once
/* Whole pictures of a clip. In the decoder's process, one thread. */
#include <gst/video/video.h>
#include <stdbool.h>

/* `n` pictures of a clip of that length, as `caps` has them, to `on_picture` (its `n` counts from 0; false ends it). How many it took. */
guint tb_frames_each(const char *file, const char *caps, guint n, guint64 length_ns,
                     bool (*on_picture)(GstVideoFrame *frame, guint n, gpointer data), gpointer data);
/* How many it has left in `folder`, as JPEG: 0.jpg, 1.jpg … */
guint tb_frames_save(const char *file, char *folder, guint n, guint64 length_ns);
