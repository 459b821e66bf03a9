/* The flight recorder without devices: rings, segments that end anywhere, what of them becomes a film, and what is bounded. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/recorder/cut.h"
#include "host/recorder/parts.h"
#include "host/recorder/recorder_private.h"
#include "host/recorder/segment.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

#define BEGIN_MS G_GINT64_CONSTANT(1796072580123) /* 2026-11-30T21:03:00.123Z */
#define PICTURE_US 100000

/* 320x240, constrained baseline; a keyframe is these and a slice. */
static const guint8 key[] = {0, 0, 0,    1,    0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x07, 0xe4, 0,    0,
                             0, 1, 0x68, 0xce, 0x3c, 0x80, 0,    0,    0,    1,    0x65, 0x88, 0x84, 0x11};
static const guint8 other[] = {0, 0, 0, 1, 0x41, 0x9a, 0x22, 0x33};

static TbRecord *record_of(TbRecordKind kind, bool is_key, gint64 at_us, const void *bytes, gsize size)
{
        TbRecord *record = g_new0(TbRecord, 1);
        *record = (TbRecord){.at_us = at_us, .kind = kind, .key = is_key, .bytes = g_bytes_new(bytes, size)};
        return record;
}

static void add(TbSegment *segment, TbRecordKind kind, bool is_key, gint64 at_us, const void *bytes,
                gsize size)
{
        TbRecord *record = record_of(kind, is_key, at_us, bytes, size);
        g_assert_true(tb_segment_takes(segment, record));
        tb_segment_add(segment, record);
        tb_record_free(record);
}

static char *scratch(void)
{
        return g_dir_make_tmp("tbrecorder-XXXXXX", NULL);
}

static void remove_all(const char *folder)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        for (const char *name; dir && (name = g_dir_read_name(dir));) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                if (g_file_test(path, G_FILE_TEST_IS_DIR))
                        remove_all(path);
                g_unlink(path);
        }
        g_rmdir(folder);
}

static void test_names(void)
{
        char name[TB_SEGMENT_NAME];
        tb_segment_name(BEGIN_MS, name);
        g_assert_cmpint(tb_segment_time(name), ==, BEGIN_MS);
        static const char *const none[] = {
                "", "modes.json", "20261130", "20261130T210300.123", "20261330T210300.123Z", "../x"};
        for (guint i = 0; i < G_N_ELEMENTS(none); i++)
                g_assert_cmpint(tb_segment_time(none[i]), ==, -1);
}

static void test_h264(void)
{
        GBytes *avcc = NULL;
        g_autoptr(GBytes) unit = tb_mp4_unit(key, sizeof key, &avcc);
        guint width, height;
        g_assert_nonnull(avcc);
        g_assert_cmpuint(g_bytes_get_size(unit), ==,
                         sizeof key); /* start codes of four bytes become lengths of four */
        g_assert_true(tb_mp4_size(avcc, &width, &height));
        g_assert_cmpuint(width, ==, 320);
        g_assert_cmpuint(height, ==, 240);
        g_bytes_unref(avcc);
        g_assert_null(tb_mp4_unit((const guint8 *)"nothing", 7, &avcc));
        g_assert_null(avcc);
}

/* --- ring --- */
static guint64 take(TbRing *ring, guint *ret_n, guint *ret_keys)
{
        g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func((GDestroyNotify)tb_record_free);
        guint64 lost = tb_ring_take(ring, out);
        *ret_n = out->len;
        *ret_keys = 0;
        for (guint i = 0; i < out->len; i++)
                *ret_keys += ((TbRecord *)out->pdata[i])->key;
        return lost;
}

