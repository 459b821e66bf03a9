/* The host's side of a console: where its history is shown from, what is written, what comes after a loss. */
#include <string.h>
#include <unistd.h>

#include "client/console_private.h"
#include "client/out.h"
#include "client/terminal.h"
#include "lib/error.h"
#include "lib/limits.h"

#define WRITE (16 * 1024) /* bytes of one command */
#define TAIL 2000         /* bytes shown first on a terminal */

/* --- what the device says --- */
static void show(TbCliConsole *c, const guint8 *bytes, gsize n)
{
        g_autoptr(GError) error = NULL;
        if (!tb_cli_write(STDOUT_FILENO, bytes, n, &error))
                tb_cli_console_end(c, g_steal_pointer(&error));
}

/* History on a terminal without the questions in it; what is live as it is. */
static void show_from(TbCliConsole *c, guint64 offset, const guint8 *bytes, gsize n)
{
        gsize old = offset < c->live && c->tty ? (gsize)MIN(n, c->live - offset) : 0;
        if (c->log) { /* with the questions: they are what it said */
                fwrite(bytes, 1, n, c->log);
                fflush(c->log);
        }
        if (old > 0) {
                g_autoptr(GByteArray) out = g_byte_array_new();
                tb_cli_replay_feed(&c->replay, bytes, old, out);
                if (offset + old >= c->live)
                        tb_cli_replay_end(&c->replay, out);
                show(c, out->data, out->len);
        }
        if (n > old)
                show(c, bytes + old, n - old);
}

static void on_console(TbCliConsole *c, const json_t *m)
{
        const char *base64 = json_string_value(json_object_get(m, "base64"));
        guint64 offset = (guint64)json_integer_value(json_object_get(m, "offset"));
        gsize n = 0;
        g_autofree guint8 *bytes = base64 ? g_base64_decode(base64, &n) : NULL;
        if (n == 0)
                return;
        TbCliPlaceNews news;
        guint64 had = c->place.have;
        gsize old = tb_cli_place_take(&c->place, offset, bytes, n, &news);
        if (news == TB_CLI_PLACE_GAP)
                tb_cli_console_note(c,
                                    "%" G_GUINT64_FORMAT " bytes are missing: the history no longer has them",
                                    offset - had);
        else if (news == TB_CLI_PLACE_OTHER)
                tb_cli_console_note(c, "the host has lost the end of its history; it goes on like this:");
        if (old < n)
                show_from(c, offset + old, bytes + old, n - old);
        tb_cli_console_stirred(c);
}

static guint64 first_place(TbCliConsole *c, guint64 start, guint64 end)
{
        if (tb_cli_text(c->cli, "from"))
                return MIN((guint64)tb_cli_number(c->cli, "from", 0), end);
        guint64 tail = (guint64)tb_cli_number(c->cli, "tail", c->tty ? TAIL : 0);
        return end > start + tail ? end - tail : start;
}

static void subscribe(TbCliConsole *c, const json_t *info)
{
        guint64 start = (guint64)json_integer_value(json_object_get(info, "start")),
                end = (guint64)json_integer_value(json_object_get(info, "offset")), from;
        if (c->place.known) {
                from = tb_cli_place_again(&c->place, end);
                if (end < c->place.have - c->place.kept->len) { /* nothing in common is left */
                        tb_cli_console_note(c, "the host has lost the end of its history");
                        tb_cli_place_set(&c->place, end);
                }
        } else {
                from = first_place(c, start, end);
                c->live = end;
                tb_cli_place_set(&c->place, from);
        }
        g_autofree char *topic = g_strdup_printf("console:%s/%s", c->d.id, c->d.interface);
        tb_cli_socket_send(c->socket,
                           json_pack("{s:[s], s:I}", "subscribe", topic, "offset", (json_int_t)from));
        c->connected = true;
        c->terminal = json_is_true(json_object_get(info, "terminal"));
        tb_cli_console_tell_size(c);
        tb_cli_console_stirred(c);
}

/* --- what it is told --- */
void tb_cli_console_write_next(TbCliConsole *c)
{
        if (c->write || c->typed->len == 0)
                return;
        guint n = MIN(c->typed->len, WRITE);
        g_autofree char *base64 = g_base64_encode(c->typed->data, n),
                        *verb = g_strconcat(c->d.interface, ".write", NULL);
        c->write = tb_cli_socket_command(c->socket, verb, json_pack("{s:s}", "base64", base64));
        if (!c->write)
                return; /* it waits until the connection is there again */
        c->under_way = n;
        g_byte_array_remove_range(c->typed, 0, n);
}

