/* Pictures and sound of an interval: from the keyframe before its beginning on, which an edit list hides. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "host/recorder/cut_private.h"
#include "lib/error.h"

static int by_time(gconstpointer a, gconstpointer b)
{
        const TbMp4Sample *x = a, *y = b;
        if (x->at_us != y->at_us)
                return x->at_us < y->at_us ? -1 : 1;
        if (x->file != y->file)
                return x->file < y->file ? -1 : 1;
        return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Those of the interval, with times since its beginning; in the order of time. */
static GArray *choose(GArray *samples, gint64 from_us, gint64 to_us, TbCutDone *done)
{
        g_array_sort(samples, by_time);
        gint64 key_us = G_MAXINT64;
        for (guint i = 0; i < samples->len; i++) {
                const TbMp4Sample *s = &g_array_index(samples, TbMp4Sample, i);
                if (s->track == TB_MP4_VIDEO && s->key && (s->at_us <= from_us || key_us == G_MAXINT64))
                        key_us = s->at_us;
        }
        GArray *out = g_array_new(FALSE, FALSE, sizeof(TbMp4Sample));
        gint64 last_us = G_MININT64;
        for (guint i = 0; i < samples->len; i++) {
                TbMp4Sample s = g_array_index(samples, TbMp4Sample, i);
                bool video = s.track == TB_MP4_VIDEO;
                if (s.at_us >= to_us || (video ? s.at_us < key_us : s.at_us + s.lasts_us <= from_us))
                        continue;
                if (video && s.at_us == last_us)
                        continue; /* it was written again, for those that hang on it */
                if (video) {
                        done->video = true;
                        done->frames += s.at_us + s.lasts_us > from_us;
                        if (done->first_us == 0 || s.at_us < done->first_us)
                                done->first_us = MAX(s.at_us, from_us);
                        s.at_us = MAX(s.at_us, last_us + 1); /* the wall clock was set back */
                        last_us = s.at_us;
                }
                s.at_us -= from_us;
                g_array_append_val(out, s);
        }
        return out;
}

static bool copy(const GArray *samples, const int *fds, FILE *out, GError **error)
{
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        for (guint i = 0; i < samples->len; i++) {
                const TbMp4Sample *s = &g_array_index(samples, TbMp4Sample, i);
                g_byte_array_set_size(bytes, s->size);
                gssize n = pread(fds[s->file], bytes->data, s->size, (off_t)s->offset);
                if (n != (gssize)s->size) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "a segment cannot be read: %s",
                                     n < 0 ? g_strerror(errno) : "it has become shorter");
                        return false;
                }
                if (fwrite(bytes->data, 1, s->size, out) != s->size) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the film cannot be written: %s",
                                     g_strerror(errno));
                        return false;
                }
        }
        return true;
}

bool tb_cut_video(const TbCut *cut, GPtrArray *segments, guint first, guint end, FILE *out, TbCutDone *done,
                  GError **error)
{
        guint n = end - first;
        g_autofree int *fds = g_new(int, n + 1);
        g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(TbMp4Sample));
        TbMp4Setup setup = {0};
        for (guint i = 0; i < n; i++) {
                g_autofree char *path = g_strconcat(segments->pdata[first + i], ".mp4", NULL);
                TbMp4Setup this = {0};
                fds[i] = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
                if (fds[i] < 0 || !tb_segment_read(path, i, &this, samples, NULL))
                        continue; /* no pictures then, or it has gone */
                if (!setup.avcc && this.avcc)
                        setup = this;
                else
                        g_clear_pointer(&this.avcc, g_bytes_unref);
        }
        g_autoptr(GArray) chosen = choose(samples, cut->from_us, cut->to_us, done);
        bool ok = true;
        if (chosen->len > 0) {
                g_autoptr(GByteArray) head = g_byte_array_new();
                tb_mp4_index(head, &setup, (const TbMp4Sample *)(void *)chosen->data, chosen->len,
                             cut->to_us - cut->from_us);
                if (fwrite(head->data, 1, head->len, out) == head->len)
                        ok = copy(chosen, fds, out, error);
                else
                        ok = (tb_set_error(error, TB_ERROR_UNAVAILABLE, "the film cannot be written: %s",
                                           g_strerror(errno)),
                              false);
        }
        for (guint i = 0; i < n; i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        g_clear_pointer(&setup.avcc, g_bytes_unref);
        return ok;
}
