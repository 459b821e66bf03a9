#include "host/recorder/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"

#define WAIT_US G_USEC_PER_SEC /* that the last picture waits for the next one */

typedef struct File {
        int fd;       /* -1: none yet */
        guint64 size; /* bytes of it that are whole */
} File;

struct TbSegment {
        char *base; /* owned: path without its end */
        gint64 begin_ms;
        bool sound;
        GBytes *avcc; /* ref; NULL: no picture yet */
        File mp4, lines;
        GString *text;    /* owned: lines to be written */
        GArray *samples;  /* of TbMp4Sample, to be written: their `offset` is an index in `units` */
        GPtrArray *units; /* owned GBytes */
        guint32 fragments;
};

/* --- names --- */
void tb_segment_name(gint64 begin_ms, char ret_name[TB_SEGMENT_NAME])
{
        g_autofree char *iso = tb_clock_rfc3339(begin_ms);
        char *out = ret_name;
        for (const char *c = iso; *c && out < ret_name + TB_SEGMENT_NAME - 1; c++)
                if (*c != '-' && *c != ':')
                        *out++ = *c;
        *out = '\0';
}

gint64 tb_segment_time(const char *name)
{
        static const char shape[] = "ddddddddTdddddd.dddZ";
        for (gsize i = 0; i < sizeof shape - 1; i++)
                if (shape[i] == 'd' ? !g_ascii_isdigit(name[i]) : name[i] != shape[i])
                        return -1;
        g_autofree char *iso = g_strdup_printf("%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", name, name + 4, name + 6,
                                               name + 9, name + 11, name + 13);
        g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(iso, NULL);
        return date ? g_date_time_to_unix(date) * 1000 + (name[16] - '0') * 100 + (name[17] - '0') * 10 +
                               (name[18] - '0')
                    : -1;
}

/* --- writing --- */
static bool fail(GError **error, const char *path, int code)
{
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: %s", path, g_strerror(code));
        return false;
}

static bool open_file(TbSegment *s, File *file, const char *end, GError **error)
{
        if (file->fd >= 0)
                return true;
        g_autofree char *path = g_strconcat(s->base, end, NULL);
        file->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
        return file->fd >= 0 || fail(error, path, errno);
}

/* All of it, or nothing: a disk that is full leaves no half a fragment. */
static bool append(TbSegment *s, File *file, const void *bytes, gsize size, GError **error)
{
        const char *at = bytes;
        gsize left = size;
        while (left > 0) {
                gssize n = write(file->fd, at, left);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        int code = n < 0 ? errno : ENOSPC;
                        if (ftruncate(file->fd, (off_t)file->size) == 0)
                                lseek(file->fd, (off_t)file->size, SEEK_SET);
                        return fail(error, s->base, code);
                }
                at += n;
                left -= (gsize)n;
        }
        file->size += size;
        return true;
}

TbSegment *tb_segment_new(const char *folder, const char *device, gint64 begin_ms, gint64 mono_ms, bool sound,
                          GError **error)
{
        char name[TB_SEGMENT_NAME];
        tb_segment_name(begin_ms, name);
        g_autofree char *day = g_strdup_printf("%s/%.4s-%.2s-%.2s", folder, name, name + 4, name + 6);
        if (g_mkdir_with_parents(day, 0750) != 0) {
                fail(error, day, errno);
                return NULL;
        }
        TbSegment *s = g_new0(TbSegment, 1);
        s->base = g_build_filename(day, name, NULL);
        s->begin_ms = begin_ms;
        s->sound = sound;
        s->mp4.fd = s->lines.fd = -1;
        s->text = g_string_new(NULL);
        s->samples = g_array_new(FALSE, FALSE, sizeof(TbMp4Sample));
        s->units = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        g_string_printf(s->text,
                        "{\"type\":\"segment\",\"t\":%" G_GINT64_FORMAT ",\"mono_ms\":%" G_GINT64_FORMAT
                        ",\"device\":\"%s\"}\n",
                        begin_ms, mono_ms, device);
        if (open_file(s, &s->lines, ".jsonl", error))
                return s;
        tb_segment_close(s);
        return NULL;
}

bool tb_segment_takes(TbSegment *s, const TbRecord *record)
{
        bool old = record->at_us >= (s->begin_ms + TB_LIMIT_RECORD_SEGMENT_S * 1000) * 1000;
        if (record->kind == TB_RECORD_LINE)
                return !old || s->avcc; /* with pictures, these say when */
        if (record->kind == TB_RECORD_SOUND || !record->key)
                return true;
        if (!s->avcc)
                return !old;
        gsize size;
        const void *bytes = g_bytes_get_data(record->bytes, &size);
        GBytes *avcc = NULL, *unit = tb_mp4_unit(bytes, size, &avcc);
        bool same = !avcc || g_bytes_equal(avcc, s->avcc);
        g_clear_pointer(&avcc, g_bytes_unref);
        g_clear_pointer(&unit, g_bytes_unref);
        return same && !old;
}

/* Before the last one of its track comes another. */
static void lasted(TbSegment *s, TbMp4Track track, gint64 at_us)
{
        for (guint i = s->samples->len; i > 0; i--) {
                TbMp4Sample *before = &g_array_index(s->samples, TbMp4Sample, i - 1);
                if (before->track != track)
                        continue;
                before->lasts_us = MAX(at_us - before->at_us, 1);
                return;
        }
}

