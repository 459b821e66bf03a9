/* Frames of the host's link, into both ends of it: whatever comes, nothing beyond a window is held. */
#include <stdint.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/proto/mux.h"
#include "lib/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static guint64 held;

static bool send_nothing(const void *bytes, gsize size, gpointer data)
{
        (void)bytes, (void)data;
        TbLinkFrame f;
        g_assert((gsize)tb_link_frame_parse(bytes, size, &f, NULL) == size); /* what we say is right */
        return true;
}

static gsize room(gpointer data)
{
        (void)data;
        return 1;
}

static void opened(TbMuxStream *s, const guint8 *head, gsize size, bool end, gpointer data)
{
        (void)head, (void)end, (void)data;
        if (size % 2)
                tb_mux_answer(s, "{}", 2, size % 4 == 1);
}

static void on_head(TbMuxStream *s, const guint8 *head, gsize size, bool end, gpointer data)
{
        (void)s, (void)head, (void)size, (void)end, (void)data;
}

static void on_data(TbMuxStream *s, const guint8 *bytes, gsize size, bool end, gpointer data)
{
        (void)bytes, (void)end, (void)data;
        held += size;
        if (size % 3 == 0)
                tb_mux_consumed(s, size);
        else if (size % 3 == 1)
                tb_mux_reset(s, "enough");
}

static void writable(TbMuxStream *s, gpointer data)
{
        (void)s, (void)data;
}

static void hold(bool on, gpointer data)
{
        (void)on, (void)data;
}

static void broken(const GError *error, gpointer data)
{
        (void)error, (void)data;
}

static void closed(TbMuxStream *s, const char *reason, gpointer data)
{
        (void)s, (void)reason, (void)data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const TbMuxOps ops[] = {{.send = send_nothing,
                                        .room = room,
                                        .hold = hold,
                                        .broken = broken,
                                        .opened = opened,
                                        .data = on_data,
                                        .writable = writable,
                                        .closed = closed},
                                       {.send = send_nothing,
                                        .room = room,
                                        .hold = hold,
                                        .broken = broken,
                                        .head = on_head,
                                        .data = on_data,
                                        .writable = writable,
                                        .closed = closed}};
        static bool begun;
        if (!begun)
                tb_main_init(NULL);
        begun = true;
        for (gsize i = 0; i < G_N_ELEMENTS(ops); i++) {
                g_autoptr(GError) error = NULL;
                TbMux *mux = tb_mux_new(&ops[i], NULL);
                held = 0;
                for (guint n = 0; i == 1 && n < 3; n++)
                        tb_mux_open(mux, "{}", 2, n == 0, NULL, NULL);
                bool ok = tb_mux_receive(mux, data, size, &error);
                g_assert(ok == (error == NULL));
                while (ok && g_main_context_iteration(NULL, FALSE))
                        ;
                g_assert(held <= size);
                tb_mux_reset_all(mux, "over");
                tb_mux_free(mux);
        }
        return 0;
}
