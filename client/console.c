/* console: a terminal on a serial console, or a pipe into it. */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "client/console_private.h"
#include "client/out.h"
#include "client/signals.h"
#include "client/terminal.h"
#include "lib/error.h"
#include "lib/limits.h"

void tb_cli_console_note(TbCliConsole *c, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        g_autofree char *text = g_strdup_vprintf(format, args), *clean = tb_cli_clean(text);
        va_end(args);
        if (tb_cli_terminal_is_raw())
                fprintf(stderr, "\r\n[%s]\r\n", clean);
        else
                tb_cli_say("%s/%s: %s", c->d.name, c->d.interface, clean);
}

void tb_cli_console_end(TbCliConsole *c, GError *error_take)
{
        if (c->error)
                g_clear_error(&error_take);
        else
                c->error = error_take;
        g_main_loop_quit(c->loop);
}

/* --- its end, when the input has ended --- */
static gboolean on_quiet(gpointer data)
{
        TbCliConsole *c = data;
        c->quiet = 0;
        tb_cli_console_end(c, NULL);
        return G_SOURCE_REMOVE;
}

void tb_cli_console_stirred(TbCliConsole *c)
{
        g_clear_handle_id(&c->quiet, g_source_remove);
        if (c->input_over && c->connected && !c->tty && !tb_cli_flag(c->cli, "follow") &&
            c->typed->len == 0 && !c->write)
                c->quiet = g_timeout_add((guint)(tb_cli_number(c->cli, "quiet-s", 1) * 1000), on_quiet, c);
}

/* --- the menu --- */
static void toggle_log(TbCliConsole *c)
{
        if (c->log) {
                fclose(c->log);
                c->log = NULL;
                tb_cli_console_note(c, "%s is closed", c->log_name);
                return;
        }
        c->log = fopen(c->log_name, "a");
        if (c->log)
                tb_cli_console_note(c, "what it says goes to %s, too", c->log_name);
        else
                tb_cli_console_note(c, "%s: %s", c->log_name, g_strerror(errno));
}

static void show_menu(TbCliConsole *c)
{
        g_autofree char *key = tb_cli_escape_name(&c->escape);
        tb_cli_console_note(
                c, "p power cycle · b break · l log %s · ? help · q quit · %s sends it · any other key: back",
                c->log ? "off" : "on", key);
}

static void show_help(TbCliConsole *c)
{
        tb_cli_console_note(
                c,
                "p switches the device off and on; b sends a break; l appends what it says to %s; q ends "
                "this, the "
                "device goes on. Others may watch and type at the same time, unless somebody has the lease",
                c->log_name);
        show_menu(c);
}

static void on_key(TbCliConsole *c, guint8 byte)
{
        switch (tb_cli_escape_feed(&c->escape, byte)) {
        case TB_CLI_KEY_SEND:
                if (!c->away)
                        g_byte_array_append(c->typed, &byte, 1);
                else if (!c->dropped)
                        tb_cli_console_note(c, "not connected: what is typed is dropped until it is");
                c->dropped |= c->away;
                break;
        case TB_CLI_KEY_MENU: show_menu(c); break;
        case TB_CLI_KEY_BACK: tb_cli_console_note(c, "back"); break;
        case TB_CLI_KEY_POWER: tb_cli_console_act(c, "power.cycle", "power cycle"); break;
        case TB_CLI_KEY_BREAK: {
                g_autofree char *verb = g_strconcat(c->d.interface, ".break", NULL);
                tb_cli_console_act(c, verb, "break");
                break;
        }
        case TB_CLI_KEY_LOG: toggle_log(c); break;
        case TB_CLI_KEY_HELP: show_help(c); break;
        case TB_CLI_KEY_QUIT: tb_cli_console_end(c, NULL); break;
        }
}

/* --- what is typed --- */
static gboolean on_input(gint fd, GIOCondition what G_GNUC_UNUSED, gpointer data)
{
        TbCliConsole *c = data;
        guint8 bytes[4096];
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return G_SOURCE_CONTINUE;
        if (n <= 0) {
                c->input = 0;
                c->input_over = true;
                if (c->tty) /* the terminal is gone */
                        tb_cli_console_end(c, NULL);
                else
                        tb_cli_console_stirred(c);
                return G_SOURCE_REMOVE;
        }
        for (ssize_t i = 0; c->tty && i < n; i++)
                on_key(c, bytes[i]);
        if (!c->tty)
                g_byte_array_append(c->typed, bytes, (guint)n);
        tb_cli_console_write_next(c);
        if (c->typed->len + sizeof bytes <= TB_LIMIT_CLI_TYPED)
                return G_SOURCE_CONTINUE;
        c->input = 0; /* the host takes it more slowly than it comes */
        return G_SOURCE_REMOVE;
}

void tb_cli_console_read_input(TbCliConsole *c)
{
        if (!c->input && !c->input_over && c->typed->len + 4096 <= TB_LIMIT_CLI_TYPED)
                c->input = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, c);
}

static void on_signal(int number G_GNUC_UNUSED, gpointer data)
{
        tb_cli_console_end(data, NULL);
}

static gboolean on_size(gpointer data)
{
        tb_cli_console_tell_size(data);
        return G_SOURCE_CONTINUE;
}

static bool prepare(TbCliConsole *c, GError **error)
{
        const char *key = tb_cli_text(c->cli, "escape"), *log = tb_cli_text(c->cli, "log");
        if (!tb_cli_escape_parse(key ? key : "^]", &c->escape, error) ||
            !tb_cli_device(c->cli, c->cli->args[0], "console", &c->d, error))
                return false;
        c->log_name = log ? g_strdup(log) : g_strdup_printf("%s-%s.log", c->d.id, c->d.interface);
        if (log && !(c->log = fopen(log, "a"))) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", log, g_strerror(errno));
                return false;
        }
        return true;
}

static void run(TbCliConsole *c)
{
        signal(SIGPIPE, SIG_IGN);
        TbCliSignals *signals = tb_cli_signals_new(on_signal, c);
        guint size = g_unix_signal_add(SIGWINCH, on_size, c);
        c->tty = tb_cli_terminal_raw();
        c->socket = tb_cli_socket_new(c->cli, &c->d, tb_cli_number(c->cli, "reconnect-s", 300),
                                      &tb_cli_console_ops, c);
        tb_cli_console_read_input(c);
        g_main_loop_run(c->loop);
        tb_cli_terminal_restore();
        if (c->tty)
                fputc('\n', stderr);
        tb_cli_socket_free(c->socket);
        g_clear_handle_id(&c->input, g_source_remove);
        g_clear_handle_id(&c->quiet, g_source_remove);
        tb_cli_signals_free(signals);
        g_source_remove(size);
}

int tb_cli_run_console(TbCli *cli, GError **error)
{
        TbCliConsole c = {.cli = cli, .loop = g_main_loop_new(NULL, FALSE), .typed = g_byte_array_new()};
        tb_cli_place_init(&c.place);
        tb_cli_replay_init(&c.replay);
        if (prepare(&c, error))
                run(&c);
        if (c.error)
                g_propagate_error(error, c.error);
        if (c.log)
                fclose(c.log);
        g_free(c.log_name);
        tb_cli_place_clear(&c.place);
        tb_cli_replay_clear(&c.replay);
        g_byte_array_unref(c.typed);
        tb_cli_device_clear(&c.d);
        g_main_loop_unref(c.loop);
        return TB_CLI_OK;
}
