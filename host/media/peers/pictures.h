#pragma once
/* testbed-media's end of host/media/link/pictures.h. */
#include <gst/gst.h>

/* A decoded picture (I420) of peer `id` (a number as a pointer) to the host; waits while the host reads others. Any thread. */
void tb_pictures_write(gpointer id, GstSample *sample);
