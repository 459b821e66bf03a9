/* Clips: ordered on main, their interval written by the writer, made by a thread of their own; what is known of all of them. */
#include <glib/gstdio.h>
#include <string.h>

#include "host/media/still/still.h"
#include "host/recorder/cut.h"
#include "host/recorder/recorder_private.h"
#include "host/recorder/segment.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

#define THUMB_WIDTH 320
#define THUMB_QUALITY 75

static const char *text_of(const json_t *clip, const char *field)
{
        return json_string_value(json_object_get(clip, field));
}

/* --- those of before --- */
static void load(TbWork *work)
{
        g_autofree char *folder = tb_writer_clip_folder(work->recorder->writer, "");
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        work->json = json_array();
        for (const char *id;
             dir && (id = g_dir_read_name(dir)) && json_array_size(work->json) < TB_LIMIT_CLIPS;) {
                g_autofree char *path = g_build_filename(folder, id, "clip.json", NULL), *text = NULL;
                gsize size = 0;
                json_auto_t *clip = g_file_get_contents(path, &text, &size, NULL)
                                            ? tb_json_parse_kept(text, size, NULL)
                                            : NULL;
                if (g_strcmp0(text_of(clip, "clip"), id) != 0 || !text_of(clip, "device") ||
                    !text_of(clip, "state"))
                        continue;
                if (strcmp(text_of(clip, "state"), "recording") == 0)
                        tb_writer_resume(work->recorder->writer, clip);
                json_array_append(work->json, clip);
        }
}

static void loaded(TbWork *work)
{
        gsize i;
        json_t *clip;
        json_array_foreach (work->json, i, clip)
                g_hash_table_insert(work->recorder->clips, g_strdup(text_of(clip, "clip")),
                                    json_incref(clip));
}

void tb_clips_load(TbRecorder *r)
{
        TbWork *work = g_new0(TbWork, 1);
        work->work = load;
        work->done = loaded;
        tb_recorder_do(r, r->writing, work);
}

/* --- an order --- */
static void write_thumb(TbWork *work)
{
        g_autofree char *folder = tb_writer_clip_folder(work->recorder->writer, work->text),
                        *path = g_build_filename(folder, "thumb.jpg", NULL);
        gsize size;
        const char *bytes = g_bytes_get_data(work->bytes, &size);
        if (g_file_test(folder, G_FILE_TEST_IS_DIR))
                g_file_set_contents(path, bytes, (gssize)size,
                                    NULL); /* a list shows a clip without one, too */
}

static void on_thumb(void *data, GBytes *image, gint64 taken_us G_GNUC_UNUSED,
                     const GError *error G_GNUC_UNUSED)
{
        TbWork *work = data;
        TbRecorder *r = work->recorder;
        work->recorder = NULL;
        if (image && !r->stopped) {
                work->work = write_thumb;
                work->bytes = g_bytes_ref(image);
                tb_recorder_do(r, r->writing, work);
        } else {
                g_free(work->text);
                g_free(work);
        }
        tb_recorder_unref(r);
}

static void want_thumb(TbRecorder *r, const char *device, const char *clip)
{
        TbDevice *there = tb_core_device(r->core, device, NULL);
        TbInterface *iface = there ? tb_device_interface_of(there, TB_KIND_VIDEO) : NULL;
        TbHub *hub = iface ? tb_media_find_hub(r->media, device, tb_interface_name(iface), NULL) : NULL;
        if (!hub)
                return;
        TbWork *work = g_new0(TbWork, 1);
        work->recorder = r;
        work->text = g_strdup(clip);
        tb_ref_inc(&r->ref);
        tb_still_set_width(tb_still_take(r->media, hub, TB_STILL_JPEG, THUMB_QUALITY, 0, on_thumb, work),
                           THUMB_WIDTH);
}

static void order(TbWork *work)
{
        tb_writer_order(work->recorder->writer, work->json, &work->error);
}

