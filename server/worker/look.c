/* The decoder: strangers' bytes, in a process that has nothing but them and may die. */
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "server/worker/pixels.h"
#include "server/worker/worker.h"

#define FILE_BYTES (16 << 20) /* of one file: Orc writes its code into one */
#define PULL_NS (100 * GST_MSECOND)
#define PULLS 200 /* without a picture: it does not go on */

static void limit(void)
{
        const struct {
                int what;
                rlim_t most;
        } limits[] = {
                {RLIMIT_CPU, TB_LIMIT_LOOK_CPU_S},
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their shadow is terabytes */
                {RLIMIT_AS, TB_LIMIT_LOOK_BYTES},
#endif
                {RLIMIT_FSIZE, FILE_BYTES},
                {RLIMIT_CORE, 0}
        };
        for (gsize i = 0; i < G_N_ELEMENTS(limits); i++)
                setrlimit((__rlimit_resource_t)limits[i].what,
                          &(struct rlimit){limits[i].most, limits[i].most});
}

static bool fault(GstElement *pipe, GError **error)
{
        g_autoptr(GstBus) bus = gst_element_get_bus(pipe);
        g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
        g_autoptr(GError) why = NULL;
        if (!message)
                return false;
        gst_message_parse_error(message, &why, NULL);
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "the clip cannot be decoded: %s", why->message);
        return true;
}

/* The next picture; NULL: there is none any more, or the pipe has failed. */
static GstSample *next_sample(GstElement *pipe, GstElement *sink, GError **error)
{
        GstSample *sample = NULL;
        for (guint i = 0; i < PULLS && !sample; i++) {
                sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), PULL_NS);
                if (!sample && (gst_app_sink_is_eos(GST_APP_SINK(sink)) || fault(pipe, error)))
                        return NULL;
        }
        return sample;
}

/* One picture in TB_PIXELS_EACH_MS is looked at; of those in between nothing is kept. */
static bool pull_all(GstElement *pipe, GstElement *sink, TbPixels *pixels, GError **error)
{
        GstClockTime next = 0;
        guint frames = 0;
        GstSample *sample;
        while ((sample = next_sample(pipe, sink, error))) {
                GstBuffer *buffer = gst_sample_get_buffer(sample);
                GstMapInfo map;
                bool due = !GST_BUFFER_PTS_IS_VALID(buffer) || GST_BUFFER_PTS(buffer) >= next;
                if (due && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
                        if (map.size >= TB_PIXELS_BYTES)
                                tb_pixels_add(pixels, map.data);
                        gst_buffer_unmap(buffer, &map);
                        next = (GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : 0) +
                               TB_PIXELS_EACH_MS * GST_MSECOND;
                }
                gst_sample_unref(sample);
                if (++frames > TB_LIMIT_LOOK_FRAMES) {
                        tb_set_error(error, TB_ERROR_TOO_LARGE, "the clip has more than %d pictures",
                                     TB_LIMIT_LOOK_FRAMES);
                        return false;
                }
        }
        if (gst_app_sink_is_eos(GST_APP_SINK(sink)) && pixels->pictures > 0)
                return true;
        if (!*error && !fault(pipe, error))
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the clip cannot be decoded: there is no picture in it, or it does not go on");
        return false;
}

static bool look(const char *file, TbPixels *pixels, GError **error)
{
        g_autoptr(GstElement) pipe =
                gst_parse_launch("filesrc name=file ! decodebin ! videoconvert ! videoscale ! "
                                 "video/x-raw,format=RGB,width=160,height=90,pixel-aspect-ratio=1/1 ! "
                                 "appsink name=sink sync=false "
                                 "max-buffers=4",
                                 error);
        if (!pipe)
                return false;
        g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipe), "file"),
                              sink = gst_bin_get_by_name(GST_BIN(pipe), "sink");
        g_object_set(source, "location", file, NULL);
        gst_element_set_state(pipe, GST_STATE_PLAYING);
        bool ok = pull_all(pipe, sink, pixels, error);
        gst_element_set_state(pipe, GST_STATE_NULL);
        return ok;
}

int tb_worker_look_here(const char *file, const char *prompt)
{
        g_autofree TbPixels *pixels = g_new0(TbPixels, 1);
        g_autoptr(GError) error = NULL;
        if (!gst_init_check(NULL, NULL, &error))
                return 1;
        limit();
        bool ok = look(file, pixels, &error);
        json_auto_t *out =
                ok ? tb_pixels_verdict(pixels, prompt) : json_pack("{s:s}", "error", error->message);
        if (ok)
                json_object_update_new(out, json_pack("{s:s, s:s}", "inference_provider", "pixels",
                                                      "inference_model", "difference-160x90"));
        gsize size;
        g_autofree char *text = tb_json_text(out, &size);
        return text && write(STDOUT_FILENO, text, size) == (gssize)size ? 0 : 1;
}
