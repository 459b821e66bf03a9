#include "host/recorder/recorder.h"

#include <string.h>

#include "host/recorder/recorder_private.h"
#include "host/recorder/segment.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/name.h"
#include "lib/thread.h"

#define ON_KEEP_US G_USEC_PER_SEC /* in memory of what is on the disk */

static const char *const modes[] = {"off", "armed", "on"};

const char *tb_record_mode_name(TbRecordMode mode)
{
        return modes[mode];
}

static TbRecordMode mode_of(const char *name, TbRecordMode otherwise)
{
        for (guint i = 0; name && i < G_N_ELEMENTS(modes); i++)
                if (strcmp(name, modes[i]) == 0)
                        return (TbRecordMode)i;
        return otherwise;
}

/* --- work --- */
void tb_recorder_unref(TbRecorder *r)
{
        if (!tb_ref_dec(&r->ref))
                return;
        g_hash_table_unref(r->devices);
        g_hash_table_unref(r->clips);
        tb_writer_free(r->writer);
        g_free(r->folder);
        g_free(r);
}

static void work_end(gpointer data)
{
        TbWork *work = data;
        TbRecorder *r = work->recorder;
        if (work->done)
                work->done(work);
        json_decref(work->json);
        g_clear_pointer(&work->bytes, g_bytes_unref);
        g_clear_error(&work->error);
        g_free(work->text);
        g_free(work);
        tb_recorder_unref(r);
}

static void on_lane(gpointer data)
{
        TbWork *work = data;
        work->work(work);
        tb_main_post(work_end, work); /* main goes on until our threads have ended */
}

bool tb_recorder_do(TbRecorder *r, TbLane *lane, TbWork *work)
{
        work->recorder = r;
        tb_ref_inc(&r->ref);
        if (!r->stopped && tb_lane_run(lane, on_lane, work))
                return true;
        tb_set_error(&work->error, TB_ERROR_LIMIT,
                     "the disk of the recordings is behind: try again in a moment");
        work_end(work);
        return false;
}

bool tb_recorder_make(TbRecorder *r, void (*run)(TbWork *), void (*done)(TbWork *), const json_t *json)
{
        TbWork *work = g_new0(TbWork, 1);
        *work = (TbWork){.recorder = r, .work = run, .done = done, .json = json_deep_copy(json)};
        tb_ref_inc(&r->ref);
        if (tb_lane_run(r->making, on_lane, work))
                return true;
        tb_ref_dec(&r->ref); /* whoever made it has one */
        json_decref(work->json);
        g_free(work);
        return false;
}

void tb_recorder_post(TbRecorder *r, TbWork *work)
{
        work->recorder = r;
        tb_ref_inc(&r->ref);
        tb_main_post(work_end, work);
}

/* --- what the writer tells --- */
static void publish(TbWork *work)
{
        const TbRecorder *r = work->recorder;
        if (!r->stopped)
                tb_bus_publish(tb_core_bus(r->core), work->data, work->text, NULL,
                               g_steal_pointer(&work->json));
}

static void tell(void *user, const char *type, const char *device, json_t *data)
{
        TbWork *work = g_new0(TbWork, 1);
        work->done = publish;
        work->data = (gpointer)type; /* static */
        work->text = g_strdup(device);
        work->json = data;
        tb_recorder_post(user, work);
}

/* --- devices --- */
static void recorded_free(gpointer data)
{
        TbRecorded *d = data;
        tb_tracks_free(d->tracks);
        tb_ring_unref(d->ring);
        g_free(d->id);
        g_free(d);
}

static json_t *configured(TbRecorder *r, const char *id, const char *field)
{
        const json_t *all = tb_core_config(r->core)->recording;
        json_t *own = json_object_get(json_object_get(json_object_get(all, "devices"), id), field);
        return own ? own : json_object_get(all, field);
}

