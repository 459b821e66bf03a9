#include "host/uplink/queue.h"

#include <glib/gstdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/thread.h"

#define LOOK_MS 30000    /* a look at what is there, whoever was told or not */
#define PROGRESS_MS 1000 /* between two words of it */

/* The film last: who sees it there sees the rest, too. */
static const char *const files[] = {"clip.json",   "console.cast", "console.txt", "events.jsonl",
                                    "samples.csv", "marks.vtt",    "thumb.jpg",   "video.mp4"};

struct TbUplinkQueue {
        char *clips, *prefix, *host; /* owned; the folder of all clips */
        TbUplinkTarget *target;      /* owned; the thread's */
        void (*says)(void *data, TbUplinkSays *take);
        void *data;
        TbThread *thread;
        TbQueue *wake;        /* of nothing: that something changed */
        GCancellable *cancel; /* ref */
        gint again, closed;   /* atomic */
        guint fails;          /* one after the other, of any clip; the thread's, as all below */
        gint64 rest_ms;       /* until then nothing is sent: it is of the place, not of the clip */
        GHashTable *told;     /* clip -> owned: the state that was said last */
};

typedef struct Item {
        TbUplinkQueue *queue; /* borrowed */
        char *id, *folder;    /* owned */
        json_t *about, *kept; /* owned: clip.json, uplink.json */
        gint64 size, sent, told_ms;
} Item;

static const char *text_of(const json_t *o, const char *field)
{
        return json_string_value(json_object_get(o, field));
}

static json_t *read_json(const char *folder, const char *file)
{
        g_autofree char *path = g_build_filename(folder, file, NULL), *text = NULL;
        gsize size = 0;
        json_t *o =
                g_file_get_contents(path, &text, &size, NULL) ? tb_json_parse_kept(text, size, NULL) : NULL;
        if (json_is_object(o))
                return o;
        json_decref(o);
        return NULL;
}

static void item_free(Item *item)
{
        g_free(item->id);
        g_free(item->folder);
        json_decref(item->about);
        json_decref(item->kept);
        g_free(item);
}

/* A clip that is finished; NULL: it is not, or is no clip. */
static Item *item_of(TbUplinkQueue *q, const char *id)
{
        g_autofree char *folder = g_build_filename(q->clips, id, NULL);
        json_auto_t *about = read_json(folder, "clip.json");
        if (g_strcmp0(text_of(about, "clip"), id) != 0 || g_strcmp0(text_of(about, "state"), "done") != 0 ||
            !text_of(about, "device"))
                return NULL;
        Item *item = g_new0(Item, 1);
        item->queue = q;
        item->id = g_strdup(id);
        item->folder = g_steal_pointer(&folder);
        item->about = json_incref(about);
        item->kept = read_json(item->folder, "uplink.json");
        if (!item->kept || !text_of(item->kept, "state")) {
                json_decref(item->kept);
                item->kept = json_pack("{s:s}", "state", "waiting");
        }
        return item;
}

static void keep(const Item *item)
{
        g_autofree char *path = g_build_filename(item->folder, "uplink.json", NULL),
                        *text = tb_json_text(item->kept, NULL);
        g_autoptr(GError) error = NULL;
        if (g_file_test(item->folder, G_FILE_TEST_IS_DIR) && /* else it was removed meanwhile */
            !g_file_set_contents_full(path, text, -1,
                                      G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0640,
                                      &error))
                tb_log(TB_LOG_ERROR, TB_F(), "what was sent of a clip cannot be kept: %s", error->message);
}

static void say(const Item *item, const char *state, int percent)
{
        TbUplinkSays *s = g_new0(TbUplinkSays, 1);
        s->clip = g_strdup(item->id);
        s->device = g_strdup(text_of(item->about, "device"));
        s->state = g_strdup(state);
        s->why = g_strdup(strcmp(state, "done") == 0 ? NULL : text_of(item->kept, "why"));
        s->percent = percent;
        s->next_ms =
                strcmp(state, "waiting") == 0 ? json_integer_value(json_object_get(item->kept, "next")) : 0;
        item->queue->says(item->queue->data, s);
        g_hash_table_replace(item->queue->told, g_strdup(item->id), g_strdup(state));
}

void tb_uplink_says_free(TbUplinkSays *says)
{
        g_free(says->clip);
        g_free(says->device);
        g_free(says->state);
        g_free(says->why);
        g_free(says);
}

/* --- one clip --- */
static int percent_of(const Item *item)
{
        return item->size > 0 ? (int)(MIN(item->sent, item->size) * 100 / item->size) : 0;
}

static void on_progress(void *data, gint64 bytes)
{
        Item *item = data;
        gint64 now_ms = tb_clock_mono_ms();
        item->sent += bytes;
        if (now_ms - item->told_ms < PROGRESS_MS)
                return;
        item->told_ms = now_ms;
        say(item, "sending", percent_of(item));
}

