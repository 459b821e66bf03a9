#include "host/core/console/expect.h"

#include <string.h>

#include "host/core/private.h"
#include "lib/limits.h"
#include "lib/text.h"

/*
 * A match may begin this far before the end of what was searched already: longer matches that straddle reads
 * are found from here on. It bounds the work for a console that prints a megabyte in small pieces.
 */
#define OVERLAP (64 * 1024)

typedef struct Expect {
        TbCommand *command; /* borrowed: the owner */
        TbInterface *iface; /* borrowed */
        GRegex *regex;
        GByteArray *window; /* output since `from` */
        guint64 from, next; /* offsets: where the window begins, what to read next */
        gsize searched;     /* bytes of the window without a match */
        guint watch, search, timer;
        bool sending, waiting;
} Expect;

static void expect_stop(Expect *e)
{
        if (e->watch)
                tb_interface_unwatch(e->iface, e->watch);
        e->watch = 0;
        g_clear_handle_id(&e->search, g_source_remove);
        g_clear_handle_id(&e->timer, g_source_remove);
        e->waiting = false;
}

static void expect_free(gpointer p)
{
        Expect *e = p;
        expect_stop(e);
        g_clear_pointer(&e->regex, g_regex_unref);
        g_byte_array_unref(e->window);
        g_free(e);
}

static void read_more(Expect *e)
{
        guint8 buf[16384];
        guint64 at;
        gsize n;
        while (e->window->len < TB_LIMIT_EXPECT_WINDOW &&
               (n = tb_history_read(e->iface->history, e->next, buf,
                                    MIN(sizeof buf, TB_LIMIT_EXPECT_WINDOW - e->window->len), &at)) > 0) {
                g_byte_array_append(e->window, buf, (guint)n);
                e->next = at + n;
        }
}

static void matched(Expect *e, const GMatchInfo *match)
{
        int start = 0, end = 0;
        g_match_info_fetch_pos(match, 0, &start, &end);
        json_t *groups = json_array();
        for (int i = 1; i < g_match_info_get_match_count(match); i++) {
                int s, t;
                bool set = g_match_info_fetch_pos(match, i, &s, &t) && s >= 0;
                json_array_append_new(groups,
                                      set ? tb_text_json(e->window->data + s, (gsize)(t - s)) : json_null());
        }
        json_t *result = json_pack("{s:b, s:o, s:o, s:o, s:I}", "matched", 1, "match",
                                   tb_text_json(e->window->data + start, (gsize)(end - start)), "groups",
                                   groups, "before", tb_text_json(e->window->data, (gsize)start), "offset",
                                   (json_int_t)e->from + end);
        expect_stop(e);
        tb_command_succeed(e->command, result);
}

static void fail(Expect *e, TbErrorCode code, const char *why)
{
        json_t *extra =
                json_pack("{s:b, s:o, s:I}", "matched", 0, "before",
                          tb_text_json(e->window->data, e->window->len), "offset", (json_int_t)e->next);
        expect_stop(e);
        tb_command_fail(e->command,
                        g_error_new(TB_ERROR, (int)code, "%s: no match for /%s/ %s", e->iface->id,
                                    g_regex_get_pattern(e->regex), why),
                        extra);
}

static gboolean on_timeout(gpointer data)
{
        Expect *e = data;
        e->timer = 0;
        fail(e, TB_ERROR_TIMEOUT, "in time; \"before\" is what was seen");
        return G_SOURCE_REMOVE;
}

/* True when the command was answered. */
static bool search(Expect *e)
{
        read_more(e);
        g_autoptr(GMatchInfo) match = NULL;
        g_autoptr(GError) error = NULL;
        gsize begin = e->searched > OVERLAP ? e->searched - OVERLAP : 0;
        if (g_regex_match_full(e->regex, e->window->len ? (const char *)e->window->data : "",
                               (gssize)e->window->len, (int)begin, 0, &match, &error)) {
                matched(e, match);
                return true;
        }
        if (error) {
                fail(e, TB_ERROR_INVALID, error->message);
                return true;
        }
        e->searched = e->window->len;
        if (e->window->len >= TB_LIMIT_EXPECT_WINDOW) {
                fail(e, TB_ERROR_LIMIT, "within the bytes that one expect looks at");
                return true;
        }
        return false;
}

