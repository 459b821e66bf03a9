#include "lib/log.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/text.h"
#include "lib/thread.h"

static TbLogLevel max_level = TB_LOG_INFO;
static bool as_json;
static const char *const names[] = {"error", "warning", "info", "debug"};

static const char *process; /* static; NULL: no child */
static struct {
        TbMutex lock;
        guint lines;  /* in this window */
        guint64 more; /* not said in it */
        gint64 since_ms;
} pace = {.lock = TB_MUTEX_INIT};

bool tb_log_enabled(TbLogLevel level)
{
        return level <= __atomic_load_n(&max_level, __ATOMIC_RELAXED);
}

bool tb_log_level_parse(const char *text, TbLogLevel *ret_level)
{
        for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
                if (g_ascii_strcasecmp(text, names[i]) == 0) {
                        *ret_level = (TbLogLevel)i;
                        return true;
                }
        }
        return false;
}

/* --- text from outside --- */
/* One character, or what stands for it; gives where the next begins. */
static const char *append_char(GString *line, const char *p)
{
        gunichar c = g_utf8_get_char_validated(p, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
                g_string_append_printf(line, "\\x%02x", (guchar)*p);
                return p + 1;
        }
        const char *next = g_utf8_next_char(p);
        if (tb_text_is_shown(c))
                g_string_append_len(line, p, next - p);
        else
                g_string_append_printf(line, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
        return next;
}

/* Foreign text must not forge lines or fields. */
static void append_value(GString *line, const char *value)
{
        bool plain = *value != '\0' && strpbrk(value, " \"=\\") == NULL;
        if (!plain)
                g_string_append_c(line, '"');
        for (const char *p = value; *p;) {
                if (*p == '"' || *p == '\\')
                        g_string_append_c(line, '\\');
                p = append_char(line, p);
        }
        if (!plain)
                g_string_append_c(line, '"');
}

/* What looks like a field in a message (" user=admin") is none. */
static void append_message(GString *line, const char *text)
{
        bool word = false; /* since the last blank only what a field's name may have */
        for (const char *p = text; *p;) {
                if (*p == '=' && word) {
                        g_string_append(line, "\\x3d");
                        p++;
                        word = false;
                        continue;
                }
                word = *p == ' ' || (word && (g_ascii_islower(*p) || *p == '_'));
                p = append_char(line, p);
        }
}

static void put_line(TbLogLevel level, const char *const *fields, const char *text)
{
        g_autofree char *time = tb_clock_rfc3339(tb_clock_ms());
        g_autoptr(GString) line = g_string_new(NULL);
        if (as_json) {
                json_t *o = json_pack("{s:s, s:s}", "time", time, "level", names[level]);
                if (process)
                        json_object_set_new(o, "process", json_string(process));
                for (; fields[0]; fields += 2) {
                        g_autofree char *field = fields[1] ? g_utf8_make_valid(fields[1], -1) : NULL;
                        if (field)
                                json_object_set_new(o, fields[0], json_string(field));
                }
                g_autofree char *valid = g_utf8_make_valid(text, -1);
                json_object_set_new(o, "message", json_string(valid));
                char *dump = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII); /* lint: json - ASCII */
                g_string_append(line, dump);
                free(dump);
                json_decref(o);
        } else {
                g_string_append_printf(line, "%s %-7s ", time, names[level]);
                append_message(line, text);
                if (process)
                        g_string_append_printf(line, " process=%s", process);
                for (; fields[0]; fields += 2) {
                        if (!fields[1])
                                continue;
                        g_string_append_printf(line, " %s=", fields[0]);
                        append_value(line, fields[1]);
                }
        }
        g_string_append_c(line, '\n');
        /* one write: lines of several threads never mix. A closed stderr is nobody's fault. */
        if (write(STDERR_FILENO, line->str, line->len) < 0)
                return;
}

/* What strangers make a child say is said at our rate. False: it is counted. `ret_more`: of the window before. */
static bool keeps_pace(guint64 *ret_more)
{
        gint64 now = tb_clock_mono_ms();
        tb_mutex_lock(&pace.lock);
        *ret_more = 0;
        if (now - pace.since_ms >= TB_LIMIT_LOG_WINDOW_MS) {
                *ret_more = pace.more;
                pace.since_ms = now;
                pace.lines = 0;
                pace.more = 0;
        }
        bool said = pace.lines < TB_LIMIT_MEDIA_LOG;
        if (said)
                pace.lines++;
        else
                pace.more++;
        tb_mutex_unlock(&pace.lock);
        return said;
}

static void write_line(TbLogLevel level, const char *const *fields, const char *text)
{
        guint64 more = 0;
        if (process && !keeps_pace(&more))
                return;
        if (more > 0) {
                g_autofree char *left_out = g_strdup_printf(
                        "%" G_GUINT64_FORMAT " more lines were left out, of more than %d in %d s", more,
                        TB_LIMIT_MEDIA_LOG, TB_LIMIT_LOG_WINDOW_MS / 1000);
                put_line(TB_LOG_WARNING, TB_F(), left_out);
        }
        put_line(level, fields, text);
}

void tb_log_as_child(const char *name)
{
        process = name;
}

void tb_log(TbLogLevel level, const char *const *fields, const char *format, ...)
{
        if (!tb_log_enabled(level))
                return;
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args);
        va_end(args);
        write_line(level, fields, text);
}

static GLogWriterOutput glib_writer(GLogLevelFlags flags, const GLogField *fields, gsize n,
                                    gpointer data G_GNUC_UNUSED)
{
        const char *message = "", *domain = NULL;
        for (gsize i = 0; i < n; i++) {
                if (strcmp(fields[i].key, "MESSAGE") == 0)
                        message = fields[i].value;
                else if (strcmp(fields[i].key, "GLIB_DOMAIN") == 0)
                        domain = fields[i].value;
        }
        TbLogLevel level = flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL) ? TB_LOG_ERROR
                           : flags & G_LOG_LEVEL_WARNING                      ? TB_LOG_WARNING
                                                                              : TB_LOG_DEBUG;
        if (tb_log_enabled(level))
                write_line(level, TB_F("library", domain), message);
        return G_LOG_WRITER_HANDLED;
}

void tb_log_set_level(TbLogLevel level)
{
        __atomic_store_n(&max_level, level, __ATOMIC_RELAXED);
}

void tb_log_init(TbLogLevel level, bool json)
{
        static gsize once;
        tb_log_set_level(level);
        as_json = json;
        if (g_once_init_enter(&once)) {
                g_log_set_writer_func(glib_writer, NULL, NULL);
                g_once_init_leave(&once, 1);
        }
}