static gint64 size_of(const Item *item, const char *file)
{
        g_autofree char *path = g_build_filename(item->folder, file, NULL);
        GStatBuf st;
        return g_stat(path, &st) == 0 ? (gint64)st.st_size : -1;
}

static bool send_files(Item *item, GError **error)
{
        TbUplinkQueue *q = item->queue;
        g_autofree char *name = g_strconcat(q->prefix ? q->prefix : "", q->prefix ? "/" : "", q->host, "/",
                                            text_of(item->about, "device"), "/", item->id, NULL);
        json_t *went = json_object_get(item->kept, "files");
        if (!json_is_object(went)) {
                went = json_object();
                json_object_set_new(item->kept, "files", went);
        }
        item->size = item->sent = 0;
        for (guint i = 0; i < G_N_ELEMENTS(files); i++)
                if (tb_uplink_wants(q->target, files[i]))
                        item->size += MAX(size_of(item, files[i]), 0);
        for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
                gint64 size = size_of(item, files[i]);
                if (size < 0 || !tb_uplink_wants(q->target, files[i]))
                        continue;
                if (json_is_true(json_object_get(went, files[i]))) {
                        item->sent += size;
                        continue;
                }
                gint64 before = item->sent;
                TbUplinkClip clip = {.id = item->id,
                                     .device = text_of(item->about, "device"),
                                     .folder = item->folder,
                                     .name = name,
                                     .about = item->about,
                                     .kept = item->kept,
                                     .cancel = q->cancel,
                                     .progress = on_progress,
                                     .data = item};
                if (!tb_uplink_send(q->target, &clip, files[i], error))
                        return false;
                item->sent = before + size;
                json_object_set_new(went, files[i], json_true());
                keep(item);
        }
        return true;
}

static void failed(Item *item, const GError *error)
{
        guint tries = (guint)json_integer_value(json_object_get(item->kept, "tries")) + 1;
        bool for_good = g_error_matches(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        gint64 pause_ms = tb_uplink_pause_ms(item->id, tries);
        json_object_set_new(item->kept, "tries", json_integer(tries));
        json_object_set_new(item->kept, "why", json_string(tb_error_detail(error)));
        json_object_set_new(item->kept, "next", json_integer(for_good ? 0 : tb_clock_ms() + pause_ms));
        json_object_set_new(item->kept, "state", json_string(for_good ? "failed" : "waiting"));
        if (tries == 1 || for_good)
                tb_log(TB_LOG_WARNING, TB_F("device", text_of(item->about, "device")),
                       "clip %s could not be sent%s: %s", item->id,
                       for_good ? ", and will not be" : ", and is tried again", tb_error_detail(error));
        keep(item);
        say(item, for_good ? "failed" : "waiting", percent_of(item));
}

static void send_item(Item *item)
{
        g_autoptr(GError) error = NULL;
        say(item, "sending", 0);
        bool ok = send_files(item, &error);
        TbUplinkQueue *q = item->queue;
        bool there = ok || g_error_matches(error, TB_ERROR, TB_ERROR_UNPROCESSABLE);
        q->fails = there ? 0 : q->fails + 1;
        q->rest_ms = there ? 0 : tb_clock_mono_ms() + tb_uplink_pause_ms(q->host, q->fails);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
            !g_file_test(item->folder, G_FILE_TEST_IS_DIR))
                return; /* we end, or the clip was removed */
        if (!ok) {
                failed(item, error);
                return;
        }
        json_object_set_new(item->kept, "state", json_string("done"));
        json_object_set_new(item->kept, "at", json_integer(tb_clock_ms()));
        json_object_set_new(item->kept, "to", json_string(tb_uplink_target_name(item->queue->target)));
        json_object_del(item->kept, "why");
        json_object_del(item->kept, "next");
        keep(item);
        say(item, "done", 100);
}

/* --- all of them --- */
static int by_name(gconstpointer a, gconstpointer b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static GPtrArray *ids_of(const TbUplinkQueue *q)
{
        GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GDir) dir = g_dir_open(q->clips, 0, NULL);
        for (const char *id; dir && (id = g_dir_read_name(dir));)
                g_ptr_array_add(ids, g_strdup(id));
        g_ptr_array_sort(ids, by_name); /* names begin with their time: the oldest first */
        return ids;
}

