#include "tests/sim/android/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_KEEP 4000

typedef struct {
        guint id;
        SimLogView *view; /* borrowed from the caller of sim_log_follow() */
        void (*fn)(const char *text, void *data);
        void *data; /* borrowed */
} Follower;

struct SimLog {
        GQueue entries;       /* owned SimLogEntry */
        GPtrArray *followers; /* owned Follower */
        guint64 seq;
        guint next_id;
};

typedef enum {
        FMT_BRIEF,
        FMT_LONG,
        FMT_PROCESS,
        FMT_RAW,
        FMT_TAG,
        FMT_THREAD,
        FMT_TIME,
        FMT_THREADTIME
} Format;

static const char *const format_names[] = {"brief", "long",   "process", "raw",
                                           "tag",   "thread", "time",    "threadtime"};

struct SimLogView {
        Format format;
        bool dump, clear, size;
        bool utc, year, epoch, usec;
        gint64 since_us;  /* show lines at or after this wall clock time */
        int tail;         /* show this many of the newest lines first, -1 = all */
        char floor;       /* default priority, 'S' = silent */
        char *only_pid;   /* owned, --pid */
        GHashTable *tags; /* owned: tag -> priority letter as pointer */
};

static const char prios[] = "VDIWEFS";

static void entry_free(void *data)
{
        SimLogEntry *e = data;

        g_free(e->tag);
        g_free(e->text);
        g_free(e);
}

SimLog *sim_log_new(void)
{
        SimLog *log = g_new0(SimLog, 1);

        g_queue_init(&log->entries);
        log->followers = g_ptr_array_new_with_free_func(g_free);
        return log;
}

void sim_log_clear(SimLog *log)
{
        g_queue_clear_full(&log->entries, entry_free);
}

void sim_log_free(SimLog *log)
{
        if (log == NULL)
                return;
        sim_log_clear(log);
        g_ptr_array_unref(log->followers);
        g_free(log);
}

guint sim_log_size(const SimLog *log)
{
        return log->entries.length;
}

static bool wanted(const SimLogView *view, const SimLogEntry *e)
{
        gpointer floor = view->tags ? g_hash_table_lookup(view->tags, e->tag) : NULL;
        char least = floor ? (char)GPOINTER_TO_INT(floor) : view->floor;

        if (least == 'S' || strchr(prios, e->prio) < strchr(prios, least))
                return false;
        if (view->only_pid && atoi(view->only_pid) != e->pid)
                return false;
        return e->time_us >= view->since_us;
}

static char *stamp(const SimLogView *view, gint64 us)
{
        g_autoptr(GDateTime) t = view->utc ? g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC)
                                           : g_date_time_new_from_unix_local(us / G_USEC_PER_SEC);
        int frac = (int)(us % G_USEC_PER_SEC);
        g_autofree char *sub =
                view->usec ? g_strdup_printf("%06d", frac) : g_strdup_printf("%03d", frac / 1000);

        if (view->epoch)
                return g_strdup_printf("%10" G_GINT64_FORMAT ".%s", us / G_USEC_PER_SEC, sub);
        g_autofree char *date = g_date_time_format(t, view->year ? "%Y-%m-%d %H:%M:%S" : "%m-%d %H:%M:%S");
        return g_strdup_printf("%s.%s%s", date, sub, view->utc ? " +0000" : "");
}

static char *entry_format(const SimLogView *view, const SimLogEntry *e)
{
        g_autofree char *at = stamp(view, e->time_us);

        switch (view->format) {
        case FMT_BRIEF: return g_strdup_printf("%c/%-8s(%5d): %s\n", e->prio, e->tag, e->pid, e->text);
        case FMT_LONG:
                return g_strdup_printf("[ %s %5d:%5d %c/%-8s ]\n%s\n\n", at, e->pid, e->pid, e->prio, e->tag,
                                       e->text);
        case FMT_PROCESS: return g_strdup_printf("%c(%5d) %s  (%s)\n", e->prio, e->pid, e->text, e->tag);
        case FMT_RAW: return g_strdup_printf("%s\n", e->text);
        case FMT_TAG: return g_strdup_printf("%c/%-8s: %s\n", e->prio, e->tag, e->text);
        case FMT_THREAD: return g_strdup_printf("%c(%5d:%5d) %s\n", e->prio, e->pid, e->pid, e->text);
        case FMT_TIME: return g_strdup_printf("%s %c/%-8s(%5d): %s\n", at, e->prio, e->tag, e->pid, e->text);
        case FMT_THREADTIME:
                return g_strdup_printf("%s %5d %5d %c %-8s: %s\n", at, e->pid, e->pid, e->prio, e->tag,
                                       e->text);
        }
        return NULL;
}

