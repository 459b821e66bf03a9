/* The decoder: strangers' bytes, in a process that has nothing but them and may die. */
#include <sys/resource.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "server/worker/analyser.h"
#include "server/worker/decode.h"
#include "server/worker/frames.h"
#include "server/worker/pixels.h"
#include "server/worker/vision.h"
#include "server/worker/worker.h"

#define FILE_BYTES (16 << 20) /* of one file: Orc writes its code into one */

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

/* One picture in TB_PIXELS_EACH_MS is looked at; of those in between nothing is kept. */
static bool pull_all(TbDecode *decode, TbPixels *pixels, guint64 *ret_length_ns, GError **error)
{
        GstClockTime next = 0;
        guint frames = 0;
        GstSample *sample;
        while ((sample = tb_decode_next(decode, error))) {
                GstBuffer *buffer = gst_sample_get_buffer(sample);
                GstMapInfo map;
                bool timed = GST_BUFFER_PTS_IS_VALID(buffer), due = !timed || GST_BUFFER_PTS(buffer) >= next;
                if (due && gst_buffer_map(buffer, &map, GST_MAP_READ)) {
                        if (map.size >= TB_PIXELS_BYTES)
                                tb_pixels_add(pixels, map.data);
                        gst_buffer_unmap(buffer, &map);
                        next = (timed ? GST_BUFFER_PTS(buffer) : 0) + TB_PIXELS_EACH_MS * GST_MSECOND;
                }
                *ret_length_ns = timed ? GST_BUFFER_PTS(buffer) : *ret_length_ns;
                gst_sample_unref(sample);
                if (++frames > TB_LIMIT_LOOK_FRAMES) {
                        tb_set_error(error, TB_ERROR_TOO_LARGE, "the clip has more than %d pictures",
                                     TB_LIMIT_LOOK_FRAMES);
                        return false;
                }
        }
        if (!*error && tb_decode_is_over(decode) && pixels->pictures > 0)
                return true;
        if (!*error)
                tb_set_error(error, TB_ERROR_UNPROCESSABLE,
                             "the clip cannot be decoded: there is no picture in it, or it does not go on");
        return false;
}

static bool look(const char *file, TbPixels *pixels, guint64 *ret_length_ns, GError **error)
{
        TbDecode decode;
        if (!tb_decode_open(&decode, file,
                            "video/x-raw,format=RGB,width=160,height=90,pixel-aspect-ratio=1/1", error))
                return false;
        bool ok = pull_all(&decode, pixels, ret_length_ns, error);
        tb_decode_close(&decode);
        return ok;
}

int tb_worker_look_here(const char *file, const char *prompt, char *folder, guint frames)
{
        frames = CLAMP(frames, 1, TB_VISION_PICTURES);
        g_autofree TbPixels *pixels = g_new0(TbPixels, 1);
        g_autoptr(GError) error = NULL;
        guint64 length_ns = 0;
        if (!gst_init_check(NULL, NULL, &error))
                return 1;
        limit();
        bool ok = look(file, pixels, &length_ns, &error);
        if (ok && folder)
                tb_frames_save(file, folder, frames, length_ns);
        json_auto_t *out =
                ok ? tb_pixels_verdict(pixels, prompt) : json_pack("{s:s}", "error", error->message);
        if (ok) {
                json_object_update_new(out, json_pack("{s:s, s:s}", "inference_provider", "pixels",
                                                      "inference_model", "difference-160x90"));
                tb_analysers_look(file, prompt, frames, length_ns, out);
        }
        gsize size;
        g_autofree char *text = tb_json_text(out, &size);
        return text && write(STDOUT_FILENO, text, size) == (gssize)size ? 0 : 1;
}
