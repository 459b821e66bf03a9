#include "client/events.h"

#include <string.h>

#include "client/out.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/limits.h"

#define CHUNK (16 * 1024)
#define TRY_AGAIN_MS (5 * 60 * 1000)
#define SILENCE_S 60 /* the host says something every 15 s, if only a comment */

void tb_cli_events_init(TbCliEvents *e)
{
        *e = (TbCliEvents){g_string_new(NULL), g_string_new(NULL), NULL};
}

void tb_cli_events_clear(TbCliEvents *e)
{
        g_string_free(e->line, TRUE);
        g_string_free(e->data, TRUE);
        g_free(e->id);
        *e = (TbCliEvents){0};
}

static void take_line(TbCliEvents *e)
{
        const char *line = e->line->str;
        if (e->line->len > 0 && line[e->line->len - 1] == '\r')
                g_string_truncate(e->line, e->line->len - 1);
        if (g_str_has_prefix(line, "id:")) {
                g_free(e->id);
                e->id = g_strdup(line + (line[3] == ' ' ? 4 : 3));
        } else if (g_str_has_prefix(line, "data:")) {
                if (e->data->len > 0)
                        g_string_append_c(e->data, '\n');
                g_string_append(e->data, line + (line[5] == ' ' ? 6 : 5));
        }
}

bool tb_cli_events_feed(TbCliEvents *e, const char *bytes, gsize n,
                        bool (*event)(const char *, gpointer, GError **), gpointer user, GError **error)
{
        for (; n > 0; bytes++, n--) {
                if (*bytes != '\n') {
                        g_string_append_c(e->line, *bytes);
                        if (e->line->len + e->data->len <= TB_LIMIT_CLI_EVENT)
                                continue;
                        tb_set_error(error, TB_ERROR_TOO_LARGE, "an event has more than %d bytes",
                                     TB_LIMIT_CLI_EVENT);
                        return false;
                }
                bool whole = e->line->len == 0 || strcmp(e->line->str, "\r") == 0;
                if (!whole)
                        take_line(e);
                else if (e->data->len > 0) {
                        bool on = event(e->data->str, user, error);
                        g_string_truncate(e->data, 0);
                        if (!on)
                                return false;
                }
                g_string_truncate(e->line, 0);
        }
        return true;
}

/* False: it is over, with or without an error. True: the stream broke. */
static bool follow_once(TbCliEvents *e, GInputStream *in, bool (*event)(const char *, gpointer, GError **),
                        gpointer user, gint64 *ret_heard, GError **error)
{
        char chunk[CHUNK];
        gssize n;
        while ((n = g_input_stream_read(in, chunk, sizeof chunk, NULL, NULL)) > 0) {
                *ret_heard = tb_clock_mono_ms();
                if (!tb_cli_events_feed(e, chunk, (gsize)n, event, user, error))
                        return false;
        }
        return true;
}

bool tb_cli_follow(TbCli *cli, const TbCliDevice *d, const char *path, const char *after,
                   bool (*event)(const char *, gpointer, GError **), gpointer user, GError **error)
{
        TbCliEvents e;
        tb_cli_events_init(&e);
        tb_cli_end_with_reader();
        e.id = g_strdup(after);
        gint64 heard = 0; /* 0: never yet, and then nothing is tried again */
        bool broke = true, said = false;
        while (broke) {
                const TbCliRequest request = {.method = "GET",
                                              .device = d,
                                              .path = path,
                                              .accept = "text/event-stream",
                                              .last_event_id = e.id,
                                              .wait_s = SILENCE_S};
                g_autoptr(GError) why = NULL;
                g_autoptr(GInputStream) in = tb_cli_open(cli, &request, NULL, &why);
                if (in) {
                        said = false;
                        g_string_truncate(e.line, 0);
                        g_string_truncate(e.data, 0);
                        broke = follow_once(&e, in, event, user, &heard, error);
                } else if (!g_error_matches(why, TB_ERROR, TB_ERROR_UNAVAILABLE) ||
                           tb_clock_mono_ms() - heard > TRY_AGAIN_MS || heard == 0) {
                        g_propagate_error(error, g_steal_pointer(&why));
                        break;
                }
                if (broke && !said)
                        tb_cli_say("the connection to the host is lost; trying again");
                said = true;
                if (broke)
                        tb_cli_pause_ms(500);
        }
        tb_cli_events_clear(&e);
        return error == NULL || *error == NULL;
}
