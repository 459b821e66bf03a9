/* REST of clips and of what is recorded. What orders something is a verb (host/core/ops/recording.c). */
#include <string.h>

#include "host/recorder/cut.h"
#include "host/recorder/recorder_private.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/name.h"

static const char *text_of(const json_t *clip, const char *field)
{
        return json_string_value(json_object_get(clip, field));
}

/* A moment as it stands in a query: ms since the epoch, or RFC 3339. False: *error is set. */
static bool moment(const json_t *query, const char *name, gint64 otherwise, gint64 *ret_ms, GError **error)
{
        const char *text = text_of(query, name);
        guint64 ms;
        *ret_ms = otherwise;
        if (!text)
                return true;
        if (g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64 / 1000, &ms, NULL)) {
                *ret_ms = (gint64)ms;
                return true;
        }
        g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
        if (time) {
                *ret_ms = g_date_time_to_unix(time) * 1000 + g_date_time_get_microsecond(time) / 1000;
                return true;
        }
        tb_error_set_field(error, TB_ERROR_INVALID, name,
                           "%s is ms since 1970 or RFC 3339, like 2026-11-30T21:03:00.5Z", name);
        return false;
}

/* --- clips --- */
static json_t *find(TbRequest *request, TbRecorder *r)
{
        const char *id = tb_request_arg(request, "clip");
        json_t *clip = g_hash_table_lookup(r->clips, id);
        if (clip)
                return clip;
        g_autoptr(GError) error = NULL;
        tb_set_error(&error, TB_ERROR_NOT_FOUND, "there is no clip \"%.80s\"", id);
        tb_request_reply_error(request, error);
        return NULL;
}

static int latest_first(gconstpointer a, gconstpointer b)
{
        const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
        json_int_t at = json_integer_value(json_object_get(x, "at")),
                   other = json_integer_value(json_object_get(y, "at"));
        return at != other ? (at < other ? 1 : -1) : strcmp(text_of(y, "clip"), text_of(x, "clip"));
}

static bool has_text(const json_t *clip, const char *text)
{
        static const char *const fields[] = {"note", "device", "label", "user", "rule", "reason"};
        g_autofree char *wanted = g_utf8_casefold(text, -1);
        for (guint i = 0; i < G_N_ELEMENTS(fields); i++) {
                const char *is = text_of(clip, fields[i]);
                g_autofree char *folded = is ? g_utf8_casefold(is, -1) : NULL;
                if (folded && strstr(folded, wanted))
                        return true;
        }
        return false;
}

static bool fits(const json_t *clip, const json_t *query, gint64 from, gint64 to)
{
        const char *device = text_of(query, "device"), *rule = text_of(query, "rule"),
                   *text = text_of(query, "text");
        return (!device || g_strcmp0(device, text_of(clip, "device")) == 0) &&
               (!rule || g_strcmp0(rule, text_of(clip, "rule")) == 0) &&
               json_integer_value(json_object_get(clip, "to")) >= from &&
               json_integer_value(json_object_get(clip, "from")) <= to && (!text || has_text(clip, text));
}

static void list(TbRequest *request, gpointer data)
{
        TbRecorder *r = data;
        const json_t *query = tb_request_query(request);
        gint64 from, to, limit = json_integer_value(json_object_get(query, "limit"));
        g_autoptr(GError) error = NULL;
        if (!moment(query, "from", 0, &from, &error) || !moment(query, "to", G_MAXINT64, &to, &error)) {
                tb_request_reply_error(request, error);
                return;
        }
        g_autoptr(GPtrArray) found = g_ptr_array_new();
        GHashTableIter iter;
        gpointer clip;
        g_hash_table_iter_init(&iter, r->clips);
        while (g_hash_table_iter_next(&iter, NULL, &clip))
                if (fits(clip, query, from, to))
                        g_ptr_array_add(found, clip);
        g_ptr_array_sort(found, latest_first);
        json_t *all = json_array();
        for (guint i = 0; i < found->len && (gint64)i < limit; i++)
                json_array_append(all, found->pdata[i]);
        tb_request_reply_json(request, 200, all);
}

static void get(TbRequest *request, gpointer data)
{
        json_t *clip = find(request, data);
        if (clip)
                tb_request_reply_json(request, 200, json_incref(clip));
}

static void patched(TbWork *work)
{
        TbRequest *request = work->data;
        if (work->error)
                tb_request_reply_error(request, work->error);
        else
                tb_request_reply_json(request, 200, json_incref(work->json));
        tb_request_unref(request);
}

