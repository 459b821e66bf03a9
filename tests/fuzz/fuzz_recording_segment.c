#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "host/recorder/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Input {
        const uint8_t *data;
        size_t size;
} Input;

static guint64 read_input(gpointer source, guint64 at, guint8 *to, guint64 n)
{
        const Input *in = source;
        if (n == 0)
                return in->size;
        guint64 got = at < in->size ? MIN(n, in->size - at) : 0;
        if (got > 0)
                memcpy(to, in->data + at, got);
        return got;
}

/* What lies in the folder of recordings, whoever wrote it; and units of H.264. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = {data, size};
        TbMp4Setup setup;
        g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(TbMp4Sample));
        tb_segment_parse(read_input, &in, 0, 0, &setup, samples);
        for (guint i = 0; i < samples->len; i++) {
                const TbMp4Sample *s = &g_array_index(samples, TbMp4Sample, i);
                g_assert(s->offset + s->size <= size);
        }
        g_clear_pointer(&setup.avcc, g_bytes_unref);
        GBytes *avcc = NULL, *unit = tb_mp4_unit(data, size, &avcc);
        guint width, height;
        if (avcc)
                tb_mp4_size(avcc, &width, &height);
        g_clear_pointer(&avcc, g_bytes_unref);
        g_clear_pointer(&unit, g_bytes_unref);
        return 0;
}
