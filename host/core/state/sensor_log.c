#include "host/core/state/sensor_log.h"

#include <string.h>

#include "host/core/private.h"
#include "host/core/state/grown_file.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define SAVE_MS 5000 /* what a crash may lose */

enum { SECONDS, DAY, FILES };

static const char *const names[FILES] = {"sensors.jsonl", "sensors-day.jsonl"},
                         *const befores[FILES] = {"sensors.1.jsonl", "sensors-day.1.jsonl"};

/* What the disk's thread has. */
typedef struct Files {
        TbRefCount ref;
        TbGrownFile *file[FILES]; /* owned; the thread's */
        bool failing[FILES];      /* the log was told; the thread's */
        TbSensorLog *log;         /* main: who is told; NULL: it has gone */
} Files;

struct TbSensorLog {
        TbCore *core; /* borrowed */
        Files *files; /* ref */
        GHashTable *
                forgotten; /* devices that were removed while what is on the disk is read; owned; NULL: it was read */
        guint timer;
        bool lost;     /* the log was told that the disk takes no more */
        char *problem; /* owned */
};

static void files_unref(Files *f)
{
        if (!tb_ref_dec(&f->ref))
                return;
        for (int i = 0; i < FILES; i++)
                tb_grown_file_close(f->file[i]);
        g_free(f);
}

/* --- reading: the disk's thread --- */
typedef struct Past {
        Files *files;    /* ref */
        GHashTable *all; /* "device/interface" -> TbSamples */
        GString *said;   /* what was set aside */
} Past;

static void past_free(Past *p)
{
        files_unref(p->files);
        g_hash_table_unref(p->all);
        g_string_free(p->said, TRUE);
        g_free(p);
}

/* The host was killed in a write, or the disk was full. */
static bool is_torn(const char *line, gsize size)
{
        return line[0] == '{' && line[size - 1] != '}' && !memchr(line, '\0', size);
}

/* How many lines are none. */
static guint read_lines(GHashTable *all, const char *text, gsize size, bool is_long)
{
        guint bad = 0;
        for (gsize at = 0; at < size;) {
                const char *end = memchr(text + at, '\n', size - at);
                gsize n = end ? (gsize)(end - text) - at : size - at;
                if (n > 0 && !tb_sensor_line_read(all, text + at, n, is_long) && !is_torn(text + at, n))
                        bad++;
                at += n + 1;
        }
        return bad;
}

static void read_file(Past *p, TbStateDir *dir, const char *name, bool is_long)
{
        g_autoptr(GError) error = NULL, not_kept = NULL;
        gsize size = 0;
        g_autofree char *text = tb_state_read(dir, name, &size, &error), *kept = NULL;
        if (g_error_matches(error, TB_ERROR, TB_ERROR_NOT_FOUND))
                return;
        guint bad = text ? read_lines(p->all, text, size, is_long) : 0;
        if (text && bad == 0)
                return;
        bool aside = tb_state_keep_aside(dir, name, &kept, &not_kept);
        if (text)
                g_string_append_printf(p->said, "%s%s has %u lines that are no samples",
                                       p->said->len ? "; " : "", name, bad);
        else
                g_string_append_printf(p->said, "%s%s", p->said->len ? "; " : "", error->message);
        g_string_append_printf(p->said,
                               aside ? "; it is kept as %s, what else it says is used" : "; it stays: %s",
                               aside ? kept : not_kept->message);
}

static void restore(gpointer data)
{
        Past *p = data;
        TbSensorLog *log = p->files->log;
        GHashTableIter iter;
        gpointer key, samples;
        if (log && p->said->len) {
                log->problem = g_strdup(p->said->str);
                tb_log(TB_LOG_WARNING, TB_F(), "what sensors said: %s", log->problem);
        }
        g_hash_table_iter_init(&iter, p->all);
        while (log && g_hash_table_iter_next(&iter, &key, &samples)) {
                g_auto(GStrv) part = g_strsplit(key, "/", 2);
                TbDevice *device = g_hash_table_contains(log->forgotten, part[0])
                                           ? NULL
                                           : g_tree_lookup(log->core->devices, part[0]);
                TbInterface *iface = device ? tb_device_find(device, part[1]) : NULL;
                if (!iface || !iface->samples)
                        continue;
                g_hash_table_iter_steal(&iter);
                g_free(key);
                tb_samples_restore(iface->samples, samples);
        }
        if (log)
                g_clear_pointer(&log->forgotten, g_hash_table_unref);
        past_free(p);
}

static void read_all(TbStateDir *dir, gpointer data)
{
        Past *p = data;
        read_file(p, dir, befores[DAY],
                  true); /* long steps first: seconds that they hold are not counted twice */
        read_file(p, dir, names[DAY], true);
        read_file(p, dir, befores[SECONDS], false);
        read_file(p, dir, names[SECONDS], false);
        if (!tb_main_post(restore, p))
                past_free(p);
}

