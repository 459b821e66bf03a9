/* The imaging port: raw pictures as they come, and the stacked one, which must be asked for. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/seestar/seestar_image.h"
#include "drivers/seestar/seestar_link.h"
#include "lib/clock.h"

#define CONNECT_MS 10000
#define WRITE_MS 5000
#define BEAT_MS 5000
#define STACK_MS 5000        /* how often a new stack is looked for */
#define STACK_HOLDS_MS 40000 /* a new stack has the screen for as long, ahead of single exposures */
#define DARK_MS 10000        /* without a picture: said */
#define READ (256 * 1024)

typedef enum Wanted { BOTH, LIVE, STACKED } Wanted;

typedef struct Picture {
        TbInstance base;
        TbTransport *line; /* owned; NULL: closed */
        GByteArray *in, *scratch;
        TbFramePool *pool; /* ref */
        TbSeestarShow *show;
        Wanted wanted;
        bool watched, dark;
        guint32 stack_hash;
        gint64 beat_ms, asked_ms, seen_ms, stack_until_ms;
        guint8 *chunk; /* owned */
} Picture;

G_STATIC_ASSERT(sizeof(Picture) <= TB_SEESTAR_PICTURE_SIZE);

static bool send_line(Picture *p, TbIo *io, int id, const char *method, GError **error)
{
        g_autofree char *text = g_strdup_printf("{\"id\": %d, \"method\": \"%s\"}\r\n", id, method);
        return tb_transport_write(p->line, io, text, strlen(text), WRITE_MS, error);
}

