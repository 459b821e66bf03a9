#include "host/recorder/writer.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "host/recorder/segment.h"
#include "host/recorder/writer_private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

#define LATE_US 400000                 /* pictures come so much after they were taken, at most */
#define BEHIND_US (5 * G_USEC_PER_SEC) /* longest that a clip waits for an encoder that is behind */
#define RETRY_US (3 * G_USEC_PER_SEC)
#define SWEEP_US (20 * G_USEC_PER_SEC)

static void device_free(gpointer data)
{
        TbWriterDevice *d = data;
        tb_segment_close(d->segment);
        tb_ring_unref(d->ring);
        g_free(d->folder);
        g_free(d->id);
        g_free(d->stopped);
        g_free(d);
}

static void pending_free(gpointer data)
{
        TbPending *p = data;
        json_decref(p->clip);
        g_free(p);
}

TbWriter *tb_writer_new(const char *folder, const TbWriterBounds *bounds, const TbWriterCalls *calls)
{
        TbWriter *w = g_new0(TbWriter, 1);
        w->folder = g_strdup(folder);
        w->bounds = *bounds;
        w->calls = *calls;
        w->devices = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, device_free);
        w->pending = g_ptr_array_new_with_free_func(pending_free);
        return w;
}

void tb_writer_free(TbWriter *w)
{
        if (!w)
                return;
        g_hash_table_unref(w->devices);
        g_ptr_array_unref(w->pending);
        g_free(w->folder);
        g_free(w);
}

char *tb_writer_device_folder(TbWriter *w, const char *device)
{
        return g_build_filename(w->folder, "devices", device, NULL);
}

/* --- one device --- */
static void end_segment(TbWriter *w G_GNUC_UNUSED, TbWriterDevice *d, gint64 now_us)
{
        if (d->segment)
                tb_segment_flush(d->segment, now_us, true, NULL);
        g_clear_pointer(&d->segment, tb_segment_close);
}

static void stop(TbWriter *w, TbWriterDevice *d, gint64 now_us, const GError *error)
{
        g_clear_pointer(&d->segment, tb_segment_close);
        tb_ring_end(d->ring);
        d->reads = false;
        d->retry_us = now_us + RETRY_US;
        if (d->stopped)
                return;
        d->stopped = g_strdup(tb_error_detail(error));
        tb_log(TB_LOG_ERROR, TB_F("device", d->id), "recording has stopped: %s", d->stopped);
        w->calls.tell(w->calls.user, "recording.stopped", d->id, json_pack("{s:s}", "reason", d->stopped));
        tb_writer_sweep(w); /* there may be something to let go of */
}

static gint64 first_time(GPtrArray *records, guint from)
{
        gint64 at_us = G_MAXINT64;
        for (guint i = from; i < records->len; i++)
                at_us = MIN(at_us, ((TbRecord *)records->pdata[i])->at_us);
        return at_us;
}

static bool write_records(TbWriterDevice *d, GPtrArray *records, gint64 now_us, GError **error)
{
        for (guint i = 0; i < records->len; i++) {
                const TbRecord *record = records->pdata[i];
                if (d->segment && !tb_segment_takes(d->segment, record)) {
                        if (!tb_segment_flush(d->segment, record->at_us, true, error))
                                return false;
                        g_clear_pointer(&d->segment, tb_segment_close);
                }
                if (!d->segment) {
                        gint64 begin_ms = first_time(records, i) / 1000;
                        d->segment = tb_segment_new(d->folder, d->id, begin_ms,
                                                    tb_clock_mono_ms() - (tb_clock_ms() - begin_ms), d->sound,
                                                    error);
                        if (!d->segment)
                                return false;
                }
                tb_segment_add(d->segment, record);
        }
        return !d->segment || tb_segment_flush(d->segment, now_us, false, error);
}

static void went_on(TbWriter *w, TbWriterDevice *d)
{
        if (!d->stopped)
                return;
        g_clear_pointer(&d->stopped, g_free);
        tb_log(TB_LOG_INFO, TB_F("device", d->id), "recording goes on");
        w->calls.tell(w->calls.user, "recording.resumed", d->id, json_object());
}

static void lost(TbWriter *w, TbWriterDevice *d, guint64 n)
{
        tb_log(TB_LOG_WARNING, TB_F("device", d->id),
               "the disk is too slow: %" G_GUINT64_FORMAT " pieces of the recording were left out", n);
        w->calls.tell(w->calls.user, "recording.lost", d->id, json_pack("{s:I}", "pieces", (json_int_t)n));
}

static void tick_device(TbWriter *w, TbWriterDevice *d, gint64 now_us)
{
        bool wanted = d->on || now_us < d->until_us;
        if (!wanted) {
                if (d->reads) {
                        end_segment(w, d, now_us);
                        tb_ring_end(d->ring);
                        d->reads = false;
                }
                return;
        }
        if (d->stopped && now_us < d->retry_us && d->retry_us - now_us <= RETRY_US)
                return;
        if (!d->reads) {
                tb_ring_begin(d->ring);
                d->reads = true;
        }
        g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)tb_record_free);
        g_autoptr(GError) error = NULL;
        guint64 missed = tb_ring_take(d->ring, records);
        if (missed > 0 && !d->stopped)
                lost(w, d, missed);
        if (!write_records(d, records, now_us, &error))
                stop(w, d, now_us, error);
        else if (records->len > 0)
                went_on(w, d);
}

