#include "client/terminal.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios kept, raw; /* for signal handlers: tcsetattr() is one of the calls that they may make */
static volatile sig_atomic_t is_raw;

/* Signals that end the program at once. Those that ask for its end (TERM, INT, HUP) are the main loop's. */
static const int deadly[] = {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

static void on_deadly(int number)
{
        if (is_raw)
                tcsetattr(STDIN_FILENO, TCSANOW, &kept);
        signal(number, SIG_DFL);
        raise(number);
}

static void on_stop(int number G_GNUC_UNUSED)
{
        int saved = errno; /* NOLINT(bugprone-signal-handler): errno is a thread's own */
        if (is_raw)
                tcsetattr(STDIN_FILENO, TCSANOW, &kept);
        raise(SIGSTOP);
        errno = saved;
}

static void on_continue(int number G_GNUC_UNUSED)
{
        int saved = errno; /* NOLINT(bugprone-signal-handler): errno is a thread's own */
        if (is_raw)
                tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        errno = saved;
}

bool tb_cli_terminal_raw(void)
{
        if (is_raw || !isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &kept) != 0)
                return is_raw;
        raw = kept;
        cfmakeraw(&raw);
        for (guint i = 0; i < G_N_ELEMENTS(deadly); i++)
                signal(deadly[i], on_deadly);
        signal(SIGTSTP, on_stop);
        signal(SIGCONT, on_continue);
        is_raw = 1;
        if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
                is_raw = 0;
        return is_raw;
}

void tb_cli_terminal_restore(void)
{
        if (!is_raw)
                return;
        is_raw = 0;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &kept);
}

bool tb_cli_terminal_is_raw(void)
{
        return is_raw;
}

bool tb_cli_terminal_size(int *ret_columns, int *ret_rows)
{
        struct winsize size;
        if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col || !size.ws_row)
                return false;
        *ret_columns = size.ws_col;
        *ret_rows = size.ws_row;
        return true;
}
