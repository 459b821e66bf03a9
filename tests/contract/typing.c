#include "tests/contract/typing.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "host/core/input/holds.h"
#include "host/core/input/made.h"

static TbInput event_of(const char *word)
{
        TbInput event = {.type = TB_INPUT_KEY, .text = word};
        if (*word == '"' && word[1]) {
                event.type = TB_INPUT_TEXT;
                event.text = word + 1;
        } else if ((*word == '+' || *word == '-') && word[1]) {
                event.action = *word == '+' ? TB_KEY_DOWN : TB_KEY_UP;
                event.text = word + 1;
        }
        return event;
}

/* Words between blanks; a text in quotes is one word, which keeps its first quote. */
static GPtrArray *words_of(const char *keys)
{
        GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
        for (const char *p = keys; *p; p += *p == ' ') {
                const char *end = *p == '"' && p[1] != ' ' && p[1] ? strrchr(p, '"') : strchrnul(p, ' ');
                bool text = *p == '"' && end > p;
                if (!text)
                        end = strchrnul(p, ' ');
                g_autofree char *raw = g_strndup(p, (gsize)(end - p));
                char *word = text ? g_strcompress(raw) : g_strdup(raw), *plain = tb_made_line_ends(word);
                g_ptr_array_add(words, plain ? plain : word);
                if (plain)
                        g_free(word);
                p = text ? end + 1 : end;
        }
        return words;
}

void typing_each(void (*check)(const TypingRow *row, gpointer data), gpointer data)
{
        json_error_t error;
        json_t *table = json_load_file("tests/fixtures/typing/table.json", 0, &error), *o;
        g_assert_nonnull(table);
        size_t i;
        json_array_foreach (table, i, o) {
                g_autoptr(GPtrArray) words = words_of(json_string_value(json_object_get(o, "keys")));
                TypingRow row = {.name = json_string_value(json_object_get(o, "name")),
                                 .text = json_string_value(json_object_get(o, "text")),
                                 .events = g_array_new(FALSE, FALSE, sizeof(TbInput)),
                                 .strings = g_ptr_array_new_with_free_func(g_free),
                                 .ascii = !json_is_false(json_object_get(o, "ascii")),
                                 .refused = json_is_true(json_object_get(o, "refused"))};
                for (guint w = 0; w < words->len; w++) {
                        const TbInput event = event_of(g_ptr_array_index(words, w));
                        g_array_append_val(row.events, event);
                }
                g_test_message("%s", row.name);
                check(&row, data);
                g_array_unref(row.events);
                g_ptr_array_unref(row.strings);
        }
        json_decref(table);
}

typedef struct Call {
        const TbInput *events;
        guint n, done;
} Call;

static bool send(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        Call *call = data;
        return self->lane->input->send(self, io, call->events, call->n, &call->done, error);
}

GArray *typing_events(const TypingRow *row)
{
        TbHolds *holds = tb_holds_new();
        GArray *events = g_array_new(FALSE, FALSE, sizeof(TbInput));
        for (guint i = 0; i < row->events->len; i++)
                g_assert_true(tb_holds_apply(holds, "test", &g_array_index(row->events, TbInput, i), events,
                                             row->strings, NULL));
        tb_holds_unref(holds);
        return events;
}

bool typing_send(Lane *lane, const TypingRow *row)
{
        g_autoptr(GArray) events = typing_events(row);
        bool whole = true;
        for (guint at = 0; at < events->len; at++) {
                Call call = {&g_array_index(events, TbInput, at), events->len - at, 0};
                g_autoptr(GError) error = NULL;
                if (lane_call(lane, send, &call, 30000, &error))
                        break;
                g_test_message("%s", error->message);
                whole = false;
                at += call.done;
        }
        return whole;
}

/* --- a terminal that reads --- */
void typing_open(TypingTerminal *t, XServer *server)
{
        t->dir = g_dir_make_tmp("tbt-XXXXXX", NULL);
        t->fifo = g_build_filename(t->dir, "typed", NULL);
        g_assert_cmpint(mkfifo(t->fifo, 0600), ==, 0);
        g_autofree char *script =
                g_strdup_printf("stty raw -echo; echo ready > %s; exec cat > %s", t->fifo, t->fifo);
        /* opened for both, so that neither open nor a read ends before the writer comes */
        t->typed = tb_transport_of_fd(open(t->fifo, O_RDWR | O_CLOEXEC), "fifo");
        t->xterm =
                xserver_spawn(server,
                              (const char *const[]){"xterm", "-u8", "-xrm", "*waitForMap: true", "-geometry",
                                                    "100x30+0+0", "-e", "sh", "-c", script, NULL},
                              0);
        TbIo io;
        tb_io_init_plain(&io);
        g_autofree char *ready = tb_transport_read_line(t->typed, &io, 100, 20000, NULL);
        g_assert_cmpstr(ready, ==, "ready");
        tb_io_clear_plain(&io);
}

void typing_close(TypingTerminal *t)
{
        tb_child_free(t->xterm, 0);
        tb_transport_close(t->typed);
        g_unlink(t->fifo);
        g_rmdir(t->dir);
        g_free(t->fifo);
        g_free(t->dir);
}

void typing_expect(TypingTerminal *t, const char *what, const char *text)
{
        TbIo io;
        tb_io_init_plain(&io);
        g_autoptr(GString) got = g_string_new(NULL);
        char chunk[512];
        while (got->len < strlen(text) && strncmp(got->str, text, got->len) == 0) {
                g_autoptr(GError) error = NULL;
                gssize n = tb_transport_read(t->typed, &io, chunk, sizeof chunk, 10000, &error);
                if (n <= 0)
                        break;
                g_string_append_len(got, chunk, n);
        }
        tb_io_clear_plain(&io);
        if (strcmp(got->str, text) != 0)
                g_error("%s: \"%s\" was to arrive, and \"%s\" did", what, text, got->str);
}

typedef struct Run {
        TypingTerminal *terminal;
        Lane *lane;
} Run;

static void run_row(const TypingRow *row, gpointer data)
{
        const Run *run = data;
        bool whole = typing_send(run->lane, row);
        typing_expect(run->terminal, row->name, row->text);
        g_assert_cmpint(whole, ==, !row->refused);
}

void typing_run(TypingTerminal *terminal, Lane *lane)
{
        Run run = {terminal, lane};
        typing_each(run_row, &run);
}