/* --- clips --- */
/* Before what it put out is taken from the ring: so nothing can come in between. */
static void look_at_encoder(TbWriter *w, TbPending *p, gint64 now_us)
{
        TbWriterDevice *d = g_hash_table_lookup(w->devices, p->device);
        p->owed_us = d ? tb_flight_owes(tb_ring_flight(d->ring), p->to_us) : 0;
        if (p->owed_us && now_us < p->to_us + LATE_US + BEHIND_US)
                d->until_us = MAX(d->until_us, now_us + 2 * LATE_US);
}

static bool is_over(TbWriter *w, TbPending *p, gint64 now_us)
{
        TbWriterDevice *d = g_hash_table_lookup(w->devices, p->device);
        if (now_us < p->to_us + LATE_US &&
            p->to_us - now_us < (gint64)TB_LIMIT_CLIP_POST_S * G_USEC_PER_SEC + LATE_US && d)
                return false;
        bool waits = now_us < p->to_us + LATE_US + BEHIND_US && now_us >= p->to_us;
        if (p->owed_us && waits && d && !d->stopped)
                return false;
        if (p->owed_us) /* it is said in the clip */
                json_object_set_new(p->clip, "behind_ms", json_integer((p->to_us - p->owed_us) / 1000));
        if (d && d->segment)
                tb_segment_flush(d->segment, now_us, true, NULL);
        return true;
}

void tb_writer_tick(gpointer writer)
{
        TbWriter *w = writer;
        gint64 now_us = tb_clock_us();
        GHashTableIter iter;
        gpointer device;
        for (guint i = 0; i < w->pending->len; i++)
                look_at_encoder(w, w->pending->pdata[i], now_us);
        g_hash_table_iter_init(&iter, w->devices);
        while (g_hash_table_iter_next(&iter, NULL, &device))
                tick_device(w, device, now_us);
        for (guint i = w->pending->len; i > 0; i--) {
                TbPending *p = w->pending->pdata[i - 1];
                if (is_over(w, p, now_us) && w->calls.ready(w->calls.user, p->clip))
                        g_ptr_array_remove_index(w->pending, i - 1);
        }
        if (now_us > w->swept_us + SWEEP_US || now_us < w->swept_us)
                tb_writer_sweep(w);
}

static void add_pending(TbWriter *w, const json_t *clip)
{
        TbPending *p = g_new0(TbPending, 1);
        p->clip = json_deep_copy(clip);
        p->device = json_string_value(json_object_get(p->clip, "device"));
        p->from_us = json_integer_value(json_object_get(p->clip, "from")) * 1000;
        p->to_us = json_integer_value(json_object_get(p->clip, "to")) * 1000;
        g_ptr_array_add(w->pending, p);
        TbWriterDevice *d = g_hash_table_lookup(w->devices, p->device);
        if (!d)
                return;
        d->until_us = MAX(d->until_us, p->to_us + 2 * LATE_US);
}

bool tb_writer_order(TbWriter *w, const json_t *clip, GError **error)
{
        if (w->pending->len >= TB_LIMIT_CLIPS_PENDING) {
                tb_set_error(error, TB_ERROR_LIMIT, "%d clips of this host are being recorded already",
                             TB_LIMIT_CLIPS_PENDING);
                return false;
        }
        if (!tb_writer_save_clip(w, clip, error))
                return false;
        add_pending(w, clip);
        tb_writer_tick(
                w); /* the seconds before it go to the disk now, not when somebody may have pulled the plug */
        return true;
}

void tb_writer_resume(TbWriter *w, const json_t *clip)
{
        add_pending(w, clip);
}

void tb_writer_device(TbWriter *w, const char *device, TbRing *ring, bool on, bool sound)
{
        TbWriterDevice *d = g_hash_table_lookup(w->devices, device);
        if (!d) {
                d = g_new0(TbWriterDevice, 1);
                d->id = g_strdup(device);
                d->folder = tb_writer_device_folder(w, device);
                d->ring = tb_ring_ref(ring);
                g_hash_table_insert(w->devices, d->id, d);
        }
        d->on = on;
        d->sound = sound;
}

void tb_writer_device_gone(TbWriter *w, const char *device)
{
        TbWriterDevice *d = g_hash_table_lookup(w->devices, device);
        if (!d)
                return;
        tick_device(w, d, tb_clock_us());
        end_segment(w, d, tb_clock_us());
        tb_ring_end(d->ring);
        g_hash_table_remove(w->devices, device);
}

const char *tb_writer_stopped(TbWriter *w, const char *device)
{
        const TbWriterDevice *d = g_hash_table_lookup(w->devices, device);
        return d ? d->stopped : NULL;
}