/* Ten seconds of pictures, a keyframe each second: three seconds are kept, and what these hang on. */
static void test_ring_time(void)
{
        TbRing *ring = tb_ring_new(1 << 20);
        TbRingState state;
        guint n, keys;
        tb_ring_keep(ring, 3 * G_USEC_PER_SEC);
        for (gint64 i = 0; i < 100; i++)
                tb_ring_add(ring, TB_RECORD_VIDEO, i % 10 == 0, i * PICTURE_US, other, sizeof other);
        tb_ring_state(ring, &state);
        g_assert_cmpint(state.first_us, ==,
                        60 * PICTURE_US); /* 9.9 s - 3 s is 6.9 s: the keyframe before is at 6 */
        g_assert_cmpint(state.key_us, ==, 90 * PICTURE_US);
        tb_ring_begin(ring);
        g_assert_cmpuint(take(ring, &n, &keys), ==, 0);
        g_assert_cmpuint(n, ==, 40);
        g_assert_cmpuint(keys, ==, 4);
        tb_ring_add(ring, TB_RECORD_LINE, false, 100 * PICTURE_US, "{}", 2);
        take(ring, &n, &keys);
        g_assert_cmpuint(n, ==, 1);
        tb_ring_end(ring);
        /* he begins anew: pictures again from the keyframe on that the next ones hang on, lines not */
        tb_ring_add(ring, TB_RECORD_VIDEO, false, 101 * PICTURE_US, other, sizeof other);
        tb_ring_begin(ring);
        take(ring, &n, &keys);
        g_assert_cmpuint(n, ==, 11);
        g_assert_cmpuint(keys, ==, 1);
        tb_ring_unref(ring);
}

/* TB_LIMIT_RECORD_RING bytes, and one more. */
static void test_ring_bytes(void)
{
        TbRing *ring = tb_ring_new(TB_LIMIT_RECORD_RING);
        TbRingState state;
        guint n, keys;
        gsize size = 1 << 20;
        g_autofree char *bytes = g_malloc0(size);
        tb_ring_keep(ring, G_USEC_PER_SEC * 1000);
        tb_ring_begin(ring);
        for (gsize all = 0; all + size < TB_LIMIT_RECORD_RING; all += size)
                tb_ring_add(ring, TB_RECORD_SOUND, false, (gint64)all, bytes, size);
        tb_ring_state(ring, &state);
        gsize each = state.bytes / (TB_LIMIT_RECORD_RING / size - 1),
              left = TB_LIMIT_RECORD_RING - state.bytes;
        tb_ring_add(ring, TB_RECORD_SOUND, false, 1 << 30, bytes,
                    left - (each - size)); /* full to the byte */
        tb_ring_state(ring, &state);
        g_assert_cmpuint(state.bytes, ==, TB_LIMIT_RECORD_RING);
        tb_ring_add(ring, TB_RECORD_LINE, false, 1 << 30, "", 0);
        tb_ring_state(ring, &state);
        g_assert_cmpuint(state.bytes, <, TB_LIMIT_RECORD_RING);
        g_assert_cmpuint(take(ring, &n, &keys), ==, 1); /* the reader is told that he came too late */
        tb_ring_unref(ring);
}

/* --- segments --- */
static TbSegment *write_some(const char *folder, guint pictures)
{
        TbSegment *s = tb_segment_new(folder, "bench", BEGIN_MS, 1, true, NULL);
        for (guint i = 0; i < pictures; i++) {
                gint64 at_us = BEGIN_MS * 1000 + (gint64)i * PICTURE_US;
                add(s, TB_RECORD_VIDEO, i % 10 == 0, at_us, i % 10 == 0 ? key : other,
                    i % 10 == 0 ? sizeof key : sizeof other);
                add(s, TB_RECORD_SOUND, false, at_us, "\xfc\xff\xfe", 3);
                g_autofree char *line = g_strdup_printf("{\"type\":\"console\",\"t\":%" G_GINT64_FORMAT
                                                        ",\"interface\":\"console\",\"text\":\"line %u\\n\"}",
                                                        at_us / 1000, i);
                add(s, TB_RECORD_LINE, false, at_us, line, strlen(line));
                if (i % 5 == 4)
                        g_assert_true(tb_segment_flush(s, at_us, false, NULL));
        }
        return s;
}

