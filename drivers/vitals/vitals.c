/* The machine that the daemon runs on, from /proc and /sys. Opening reads which sensors there are; each
 * sample reads them. */
#include <string.h>
#include <sys/statvfs.h>

#include "drivers/driver.h"
#include "drivers/transport/reading.h"
#include "drivers/transport/samples.h"
#include "drivers/vitals/vitals_proto.h"
#include "lib/limits.h"

typedef struct Source {      /* one temperature file */
        char *path, *stream; /* owned */
} Source;

typedef struct Vitals {
        TbInstance base;
        GArray *sources; /* of Source; owned */
        TbVitalsCpu cpu; /* at the last sample */
        TbVitalsNet net;
        gint64 then_us; /* 0: there was none */
} Vitals;

static const TbParam params[] = {
        {.name = "interval_ms",
         .type = TB_PARAM_INT,
         .min = TB_LIMIT_SENSOR_MS_MIN,
         .max = 3600000,
         .fallback = "2000",
         .unit = "ms",
         .help = "pause between two samples"},
        {.name = "path",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 4096,
         .fallback = "\"/\"",
         .help = "whose file system's free space is told"},
        TB_PARAM_END,
};

static char *read_file(const char *path)
{
        char *text = NULL;
        g_file_get_contents(path, &text, NULL, NULL);
        return text;
}

/* --- which temperatures there are --- */
static void add_source(Vitals *v, char *path_take, const char *kind, const char *label)
{
        g_autofree char *part = tb_samples_part(label);
        Source source = {path_take, g_strdup_printf("temperature.%s%s%s", kind, *kind ? "." : "", part)};
        for (guint i = 0; i < v->sources->len; i++)
                if (strcmp(g_array_index(v->sources, Source, i).stream, source.stream) == 0) {
                        char *twin = source.stream;
                        source.stream = g_strdup_printf("%s-%u", twin, v->sources->len);
                        g_free(twin);
                        break;
                }
        g_array_append_val(v->sources, source);
}

static void find_hwmon(Vitals *v, const char *folder)
{
        g_autofree char *name_path = g_build_filename(folder, "name", NULL), *name = read_file(name_path);
        g_autofree char *chip = tb_samples_part(name ? name : "hwmon");
        for (int i = 1; i <= 32; i++) {
                g_autofree char *input = g_strdup_printf("%s/temp%d_input", folder, i);
                if (!g_file_test(input, G_FILE_TEST_EXISTS))
                        continue;
                g_autofree char *label_path = g_strdup_printf("%s/temp%d_label", folder, i),
                                *label = read_file(label_path);
                g_autofree char *fallback = g_strdup_printf("%d", i);
                add_source(v, g_steal_pointer(&input), chip, label ? label : fallback);
        }
}