static void ordered(TbWork *work)
{
        TbRecorder *r = work->recorder;
        const char *id = text_of(work->json, "clip");
        if (work->error) {
                tb_room_answer(work->data, NULL, g_steal_pointer(&work->error));
                return;
        }
        g_hash_table_insert(r->clips, g_strdup(id), json_incref(work->json));
        tb_room_answer(work->data,
                       json_pack("{s:s, s:O, s:O}", "clip", id, "from", json_object_get(work->json, "from"),
                                 "to", json_object_get(work->json, "to")),
                       NULL);
        if (!r->stopped)
                want_thumb(r, text_of(work->json, "device"), id);
}

/* `first_ms`: of what there is; 0: nobody knows. */
static json_t *describe(const TbDevice *device, json_t *params, const TbActor *actor, gint64 first_ms)
{
        gint64 now = tb_clock_ms();
        char time[TB_SEGMENT_NAME];
        tb_segment_name(now, time);
        g_autofree char *token = tb_random_token(6),
                        *id = g_strdup_printf("%.8s-%.6s-%s", time, time + 9, token);
        for (char *c = id; *c; c++)
                *c = g_ascii_tolower(*c);
        const char *user = actor->user ? actor->user : "local",
                   *rule = g_str_has_prefix(user, "rule:") ? user + strlen("rule:") : NULL;
        double pre_s = json_number_value(json_object_get(params, "pre_s")),
               post_s = json_number_value(json_object_get(params, "post_s"));
        const char *note = text_of(params, "note");
        gint64 from = MAX(now - (gint64)(pre_s * 1000), MIN(first_ms, now));
        json_int_t to = now + (gint64)(post_s * 1000);
        return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s?, s:b, s:s}", "clip", id, "device",
                         tb_device_id(device), "label",
                         tb_device_label(device) ? tb_device_label(device) : "", "at", (json_int_t)now,
                         "from", (json_int_t)from, "to", to, "note", note ? note : "", "user", user, "rule",
                         rule, "keep", 0, "state", "recording");
}

void tb_clips_order(TbRoomCall *call, TbDevice *device, json_t *params, const TbActor *actor, void *recorder)
{
        TbRecorder *r = recorder;
        const TbRecorded *d = tb_recorder_device(r, tb_device_id(device));
        GError *error = NULL;
        if (d->mode == TB_RECORD_OFF)
                tb_set_error(&error, TB_ERROR_BUSY,
                             "%s is not recorded: set its recording to armed or on first (PATCH "
                             "/host/devices/%s/recording)",
                             d->id, d->id);
        else if (g_hash_table_size(r->clips) >= TB_LIMIT_CLIPS)
                tb_set_error(&error, TB_ERROR_LIMIT, "this host keeps %d clips already: remove some",
                             TB_LIMIT_CLIPS);
        if (error) {
                tb_room_answer(call, NULL, error);
                return;
        }
        TbWork *work = g_new0(TbWork, 1);
        work->work = order;
        work->done = ordered;
        work->data = call;
        TbRingState ring;
        tb_ring_state(d->ring, &ring);
        work->json = describe(device, params, actor, d->mode == TB_RECORD_ARMED ? ring.first_us / 1000 : 0);
        tb_recorder_do(r, r->writing, work);
}

/* --- made --- */
static void save(TbWork *work)
{
        tb_writer_save_clip(work->recorder->writer, work->json, &work->error);
}

void tb_clips_save(TbRecorder *r, const char *id, void (*done)(TbWork *work), gpointer data)
{
        TbWork *work = g_new0(TbWork, 1);
        work->work = save;
        work->done = done;
        work->data = data;
        work->text = g_strdup(id);
        work->json = json_deep_copy(g_hash_table_lookup(r->clips, id));
        tb_recorder_do(r, r->writing, work);
}

static void kept(TbWork *work)
{
        const TbRecorder *r = work->recorder;
        if (work->error)
                tb_log(TB_LOG_ERROR, TB_F("device", text_of(work->json, "device")), "clip %s: %s", work->text,
                       tb_error_detail(work->error));
        if (!r->stopped)
                tb_bus_publish(tb_core_bus(r->core), "recording.clip", text_of(work->json, "device"), NULL,
                               json_pack("{s:s, s:s, s:s?, s:s?, s:s?}", "clip", work->text, "state",
                                         text_of(work->json, "state"), "reason",
                                         text_of(work->json, "reason"), "note", text_of(work->json, "note"),
                                         "rule", text_of(work->json, "rule")));
}