static void patch(TbRequest *request, gpointer data)
{
        TbRecorder *r = data;
        json_t *clip = find(request, r);
        const json_t *said = tb_request_json(request);
        if (!clip)
                return;
        if (json_object_get(said, "note"))
                json_object_set(clip, "note", json_object_get(said, "note"));
        if (json_object_get(said, "keep"))
                json_object_set(clip, "keep", json_object_get(said, "keep"));
        tb_clips_save(r, tb_request_arg(request, "clip"), patched, tb_request_ref(request));
}

static void take_away(TbWork *work)
{
        g_autofree char *folder = tb_writer_clip_folder(work->recorder->writer, work->text);
        tb_writer_remove_folder(folder);
}

static void taken_away(TbWork *work)
{
        TbRequest *request = work->data;
        if (work->error)
                tb_request_reply_error(request, work->error);
        else
                tb_request_reply_empty(request, 204);
        if (!work->error)
                tb_clips_removed(work->recorder, work->text);
        tb_request_unref(request);
}

static void drop(TbRequest *request, gpointer data)
{
        TbRecorder *r = data;
        const json_t *clip = find(request, r);
        if (!clip)
                return;
        if (g_strcmp0(text_of(clip, "state"), "recording") == 0) {
                g_autoptr(GError) error = g_error_new_literal(
                        TB_ERROR, TB_ERROR_BUSY,
                        "this clip is still being recorded: an event recording.clip tells when it is ready");
                tb_request_reply_error(request, error);
                return;
        }
        TbWork *work = g_new0(TbWork, 1);
        work->work = take_away;
        work->done = taken_away;
        work->text = g_strdup(tb_request_arg(request, "clip"));
        work->data = tb_request_ref(request);
        tb_recorder_do(r, r->writing, work);
}

static const char *const clip_files[] = {"video.mp4",   "console.cast", "console.txt", "events.jsonl",
                                         "samples.csv", "marks.vtt",    "thumb.jpg",   "bundle.tar"};

static bool is_file(const char *file, guint n)
{
        for (guint i = 0; i < n; i++)
                if (g_strcmp0(file, clip_files[i]) == 0)
                        return true;
        return false;
}

static void not_a_file(TbRequest *request, const char *words)
{
        g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_NOT_FOUND, "there is no %.80s; there are %s",
                                              tb_request_arg(request, "file"), words);
        tb_request_reply_error(request, error);
}

static void get_file(TbRequest *request, gpointer data)
{
        TbRecorder *r = data;
        const json_t *clip = find(request, r);
        const char *file = tb_request_arg(request, "file"), *state = text_of(clip, "state");
        if (!clip)
                return;
        if (!is_file(file, G_N_ELEMENTS(clip_files))) {
                not_a_file(request,
                           "video.mp4, console.cast, console.txt, events.jsonl, samples.csv, marks.vtt, "
                           "thumb.jpg and bundle.tar");
                return;
        }
        if (strcmp(state, "recording") == 0 && strcmp(file, "thumb.jpg") != 0) {
                g_autoptr(GError) error = g_error_new_literal(
                        TB_ERROR, TB_ERROR_BUSY,
                        "this clip is still being recorded: an event recording.clip tells when it is ready");
                tb_request_reply_error(request, error);
                return;
        }
        g_autofree char *folder = tb_writer_clip_folder(r->writer, text_of(clip, "clip"));
        tb_serve(request,
                 &(TbServe){.folder = folder, .file = file, .name = text_of(clip, "clip"), .clip = clip});
}

/* --- any interval --- */
static void get_interval(TbRequest *request, gpointer data)
{
        TbRecorder *r = data;
        const json_t *query = tb_request_query(request);
        const char *file = tb_request_arg(request, "file"), *id = tb_request_arg(request, "id");
        g_autoptr(GError) error = NULL;
        gint64 from = 0, to = 0, now = tb_clock_ms();
        g_autofree char *folder =
                tb_name_valid(TB_NAME_ID, id) ? tb_writer_device_folder(r->writer, id) : NULL;
        /* what was recorded of a device that was removed stays as long as anything else */
        if (!tb_core_device(r->core, id, &error) && (!folder || !g_file_test(folder, G_FILE_TEST_IS_DIR))) {
                tb_request_reply_error(request, error);
                return;
        }
        g_clear_error(&error);
        if (!is_file(file, 6)) {
                not_a_file(request,
                           "video.mp4, console.cast, console.txt, events.jsonl, samples.csv and marks.vtt");
                return;
        }
        if (moment(query, "from", now - 60000, &from, &error) &&
            moment(query, "to", MIN(now, from + 60000), &to, &error)) {
                if (to <= from)
                        tb_error_set_field(&error, TB_ERROR_INVALID, "to", "to is after from");
                else if (to - from > TB_LIMIT_RECORD_EXPORT_S * 1000)
                        tb_error_set_field(&error, TB_ERROR_INVALID, "to",
                                           "an export has %d s at most: ask for it in parts",
                                           TB_LIMIT_RECORD_EXPORT_S);
        }
        if (error) {
                tb_request_reply_error(request, error);
                return;
        }
        tb_serve(request, &(TbServe){.file = file,
                                     .name = id,
                                     .segments = folder,
                                     .device = id,
                                     .console = text_of(query, "interface"),
                                     .from_us = from * 1000,
                                     .to_us = to * 1000});
}

