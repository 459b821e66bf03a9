/* A Seestar telescope (S30, S50): mount, picture, sensors. Parameters and lanes here. */
#include <string.h>

#include "drivers/seestar/seestar_link.h"
#include "drivers/transport/samples.h"

static const TbParam params[] = {
        {.name = "picture",
         .type = TB_PARAM_ENUM,
         .choices = TB_CHOICES("both", "live", "stacked", "none"),
         .fallback = "\"both\"",
         .help = "what the video shows: stacked pictures as they grow and else single exposures; live: these "
                 "alone; "
                 "stacked: those alone, and nothing but the video (for a second interface); none: no video"},
        {.name = "imaging_port",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = 65535,
         .fallback = "4800",
         .help = "where the pictures are"},
        {.name = "key",
         .type = TB_PARAM_STRING,
         .min = 1,
         .max = 4096,
         .help = "file with the private RSA key (PEM) by which firmware 7.18 and newer knows its programs"},
        TB_PARAM_END,
};

static bool check(const TbUri *uri, json_t *p G_GNUC_UNUSED, GError **error)
{
        if (*uri->host && (!*uri->path || strcmp(uri->path, "/") == 0))
                return true;
        tb_error_set_field(error, TB_ERROR_INVALID, "uri", "name the telescope: seestar://10.0.0.9");
        return false;
}

enum { CONTROL = 1 << 0, PICTURE = 1 << 1 };
static guint lanes_of(const TbUri *uri G_GNUC_UNUSED, json_t *p)
{
        const char *picture = json_string_value(json_object_get(p, "picture"));
        return g_strcmp0(picture, "stacked") == 0 ? PICTURE
               : g_strcmp0(picture, "none") == 0  ? CONTROL
                                                  : CONTROL | PICTURE;
}

/* Where it points and how it feels: as of the last beat. */
static bool sample(TbInstance *self, TbIo *io G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
        const TbSeestarState *s = &((TbSeestarLink *)self)->state;
        tb_samples_tell(self, "mount.ra", "angle", "h", s->ra_hours);
        tb_samples_tell(self, "mount.dec", "angle", "deg", s->dec_deg);
        tb_samples_tell(self, "mount.alt", "angle", "deg", s->alt_deg);
        tb_samples_tell(self, "mount.az", "angle", "deg", s->az_deg);
        tb_samples_tell(self, "focus.position", "count", "1", s->focus);
        tb_samples_tell(self, "temperature", "temperature", "Cel", s->temperature);
        tb_samples_tell(self, "battery.level", "ratio", "%", s->battery);
        tb_samples_tell(self, "disk.used", "ratio", "%", s->disk_used);
        if (s->stacked >= 0)
                tb_samples_tell(self, "stack.frames", "count", "1", (double)s->stacked);
        return true;
}

/* --- who answers a broadcast --- */
static GBytes *probe_ask(const char *own)
{
        char *text = g_strdup_printf(TB_SEESTAR_PROBE, own);
        return g_bytes_new_take(text, strlen(text));
}

static bool probe_answer(const guint8 *data, gsize size, const char *from, TbLanOffer *ret)
{
        TbSeestarFound found;
        if (!tb_seestar_found(data, size, from, &found))
                return false;
        const char *model = *found.model ? found.model : "Seestar";
        *ret = (TbLanOffer){
                .uri = g_strdup_printf("seestar://%s", found.ip),
                .label = *found.serial ? g_strdup_printf("%s, %s", model, found.serial) : g_strdup(model),
                .why = g_strdup_printf("a %s answers at %s to the broadcast of telescopes (UDP %d)", model,
                                       found.ip, TB_SEESTAR_PROBE_PORT),
                .properties = json_pack("{s:s, s:s, s:s, s:s}", "kind", "mount", "address", found.ip, "name",
                                        model, "found_by", "broadcast"),
        };
        return true;
}

static const TbLanProbe probes[] = {
        {.port = TB_SEESTAR_PROBE_PORT,
         .from_port = TB_SEESTAR_PROBE_PORT,
         .ask = probe_ask,
         .answer = probe_answer},
        {.port = 0},
};

static const TbSensorOps sensors = {.interval_ms = 3000, .sample = sample};

static const TbLane lanes[] = {
        {.name = "control",
         .size = sizeof(TbSeestarLink),
         .open = tb_seestar_open,
         .close = tb_seestar_close,
         .pump = tb_seestar_pump,
         .mount = &tb_seestar_mount,
         .sensors = &sensors},
        {.name = "picture",
         .size = TB_SEESTAR_PICTURE_SIZE,
         .open = tb_seestar_picture_open,
         .close = tb_seestar_picture_close,
         .pump = tb_seestar_picture_pump,
         .video = &tb_seestar_video},
        {.name = NULL},
};

const TbDriver tb_driver_seestar = {
        .name = "seestar",
        .summary = "Seestar telescopes: pointing, focus, exposure, stacked and live pictures, battery and "
                   "temperature.",
        .example = "seestar://10.0.0.9",
        .params = params,
        .check = check,
        .lanes_of = lanes_of,
        .lanes = lanes,
        .probes = probes,
};