static gboolean search_idle(gpointer data)
{
        Expect *e = data;
        e->search = 0;
        search(e);
        return G_SOURCE_REMOVE;
}

static void on_grew(TbInterface *iface G_GNUC_UNUSED, gpointer data)
{
        Expect *e = data;
        if (e->waiting && e->search == 0) /* one search for all that arrives in this turn of the loop */
                e->search = g_idle_add_full(G_PRIORITY_DEFAULT, search_idle, e, NULL);
}

static void wait_for_match(Expect *e)
{
        gint64 left_ms = (e->command->call.deadline_us - g_get_monotonic_time()) / 1000;
        e->waiting = true;
        e->timer = g_timeout_add((guint)MAX(left_ms, 0), on_timeout, e);
        if (!search(e) && e->watch == 0)
                e->watch = tb_interface_watch(e->iface, on_grew, e);
}

static void sent(TbCommand *c)
{
        json_decref(c->result);
        c->result = NULL;
        wait_for_match(c->scratch);
}

static void cancelled(TbCommand *c)
{
        expect_stop(c->scratch);
}

void tb_expect_start(TbCommand *c)
{
        GError *error = NULL;
        const char *send = tb_command_string(c, "send"), *pattern = tb_command_string(c, "pattern");
        json_t *from = json_object_get(c->params, "from");
        /*
         * RAW: consoles print any bytes. NEWLINE_LF: a line ends at \n alone, as in Python's re, so that
         * ".*\n" crosses the \r before it. Limits against patterns that explode come with PCRE's own match
         * limit.
         */
        GRegex *regex = g_regex_new(
                pattern, G_REGEX_RAW | G_REGEX_MULTILINE | G_REGEX_OPTIMIZE | G_REGEX_NEWLINE_LF, 0, &error);
        if (!regex) {
                GError *blamed = NULL;
                tb_error_set_field(&blamed, TB_ERROR_INVALID, "pattern", "%s", error->message);
                g_error_free(error);
                tb_command_fail(c, blamed, NULL);
                return;
        }
        Expect *e = g_new0(Expect, 1);
        e->command = c;
        e->iface = c->iface;
        e->regex = regex;
        e->window = g_byte_array_new();
        e->from = from ? MAX((guint64)json_integer_value(from), tb_history_start(c->iface->history))
                       : tb_history_end(c->iface->history);
        e->next = e->from;
        c->scratch = e;
        c->scratch_free = expect_free;
        tb_command_on_cancel(c, cancelled);
        if (!send) {
                wait_for_match(e);
        } else if (tb_command_require_control(c)) {
                e->watch = tb_interface_watch(e->iface, on_grew,
                                              e); /* what it prints while we still send counts */
                c->bytes = g_bytes_new(send, json_string_length(json_object_get(c->params, "send")));
                tb_command_dispatch(c, tb_console_exec_write, sent);
        }
}

const TbParam tb_expect_params[] = {
        {.name = "pattern",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = TB_LIMIT_EXPECT_PATTERN,
         .help = "a regular expression (PCRE), over bytes, ^ and $ at every line"},
        {.name = "send",
         .type = TB_PARAM_STRING,
         .max = TB_LIMIT_CONSOLE_WRITE,
         .help = "sent first; needs control"},
        {.name = "timeout_s",
         .type = TB_PARAM_NUMBER,
         .min = 0,
         .max = TB_LIMIT_COMMAND_S,
         .fallback = "10",
         .unit = "s",
         .help = "how long to wait"},
        {.name = "from",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 9e15,
         .help = "history offset to look from; default: now"},
        TB_PARAM_END,
};
