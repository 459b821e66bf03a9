/* Memory of frames that the X server writes into: a picture of which everything changed is copied once, by the
 * server. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/x11/x11.h"
#include "lib/thread.h"

typedef struct Buffer {
        guint8 *memory;
        gsize size;
        int fd;                /* owned; -1: memory is of the heap, the server cannot reach it */
        xcb_shm_seg_t segment; /* 0: not attached; the screen's thread only */
        int top, bottom;       /* rows in which it is not the last picture; top >= bottom: none */
} Buffer;

struct TbX11Buffers {
        TbMutex lock;
        GArray *all; /* of Buffer; protected by lock */
        GArray *dead; /* of xcb_shm_seg_t: the memory is gone, the server does not know yet; protected by lock */
};

static guint8 *buffer_alloc(gsize size, gpointer data)
{
        TbX11Buffers *buffers = data;
        Buffer b = {.size = size, .bottom = G_MAXINT, .fd = memfd_create("testbed-x11", MFD_CLOEXEC)};
        b.memory = b.fd >= 0 && ftruncate(b.fd, (off_t)size) == 0
                           ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, b.fd, 0)
                           : MAP_FAILED;
        if (b.memory == MAP_FAILED) {
                if (b.fd >= 0)
                        close(b.fd);
                b.fd = -1;
                b.memory = g_malloc(size);
        }
        tb_mutex_lock(&buffers->lock);
        g_array_append_val(buffers->all, b);
        tb_mutex_unlock(&buffers->lock);
        return b.memory;
}

/* With the lock held. */
static guint find(TbX11Buffers *buffers, const guint8 *memory)
{
        guint i = 0;
        while (g_array_index(buffers->all, Buffer, i).memory != memory)
                i++;
        return i;
}

static void buffer_free(guint8 *memory, gpointer data)
{
        TbX11Buffers *buffers = data;
        tb_mutex_lock(&buffers->lock);
        guint i = find(buffers, memory);
        Buffer b = g_array_index(buffers->all, Buffer, i);
        g_array_remove_index_fast(buffers->all, i);
        if (b.segment)
                g_array_append_val(buffers->dead, b.segment);
        tb_mutex_unlock(&buffers->lock);
        if (b.fd < 0) {
                g_free(memory);
                return;
        }
        munmap(memory, b.size);
        close(b.fd);
}

static void buffers_free(gpointer data)
{
        TbX11Buffers *buffers = data;
        g_array_free(buffers->all, TRUE);
        g_array_free(buffers->dead, TRUE);
        tb_mutex_clear(&buffers->lock);
        g_free(buffers);
}

TbFramePool *tb_x11_buffers_new(guint max_idle, TbX11Buffers **ret_buffers)
{
        static const TbFrameMemory memory = {buffer_alloc, buffer_free, buffers_free};
        TbX11Buffers *buffers = g_new0(TbX11Buffers, 1);
        tb_mutex_init(&buffers->lock);
        buffers->all = g_array_new(FALSE, FALSE, sizeof(Buffer));
        buffers->dead = g_array_new(FALSE, FALSE, sizeof(xcb_shm_seg_t));
        *ret_buffers = buffers;
        return tb_frame_pool_new_in(max_idle, &memory, buffers);
}

static void add_rows(Buffer *b, int top, int bottom)
{
        bool none = b->top >= b->bottom;
        b->top = none ? top : MIN(b->top, top);
        b->bottom = none ? bottom : MAX(b->bottom, bottom);
}

void tb_x11_buffers_changed(TbX11Buffers *buffers, int top, int bottom)
{
        tb_mutex_lock(&buffers->lock);
        for (guint i = 0; i < buffers->all->len && top < bottom; i++)
                add_rows(&g_array_index(buffers->all, Buffer, i), top, bottom);
        tb_mutex_unlock(&buffers->lock);
}

void tb_x11_buffers_wrote(TbX11Buffers *buffers, const guint8 *memory, int top, int bottom)
{
        tb_mutex_lock(&buffers->lock);
        if (top < bottom)
                add_rows(&g_array_index(buffers->all, Buffer, find(buffers, memory)), top, bottom);
        tb_mutex_unlock(&buffers->lock);
}

bool tb_x11_buffers_catch_up(TbX11Buffers *buffers, const guint8 *memory, int *ret_top, int *ret_bottom)
{
        tb_mutex_lock(&buffers->lock);
        Buffer *b = &g_array_index(buffers->all, Buffer, find(buffers, memory));
        *ret_top = b->top;
        *ret_bottom = b->bottom;
        b->top = b->bottom = 0;
        tb_mutex_unlock(&buffers->lock);
        return *ret_top < *ret_bottom;
}

static void detach_dead(TbX11Buffers *buffers, xcb_connection_t *c)
{
        for (guint i = 0; i < buffers->dead->len; i++)
                xcb_shm_detach(c, g_array_index(buffers->dead, xcb_shm_seg_t, i));
        g_array_set_size(buffers->dead, 0);
}

xcb_shm_seg_t tb_x11_buffers_segment(TbX11Buffers *buffers, TbX11Conn *x, const guint8 *memory)
{
        tb_mutex_lock(&buffers->lock);
        detach_dead(buffers, x->c);
        Buffer b = g_array_index(buffers->all, Buffer, find(buffers, memory));
        tb_mutex_unlock(&buffers->lock);
        int fd = b.segment || b.fd < 0 ? -1 : fcntl(b.fd, F_DUPFD_CLOEXEC, 3); /* xcb closes it */
        if (fd < 0)
                return b.segment;
        b.segment = xcb_generate_id(x->c);
        xcb_generic_error_t *refused =
                xcb_request_check(x->c, xcb_shm_attach_fd_checked(x->c, b.segment, fd, 0));
        if (refused) {
                free(refused);
                return 0;
        }
        tb_mutex_lock(&buffers->lock); /* the frame is ours: its buffer is still there */
        g_array_index(buffers->all, Buffer, find(buffers, memory)).segment = b.segment;
        tb_mutex_unlock(&buffers->lock);
        return b.segment;
}

void tb_x11_buffers_detach(TbX11Buffers *buffers, TbX11Conn *x)
{
        tb_mutex_lock(&buffers->lock);
        detach_dead(buffers, x->c);
        for (guint i = 0; i < buffers->all->len; i++) {
                Buffer *b = &g_array_index(buffers->all, Buffer, i);
                if (b->segment)
                        xcb_shm_detach(x->c, b->segment);
                b->segment = 0;
        }
        tb_mutex_unlock(&buffers->lock);
}