static guint pictures_of(const char *path, TbMp4Setup *setup)
{
        g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(TbMp4Sample));
        guint n = 0;
        if (!tb_segment_read(path, 0, setup, samples, NULL))
                return 0;
        for (guint i = 0; i < samples->len; i++) {
                const TbMp4Sample *sample = &g_array_index(samples, TbMp4Sample, i);
                if (sample->track == TB_MP4_VIDEO) {
                        g_assert_cmpint(sample->at_us, ==, BEGIN_MS * 1000 + (gint64)n * PICTURE_US);
                        n++;
                }
        }
        return n;
}

/* What is on the disk reads up to there, wherever it was cut off. */
static void test_segment(void)
{
        g_autofree char *folder = scratch();
        TbSegment *s = write_some(folder, 30);
        g_assert_true(tb_segment_flush(s, BEGIN_MS * 1000 + 30 * PICTURE_US, true, NULL));
        tb_segment_close(s);
        g_autoptr(GPtrArray) all = tb_cut_segments(folder);
        g_assert_cmpuint(all->len, ==, 1);
        g_autofree char *path = g_strconcat(all->pdata[0], ".mp4", NULL);
        TbMp4Setup setup;
        g_assert_cmpuint(pictures_of(path, &setup), ==, 30);
        g_assert_cmpuint(setup.width, ==, 320);
        g_clear_pointer(&setup.avcc, g_bytes_unref);
        GStatBuf st;
        g_assert_cmpint(g_stat(path, &st), ==, 0);
        for (guint last = 30, size = (guint)st.st_size; size > 0; size -= MIN(size, 37)) {
                g_assert_cmpint(truncate(path, size), ==, 0);
                guint n = pictures_of(path, &setup);
                g_clear_pointer(&setup.avcc, g_bytes_unref);
                g_assert_cmpuint(n, <=, last);
                last = n;
        }
        remove_all(folder);
}

static void test_segment_length(void)
{
        g_autofree char *folder = scratch();
        TbSegment *s = write_some(folder, 1);
        gint64 end_us = (BEGIN_MS + TB_LIMIT_RECORD_SEGMENT_S * 1000) * 1000;
        TbRecord *before = record_of(TB_RECORD_VIDEO, true, end_us - 1, key, sizeof key),
                 *beyond = record_of(TB_RECORD_VIDEO, true, end_us, key, sizeof key),
                 *between = record_of(TB_RECORD_VIDEO, false, end_us, other, sizeof other);
        g_assert_true(tb_segment_takes(s, before));
        g_assert_false(tb_segment_takes(s, beyond));
        g_assert_true(tb_segment_takes(s, between)); /* a segment begins with a keyframe */
        tb_record_free(before);
        tb_record_free(beyond);
        tb_record_free(between);
        tb_segment_close(s);
        remove_all(folder);
}

/* --- cut --- */
static char *text_of(FILE *file)
{
        GString *text = g_string_new(NULL);
        rewind(file);
        for (int c; (c = fgetc(file)) != EOF;)
                g_string_append_c(text, (char)c);
        return g_string_free(text, FALSE);
}

static void test_cut(void)
{
        g_autofree char *folder = scratch();
        TbSegment *s = write_some(folder, 30);
        g_assert_true(tb_segment_flush(s, BEGIN_MS * 1000 + 30 * PICTURE_US, true, NULL));
        tb_segment_close(s);
        FILE *out[TB_CUT_FILES];
        for (guint i = 0; i < TB_CUT_FILES; i++)
                out[i] = tmpfile();
        TbCutDone done;
        const TbCut cut = {folder, "bench", NULL, BEGIN_MS * 1000 + 15 * PICTURE_US,
                           BEGIN_MS * 1000 + 25 * PICTURE_US};
        g_assert_true(tb_cut(&cut, out, &done, NULL));
        g_assert_true(done.video);
        g_assert_cmpuint(done.frames, ==, 10);
        g_assert_cmpuint(done.lines, ==, 10);
        g_autofree char *text = text_of(out[TB_CUT_TEXT]), *cast = text_of(out[TB_CUT_CAST]),
                        *film = text_of(out[TB_CUT_VIDEO]);
        g_assert_true(g_str_has_prefix(text, "line 15\nline 16\n"));
        g_assert_true(g_str_has_suffix(text, "line 24\n"));
        g_assert_nonnull(strstr(cast, "[0.1,\"o\",\"line 16\\n\"]"));
        g_assert_cmpint(memcmp(film + 4, "ftyp", 4), ==, 0);
        for (guint i = 0; i < TB_CUT_FILES; i++)
                fclose(out[i]);
        remove_all(folder);
}

