#include "host/media/child/pictures.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/media/link/pictures.h"
#include "lib/log.h"
#include "lib/thread.h"

#define IDLE 3 /* frames of a size that are kept */

typedef struct Route {
        void (*picture)(TbFrame *frame_take, void *data);
        void *data;
} Route;

struct TbPictures {
        int fd;
        TbThread *thread;
        TbFramePool *pool;  /* ref; the thread's */
        TbMutex lock;       /* held while a route is called */
        GHashTable *routes; /* id -> owned Route; protected by lock */
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

static void hand_on(TbPictures *pictures, guint32 id, TbFrame *frame_take)
{
        tb_mutex_lock(&pictures->lock);
        const Route *route = g_hash_table_lookup(pictures->routes, GUINT_TO_POINTER(id));
        if (route)
                route->picture(frame_take, route->data);
        else
                tb_frame_unref(frame_take);
        tb_mutex_unlock(&pictures->lock);
}

static void run(gpointer data)
{
        TbPictures *pictures = data;
        guint8 bytes[TB_PICTURE_HEAD];
        TbPictureHead head;
        while (fill(pictures->fd, bytes, sizeof bytes)) {
                TbFrame *frame = tb_picture_head_read(bytes, &head)
                                         ? tb_frame_pool_take(pictures->pool, TB_PIXEL_I420, (int)head.width,
                                                              (int)head.height, 0)
                                         : NULL;
                if (!frame) {
                        tb_log(TB_LOG_ERROR, TB_F(),
                               "testbed-media sent what is no picture; phones have none until it is started "
                               "again");
                        break;
                }
                frame->t_us = g_get_monotonic_time();
                if (!fill_plane(pictures, frame, 0) || !fill_plane(pictures, frame, 1) ||
                    !fill_plane(pictures, frame, 2)) {
                        tb_frame_unref(frame);
                        break;
                }
                hand_on(pictures, head.id, frame);
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

void tb_pictures_route(TbPictures *pictures, guint32 id, void (*picture)(TbFrame *frame_take, void *data),
                       void *data)
{
        tb_mutex_lock(&pictures->lock);
        if (picture) {
                Route *route = g_new(Route, 1);
                *route = (Route){picture, data};
                g_hash_table_replace(pictures->routes, GUINT_TO_POINTER(id), route);
        } else {
                g_hash_table_remove(pictures->routes, GUINT_TO_POINTER(id));
        }
        tb_mutex_unlock(&pictures->lock);
}