#define MOMENT(name_, help_)                                                                                 \
        {                                                                                                    \
                .name = name_, .type = TB_PARAM_STRING, .max = 64, .help = help_                             \
        }
static const TbParam list_params[] = {
        {.name = "device", .type = TB_PARAM_STRING, .max = TB_LIMIT_ID, .help = "of this device alone"},
        MOMENT("from", "that have something at or after this time: ms since 1970 or RFC 3339"),
        MOMENT("to", "… and at or before this one"),
        {.name = "rule", .type = TB_PARAM_STRING, .max = TB_LIMIT_ID, .help = "that this rule has made"},
        {.name = "text", .type = TB_PARAM_STRING, .max = 256, .help = "in note, device, user, rule"},
        {.name = "limit",
         .type = TB_PARAM_INT,
         .min = 1,
         .max = TB_LIMIT_CLIPS_PAGE,
         .fallback = "100",
         .help = "clips at most, the latest first"},
        TB_PARAM_END,
};
static const TbParam interval_params[] = {
        MOMENT("from", "ms since 1970 or RFC 3339; default: a minute ago"),
        MOMENT("to", "the same; default: a minute later"),
        {.name = "interface",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_ID,
         .help = "which console; default: the first one that says something"},
        TB_PARAM_END,
};
static const TbParam patch_params[] = {
        {.name = "note", .type = TB_PARAM_STRING, .max = TB_LIMIT_CLIP_NOTE, .help = "what it is about"},
        {.name = "keep",
         .type = TB_PARAM_BOOL,
         .help = "it stays, whatever its age, when there is no room any more, too"},
        TB_PARAM_END,
};

static const TbRoute routes[] = {
        {.method = "GET",
         .path = "/host/clips",
         .role = TB_ROLE_VIEWER,
         .query = list_params,
         .handler = list,
         .tag = "recording",
         .summary = "Clips, the latest first",
         .answers = "200 application/json ClipList"},
        {.method = "GET",
         .path = "/host/clips/{clip}",
         .role = TB_ROLE_VIEWER,
         .handler = get,
         .tag = "recording",
         .summary = "One clip: device, from, to, note, user or rule, state (recording, done, failed: reason)",
         .answers = "200 application/json Clip"},
        {.method = "PATCH",
         .path = "/host/clips/{clip}",
         .role = TB_ROLE_OPERATOR,
         .body = TB_BODY_JSON,
         .json = patch_params,
         .handler = patch,
         .tag = "recording",
         .summary = "Change its note, or whether it is kept for good",
         .answers = "200 application/json Clip"},
        {.method = "DELETE",
         .path = "/host/clips/{clip}",
         .role = TB_ROLE_OPERATOR,
         .handler = drop,
         .tag = "recording",
         .summary = "Remove a clip with all its files",
         .answers = "204; 409"},
        {.method = "GET",
         .path = "/host/clips/{clip}/{file}",
         .role = TB_ROLE_VIEWER,
         .handler = get_file,
         .tag = "recording",
         .summary = "video.mp4, console.cast (asciicast v2), console.txt, events.jsonl, samples.csv, "
                    "marks.vtt, thumb.jpg, "
                    "bundle.tar (all of it, with a page that plays it offline); with Range",
         .answers = "200 application/octet-stream; 206; 409; 416"},
        {.method = "GET",
         .path = "/host/devices/{id}/recording/{file}",
         .role = TB_ROLE_VIEWER,
         .query = interval_params,
         .handler = get_interval,
         .tag = "recording",
         .summary = "Any interval that is still there: video.mp4, console.cast, console.txt, events.jsonl, "
                    "samples.csv, marks.vtt",
         .answers = "200 application/octet-stream; 206; 416"},
        {.method = NULL},
};

void tb_recorder_add_routes(TbRecorder *recorder, TbHttp *http)
{
        tb_http_add_routes(http, routes, recorder);
}
