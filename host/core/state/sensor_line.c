/* The lines of sensor_log.h. */
#include <string.h>

#include "host/core/state/sensor_log.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/name.h"

#define MOST_INTERFACES (TB_LIMIT_DEVICES * 4) /* with sensors */

void tb_sensor_line_write(GString *out, const char *device, const char *interface, const TbStreamRows *rows)
{
        json_auto_t *points = json_array();
        for (guint i = 0; i < rows->n; i++) {
                const TbStep *p = &rows->rows[i];
                if (p->n == 1 && !rows->is_long)
                        json_array_append_new(points, json_pack("[I,f]", (json_int_t)p->t_ms, p->mean));
                else
                        json_array_append_new(points, json_pack("[I,f,f,f,I]", (json_int_t)p->t_ms, p->min,
                                                                p->mean, p->max, (json_int_t)p->n));
        }
        json_auto_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "d", device, "i", interface, "s",
                                      rows->stream, "q", rows->quantity, "u", rows->unit, "p", points);
        g_autofree char *text = tb_json_text(line, NULL);
        if (text)
                g_string_append_printf(out, "%s\n", text);
}

static bool read_point(json_t *point, TbStep *ret)
{
        gsize n = json_array_size(point);
        if ((n != 2 && n != 5) || !json_is_integer(json_array_get(point, 0)))
                return false;
        for (gsize i = 1; i < n; i++)
                if (!json_is_number(json_array_get(point, i)))
                        return false;
        double v[4];
        for (gsize i = 0; i < 4; i++)
                v[i] = json_number_value(json_array_get(point, n == 2 ? 1 : i + 1));
        json_int_t count = n == 2 ? 1 : json_integer_value(json_array_get(point, 4));
        *ret = (TbStep){json_integer_value(json_array_get(point, 0)), v[0], v[1], v[2], 0};
        ret->n = count > 0 && count <= G_MAXUINT32 ? (guint32)count : 0;
        return ret->n > 0;
}

static gboolean is_of(gpointer key, gpointer value G_GNUC_UNUSED, gpointer device)
{
        gsize n = strlen(device);
        return strncmp(key, device, n) == 0 && ((const char *)key)[n] == '/';
}

static bool take(GHashTable *all, json_t *root, const TbStreamRows *rows)
{
        const char *device = json_string_value(json_object_get(root, "d")),
                   *interface = json_string_value(json_object_get(root, "i"));
        if (!device || !interface || !rows->stream || !rows->quantity || !rows->unit ||
            !tb_name_valid(TB_NAME_ID, device) || !tb_name_valid(TB_NAME_ID, interface))
                return false;
        g_autofree char *key = g_strdup_printf("%s/%s", device, interface);
        TbSamples *samples = g_hash_table_lookup(all, key);
        if (!samples && g_hash_table_size(all) >= MOST_INTERFACES)
                return true; /* what there is no room for is no fault of the file */
        if (!samples)
                g_hash_table_insert(all, g_steal_pointer(&key), samples = tb_samples_new());
        return tb_samples_remember(samples, rows);
}

bool tb_sensor_line_read(GHashTable *all, const char *line, gsize size, bool is_long)
{
        json_auto_t *root = tb_json_parse(line, size, NULL);
        const char *forget = json_string_value(json_object_get(root, "forget"));
        if (forget) {
                g_hash_table_foreach_remove(all, is_of, (gpointer)forget);
                return true;
        }
        json_t *points = json_object_get(root, "p"), *point;
        g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(TbStep));
        gsize i;
        if (json_array_size(points) == 0)
                return false;
        json_array_foreach (points, i, point) {
                TbStep step;
                if (!read_point(point, &step))
                        return false;
                g_array_append_val(rows, step);
        }
        const TbStreamRows of = {
                json_string_value(json_object_get(root, "s")), json_string_value(json_object_get(root, "q")),
                json_string_value(json_object_get(root, "u")), is_long,
                (const TbStep *)(gpointer)rows->data,          rows->len};
        return take(all, root, &of);
}