void tb_segment_add(TbSegment *s, const TbRecord *record)
{
        gsize size;
        const char *bytes = g_bytes_get_data(record->bytes, &size);
        if (record->kind == TB_RECORD_LINE) {
                g_string_append_len(s->text, bytes, (gssize)size);
                g_string_append_c(s->text, '\n');
                return;
        }
        gint64 at_us = record->at_us - s->begin_ms * 1000;
        TbMp4Sample sample = {.track = TB_MP4_SOUND, .key = true, .at_us = at_us, .lasts_us = 20000};
        GBytes *unit = NULL;
        if (record->kind == TB_RECORD_SOUND) {
                unit = s->sound && size > 0 ? g_bytes_ref(record->bytes) : NULL;
        } else {
                GBytes *avcc = NULL;
                unit = tb_mp4_unit((const guint8 *)bytes, size, &avcc);
                if (!s->avcc && record->key)
                        s->avcc = g_steal_pointer(&avcc);
                g_clear_pointer(&avcc, g_bytes_unref);
                if (!s->avcc) /* begins with a keyframe */
                        g_clear_pointer(&unit, g_bytes_unref);
                sample = (TbMp4Sample){.track = TB_MP4_VIDEO, .key = record->key, .at_us = at_us};
        }
        if (!unit || at_us < 0) {
                g_clear_pointer(&unit, g_bytes_unref);
                return;
        }
        if (sample.track == TB_MP4_VIDEO)
                lasted(s, TB_MP4_VIDEO, at_us);
        sample.size = (guint32)g_bytes_get_size(unit);
        sample.offset = s->units->len;
        g_ptr_array_add(s->units, unit);
        g_array_append_val(s->samples, sample);
}

static bool write_head(TbSegment *s, GError **error)
{
        g_autoptr(GByteArray) head = g_byte_array_new();
        TbMp4Setup setup = {.avcc = s->avcc, .sound = s->sound};
        if (s->avcc && !tb_mp4_size(s->avcc, &setup.width, &setup.height))
                setup.width = setup.height = 0; /* decoders know from the pictures */
        tb_mp4_head(head, &setup);
        return open_file(s, &s->mp4, ".mp4", error) && append(s, &s->mp4, head->data, head->len, error);
}

/* Pictures first, then sound. *ret_waits: the picture that is held back, -1: none. */
static GArray *in_order(TbSegment *s, gint64 now_us, bool all, gint64 *ret_waits)
{
        GArray *out = g_array_new(FALSE, FALSE, sizeof(TbMp4Sample));
        *ret_waits = -1;
        for (guint i = s->samples->len; i > 0 && *ret_waits < 0; i--)
                if (g_array_index(s->samples, TbMp4Sample, i - 1).track == TB_MP4_VIDEO)
                        *ret_waits = i - 1;
        if (*ret_waits >= 0) {
                TbMp4Sample *last = &g_array_index(s->samples, TbMp4Sample, (guint)*ret_waits);
                gint64 age_us = now_us - s->begin_ms * 1000 - last->at_us;
                if (all || age_us >= WAIT_US) {
                        last->lasts_us = MAX(age_us, 1);
                        *ret_waits = -1;
                }
        }
        for (TbMp4Track track = TB_MP4_VIDEO; track <= TB_MP4_SOUND; track++)
                for (guint i = 0; i < s->samples->len; i++)
                        if (g_array_index(s->samples, TbMp4Sample, i).track == track && i != *ret_waits)
                                g_array_append_val(out, g_array_index(s->samples, TbMp4Sample, i));
        return out;
}

static bool write_fragment(TbSegment *s, GArray *samples, GError **error)
{
        if (samples->len == 0)
                return true;
        /* what is sound alone waits for the picture that says what the file has */
        if (s->mp4.fd < 0 && !write_head(s, error))
                return false;
        g_autoptr(GByteArray) out = g_byte_array_new();
        tb_mp4_fragment(out, ++s->fragments, (const TbMp4Sample *)(void *)samples->data, samples->len);
        for (guint i = 0; i < samples->len; i++) {
                GBytes *unit = s->units->pdata[g_array_index(samples, TbMp4Sample, i).offset];
                g_byte_array_append(out, g_bytes_get_data(unit, NULL), (guint)g_bytes_get_size(unit));
        }
        return append(s, &s->mp4, out->data, out->len, error);
}

bool tb_segment_flush(TbSegment *s, gint64 now_us, bool all, GError **error)
{
        gint64 waits;
        g_autoptr(GArray) samples = in_order(s, now_us, all, &waits);
        bool ok = (s->mp4.fd >= 0 || s->avcc || !s->units->len || all ||
                   now_us - s->begin_ms * 1000 > 2 * WAIT_US)
                          ? write_fragment(s, samples, error)
                          : true;
        bool wrote = s->mp4.fd >= 0;
        if (ok && s->text->len > 0)
                ok = append(s, &s->lines, s->text->str, s->text->len, error);
        g_string_truncate(s->text, 0);
        if (!wrote && ok)
                return true;
        TbMp4Sample last = {0};
        GBytes *unit = NULL;
        if (waits >= 0) {
                last = g_array_index(s->samples, TbMp4Sample, (guint)waits);
                unit = g_bytes_ref(s->units->pdata[last.offset]);
        }
        g_array_set_size(s->samples, 0);
        g_ptr_array_set_size(s->units, 0);
        if (unit) {
                last.offset = 0;
                g_ptr_array_add(s->units, unit);
                g_array_append_val(s->samples, last);
        }
        return ok;
}

gint64 tb_segment_begin_ms(const TbSegment *segment)
{
        return segment->begin_ms;
}

void tb_segment_close(TbSegment *s)
{
        if (!s)
                return;
        if (s->mp4.fd >= 0)
                close(s->mp4.fd);
        if (s->lines.fd >= 0)
                close(s->lines.fd);
        g_clear_pointer(&s->avcc, g_bytes_unref);
        g_string_free(s->text, TRUE);
        g_array_free(s->samples, TRUE);
        g_ptr_array_free(s->units, TRUE);
        g_free(s->base);
        g_free(s);
}