/* --- what is bounded --- */
static TbMutex held;
static void wait_there(gpointer data)
{
        g_atomic_int_inc((gint *)data);
        tb_mutex_lock(&held);
        tb_mutex_unlock(&held);
}

static void test_lane(void)
{
        gint begun = 0;
        tb_mutex_init(&held);
        tb_mutex_lock(&held);
        TbLane *lane = tb_lane_new("test", NULL, 0, NULL, NULL);
        g_assert_true(tb_lane_run(lane, wait_there, &begun));
        while (!g_atomic_int_get(&begun))
                g_thread_yield();
        for (guint i = 0; i < TB_LIMIT_RECORD_JOBS; i++)
                g_assert_true(tb_lane_run(lane, wait_there, &begun));
        g_assert_false(tb_lane_run(lane, wait_there, &begun));
        tb_mutex_unlock(&held);
        tb_lane_free(lane); /* what waits is done */
        g_assert_cmpint(begun, ==, TB_LIMIT_RECORD_JOBS + 1);
        tb_mutex_clear(&held);
}

static void test_reads(void)
{
        for (guint i = 0; i < TB_LIMIT_RECORD_READS; i++)
                g_assert_true(tb_serve_enter());
        g_assert_false(tb_serve_enter());
        for (guint i = 0; i < TB_LIMIT_RECORD_READS; i++)
                tb_serve_leave();
}

static void tell(void *user, const char *type, const char *device G_GNUC_UNUSED, json_t *data)
{
        g_string_append_printf(user, "%s ", type);
        json_decref(data);
}

static bool not_now(void *user G_GNUC_UNUSED, const json_t *clip G_GNUC_UNUSED)
{
        return false;
}

static void removed(void *user, const char *clip)
{
        g_string_append_printf(user, "removed:%s ", clip);
}

static TbWriter *writer_of(const char *folder, guint64 bytes, GString *said)
{
        return tb_writer_new(folder, &(TbWriterBounds){bytes, bytes, 0},
                             &(TbWriterCalls){tell, not_now, removed, said});
}

static json_t *clip_of(guint n, const char *state, bool keep)
{
        g_autofree char *id = g_strdup_printf("clip-%u", n);
        return json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "clip", id, "device", "bench", "state", state,
                         "from", (json_int_t)(BEGIN_MS + n), "to", (json_int_t)(BEGIN_MS + n + 1), "keep",
                         keep);
}

static void test_pending(void)
{
        g_autofree char *folder = scratch();
        GString *said = g_string_new(NULL);
        TbWriter *w = writer_of(folder, 1 << 30, said);
        for (guint i = 0; i <= TB_LIMIT_CLIPS_PENDING; i++) {
                g_autoptr(GError) error = NULL;
                json_auto_t *clip = clip_of(i, "recording", false);
                g_assert_true(tb_writer_order(w, clip, &error) == (i < TB_LIMIT_CLIPS_PENDING));
                if (error)
                        g_assert_error(error, TB_ERROR, TB_ERROR_LIMIT);
        }
        tb_writer_free(w);
        g_string_free(said, TRUE);
        remove_all(folder);
}

