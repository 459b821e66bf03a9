#pragma once
/*
 * The pictures of phones as they come from testbed-media (host/media/link/pictures.h): read by a thread of their own, into frames,
 * and handed on there. A child that sends what is no picture is not listened to any more. Thread: main.
 */
#include <stdbool.h>

#include "lib/frame.h"

typedef struct TbPictures TbPictures;

/* Takes `fd`. NULL: no thread can be had, and phones have no picture. */
TbPictures *tb_pictures_new(int fd);
void tb_pictures_free(TbPictures *pictures); /* no route is called from here on; accepts NULL */
/* Pictures of peer `id` go to `picture` (on that thread, one at a time; never waits), or (NULL) nowhere: after it returned the
 * former one is not called. */
void tb_pictures_route(TbPictures *pictures, guint32 id, void (*picture)(TbFrame *frame_take, void *data),
                       void *data);
