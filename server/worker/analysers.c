#include "lib/error.h"
#include "server/worker/analyser.h"
#include "server/worker/frames.h"

static const TbAnalyser *const analysers[] = {&tb_analyser_ocr};

typedef struct Sight { /* one analyser at work */
        const TbAnalyser *ops;
        void *self;
        gint64 until_us;
        GError *error; /* owned */
} Sight;

static bool on_picture(GstVideoFrame *frame, guint n G_GNUC_UNUSED, gpointer data)
{
        Sight *s = data;
        const TbLookPicture picture = {.at = GST_VIDEO_FRAME_PLANE_DATA(frame, 0),
                                       .width = GST_VIDEO_FRAME_WIDTH(frame),
                                       .height = GST_VIDEO_FRAME_HEIGHT(frame),
                                       .stride = (gsize)GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0)};
        return !s->error && s->ops->look(s->self, &picture, s->until_us, &s->error);
}

static void add_words(json_t *verdict, const char *words)
{
        g_autofree char *all =
                g_strdup_printf("%s. %s", json_string_value(json_object_get(verdict, "summary")), words);
        json_object_set_new(verdict, "summary", json_string(all));
}

static void sign(json_t *verdict, const char *name)
{
        g_autofree char *all = g_strdup_printf(
                "%s, %s", json_string_value(json_object_get(verdict, "inference_provider")), name);
        json_object_set_new(verdict, "inference_provider", json_string(all));
}

void tb_analysers_look(const char *file, const char *prompt, guint pictures, guint64 length_ns,
                       json_t *verdict)
{
        for (gsize i = 0; i < G_N_ELEMENTS(analysers); i++) {
                Sight s = {.ops = analysers[i]};
                s.self = s.ops->open(prompt, &s.error);
                s.until_us = g_get_monotonic_time() + s.ops->seconds * G_USEC_PER_SEC;
                if (s.self && tb_frames_each(file, s.ops->caps, pictures, length_ns, on_picture, &s) == 0 &&
                    !s.error)
                        tb_set_error(&s.error, TB_ERROR_UNPROCESSABLE, "no picture could be taken");
                if (s.self && !s.error) {
                        sign(verdict, s.ops->name);
                        s.ops->say(s.self, verdict);
                }
                if (s.error) {
                        g_autofree char *words =
                                g_strdup_printf("%s could not look: %s", s.ops->name, s.error->message);
                        add_words(verdict, words);
                        g_error_free(s.error);
                }
                if (s.self)
                        s.ops->close(s.self);
        }
}

char *tb_analysers_check(GError **error)
{
        GString *names = g_string_new(NULL);
        for (gsize i = 0; i < G_N_ELEMENTS(analysers); i++) {
                GError *why = NULL;
                void *self = analysers[i]->open(NULL, &why);
                if (why) {
                        g_propagate_error(error, why);
                        g_string_free(names, TRUE);
                        return NULL;
                }
                if (self) {
                        g_string_append_printf(names, "%s%s", names->len ? " " : "", analysers[i]->name);
                        analysers[i]->close(self);
                }
        }
        return g_string_free(names, FALSE);
}

void tb_analysers_keep(const json_t *seen, json_t *said)
{
        static const char *const lists[] = {"matched_rules", "detected_entities"};
        for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
                json_array_extend(json_object_get(said, lists[i]), json_object_get(seen, lists[i]));
        if (json_array_size(json_object_get(seen, "matched_rules")) == 0)
                return;
        json_object_set_new(said, "should_notify", json_true());
        if (!json_object_get(said, "alert_reason"))
                json_object_set(said, "alert_reason", json_object_get(seen, "alert_reason"));
}
