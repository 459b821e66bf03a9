#pragma once
/*
 * The pictures and the sound of phones as they come from testbed-media (host/media/link/pictures.h): read by a thread of their own, into frames,
 * and handed on there. A child that sends what is no picture is not listened to any more. Thread: main.
 */
#include <stdbool.h>

#include "lib/frame.h"
#include "lib/sound.h"

typedef struct TbPictures TbPictures;

/* Takes `fd`. NULL: no thread can be had, and phones have no picture. */
TbPictures *tb_pictures_new(int fd);
void tb_pictures_free(TbPictures *pictures); /* no route is called from here on; accepts NULL */
typedef struct TbPicturesRoute {             /* both on that thread, one at a time; they never wait */
        void (*picture)(TbFrame *frame_take, void *data);
        void (*sound)(TbSound *sound_take, void *data);
        void *data;
} TbPicturesRoute;
/* What peer `id` sends goes there (copied), or (NULL) nowhere: after it returned the former one is not called. */
void tb_pictures_route(TbPictures *pictures, guint32 id, const TbPicturesRoute *route);
