/* sensors.jsonl as a killed disk, another version or an attacker left it: what it says is bounded, and can be said again. */
#include <stdint.h>
#include <string.h>

#include "host/core/state/sensor_log.h"
#include "lib/json.h"
#include "lib/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const TbStreamRows *rows, gpointer data)
{
        tb_sensor_line_write(data, "d", "i", rows);
}

static void look(gpointer key, gpointer value, gpointer out)
{
        (void)key;
        static const TbSpan spans[] = {{-1, G_MAXINT64, 0}, {-1, G_MAXINT64, 100}, {5, 5000000, 3600000}};
        for (guint i = 0; i < G_N_ELEMENTS(spans); i++) {
                json_auto_t *history = tb_samples_history(value, NULL, &spans[i]);
                g_autofree char *text = tb_json_text(history, NULL);
                g_assert_nonnull(text);
        }
        tb_samples_unsaved(value, true, write_again, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        g_autoptr(GHashTable) all =
                g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)tb_samples_free);
        const char *at = (const char *)data, *end = at + size;
        for (guint line = 0; at && at < end; line++) {
                const char *stop = memchr(at, '\n', (gsize)(end - at));
                tb_sensor_line_read(all, at, (gsize)((stop ? stop : end) - at), line % 2);
                at = stop ? stop + 1 : NULL;
        }
        GString *out = g_string_new(NULL);
        g_hash_table_foreach(all, look, out);
        g_string_free(out, TRUE);
        return 0;
}