/* Refused (somebody else has the device, or we only watch): it stays as large as that one's is. */
void tb_cli_console_tell_size(TbCliConsole *c)
{
        int columns, rows;
        if (!c->tty || !c->terminal || !tb_cli_terminal_size(&columns, &rows))
                return;
        g_autofree char *verb = g_strconcat(c->d.interface, ".resize", NULL);
        tb_cli_socket_command(c->socket, verb,
                              json_pack("{s:i, s:i}", "columns", MIN(columns, TB_LIMIT_TERMINAL_SIDE), "rows",
                                        MIN(rows, TB_LIMIT_TERMINAL_SIDE)));
}

static GError *error_of(const TbCliConsole *c, const json_t *result)
{
        const json_t *said = json_object_get(result, "error");
        GError *error = NULL;
        tb_cli_refusal(&c->d, (int)json_integer_value(json_object_get(said, "status")), said, &error);
        return error;
}

static void on_written(TbCliConsole *c, const json_t *result, bool ok)
{
        guint lost = c->under_way + c->typed->len;
        c->write = 0;
        c->under_way = 0;
        if (ok) {
                tb_cli_console_write_next(c);
        } else {
                g_autoptr(GError) error = error_of(c, result);
                g_byte_array_set_size(c->typed, 0);
                if (c->tty)
                        tb_cli_console_note(c, "%u bytes were not sent: %s", lost, tb_error_detail(error));
                else
                        tb_cli_console_end(c, g_steal_pointer(&error));
        }
        tb_cli_console_read_input(c);
        tb_cli_console_stirred(c);
}

void tb_cli_console_act(TbCliConsole *c, const char *verb, const char *name)
{
        if (c->action) {
                tb_cli_console_note(c, "%s is not done yet", c->action_name);
                return;
        }
        c->action = tb_cli_socket_command(c->socket, verb, NULL);
        c->action_name = name;
        if (c->action)
                tb_cli_console_note(c, "%s …", name);
        else
                tb_cli_console_note(c, "%s: not now, there is no connection", name);
}

static void on_result(TbCliConsole *c, const json_t *m)
{
        gint64 id = (gint64)json_integer_value(json_object_get(m, "id"));
        bool ok = json_is_true(json_object_get(m, "ok"));
        if (id == c->write && c->write) {
                on_written(c, m, ok);
        } else if (id == c->action && c->action) {
                g_autoptr(GError) error = ok ? NULL : error_of(c, m);
                c->action = 0;
                tb_cli_console_note(c, "%s: %s", c->action_name, ok ? "done" : tb_error_detail(error));
        } else if (id == c->ask && c->ask) {
                c->ask = 0;
                if (ok)
                        subscribe(c, json_object_get(m, "result"));
                else
                        tb_cli_console_end(c, error_of(c, m));
        }
}

/* --- the conversation --- */
static void on_message(json_t *m, gpointer data)
{
        TbCliConsole *c = data;
        const char *type = json_string_value(json_object_get(m, "type"));
        if (g_strcmp0(type, "console") == 0)
                on_console(c, m);
        else if (!type && json_object_get(m, "ok"))
                on_result(c, m);
        else if (g_strcmp0(type, "error") == 0)
                tb_cli_console_note(c, "%s",
                                    json_string_value(json_object_get(m, "message"))
                                            ?: "the host did not understand");
}

static void on_opened(gpointer data)
{
        TbCliConsole *c = data;
        g_autofree char *verb = g_strconcat(c->d.interface, ".get", NULL);
        g_autofree char *key = tb_cli_escape_name(&c->escape);
        c->away = false;
        if (c->place.known)
                tb_cli_console_note(c, "connected again");
        else if (c->tty)
                tb_cli_console_note(c, "%s/%s; %s opens the menu", c->d.name, c->d.interface, key);
        c->ask = tb_cli_socket_command(c->socket, verb, NULL);
        tb_cli_console_write_next(c);
}

static void on_lost(const char *why, gpointer data)
{
        TbCliConsole *c = data;
        tb_cli_console_note(c, "connection lost (%s); trying again", why);
        if (c->write)
                tb_cli_console_note(c, "%u bytes were under way: whether they arrived is not known",
                                    c->under_way);
        if (c->write && !c->tty) { /* half a file that was sent is no success */
                GError *error = NULL;
                tb_set_error(&error, TB_ERROR_DEVICE,
                             "%s: the connection was lost while %u bytes were under way", c->d.name,
                             c->under_way);
                tb_cli_console_end(c, error);
        }
        if (c->tty && c->typed->len > 0) { /* a command line that was meant for what stood there before */
                tb_cli_console_note(c, "%u bytes were not sent", c->typed->len);
                g_byte_array_set_size(c->typed, 0);
        }
        c->away = true;
        c->dropped = false;
        c->connected = false;
        c->write = c->action = c->ask = 0;
        c->under_way = 0;
        tb_cli_console_stirred(c); /* waits for the connection */
}

static void on_failed(GError *error_take, gpointer data)
{
        tb_cli_console_end(data, error_take);
}

const TbCliSocketOps tb_cli_console_ops = {on_opened, on_message, on_lost, on_failed};