static void test_spans(void)
{
        g_autofree char *folder = scratch(), *device = g_build_filename(folder, "devices", "bench", NULL);
        GString *said = g_string_new(NULL);
        TbWriter *w = writer_of(folder, 1 << 30, said);
        for (guint i = 0; i <= TB_LIMIT_RECORD_SPANS; i++) {
                gint64 at_ms = BEGIN_MS + (gint64)i * 3600000;
                TbSegment *s = tb_segment_new(device, "bench", at_ms, 1, false, NULL);
                tb_segment_close(s);
                g_autoptr(GPtrArray) all =
                        i == 0 || i == TB_LIMIT_RECORD_SPANS ? tb_cut_segments(device) : NULL;
                for (guint k = 0; all && k < all->len; k++) { /* as if they had been written then */
                        g_autofree char *path = g_strconcat(all->pdata[k], ".jsonl", NULL),
                                        *name = g_path_get_basename(path);
                        gint64 ms = tb_segment_time(name);
                        const struct timespec times[2] = {{ms / 1000, 0}, {ms / 1000, 0}};
                        g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
                }
        }
        guint64 bytes;
        json_auto_t *spans = tb_writer_spans(w, "bench", &bytes);
        g_assert_cmpuint(json_array_size(spans), ==, TB_LIMIT_RECORD_SPANS);
        g_assert_cmpint(json_integer_value(json_object_get(json_array_get(spans, 0), "from")), ==,
                        BEGIN_MS + 3600000);
        tb_writer_free(w);
        g_string_free(said, TRUE);
        remove_all(folder);
}

/* --- the encoder --- */
static void test_flight(void)
{
        TbFlight *f = tb_flight_new();
        for (gint64 i = 1; i <= 4; i++)
                tb_flight_given(f, i * PICTURE_US, 1000 + i * PICTURE_US);
        g_assert_cmpint(tb_flight_owes(f, 1000 + PICTURE_US), ==,
                        0); /* what is of that moment comes after it */
        g_assert_cmpint(tb_flight_owes(f, 1001 + PICTURE_US), ==, 1000 + PICTURE_US);
        g_assert_cmpuint(tb_flight_put(f, PICTURE_US + 1), ==, 0); /* a clock of other units */
        g_assert_cmpuint(tb_flight_put(f, 4 * PICTURE_US), ==, 2); /* it took the place of two */
        g_assert_cmpuint(tb_flight_put(f, 4 * PICTURE_US), ==, 0);
        g_assert_cmpint(tb_flight_owes(f, G_MAXINT64), ==, 0);
        for (gint64 i = 1; i <= 1000; i++) /* it hangs: bounded, the first and the count stay */
                tb_flight_given(f, i * PICTURE_US, i * PICTURE_US);
        g_assert_cmpint(tb_flight_owes(f, G_MAXINT64), ==, PICTURE_US);
        g_assert_cmpuint(tb_flight_put(f, 1000 * PICTURE_US), ==, 999);
        tb_flight_given(f, 1, 1);
        tb_flight_clear(f);
        g_assert_cmpint(tb_flight_owes(f, G_MAXINT64), ==, 0);
        tb_flight_free(f);
}

static bool ready(void *user, const json_t *clip)
{
        g_string_append_printf(user, "ready:%" JSON_INTEGER_FORMAT " ",
                               json_integer_value(json_object_get(clip, "behind_ms")));
        return true;
}