void sim_log_add(SimLog *log, char prio, const char *tag, const char *format, ...)
{
        SimLogEntry *e = g_new0(SimLogEntry, 1);
        va_list args;

        va_start(args, format);
        e->text = g_strdup_vprintf(format, args);
        va_end(args);
        g_strdelimit(e->text, "\r\n", ' ');
        e->time_us = g_get_real_time();
        e->seq = ++log->seq;
        e->pid = 1200 + (int)(g_str_hash(tag) % 700);
        e->prio = prio;
        e->tag = g_strdup(tag);
        g_queue_push_tail(&log->entries, e);
        if (log->entries.length > LOG_KEEP)
                entry_free(g_queue_pop_head(&log->entries));

        /* A follower may go away in its callback; walk a copy. */
        g_autoptr(GPtrArray) now = g_ptr_array_copy(log->followers, NULL, NULL);
        g_ptr_array_set_free_func(now, NULL);
        for (guint i = 0; i < now->len; i++) {
                Follower *f = g_ptr_array_index(now, i);

                if (!g_ptr_array_find(log->followers, f, NULL) || !wanted(f->view, e))
                        continue;
                g_autofree char *line = entry_format(f->view, e);
                f->fn(line, f->data);
        }
}

void sim_log_view_free(SimLogView *view)
{
        if (view == NULL)
                return;
        g_clear_pointer(&view->tags, g_hash_table_unref);
        g_free(view->only_pid);
        g_free(view);
}

bool sim_log_view_is_clear(const SimLogView *view)
{
        return view->clear;
}

bool sim_log_view_is_dump(const SimLogView *view)
{
        return view->dump || view->clear || view->size;
}

/* "50" = lines; "MM-DD hh:mm:ss.mmm", "YYYY-MM-DD hh:mm:ss.mmm" or "seconds.mmm" = a time */
static bool parse_tail(SimLogView *view, const char *text)
{
        int year = 0, mon, day, hour, min;
        double sec;
        char rest;

        if (strspn(text, "0123456789") == strlen(text) && *text != '\0') {
                view->tail = atoi(text);
                return true;
        }
        if (sscanf(text, "%d-%d-%d %d:%d:%lf%c", &year, &mon, &day, &hour, &min, &sec, &rest) == 6 ||
            (year = 0, sscanf(text, "%d-%d %d:%d:%lf%c", &mon, &day, &hour, &min, &sec, &rest) == 5)) {
                g_autoptr(GDateTime) today = g_date_time_new_now_local();
                g_autoptr(GDateTime) t = g_date_time_new_local(year ? year : g_date_time_get_year(today), mon,
                                                               day, hour, min, sec);

                if (t == NULL)
                        return false;
                view->since_us = g_date_time_to_unix(t) * G_USEC_PER_SEC + g_date_time_get_microsecond(t);
                return true;
        }
        if (sscanf(text, "%lf%c", &sec, &rest) == 1) {
                view->since_us = (gint64)(sec * G_USEC_PER_SEC);
                return true;
        }
        return false;
}

static bool parse_format(SimLogView *view, const char *text, GString *err)
{
        g_auto(GStrv) words = g_strsplit_set(text, ", ", -1);

        for (guint i = 0; words[i] != NULL; i++) {
                bool known = words[i][0] == '\0' || strcmp(words[i], "printable") == 0 ||
                             strcmp(words[i], "zone") == 0 || strcmp(words[i], "color") == 0;

                for (guint f = 0; f < G_N_ELEMENTS(format_names); f++)
                        if (strcmp(words[i], format_names[f]) == 0) {
                                view->format = (Format)f;
                                known = true;
                        }
                if (strcmp(words[i], "UTC") == 0)
                        known = view->utc = true;
                if (strcmp(words[i], "year") == 0)
                        known = view->year = true;
                if (strcmp(words[i], "epoch") == 0)
                        known = view->epoch = true;
                if (strcmp(words[i], "usec") == 0)
                        known = view->usec = true;
                if (!known) {
                        g_string_append_printf(err, "logcat: Invalid parameter \"%s\" to -v\n", words[i]);
                        return false;
                }
        }
        return true;
}