/* --- writing --- */
typedef struct Batch {
        Files *files; /* ref */
        char *text[FILES];
} Batch;

static void batch_free(Batch *b)
{
        files_unref(b->files);
        for (int i = 0; i < FILES; i++)
                g_free(b->text[i]);
        g_free(b);
}

static void write_batch(TbStateDir *dir, gpointer data)
{
        Batch *b = data;
        for (int i = 0; i < FILES; i++) {
                g_autofree char *why =
                        *b->text[i] ? tb_grown_file_write(b->files->file[i], dir, b->text[i]) : NULL;
                if (why && !b->files->failing[i])
                        tb_log(TB_LOG_WARNING, TB_F("file", names[i]), "what sensors say is not kept: %s",
                               why);
                b->files->failing[i] = why != NULL;
        }
        batch_free(b);
}

static void hand_over(TbSensorLog *log, const char *const text[FILES])
{
        gsize size = strlen(text[SECONDS]) + strlen(text[DAY]);
        if (size == 0)
                return;
        Batch *b = g_new0(Batch, 1);
        tb_ref_inc(&log->files->ref);
        b->files = log->files;
        for (int i = 0; i < FILES; i++)
                b->text[i] = g_strdup(text[i]);
        bool room = tb_disk_run(log->core->disk, size, write_batch, b);
        if (!room)
                batch_free(b);
        if (!room && !log->lost)
                tb_log(TB_LOG_WARNING, TB_F(), "the disk is behind: what sensors say now is not kept");
        log->lost = !room;
}

typedef struct Out {
        GString *text[FILES]; /* owned */
        const TbInterface *iface;
} Out;

static void write_rows(const TbStreamRows *rows, gpointer data)
{
        Out *out = data;
        tb_sensor_line_write(out->text[rows->is_long ? DAY : SECONDS], out->iface->device->id,
                             out->iface->name, rows);
}

static void save(TbSensorLog *log, bool all)
{
        Out out = {{g_string_new(NULL), g_string_new(NULL)}, NULL};
        for (GTreeNode *n = g_tree_node_first(log->core->devices); n; n = g_tree_node_next(n)) {
                const TbDevice *device = g_tree_node_value(n);
                for (guint i = 0; i < device->interfaces->len; i++) {
                        out.iface = g_ptr_array_index(device->interfaces, i);
                        if (out.iface->samples)
                                tb_samples_unsaved(out.iface->samples, all, write_rows, &out);
                }
        }
        hand_over(log, (const char *const[FILES]){out.text[SECONDS]->str, out.text[DAY]->str});
        for (int i = 0; i < FILES; i++)
                g_string_free(out.text[i], TRUE);
}

void tb_sensor_log_save(TbSensorLog *log)
{
        if (log && !log->forgotten) /* what is still being read has long steps that come first */
                save(log, false);
}

void tb_sensor_log_forget(TbSensorLog *log, const char *id)
{
        if (!log)
                return;
        if (log->forgotten)
                g_hash_table_add(log->forgotten, g_strdup(id));
        g_autofree char *line = g_strdup_printf("{\"forget\":\"%s\"}\n", id); /* an id needs no quoting */
        hand_over(log, (const char *const[FILES]){line, line});
}

const char *tb_sensor_log_problem(const TbSensorLog *log)
{
        return log ? log->problem : NULL;
}

static gboolean on_timer(gpointer data)
{
        tb_sensor_log_save(data);
        return G_SOURCE_CONTINUE;
}

TbSensorLog *tb_sensor_log_new(TbCore *core)
{
        tb_assert_main();
        TbSensorLog *log = g_new0(TbSensorLog, 1);
        log->core = core;
        log->forgotten = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Files *files = log->files = g_new0(Files, 1);
        tb_ref_init(&files->ref);
        files->log = log;
        for (int i = 0; i < FILES; i++)
                files->file[i] = tb_grown_file_new(names[i], befores[i], TB_LIMIT_SENSORS_FILE);
        Past *past = g_new0(Past, 1);
        tb_ref_inc(&files->ref);
        past->files = files;
        past->all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)tb_samples_free);
        past->said = g_string_new(NULL);
        if (!tb_disk_run(core->disk, 0, read_all, past)) {
                past_free(past);
                g_clear_pointer(&log->forgotten, g_hash_table_unref);
        }
        log->timer = g_timeout_add(SAVE_MS, on_timer, log);
        return log;
}

void tb_sensor_log_free(TbSensorLog *log)
{
        if (!log)
                return;
        save(log, true);
        g_source_remove(log->timer);
        log->files->log = NULL;
        files_unref(log->files);
        g_clear_pointer(&log->forgotten, g_hash_table_unref);
        g_free(log->problem);
        g_free(log);
}