TbRecorded *tb_recorder_device(TbRecorder *r, const char *id)
{
        TbRecorded *d = g_hash_table_lookup(r->devices, id);
        if (d)
                return d;
        d = g_new0(TbRecorded, 1);
        d->id = g_strdup(id);
        d->ring = tb_ring_new(TB_LIMIT_RECORD_RING);
        d->mode = mode_of(json_string_value(configured(r, id, "mode")), TB_RECORD_OFF);
        d->pre_s = (guint)json_integer_value(configured(r, id, "pre_s"));
        const char *input = json_string_value(configured(r, id, "input"));
        for (TbTypedHow how = TB_TYPED_OFF; input && how <= TB_TYPED_ALL; how++)
                if (strcmp(input, tb_typed_names[how]) == 0)
                        d->typed.how = how;
        g_hash_table_insert(r->devices, d->id, d);
        return d;
}

static void write_device(TbWork *work)
{
        if (work->number == G_MAXUINT)
                tb_writer_device_gone(work->recorder->writer, work->text);
        else
                tb_writer_device(work->recorder->writer, work->text, work->data, work->number & 1,
                                 work->number & 2);
}

static void ring_back(TbWork *work)
{
        tb_ring_unref(work->data);
}

/* What the writer is to know of it; G_MAXUINT: it has gone. */
static void tell_writer(TbRecorder *r, TbRecorded *d, guint how)
{
        TbWork *work = g_new0(TbWork, 1);
        work->work = write_device;
        work->done = ring_back;
        work->text = g_strdup(d->id);
        work->data = tb_ring_ref(d->ring);
        work->number = how;
        tb_recorder_do(r, r->writing, work);
}

/* It is recorded no more. */
static void end_recording(TbRecorder *r, TbRecorded *d)
{
        g_clear_pointer(&d->tracks, tb_tracks_free);
        tell_writer(r, d, G_MAXUINT);
        /* the next time has nothing to do with this one; the writer has what it needs of it */
        tb_ring_unref(d->ring);
        d->ring = tb_ring_new(TB_LIMIT_RECORD_RING);
}

/* What its mode says, if it is there. */
static void apply(TbRecorder *r, TbRecorded *d)
{
        TbDevice *device = tb_core_device(r->core, d->id, NULL);
        tb_ring_keep(d->ring, d->mode == TB_RECORD_ON ? ON_KEEP_US : (gint64)d->pre_s * G_USEC_PER_SEC);
        if (!device || d->mode == TB_RECORD_OFF) {
                end_recording(r, d);
                return;
        }
        if (!d->tracks)
                d->tracks = tb_tracks_new(r->core, r->media, device, d->ring);
        tell_writer(r, d,
                    (d->mode == TB_RECORD_ON) | (tb_device_interface_of(device, TB_KIND_AUDIO) ? 2U : 0U));
}

static void look_at(TbDevice *device, gpointer user)
{
        TbRecorder *r = user;
        TbRecorded *d = tb_recorder_device(r, tb_device_id(device));
        if (d->mode != TB_RECORD_OFF)
                apply(r, d);
}

static void on_event(const TbEvent *event, gpointer user)
{
        TbRecorder *r = user;
        TbRecorded *d = event->device ? g_hash_table_lookup(r->devices, event->device) : NULL;
        if (d && d->tracks)
                tb_tracks_event(d->tracks, event);
        if (d && d->tracks && strcmp(event->type, "device.removed") == 0)
                end_recording(r, d); /* the core still finds it, and frees it then */
        if (strcmp(event->type, "device.added") == 0) {
                TbDevice *device = tb_core_device(r->core, event->device, NULL);
                if (device)
                        look_at(device, r);
        }
}

static void on_input(TbDevice *device, const TbRecordingInput *input, void *user)
{
        const TbRecorder *r = user;
        TbRecorded *d = g_hash_table_lookup(r->devices, tb_device_id(device));
        if (d && d->tracks)
                tb_tracks_input(d->tracks, &d->typed, input);
}

