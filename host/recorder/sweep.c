/* Folders: what is there, what must go, and clips' own files. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "host/recorder/cut.h"
#include "host/recorder/writer_private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

#define DAY_US (24 * 3600 * (gint64)G_USEC_PER_SEC)
#define GAP_MS 3000 /* between segments that count as one span */

typedef struct Piece { /* a segment, or a clip */
        char *path;    /* owned; of a segment without its end, of a clip its folder */
        gint64 at_us;
        guint64 bytes;
        guint device; /* its number; 0: a clip */
        bool stays;   /* it is being written, needed, or shall be kept */
        bool gone;
} Piece;

static void piece_clear(gpointer data)
{
        g_free(((Piece *)data)->path);
}

static guint64 size_of(const char *path, const char *end, gint64 *ret_changed_ms)
{
        g_autofree char *whole = g_strconcat(path, end, NULL);
        GStatBuf st;
        if (g_stat(whole, &st) != 0)
                return 0;
        if (ret_changed_ms)
                *ret_changed_ms =
                        MAX(*ret_changed_ms, (gint64)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
        return (guint64)st.st_size;
}

static gint64 begin_of(const char *path)
{
        const char *slash = strrchr(path, '/');
        return tb_segment_time(slash ? slash + 1 : path);
}

char *tb_writer_clip_folder(TbWriter *w, const char *clip)
{
        return g_build_filename(w->folder, "clips", clip, NULL);
}

bool tb_writer_save_clip(TbWriter *w, const json_t *clip, GError **error)
{
        g_autofree char *folder = tb_writer_clip_folder(w, json_string_value(json_object_get(clip, "clip")));
        g_autofree char *path = g_build_filename(folder, "clip.json", NULL), *text = tb_json_text(clip, NULL);
        g_autoptr(GError) failed = NULL;
        if (text && g_mkdir_with_parents(folder, 0750) == 0 &&
            g_file_set_contents_full(path, text, -1,
                                     G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0640,
                                     &failed))
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "the clip cannot be kept: %s",
                     failed ? failed->message : g_strerror(errno));
        g_rmdir(folder); /* when there is nothing in it */
        return false;
}

static void empty_folder(const char *folder)
{
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        for (const char *name; dir && (name = g_dir_read_name(dir));) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                g_unlink(path);
        }
        g_rmdir(folder);
}

/* Out of the way first, in one step: who has opened all of it before has all of it, who comes later has nothing. A name that begins with
 * a dot is of no clip; what a crash leaves of it the next sweep takes away. */
void tb_writer_remove_folder(const char *folder)
{
        g_autofree char *parent = g_path_get_dirname(folder), *name = g_path_get_basename(folder),
                        *hidden = g_strconcat(".", name, NULL),
                        *gone = *name == '.' ? g_strdup(folder) : g_build_filename(parent, hidden, NULL);
        if (*name == '.' || g_rename(folder, gone) == 0)
                empty_folder(gone);
        else
                empty_folder(folder);
}

/* --- what there is --- */
static bool is_needed(TbWriter *w, const TbWriterDevice *d, const char *device, gint64 begin_us)
{
        if (d && d->segment && tb_segment_begin_ms(d->segment) * 1000 == begin_us)
                return true;
        for (guint i = 0; i < w->pending->len; i++) {
                const TbPending *p = w->pending->pdata[i];
                if (strcmp(p->device, device) == 0 &&
                    begin_us >= p->from_us - 2 * TB_LIMIT_RECORD_SEGMENT_S * (gint64)G_USEC_PER_SEC)
                        return true;
        }
        return false;
}

static void list_segments(TbWriter *w, GArray *out)
{
        g_autofree char *devices = g_build_filename(w->folder, "devices", NULL);
        g_autoptr(GDir) dir = g_dir_open(devices, 0, NULL);
        guint number = 0;
        for (const char *id; dir && (id = g_dir_read_name(dir));) {
                g_autofree char *folder = g_build_filename(devices, id, NULL);
                g_autoptr(GPtrArray) all = tb_cut_segments(folder);
                const TbWriterDevice *d = g_hash_table_lookup(w->devices, id);
                number++;
                for (guint i = 0; i < all->len; i++) {
                        const char *path = all->pdata[i];
                        gint64 at_us = begin_of(path) * 1000;
                        Piece piece = {.path = g_strdup(path),
                                       .at_us = at_us,
                                       .device = number,
                                       .stays = is_needed(w, d, id, at_us),
                                       .bytes = size_of(path, ".mp4", NULL) + size_of(path, ".jsonl", NULL)};
                        g_array_append_val(out, piece);
                }
        }
}

/* It is still to be sent elsewhere (host/uplink keeps how far that is beside the clip). */
static bool has_to_go(const TbWriter *w, const char *folder)
{
        g_autofree char *path = g_build_filename(folder, "uplink.json", NULL), *text = NULL;
        gsize size = 0;
        if (!w->bounds.uplinked)
                return false;
        json_auto_t *kept =
                g_file_get_contents(path, &text, &size, NULL) ? tb_json_parse_kept(text, size, NULL) : NULL;
        const char *state = json_string_value(json_object_get(kept, "state"));
        return g_strcmp0(state, "done") != 0 && g_strcmp0(state, "failed") != 0;
}