bool tb_seestar_picture_open(TbInstance *self, TbIo *io, GError **error)
{
        Picture *p = (Picture *)self;
        const char *which = json_string_value(json_object_get(self->params, "picture"));
        int port = (int)json_integer_value(json_object_get(self->params, "imaging_port"));
        const int silent = TB_LIMIT_SEESTAR_SILENT_MS, yes = 1;
        p->wanted = g_strcmp0(which, "live") == 0 ? LIVE : g_strcmp0(which, "stacked") == 0 ? STACKED : BOTH;
        p->in = g_byte_array_new();
        p->scratch = g_byte_array_new();
        p->pool = tb_frame_pool_new(3);
        p->show = tb_seestar_show_new();
        p->chunk = g_malloc(READ);
        p->line = tb_transport_tcp(io, self->uri->host, (guint16)port, CONNECT_MS, error);
        if (!p->line)
                return false;
        /* Nobody knows what it answers to a beat: the kernel says whether anybody is there to take it. */
        setsockopt(tb_transport_fd(p->line), IPPROTO_TCP, TCP_USER_TIMEOUT, &silent, sizeof silent);
        setsockopt(tb_transport_fd(p->line), SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
        p->beat_ms = tb_clock_mono_ms();
        return true;
}

void tb_seestar_picture_close(TbInstance *self)
{
        Picture *p = (Picture *)self;
        g_clear_pointer(&p->line, tb_transport_close);
        g_clear_pointer(&p->in, g_byte_array_unref);
        g_clear_pointer(&p->scratch, g_byte_array_unref);
        g_clear_pointer(&p->pool, tb_frame_pool_unref);
        g_clear_pointer(&p->show, tb_seestar_show_free);
        g_clear_pointer(&p->chunk, g_free);
}

/* --- what comes --- */
static TbFrame *frame_of(Picture *p, const TbSeestarHead *head, const guint8 *payload, GError **error)
{
        const guint8 *data = NULL;
        gsize size = 0;
        TbSeestarPixels pixels = TB_SEESTAR_BAYER;
        if (!tb_seestar_unpack(head, payload, p->scratch, &data, &size, &pixels, error))
                return NULL;
        const bool jpeg = pixels == TB_SEESTAR_JPEG;
        TbFrame *frame = tb_frame_pool_take(p->pool, jpeg ? TB_PIXEL_JPEG : TB_PIXEL_BGRX, head->width,
                                            head->height, jpeg ? size : 0);
        if (!frame) {
                tb_set_error(error, TB_ERROR_DEVICE,
                             "the telescope sends a picture of %dx%d, which is too large", head->width,
                             head->height);
                return NULL;
        }
        if (jpeg)
                memcpy(frame->data, data, size);
        else
                tb_seestar_show(p->show, pixels, data, head->width, head->height, frame->plane[0],
                                frame->stride[0]);
        return frame;
}

/* Is it what is to be seen now? The same stack again is no news. */
static bool is_wanted(Picture *p, const TbSeestarHead *head, const guint8 *payload, gint64 now_ms)
{
        if (!p->watched || !head->is_image)
                return false;
        if (head->id != TB_SEESTAR_STACK)
                return p->wanted == LIVE || (p->wanted == BOTH && now_ms >= p->stack_until_ms);
        if (p->wanted == LIVE)
                return false;
        guint32 hash = head->size;
        for (gsize i = 0; i < head->size; i += 1 + head->size / 4096)
                hash = hash * 31 + payload[i];
        if (hash == p->stack_hash)
                return false;
        p->stack_hash = hash;
        p->stack_until_ms = now_ms + STACK_HOLDS_MS;
        return true;
}

static void take_frame(Picture *p, const TbSeestarHead *head, const guint8 *payload, gint64 now_us)
{
        g_autoptr(GError) error = NULL;
        gint64 now_ms = tb_clock_mono_ms();
        if (!is_wanted(p, head, payload, now_ms))
                return;
        TbFrame *frame = frame_of(p, head, payload, &error);
        p->base.up->fault(&p->base, frame ? NULL : tb_error_detail(error));
        if (!frame)
                return;
        frame->t_us = now_us;
        p->dark = false;
        p->seen_ms = now_ms;
        p->base.up->frame(&p->base, frame);
}

static bool take_frames(Picture *p, gint64 now_us, GError **error)
{
        gsize at = 0;
        for (;;) {
                TbSeestarHead head;
                gssize n = tb_seestar_head(p->in->data + at, p->in->len - at, &head);
                if (n < 0) {
                        tb_set_error(error, TB_ERROR_DEVICE,
                                     "%s does not send pictures as a telescope of this kind does: is this "
                                     "its imaging port?",
                                     tb_transport_name(p->line));
                        return false;
                }
                if (n == 0 || p->in->len - at < TB_SEESTAR_HEAD + (gsize)head.size)
                        break;
                take_frame(p, &head, p->in->data + at + TB_SEESTAR_HEAD, now_us);
                at += TB_SEESTAR_HEAD + (gsize)head.size;
        }
        if (at > 0)
                g_byte_array_remove_range(p->in, 0, (guint)at);
        return true;
}

static bool read_more(Picture *p, GError **error)
{
        g_autoptr(GError) lost = NULL;
        gssize n = 0;
        do { /* what is there now; a picture is some MB */
                n = tb_transport_read_now(p->line, p->chunk, READ, &lost);
                if (n > 0)
                        g_byte_array_append(p->in, p->chunk, (guint)n);
        } while (n > 0 && p->in->len < TB_LIMIT_SEESTAR_PICTURE);
        if (n < 0) {
                tb_set_error(error, TB_ERROR_GONE,
                             "%s closed the connection: was the telescope switched off?",
                             tb_transport_name(p->line));
                return false;
        }
        return take_frames(p, g_get_monotonic_time(), error);
}

/* --- the lane --- */
static bool keep_up(Picture *p, TbIo *io, gint64 now_ms, GError **error)
{
        if (now_ms - p->beat_ms >= BEAT_MS) {
                p->beat_ms = now_ms;
                if (!send_line(p, io, 2, "test_connection", error))
                        return false;
        }
        if (p->watched && p->wanted != LIVE && now_ms - p->asked_ms >= STACK_MS) {
                p->asked_ms = now_ms;
                if (!send_line(p, io, 23, "get_stacked_img", error))
                        return false;
        }
        if (p->watched && !p->dark && now_ms - p->seen_ms >= DARK_MS && p->wanted != STACKED) {
                p->dark = true;
                p->base.up->no_signal(&p->base,
                                      "the telescope sends no picture: begin to look at something (view)");
        }
        return true;
}

bool tb_seestar_picture_pump(TbInstance *self, TbIo *io, GError **error)
{
        Picture *p = (Picture *)self;
        gint64 now_ms = tb_clock_mono_ms();
        g_autoptr(GError) lost = NULL;
        struct pollfd fd = {.fd = tb_transport_fd(p->line), .events = POLLIN};
        bool fine = keep_up(p, io, now_ms, &lost);
        gint64 due = p->beat_ms + BEAT_MS - now_ms;
        if (p->watched && p->wanted != LIVE)
                due = MIN(due, p->asked_ms + STACK_MS - now_ms);
        if (fine && tb_io_wait(io, &fd, 1, (int)MAX(due, 0)) == TB_WAIT_READY)
                fine = read_more(p, &lost);
        if (fine)
                return true;
        if (p->watched)
                self->up->no_signal(self, lost->message);
        g_propagate_error(error, g_steal_pointer(&lost));
        return false;
}

static bool start(TbInstance *self, TbIo *io, int max_fps G_GNUC_UNUSED, GError **error)
{
        Picture *p = (Picture *)self;
        p->watched = true;
        p->dark = false;
        p->stack_hash = 0; /* who comes sees the last one */
        p->asked_ms = p->stack_until_ms = 0;
        p->seen_ms = tb_clock_mono_ms();
        return p->wanted == STACKED || send_line(p, io, 21, "begin_streaming", error);
}

static void stop(TbInstance *self, TbIo *io)
{
        Picture *p = (Picture *)self;
        p->watched = false;
        if (p->line && p->wanted != STACKED)
                send_line(p, io, 22, "stop_streaming", NULL);
}

const TbVideoOps tb_seestar_video = {.start = start, .stop = stop};
