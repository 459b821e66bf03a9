#include "host/media/child/pictures.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/media/link/pictures.h"
#include "lib/log.h"
#include "lib/thread.h"

#define IDLE 3 /* frames of a size that are kept */

struct TbPictures {
        int fd;
        TbThread *thread;
        TbFramePool *pool;  /* ref; the thread's */
        TbMutex lock;       /* held while a route is called */
        GHashTable *routes; /* id -> owned TbPicturesRoute; protected by lock */
};

/* --- the thread --- */
static bool fill(int fd, guint8 *bytes, gsize size)
{
        while (size > 0) {
                gssize n = recv(fd, bytes, size, MSG_WAITALL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                bytes += n;
                size -= (gsize)n;
        }
        return true;
}

static bool fill_plane(const TbPictures *pictures, TbFrame *frame, int plane)
{
        int shift = plane > 0, width = (frame->width + shift) >> shift,
            rows = (frame->height + shift) >> shift;
        if (frame->stride[plane] == width)
                return fill(pictures->fd, frame->plane[plane], (gsize)width * (gsize)rows);
        for (int y = 0; y < rows; y++)
                if (!fill(pictures->fd, frame->plane[plane] + (gsize)y * (gsize)frame->stride[plane],
                          (gsize)width))
                        return false;
        return true;
}

static void hand_on(TbPictures *pictures, guint32 id, TbFrame *frame_take, TbSound *sound_take)
{
        tb_mutex_lock(&pictures->lock);
        const TbPicturesRoute *route = g_hash_table_lookup(pictures->routes, GUINT_TO_POINTER(id));
        if (route && frame_take)
                route->picture(frame_take, route->data);
        else if (route && sound_take)
                route->sound(sound_take, route->data);
        else if (frame_take)
                tb_frame_unref(frame_take);
        else
                tb_sound_unref(sound_take);
        tb_mutex_unlock(&pictures->lock);
}

/* False: the child has ended. */
static bool take_picture(TbPictures *pictures, const TbPictureHead *head)
{
        TbFrame *frame =
                tb_frame_pool_take(pictures->pool, TB_PIXEL_I420, (int)head->width, (int)head->height, 0);
        frame->t_us = g_get_monotonic_time();
        frame->origin = head->id;
        for (int plane = 0; plane < 3; plane++)
                if (!fill_plane(pictures, frame, plane)) {
                        tb_frame_unref(frame);
                        return false;
                }
        hand_on(pictures, head->id, frame, NULL);
        return true;
}

static bool take_sound(TbPictures *pictures, const TbPictureHead *head)
{
        TbSound *sound = tb_sound_new((TbSoundFormat){TB_PICTURES_RATE, head->channels}, head->frames, 0);
        if (!fill(pictures->fd, (guint8 *)sound->samples, tb_sound_bytes(sound))) {
                tb_sound_unref(sound);
                return false;
        }
        sound->t_us = g_get_monotonic_time() - tb_sound_us(sound);
        hand_on(pictures, head->id, NULL, sound);
        return true;
}

static void run(gpointer data)
{
        TbPictures *pictures = data;
        guint8 bytes[TB_PICTURE_HEAD];
        TbPictureHead head;
        bool goes_on = true;
        while (goes_on && fill(pictures->fd, bytes, sizeof bytes)) {
                if (!tb_picture_head_read(bytes, &head)) {
                        tb_log(TB_LOG_ERROR, TB_F(),
                               "testbed-media sent what is neither picture nor sound; phones have none until "
                               "it is "
                               "started again");
                        break;
                }
                goes_on = head.frames > 0 ? take_sound(pictures, &head) : take_picture(pictures, &head);
        }
        shutdown(pictures->fd, SHUT_RDWR); /* a child that goes on writing is told */
}

/* --- main --- */
TbPictures *tb_pictures_new(int fd)
{
        g_autoptr(GError) error = NULL;
        TbPictures *pictures = g_new0(TbPictures, 1);
        pictures->fd = fd;
        pictures->pool = tb_frame_pool_new(IDLE);
        pictures->routes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        tb_mutex_init(&pictures->lock);
        pictures->thread = tb_thread_try_start("pictures", run, pictures, &error);
        if (pictures->thread)
                return pictures;
        tb_log(TB_LOG_WARNING, TB_F(), "phones have no picture: %s", error->message);
        tb_pictures_free(pictures);
        return NULL;
}

void tb_pictures_free(TbPictures *pictures)
{
        if (!pictures)
                return;
        shutdown(pictures->fd, SHUT_RDWR);
        tb_thread_join(pictures->thread);
        close(pictures->fd);
        g_hash_table_unref(pictures->routes);
        tb_mutex_clear(&pictures->lock);
        tb_frame_pool_unref(pictures->pool);
        g_free(pictures);
}

void tb_pictures_route(TbPictures *pictures, guint32 id, const TbPicturesRoute *route)
{
        tb_mutex_lock(&pictures->lock);
        if (route)
                g_hash_table_replace(pictures->routes, GUINT_TO_POINTER(id), g_memdup2(route, sizeof *route));
        else
                g_hash_table_remove(pictures->routes, GUINT_TO_POINTER(id));
        tb_mutex_unlock(&pictures->lock);
}
