/* A VNC server that says anything: libvncclient must be kept within our limits, and every frame must be one
 * of the session's size. */
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/transport/rfb.h"
#include "lib/limits.h"
#include "lib/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_frame(gpointer data, TbFrame *frame)
{
        guint *frames = data;
        g_assert_true(frame->width >= 1 && frame->width <= TB_LIMIT_VIDEO_SIDE);
        g_assert_true(frame->height >= 1 && frame->height <= TB_LIMIT_VIDEO_SIDE);
        g_assert_cmpuint(frame->n_damage, <=, TB_FRAME_RECTS);
        (*frames)++;
        tb_frame_unref(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        guint frames = 0;
        int pair[2], large = 256 * 1024;
        TbIo io;
        g_autoptr(GError) error = NULL;
        if (size > 64 * 1024)
                return 0;
        tb_log_init(TB_LOG_ERROR, false);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
        g_assert_cmpint(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &large, sizeof large), ==, 0);
        if (size)
                g_assert_cmpint(write(pair[1], data, size), ==, (gssize)size);
        shutdown(pair[1], SHUT_WR);
        tb_io_init_plain(&io);
        io.deadline_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
        const TbRfbOptions options = {.password = "secret", .quality = 5, .frame = on_frame, .data = &frames};
        TbRfb *rfb = tb_rfb_open(&io, tb_transport_of_fd(pair[0], "fuzz"), &options, &error);
        g_assert_true((rfb == NULL) == (error != NULL));
        if (rfb && tb_rfb_start(rfb, 30, &error))
                while (tb_rfb_process(rfb, &io, true, &error))
                        ;
        g_assert_nonnull(error); /* the server hung up at the latest */
        tb_rfb_close(rfb);
        tb_io_clear_plain(&io);
        close(pair[1]);
        return 0;
}