/* Those of which something was said, and that are not there any more. */
static void forget_gone(TbUplinkQueue *q)
{
        GHashTableIter iter;
        gpointer id;
        g_hash_table_iter_init(&iter, q->told);
        while (g_hash_table_iter_next(&iter, &id, NULL)) {
                g_autofree char *folder = g_build_filename(q->clips, id, NULL);
                if (g_file_test(folder, G_FILE_TEST_IS_DIR))
                        continue;
                TbUplinkSays *s = g_new0(TbUplinkSays, 1);
                s->clip = g_strdup(id);
                q->says(q->data, s);
                g_hash_table_iter_remove(&iter);
        }
}

/* Whether it is to be sent now; *next_ms: the soonest that is to be sent later. */
static bool is_due(Item *item, bool again, gint64 now_ms, gint64 *next_ms)
{
        const char *state = text_of(item->kept, "state");
        if (again && strcmp(state, "failed") == 0) {
                json_object_set_new(item->kept, "state", json_string("waiting"));
                state = "waiting";
        }
        if (strcmp(state, "waiting") != 0)
                return false;
        gint64 due_ms = again ? 0 : json_integer_value(json_object_get(item->kept, "next"));
        /* a clock that was set back keeps nothing waiting for longer than the longest pause */
        if (due_ms <= now_ms || due_ms - now_ms > 2 * tb_uplink_pause_ms(item->id, 100))
                return true;
        *next_ms = MIN(*next_ms, due_ms);
        return false;
}

/* Returns when there is something to be done again. */
static gint64 look(TbUplinkQueue *q)
{
        gint64 next_ms = tb_clock_ms() + LOOK_MS;
        bool again = g_atomic_int_compare_and_exchange(&q->again, 1, 0);
        if (again)
                q->rest_ms = 0;
        g_autoptr(GPtrArray) ids = ids_of(q);
        forget_gone(q);
        for (guint round = 0; round < 2; round++)
                for (guint i = 0; i < ids->len && !g_atomic_int_get(&q->closed); i++) {
                        const char *said = g_hash_table_lookup(q->told, ids->pdata[i]);
                        if (said && strcmp(said, "done") == 0)
                                continue;
                        Item *item = item_of(q, ids->pdata[i]);
                        if (!item)
                                continue;
                        if (round == 0 && !said) /* all are known before the first is sent */
                                say(item, text_of(item->kept, "state"),
                                    strcmp(text_of(item->kept, "state"), "done") == 0 ? 100 : 0);
                        else if (round == 1 && tb_clock_mono_ms() >= q->rest_ms &&
                                 is_due(item, again, tb_clock_ms(), &next_ms))
                                send_item(item);
                        if (round == 1 && strcmp(text_of(item->kept, "state"), "waiting") == 0)
                                next_ms = MIN(next_ms,
                                              MAX(json_integer_value(json_object_get(item->kept, "next")),
                                                  tb_clock_ms() + 100));
                        item_free(item);
                }
        return MAX(next_ms, tb_clock_ms() + q->rest_ms - tb_clock_mono_ms());
}

static void run(gpointer data)
{
        TbUplinkQueue *q = data;
        while (!g_atomic_int_get(&q->closed)) {
                gint64 wait_ms = look(q) - tb_clock_ms();
                tb_queue_take(q->wake, g_get_monotonic_time() + CLAMP(wait_ms, 1, LOOK_MS) * 1000);
        }
}

TbUplinkQueue *tb_uplink_queue_new(const char *folder, const char *prefix, const char *host,
                                   TbUplinkTarget *target, void (*says)(void *data, TbUplinkSays *take),
                                   void *data, GError **error)
{
        TbUplinkQueue *q = g_new0(TbUplinkQueue, 1);
        q->clips = g_build_filename(folder, "clips", NULL);
        q->prefix = g_strdup(prefix);
        q->host = g_strdup(host);
        q->target = target;
        q->says = says;
        q->data = data;
        q->cancel = g_cancellable_new();
        q->wake = tb_queue_new(1, NULL);
        q->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        q->thread = tb_thread_try_start("uplink", run, q, error);
        if (q->thread)
                return q;
        tb_uplink_queue_free(q);
        return NULL;
}

void tb_uplink_queue_look(TbUplinkQueue *q)
{
        tb_queue_push(q->wake, q); /* one is enough */
}

void tb_uplink_queue_again(TbUplinkQueue *q)
{
        g_atomic_int_set(&q->again, 1);
        tb_uplink_queue_look(q);
}

void tb_uplink_queue_free(TbUplinkQueue *q)
{
        if (!q)
                return;
        g_atomic_int_set(&q->closed, 1);
        g_cancellable_cancel(q->cancel);
        tb_queue_close(q->wake);
        tb_thread_join(q->thread);
        tb_queue_free(q->wake);
        g_object_unref(q->cancel);
        g_hash_table_unref(q->told);
        tb_uplink_target_free(q->target);
        g_free(q->clips);
        g_free(q->prefix);
        g_free(q->host);
        g_free(q);
}