static void list_clips(TbWriter *w, GArray *out)
{
        g_autofree char *clips = g_build_filename(w->folder, "clips", NULL);
        g_autoptr(GDir) dir = g_dir_open(clips, 0, NULL);
        for (const char *id; dir && (id = g_dir_read_name(dir));) {
                Piece piece = {.path = g_build_filename(clips, id, NULL)};
                if (*id == '.') { /* a removal that a crash broke off */
                        tb_writer_remove_folder(piece.path);
                        g_free(piece.path);
                        continue;
                }
                g_autofree char *path = g_build_filename(piece.path, "clip.json", NULL), *text = NULL;
                gsize size = 0;
                json_auto_t *clip = g_file_get_contents(path, &text, &size, NULL)
                                            ? tb_json_parse_kept(text, size, NULL)
                                            : NULL;
                const char *state = json_string_value(json_object_get(clip, "state"));
                piece.at_us = json_integer_value(json_object_get(clip, "from")) * 1000;
                piece.stays = !clip || json_is_true(json_object_get(clip, "keep")) ||
                              g_strcmp0(state, "recording") == 0 ||
                              (g_strcmp0(state, "done") == 0 && has_to_go(w, piece.path));
                g_autoptr(GDir) files = g_dir_open(piece.path, 0, NULL);
                for (const char *name; files && (name = g_dir_read_name(files));) {
                        g_autofree char *file = g_build_filename(piece.path, name, NULL);
                        piece.bytes += size_of(file, "", NULL);
                }
                g_array_append_val(out, piece);
        }
}

/* --- what must go --- */
static int by_time(gconstpointer a, gconstpointer b)
{
        const Piece *x = a, *y = b;
        return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

static void drop(TbWriter *w, Piece *piece)
{
        piece->gone = true;
        if (piece->device == 0) {
                g_autofree char *id = g_path_get_basename(piece->path);
                tb_writer_remove_folder(piece->path);
                w->calls.removed(w->calls.user, id);
                return;
        }
        g_autofree char *film = g_strconcat(piece->path, ".mp4", NULL),
                        *lines = g_strconcat(piece->path, ".jsonl", NULL), *day = g_path_get_dirname(film);
        g_unlink(film);
        g_unlink(lines);
        g_rmdir(day); /* when it was the last one */
}

/* Oldest first, of what `counts`, until no more than `most` bytes are left. */
static void bound(TbWriter *w, GArray *all, guint device, bool clips, guint64 most)
{
        guint64 bytes = 0;
        for (guint i = 0; i < all->len; i++) {
                const Piece *p = &g_array_index(all, Piece, i);
                if (!p->gone && (device == 0 || p->device == device))
                        bytes += p->bytes;
        }
        for (guint i = 0; i < all->len && bytes > most; i++) {
                Piece *p = &g_array_index(all, Piece, i);
                if (p->gone || p->stays || (device ? p->device != device : clips != (p->device == 0)))
                        continue;
                bytes -= p->bytes;
                drop(w, p);
        }
}

void tb_writer_sweep(TbWriter *w)
{
        w->swept_us = tb_clock_us();
        g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Piece));
        g_array_set_clear_func(all, piece_clear);
        list_segments(w, all);
        list_clips(w, all);
        g_array_sort(all, by_time);
        guint devices = 0;
        for (guint i = 0; i < all->len; i++) {
                Piece *p = &g_array_index(all, Piece, i);
                devices = MAX(devices, p->device);
                if (w->bounds.days > 0 && !p->stays && p->at_us < w->swept_us - w->bounds.days * DAY_US)
                        drop(w, p);
        }
        for (guint i = 1; i <= devices; i++)
                bound(w, all, i, false, w->bounds.device_bytes);
        bound(w, all, 0, false, w->bounds.bytes); /* what somebody asked to keep goes last */
        bound(w, all, 0, true, w->bounds.bytes);
}

json_t *tb_writer_spans(TbWriter *w, const char *device, guint64 *ret_bytes)
{
        g_autofree char *folder = tb_writer_device_folder(w, device);
        g_autoptr(GPtrArray) all = tb_cut_segments(folder);
        g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, 2 * sizeof(gint64));
        *ret_bytes = 0;
        for (guint i = 0; i < all->len; i++) {
                gint64 span[2] = {begin_of(all->pdata[i]), 0};
                *ret_bytes +=
                        size_of(all->pdata[i], ".mp4", &span[1]) + size_of(all->pdata[i], ".jsonl", &span[1]);
                span[1] = MAX(span[1], span[0]);
                gint64 *last =
                        spans->len ? (gint64 *)(void *)(spans->data + (spans->len - 1) * sizeof span) : NULL;
                if (last && span[0] <= last[1] + GAP_MS)
                        last[1] = MAX(last[1], span[1]);
                else
                        g_array_append_vals(spans, span, 1);
        }
        json_t *out = json_array();
        guint first = spans->len > TB_LIMIT_RECORD_SPANS ? spans->len - TB_LIMIT_RECORD_SPANS : 0;
        for (guint i = first; i < spans->len; i++) {
                const gint64 *span = (const gint64 *)(void *)(spans->data + i * 2 * sizeof(gint64));
                json_array_append_new(
                        out, json_pack("{s:I, s:I}", "from", (json_int_t)span[0], "to", (json_int_t)span[1]));
        }
        return out;
}
