/* What sensors say of an interface, and which ones tell what the host measures itself. */
#include "host/core/private.h"
#include "lib/log.h"

json_t *tb_interface_samples(TbInterface *iface)
{
        return iface->samples ? tb_samples_latest(iface->samples) : json_object();
}

void tb_interface_add_sample(TbInterface *iface, const TbSample *sample)
{
        json_t *event = tb_samples_add(iface->samples, sample);
        if (!event) {
                tb_log(TB_LOG_DEBUG, TB_F("device", iface->id, "stream", sample->stream),
                       "sample refused: no finite value, a bad name, or too many streams");
                return;
        }
        if (tb_samples_crowded(iface->samples, sample->stream))
                tb_sensor_log_save(iface->device->core->sensor_log);
        json_object_set_new(event, "stream", json_string(sample->stream));
        tb_bus_publish_transient(iface->device->core->bus, "sample", iface->device->id, iface->name, event);
}

TbInterface *tb_interface_teller(TbInterface *iface)
{
        TbInterface *sensors = NULL;
        const GPtrArray *all = iface->device->interfaces;
        for (guint i = 0; i < all->len; i++) {
                TbInterface *other = g_ptr_array_index(all, i);
                if (other->kind == TB_KIND_SENSORS &&
                    (!sensors ||
                     (other->attachment == iface->attachment && sensors->attachment != iface->attachment)))
                        sensors = other;
        }
        return sensors;
}

bool tb_interface_measured(TbInterface *iface, const TbSample *sample)
{
        TbInterface *sensors = tb_interface_teller(iface);
        if (sensors)
                tb_interface_add_sample(sensors, sample);
        return sensors != NULL;
}