static bool parse_filter(SimLogView *view, const char *text, GString *err)
{
        const char *colon = strrchr(text, ':');
        char prio = colon && colon[1] ? g_ascii_toupper(colon[1]) : 'V';
        g_autofree char *tag = g_strndup(text, colon ? (gsize)(colon - text) : strlen(text));

        if (strchr(prios, prio) == NULL) {
                g_string_append_printf(err, "logcat: Invalid filter expression '%s'\n", text);
                return false;
        }
        if (strcmp(tag, "*") == 0)
                view->floor = prio;
        else
                g_hash_table_insert(view->tags, g_steal_pointer(&tag), GINT_TO_POINTER((int)prio));
        return true;
}

/* The value of option `name`: "-vX", "-v X", "--name=X" or "--name X". NULL when argv[*i] is not it. */
static const char *option_value(int argc, char **argv, int *i, const char *name)
{
        const char *arg = argv[*i];
        gsize n = strlen(name);

        if (strncmp(arg, name, n) != 0)
                return NULL;
        if (arg[n] == '\0')
                return *i + 1 < argc ? argv[++*i] : "";
        if (g_str_has_prefix(name, "--"))
                return arg[n] == '=' ? arg + n + 1 : NULL;
        return arg + n;
}

SimLogView *sim_log_parse(int argc, char **argv, GString *err)
{
        SimLogView *view = g_new0(SimLogView, 1);
        const char *value;
        bool ok = true;

        view->format = FMT_THREADTIME;
        view->tail = -1;
        view->floor = 'V';
        view->tags = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (int i = 1; i < argc && ok; i++) {
                if (strcmp(argv[i], "-d") == 0) {
                        view->dump = true;
                } else if (strcmp(argv[i], "-c") == 0) {
                        view->clear = true;
                } else if (strcmp(argv[i], "-g") == 0) {
                        view->size = true;
                } else if (strcmp(argv[i], "-s") == 0) {
                        view->floor = 'S';
                } else if (strcmp(argv[i], "-D") == 0 || strcmp(argv[i], "-B") == 0) {
                        continue;
                } else if ((value = option_value(argc, argv, &i, "-v")) ||
                           (value = option_value(argc, argv, &i, "--format"))) {
                        ok = parse_format(view, value, err);
                } else if ((value = option_value(argc, argv, &i, "--pid"))) {
                        view->only_pid = g_strdup(value);
                } else if ((value = option_value(argc, argv, &i, "-b")) ||
                           (value = option_value(argc, argv, &i, "-G"))) {
                        continue;
                } else if ((value = option_value(argc, argv, &i, "-t"))) {
                        view->dump = true;
                        ok = parse_tail(view, value);
                } else if ((value = option_value(argc, argv, &i, "-T"))) {
                        ok = parse_tail(view, value);
                } else if (argv[i][0] == '-') {
                        g_string_append_printf(err, "logcat: Unknown option '%s'\n", argv[i]);
                        ok = false;
                } else {
                        ok = parse_filter(view, argv[i], err);
                }
                if (!ok && err->len == 0)
                        g_string_append_printf(err, "logcat: -T/-t '%s' is neither a count nor a time\n",
                                               argv[i]);
        }
        if (ok)
                return view;
        sim_log_view_free(view);
        return NULL;
}

void sim_log_dump(SimLog *log, SimLogView *view, GString *out)
{
        GList *from = log->entries.head;

        if (view->size) {
                g_string_append(out, "main: ring buffer is 256 KiB (64 KiB consumed), max entry is 5120 B, "
                                     "max payload is 4068 B\n");
                return;
        }
        if (view->format != FMT_RAW)
                g_string_append(out, "--------- beginning of main\n");
        if (view->tail >= 0) {
                int left = view->tail;

                from = NULL;
                for (GList *l = log->entries.tail; l != NULL && left > 0; l = l->prev)
                        if (wanted(view, l->data)) {
                                from = l;
                                left--;
                        }
        }
        for (GList *l = from; l != NULL; l = l->next) {
                if (!wanted(view, l->data))
                        continue;
                g_autofree char *line = entry_format(view, l->data);
                g_string_append(out, line);
        }
}

guint sim_log_follow(SimLog *log, SimLogView *view, void (*fn)(const char *text, void *data), void *data)
{
        Follower *f = g_new0(Follower, 1);

        f->id = ++log->next_id;
        f->view = view;
        f->fn = fn;
        f->data = data;
        g_ptr_array_add(log->followers, f);
        return f->id;
}

void sim_log_unfollow(SimLog *log, guint id)
{
        for (guint i = 0; i < log->followers->len; i++) {
                Follower *f = g_ptr_array_index(log->followers, i);

                if (f->id == id) {
                        g_ptr_array_remove_index(log->followers, i);
                        return;
                }
        }
}
