#pragma once
/* testbed-media's end of host/media/link/pictures.h. */
#include <gst/gst.h>

/* A decoded picture (I420) of peer `id` (a number as a pointer) to the host; waits while the host reads others. Any thread. */
void tb_pictures_write(gpointer id, GstSample *sample);
/* The same of a block of sound (S16LE, TB_PICTURES_RATE). */
void tb_pictures_write_sound(gpointer id, GstSample *sample);