/* A clip whose time is over waits for the picture that is still in the encoder, and says so when that does not come. */
static void test_encoder_behind(void)
{
        g_autofree char *folder = scratch();
        GString *said = g_string_new(NULL);
        TbWriter *w = tb_writer_new(folder, &(TbWriterBounds){1 << 30, 1 << 30, 0},
                                    &(TbWriterCalls){tell, ready, removed, said});
        TbRing *ring = tb_ring_new(1 << 20);
        tb_ring_keep(ring, 100 * G_USEC_PER_SEC);
        tb_writer_device(w, "bench", ring, true, false);
        static const struct {
                gint64 ago_ms;
                bool comes;
                const char *said;
        } cases[] = {{1000, true, "ready:0 "}, {6000, false, "ready:100 "}};
        for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
                gint64 to_us = tb_clock_us() - cases[i].ago_ms * 1000;
                json_auto_t *clip = clip_of(i, "recording", false);
                json_object_set_new(clip, "from", json_integer(to_us / 1000 - 1000));
                json_object_set_new(clip, "to", json_integer(to_us / 1000));
                tb_flight_given(tb_ring_flight(ring), 1, to_us / 1000 * 1000 - PICTURE_US);
                g_assert_true(tb_writer_order(w, clip, NULL));
                if (cases[i].comes) {
                        g_assert_cmpstr(said->str, ==, "");
                        tb_ring_add(ring, TB_RECORD_VIDEO, true, to_us - PICTURE_US, key, sizeof key);
                        tb_flight_put(tb_ring_flight(ring), 1);
                        tb_writer_tick(w);
                }
                g_assert_cmpstr(said->str, ==, cases[i].said);
                g_string_truncate(said, 0);
        }
        tb_writer_free(w);
        tb_ring_unref(ring);
        g_string_free(said, TRUE);
        remove_all(folder);
}

/* The oldest goes first; a clip that shall stay, and one that is being made, never. */
static void test_sweep(void)
{
        g_autofree char *folder = scratch(), *device = g_build_filename(folder, "devices", "bench", NULL);
        GString *said = g_string_new(NULL);
        TbWriter *w = writer_of(folder, 100, said);
        TbSegment *s = write_some(device, 30);
        tb_segment_close(s);
        for (guint i = 0; i < 3; i++) {
                json_auto_t *clip = clip_of(i, i == 1 ? "recording" : "done", i == 2);
                g_assert_true(tb_writer_save_clip(w, clip, NULL));
        }
        tb_writer_sweep(w);
        g_autoptr(GPtrArray) left = tb_cut_segments(device);
        g_assert_cmpuint(left->len, ==, 0);
        g_assert_cmpstr(said->str, ==, "removed:clip-0 ");
        tb_writer_free(w);
        g_string_free(said, TRUE);
        remove_all(folder);
}

/* A clip that is still to be sent elsewhere stays; one that went, or never can, goes as any other. */
static void test_sweep_uplink(void)
{
        g_autofree char *folder = scratch();
        GString *said = g_string_new(NULL);
        TbWriter *w = tb_writer_new(folder, &(TbWriterBounds){100, 100, 0, true},
                                    &(TbWriterCalls){tell, not_now, removed, said});
        static const char *const states[] = {NULL, "waiting", "done", "failed"};
        for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
                json_auto_t *clip = clip_of(i, "done", false);
                g_assert_true(tb_writer_save_clip(w, clip, NULL));
                g_autofree char *own = tb_writer_clip_folder(
                                        w, json_string_value(json_object_get(clip, "clip"))),
                                *path = g_build_filename(own, "uplink.json", NULL),
                                *text = g_strdup_printf("{\"state\":\"%s\"}", states[i] ? states[i] : "");
                if (states[i])
                        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        }
        tb_writer_sweep(w);
        g_assert_cmpstr(said->str, ==, "removed:clip-2 removed:clip-3 ");
        tb_writer_free(w);
        g_string_free(said, TRUE);
        remove_all(folder);
}