static gboolean on_turn(gpointer user)
{
        TbRecorder *r = user;
        GHashTableIter iter;
        gpointer device;
        g_hash_table_iter_init(&iter, r->devices);
        while (g_hash_table_iter_next(&iter, NULL, &device))
                if (((TbRecorded *)device)->tracks)
                        tb_tracks_turn(((TbRecorded *)device)->tracks);
        return G_SOURCE_CONTINUE;
}

/* --- recording.get, recording.set --- */
static void look(TbWork *work)
{
        TbWriter *writer = work->recorder->writer;
        guint64 bytes;
        json_t *spans = tb_writer_spans(writer, work->text, &bytes);
        json_object_set_new(work->json, "stopped",
                            tb_writer_stopped(writer, work->text)
                                    ? json_string(tb_writer_stopped(writer, work->text))
                                    : json_null());
        json_object_set_new(work->json, "bytes", json_integer((json_int_t)bytes));
        json_object_set_new(work->json, "spans", spans);
}

static void looked(TbWork *work)
{
        tb_room_answer(work->data, work->error ? NULL : g_steal_pointer(&work->json),
                       g_steal_pointer(&work->error));
}

static void get(TbRoomCall *call, TbDevice *device, void *user)
{
        TbRecorder *r = user;
        const TbRecorded *d = tb_recorder_device(r, tb_device_id(device));
        TbRingState ring;
        tb_ring_state(d->ring, &ring);
        const char *trouble = d->tracks ? tb_tracks_trouble(d->tracks) : NULL;
        TbWork *work = g_new0(TbWork, 1);
        work->work = look;
        work->done = looked;
        work->data = call;
        work->text = g_strdup(d->id);
        work->json = json_pack("{s:s, s:i, s:s, s:{s:I, s:I}, s:s?}", "mode", tb_record_mode_name(d->mode),
                               "pre_s", (int)d->pre_s, "input", tb_typed_names[d->typed.how], "memory",
                               "bytes", (json_int_t)ring.bytes, "ms",
                               (json_int_t)((ring.last_us - ring.first_us) / 1000), "trouble", trouble);
        tb_recorder_do(r, r->writing, work);
}

static void write_modes(TbWork *work)
{
        g_autofree char *path = g_build_filename(work->recorder->folder, "modes.json", NULL),
                        *text = tb_json_text(work->json, NULL);
        g_autoptr(GError) error = NULL;
        g_mkdir_with_parents(work->recorder->folder, 0750);
        if (!g_file_set_contents_full(path, text, -1,
                                      G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0640,
                                      &error))
                tb_log(TB_LOG_ERROR, TB_F(), "the modes of recording would not survive a restart: %s",
                       error->message);
}

static void modes_written(TbWork *work)
{
        TbRecorder *r = work->recorder;
        TbDevice *device = r->stopped ? NULL : tb_core_device(r->core, work->text, NULL);
        if (device)
                get(work->data, device, r);
        else
                tb_room_answer(work->data, NULL,
                               g_error_new_literal(TB_ERROR, TB_ERROR_GONE, "the device has gone meanwhile"));
}

static void set(TbRoomCall *call, TbDevice *device, json_t *params, void *user)
{
        TbRecorder *r = user;
        TbRecorded *d = tb_recorder_device(r, tb_device_id(device));
        const json_t *pre_s = json_object_get(params, "pre_s");
        d->mode = mode_of(json_string_value(json_object_get(params, "mode")), d->mode);
        if (pre_s)
                d->pre_s = (guint)json_integer_value(pre_s);
        apply(r, d);
        json_t *all = json_object();
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, r->devices);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TbRecorded *each = value;
                json_object_set_new(all, each->id,
                                    json_pack("{s:s, s:i}", "mode", tb_record_mode_name(each->mode), "pre_s",
                                              (int)each->pre_s));
        }
        tb_bus_publish(tb_core_bus(r->core), "recording.mode", d->id, NULL,
                       json_pack("{s:s, s:i}", "mode", tb_record_mode_name(d->mode), "pre_s", (int)d->pre_s));
        TbWork *work = g_new0(TbWork, 1);
        work->work = write_modes;
        work->done = modes_written;
        work->json = all;
        work->text = g_strdup(d->id);
        work->data = call;
        tb_recorder_do(r, r->writing, work);
}

