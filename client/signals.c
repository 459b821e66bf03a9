#include "client/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <unistd.h>

static const int ends[] = {SIGTERM, SIGHUP, SIGINT};
static int heard[2] = {-1, -1}; /* for the handler: who came, a byte each */

struct TbCliSignals {
        void (*on)(int number, gpointer data);
        gpointer data;
        guint source;
        struct sigaction before[G_N_ELEMENTS(ends)];
};

static void on_signal(int number)
{
        int saved = errno; /* NOLINT(bugprone-signal-handler): errno is a thread's own */
        const guint8 byte = (guint8)number;
        if (write(heard[1], &byte, 1) < 0) /* a pipe full of them: they are told already */
                errno = saved;
        errno = saved;
}

void tb_cli_signals_tell(TbCliSignals *signals)
{
        guint8 byte;
        while (read(heard[0], &byte, 1) == 1)
                signals->on(byte, signals->data);
}

static gboolean on_heard(gint fd G_GNUC_UNUSED, GIOCondition what G_GNUC_UNUSED, gpointer data)
{
        tb_cli_signals_tell(data);
        return G_SOURCE_CONTINUE;
}

TbCliSignals *tb_cli_signals_new(void (*on)(int number, gpointer data), gpointer data)
{
        const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESTART};
        TbCliSignals *signals = g_new0(TbCliSignals, 1);
        signals->on = on;
        signals->data = data;
        if (pipe2(heard, O_CLOEXEC | O_NONBLOCK) != 0)
                return signals; /* no descriptor is left: they do what they do by themselves */
        signals->source = g_unix_fd_add(heard[0], G_IO_IN, on_heard, signals);
        for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
                sigaction(ends[i], NULL, &signals->before[i]);
                if (signals->before[i].sa_handler != SIG_IGN)
                        sigaction(ends[i], &action, NULL);
        }
        return signals;
}

void tb_cli_signals_free(TbCliSignals *signals)
{
        for (guint i = 0; i < G_N_ELEMENTS(ends) && signals->source; i++)
                sigaction(ends[i], &signals->before[i], NULL);
        g_clear_handle_id(&signals->source, g_source_remove);
        for (guint i = 0; i < G_N_ELEMENTS(heard); i++) {
                if (heard[i] >= 0)
                        close(heard[i]);
                heard[i] = -1;
        }
        g_free(signals);
}