static void find_thermal(Vitals *v, const char *folder)
{
        g_autofree char *type_path = g_build_filename(folder, "type", NULL), *type = read_file(type_path);
        char *path = g_build_filename(folder, "temp", NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
                add_source(v, path, "", type ? type : "zone");
        else
                g_free(path);
}

static int by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void find_in(Vitals *v, const char *where, const char *prefix,
                    void (*find)(Vitals *v, const char *folder))
{
        g_autoptr(GDir) dir = g_dir_open(where, 0, NULL);
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        for (const char *name; dir && (name = g_dir_read_name(dir));)
                if (g_str_has_prefix(name, prefix))
                        g_ptr_array_add(names, g_strdup(name));
        g_ptr_array_sort(names, by_name);
        for (guint i = 0; i < names->len && v->sources->len < TB_LIMIT_STREAMS / 2; i++) {
                g_autofree char *folder = g_build_filename(where, g_ptr_array_index(names, i), NULL);
                find(v, folder);
        }
}

static void source_clear(gpointer data)
{
        Source *source = data;
        g_free(source->path);
        g_free(source->stream);
}

static bool vitals_open(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        Vitals *v = (Vitals *)self;
        v->sources = g_array_new(FALSE, FALSE, sizeof(Source));
        g_array_set_clear_func(v->sources, source_clear);
        v->then_us = 0;
        find_in(v, "/sys/class/hwmon", "hwmon", find_hwmon);
        find_in(v, "/sys/class/thermal", "thermal_zone", find_thermal);
        return true;
}

static void vitals_close(TbInstance *self)
{
        g_clear_pointer(&((Vitals *)self)->sources, g_array_unref);
}

/* --- sampling --- */
static void sample_rates(Vitals *v)
{
        g_autofree char *stat = read_file("/proc/stat"), *dev = read_file("/proc/net/dev");
        TbVitalsCpu cpu = {0};
        TbVitalsNet net = {0};
        bool have_cpu = stat && tb_vitals_parse_cpu(stat, &cpu),
             have_net = dev && tb_vitals_parse_net(dev, &net);
        gint64 now = g_get_monotonic_time();
        double seconds = (double)(now - v->then_us) / G_USEC_PER_SEC;
        if (v->then_us && have_cpu && cpu.total > v->cpu.total && cpu.busy >= v->cpu.busy)
                tb_samples_tell(&v->base, "cpu.busy", "ratio", "%",
                                100.0 * (double)(cpu.busy - v->cpu.busy) /
                                        (double)(cpu.total - v->cpu.total));
        if (v->then_us && have_net && seconds > 0 && net.received >= v->net.received &&
            net.sent >= v->net.sent) {
                tb_samples_tell(&v->base, "network.received", "data rate", "By/s",
                                (double)(net.received - v->net.received) / seconds);
                tb_samples_tell(&v->base, "network.sent", "data rate", "By/s",
                                (double)(net.sent - v->net.sent) / seconds);
        }
        v->cpu = cpu;
        v->net = net;
        v->then_us = now;
}

static void sample_temperatures(Vitals *v)
{
        for (guint i = 0; i < v->sources->len; i++) {
                Source *source = &g_array_index(v->sources, Source, i);
                g_autofree char *text = read_file(
                        source->path); /* some zones answer EAGAIN while they sleep: then nothing is told */
                double milli = text ? tb_reading_text(text) : NAN;
                if (milli > -274000 && milli < 1000000)
                        tb_samples_tell(&v->base, source->stream, "temperature", "Cel", milli / 1000);
        }
}

static bool vitals_sample(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error)
{
        Vitals *v = (Vitals *)self;
        g_autofree char *load_text = read_file("/proc/loadavg"), *memory_text = read_file("/proc/meminfo"),
                        *up_text = read_file("/proc/uptime");
        double load[3], uptime;
        TbVitalsMemory memory;
        if (!load_text || !tb_vitals_parse_load(load_text, load)) {
                tb_set_error(error, TB_ERROR_DEVICE, "/proc/loadavg cannot be read: is /proc mounted?");
                return false;
        }
        tb_samples_tell(&v->base, "load.1m", "load", "1", load[0]);
        tb_samples_tell(&v->base, "load.5m", "load", "1", load[1]);
        tb_samples_tell(&v->base, "load.15m", "load", "1", load[2]);
        if (memory_text && tb_vitals_parse_memory(memory_text, &memory)) {
                tb_samples_tell(&v->base, "memory.available", "data", "By", memory.available);
                tb_samples_tell(&v->base, "memory.used", "ratio", "%",
                                100.0 * (memory.total - memory.available) / memory.total);
        }
        if (up_text && tb_vitals_parse_uptime(up_text, &uptime))
                tb_samples_tell(&v->base, "uptime", "time", "s", uptime);
        struct statvfs fs;
        if (statvfs(json_string_value(json_object_get(self->params, "path")), &fs) == 0 && fs.f_blocks > 0) {
                tb_samples_tell(&v->base, "disk.free", "data", "By",
                                (double)fs.f_bavail * (double)fs.f_frsize);
                tb_samples_tell(&v->base, "disk.used", "ratio", "%",
                                100.0 * (double)(fs.f_blocks - fs.f_bfree) / (double)fs.f_blocks);
        }
        sample_rates(v);
        sample_temperatures(v);
        return true;
}

static const TbSensorOps sensors = {.interval_ms = 2000, .sample = vitals_sample};
static const TbLane lanes[] = {
        {.name = "sensors",
         .size = sizeof(Vitals),
         .open = vitals_open,
         .close = vitals_close,
         .sensors = &sensors},
        {.name = NULL},
};

const TbDriver tb_driver_vitals = {
        .name = "vitals",
        .summary = "This machine itself: load, memory, processor, disk, network, temperatures.",
        .example = "vitals://",
        .params = params,
        .lanes = lanes,
};