/* A clip that is removed while it is packed is whole, or it is not there; what a crash leaves of a removal goes. */
static void test_bundle_removed(void)
{
        g_autofree char *folder = scratch();
        GString *said = g_string_new(NULL);
        TbWriter *w = writer_of(folder, 1 << 30, said);
        json_auto_t *clip = clip_of(7, "done", false);
        g_assert_true(tb_writer_save_clip(w, clip, NULL));
        g_autofree char *own = tb_writer_clip_folder(w, "clip-7"),
                        *film = g_build_filename(own, "video.mp4", NULL);
        g_assert_true(g_file_set_contents(film, "a film", -1, NULL));
        TbParts *before = tb_parts_new(), *after = tb_parts_new();
        g_assert_true(tb_parts_bundle(before, own, "clip-7", clip));
        tb_writer_remove_folder(own);
        g_assert_false(tb_parts_bundle(after, own, "clip-7", clip));
        g_autofree char *bytes = g_malloc((gsize)tb_parts_size(before));
        TbPipe *pipe = tb_pipe_new((gsize)tb_parts_size(before) + 1);
        tb_parts_write(before, 0, tb_parts_size(before), pipe);
        gssize n = 0;
        for (gssize got; (got = tb_pipe_read(pipe, bytes + n, (gsize)(tb_parts_size(before) - n), NULL)) > 0;)
                n += got;
        g_assert_cmpint(n, ==, tb_parts_size(before));
        g_assert_nonnull(memmem(bytes, (gsize)n, "a film", 6));
        tb_pipe_unref(pipe);
        tb_parts_free(before);
        tb_parts_free(after);

        g_autofree char *left = tb_writer_clip_folder(w, ".clip-8"),
                        *piece = g_build_filename(left, "video.mp4", NULL);
        g_assert_cmpint(g_mkdir_with_parents(left, 0700), ==, 0);
        g_assert_true(g_file_set_contents(piece, "x", -1, NULL));
        tb_writer_sweep(w);
        g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
        g_assert_cmpstr(said->str, ==, "");
        tb_writer_free(w);
        g_string_free(said, TRUE);
        remove_all(folder);
}

/* A folder that cannot be written is told once, and it goes on when it can. */
static void test_stopped(void)
{
        g_autofree char *folder = scratch(), *devices = g_build_filename(folder, "devices", NULL);
        GString *said = g_string_new(NULL);
        TbWriter *w = writer_of(folder, 1 << 30, said);
        TbRing *ring = tb_ring_new(1 << 20);
        g_assert_true(g_file_set_contents(devices, "a file", -1, NULL));
        tb_ring_keep(ring, G_USEC_PER_SEC);
        tb_writer_device(w, "bench", ring, true, false);
        for (guint i = 0; i < 3; i++) {
                tb_ring_add(ring, TB_RECORD_LINE, false, tb_clock_us(), "{\"t\":1}", 7);
                tb_writer_tick(w);
        }
        g_assert_cmpstr(said->str, ==, "recording.stopped ");
        g_assert_nonnull(tb_writer_stopped(w, "bench"));
        tb_writer_device_gone(w, "bench"); /* with it goes what it waits for */
        g_unlink(devices);
        tb_writer_device(w, "bench", ring, true, false);
        tb_ring_add(ring, TB_RECORD_LINE, false, tb_clock_us(), "{\"t\":1}", 7);
        tb_writer_tick(w);
        g_assert_null(tb_writer_stopped(w, "bench"));
        g_autofree char *own = g_build_filename(devices, "bench", NULL);
        g_autoptr(GPtrArray) all = tb_cut_segments(own);
        g_assert_cmpuint(all->len, ==, 1);
        tb_writer_free(w);
        tb_ring_unref(ring);
        g_string_free(said, TRUE);
        remove_all(folder);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/recorder/names", test_names);
        g_test_add_func("/recorder/h264", test_h264);
        g_test_add_func("/recorder/ring/time", test_ring_time);
        g_test_add_func("/recorder/ring/bytes", test_ring_bytes);
        g_test_add_func("/recorder/segment", test_segment);
        g_test_add_func("/recorder/segment/length", test_segment_length);
        g_test_add_func("/recorder/cut", test_cut);
        g_test_add_func("/recorder/lane", test_lane);
        g_test_add_func("/recorder/reads", test_reads);
        g_test_add_func("/recorder/pending", test_pending);
        g_test_add_func("/recorder/spans", test_spans);
        g_test_add_func("/recorder/flight", test_flight);
        g_test_add_func("/recorder/behind", test_encoder_behind);
        g_test_add_func("/recorder/sweep", test_sweep);
        g_test_add_func("/recorder/sweep/uplink", test_sweep_uplink);
        g_test_add_func("/recorder/bundle/removed", test_bundle_removed);
        g_test_add_func("/recorder/stopped", test_stopped);
        return g_test_run();
}