static void made(TbWork *work)
{
        TbRecorder *r = work->recorder;
        const char *id = text_of(work->json, "clip");
        json_t *clip = g_hash_table_lookup(r->clips, id);
        if (!clip) { /* of an earlier run, and not loaded yet, or removed */
                g_hash_table_insert(r->clips, g_strdup(id), json_incref(work->json));
                clip = work->json;
        }
        static const char *const fields[] = {"state", "reason", "video",    "frames",   "lines",
                                             "first", "bytes",  "left_out", "behind_ms"};
        for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
                if (json_object_get(work->json, fields[i]))
                        json_object_set(clip, fields[i], json_object_get(work->json, fields[i]));
        if (!r->stopped)
                tb_clips_save(r, id, kept, NULL);
}

static bool open_all(const char *folder, FILE *out[TB_CUT_FILES], GError **error)
{
        bool ok = true;
        for (guint i = 0; i < TB_CUT_FILES; i++) {
                g_autofree char *path = g_build_filename(folder, tb_cut_names[i], NULL);
                out[i] = fopen(path, "we");
                ok = ok && out[i];
        }
        if (!ok)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s cannot be written", folder);
        return ok;
}

static gint64 close_all(const char *folder, FILE *out[TB_CUT_FILES], const TbCutDone *done)
{
        gint64 bytes = 0;
        for (guint i = 0; i < TB_CUT_FILES; i++) {
                g_autofree char *path = g_build_filename(folder, tb_cut_names[i], NULL);
                long size = out[i] ? ftell(out[i]) : 0;
                if (out[i])
                        fclose(out[i]);
                if (i == TB_CUT_VIDEO && !done->video)
                        g_unlink(path);
                bytes += MAX(size, 0);
        }
        return bytes;
}

static void make(TbWork *work)
{
        json_t *clip = work->json;
        TbWriter *writer = work->recorder->writer; /* its folder alone */
        g_autofree char *folder = tb_writer_clip_folder(writer, text_of(clip, "clip")),
                        *segments = tb_writer_device_folder(writer, text_of(clip, "device"));
        FILE *out[TB_CUT_FILES] = {NULL};
        TbCutDone done = {0};
        g_autoptr(GError) error = NULL;
        const TbCut cut = {.folder = segments,
                           .device = text_of(clip, "device"),
                           .from_us = json_integer_value(json_object_get(clip, "from")) * 1000,
                           .to_us = json_integer_value(json_object_get(clip, "to")) * 1000};
        if (open_all(folder, out, &error) && tb_cut(&cut, out, &done, &error) && !done.video &&
            done.lines == 0)
                tb_set_error(&error, TB_ERROR_NOT_FOUND,
                             "nothing of these seconds is on the disk: the host ended, or the disk was full");
        gint64 bytes = close_all(folder, out, &done);
        json_object_set_new(clip, "state", json_string(error ? "failed" : "done"));
        if (error)
                json_object_set_new(clip, "reason", json_string(tb_error_detail(error)));
        json_object_set_new(clip, "video", json_boolean(done.video));
        json_object_set_new(clip, "frames", json_integer(done.frames));
        json_object_set_new(clip, "left_out", json_integer(done.left_out));
        json_object_set_new(clip, "lines", json_integer(done.lines));
        json_object_set_new(clip, "first", json_integer(done.first_us / 1000));
        json_object_set_new(clip, "bytes", json_integer(bytes));
}

bool tb_clips_ready(void *recorder, const json_t *clip)
{
        TbRecorder *r = recorder;
        return tb_recorder_make(r, make, made, clip);
}

static void removed(TbWork *work)
{
        TbRecorder *r = work->recorder;
        json_t *clip = g_hash_table_lookup(r->clips, work->text);
        if (!clip)
                return;
        if (!r->stopped)
                tb_bus_publish(tb_core_bus(r->core), "recording.removed", text_of(clip, "device"), NULL,
                               json_pack("{s:s}", "clip", work->text));
        g_hash_table_remove(r->clips, work->text);
}

void tb_clips_removed(void *recorder, const char *clip)
{
        TbWork *work = g_new0(TbWork, 1);
        work->done = removed;
        work->text = g_strdup(clip);
        tb_recorder_post(recorder, work);
}