/* What was said over REST before; the configuration says what nobody has changed. */
static void read_modes(TbRecorder *r)
{
        g_autofree char *path = g_build_filename(r->folder, "modes.json", NULL), *text = NULL;
        gsize size;
        json_auto_t *all =
                g_file_get_contents(path, &text, &size, NULL) ? tb_json_parse_kept(text, size, NULL) : NULL;
        const char *id;
        json_t *said;
        json_object_foreach (all, id, said) {
                if (!tb_name_valid(TB_NAME_ID, id))
                        continue;
                TbRecorded *d = tb_recorder_device(r, id);
                json_int_t pre_s = json_integer_value(json_object_get(said, "pre_s"));
                d->mode = mode_of(json_string_value(json_object_get(said, "mode")), d->mode);
                if (pre_s > 0 && pre_s <= TB_LIMIT_RECORD_PRE_S)
                        d->pre_s = (guint)pre_s;
        }
}

/* --- life --- */
static const TbRecordingOps ops = {get, set, tb_clips_order, on_input};

TbRecorder *tb_recorder_new(TbCore *core, TbMedia *media, GError **error)
{
        const TbHostConfig *c = tb_core_config(core);
        TbRecorder *r = g_new0(TbRecorder, 1);
        tb_ref_init(&r->ref);
        r->core = core;
        r->media = media;
        r->folder = g_strdup(c->recording_dir);
        r->devices = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, recorded_free);
        r->clips = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)json_decref);
        const json_t *said = c->recording;
        r->writer = tb_writer_new(
                r->folder,
                &(TbWriterBounds){(guint64)json_integer_value(json_object_get(said, "mb")) << 20,
                                  (guint64)json_integer_value(json_object_get(said, "device_mb")) << 20,
                                  (guint)json_integer_value(json_object_get(said, "days")),
                                  c->uplink != NULL},
                &(TbWriterCalls){tell, tb_clips_ready, tb_clips_removed, r});
        r->making = tb_lane_new("clips", NULL, 0, NULL, error);
        r->writing = r->making ? tb_lane_new("recorder", tb_writer_tick, TB_WRITER_TICK_MS, r->writer, error)
                               : NULL;
        if (!r->writing) {
                tb_lane_free(r->making);
                tb_recorder_unref(r);
                return NULL;
        }
        read_modes(r);
        r->subscription = tb_bus_subscribe(tb_core_bus(core), on_event, r);
        tb_core_each_device(core, look_at, r);
        tb_clips_load(r);
        r->turn = g_timeout_add(TB_TRACKS_TURN_MS, on_turn, r);
        tb_core_set_recorder(core, &ops, r);
        return r;
}

static void let_go(gpointer id G_GNUC_UNUSED, gpointer value, gpointer user G_GNUC_UNUSED)
{
        g_clear_pointer(&((TbRecorded *)value)->tracks, tb_tracks_free);
}

void tb_recorder_free(TbRecorder *r)
{
        if (!r)
                return;
        tb_core_set_recorder(r->core, NULL, NULL);
        tb_bus_unsubscribe(tb_core_bus(r->core), r->subscription);
        g_clear_handle_id(&r->turn, g_source_remove);
        g_hash_table_foreach(r->devices, let_go, NULL);
        tb_lane_free(r->writing); /* with a last turn: all that came is written */
        tb_lane_free(r->making);
        r->stopped = true;
        tb_recorder_unref(r);
}
