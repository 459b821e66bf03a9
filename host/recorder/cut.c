#include "host/recorder/cut.h"

#include <errno.h>
#include <string.h>

#include "host/recorder/cut_private.h"
#include "lib/error.h"

const char *const tb_cut_names[TB_CUT_FILES] = {
        [TB_CUT_VIDEO] = "video.mp4",     [TB_CUT_CAST] = "console.cast",   [TB_CUT_TEXT] = "console.txt",
        [TB_CUT_EVENTS] = "events.jsonl", [TB_CUT_SAMPLES] = "samples.csv", [TB_CUT_MARKS] = "marks.vtt",
        [TB_CUT_SCRIPT] = "data.js",
};

static int by_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *tb_cut_segments(const char *folder)
{
        GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) days = g_dir_open(folder, 0, NULL);
        for (const char *day; days && (day = g_dir_read_name(days));) {
                g_autofree char *path = g_build_filename(folder, day, NULL);
                g_autoptr(GDir) names = g_dir_open(path, 0, NULL);
                for (const char *name; names && (name = g_dir_read_name(names));)
                        if (g_str_has_suffix(name, ".jsonl") && tb_segment_time(name) >= 0)
                                g_ptr_array_add(all, g_strdup_printf("%s/%.*s", path,
                                                                     (int)(strlen(name) - strlen(".jsonl")),
                                                                     name));
        }
        g_ptr_array_sort(all, by_text);
        return all;
}

static gint64 begin_of(GPtrArray *segments, guint i)
{
        const char *path = segments->pdata[i], *slash = strrchr(path, '/');
        return tb_segment_time(slash ? slash + 1 : path) * 1000;
}

void tb_cut_within(GPtrArray *segments, gint64 from_us, gint64 to_us, guint *ret_first, guint *ret_end)
{
        guint first = 0, end = 0;
        while (end < segments->len && begin_of(segments, end) < to_us) {
                if (begin_of(segments, end) <= from_us)
                        first = end;
                end++;
        }
        *ret_first = first;
        *ret_end = end;
}

bool tb_cut(const TbCut *cut, FILE *const out[TB_CUT_FILES], TbCutDone *ret_done, GError **error)
{
        *ret_done = (TbCutDone){0};
        g_autoptr(GPtrArray) all = tb_cut_segments(cut->folder);
        guint first, end;
        tb_cut_within(all, cut->from_us, cut->to_us, &first, &end);
        ret_done->anything = first < end;
        if (!tb_cut_lines(cut, all, first, end, out, ret_done, error))
                return false;
        if (out[TB_CUT_VIDEO] && !tb_cut_video(cut, all, first, end, out[TB_CUT_VIDEO], ret_done, error))
                return false;
        for (guint i = 0; i < TB_CUT_FILES; i++)
                if (out[i] && (fflush(out[i]) != 0 || ferror(out[i]))) {
                        tb_set_error(error, TB_ERROR_UNAVAILABLE, "%s: %s", tb_cut_names[i],
                                     g_strerror(errno));
                        return false;
                }
        return true;
}
