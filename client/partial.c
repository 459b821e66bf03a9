#include "client/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"

static char beside[PATH_MAX]; /* for signal handlers; "": none */
static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before[G_N_ELEMENTS(ends)];

static void on_end(int number)
{
        if (*beside)
                unlink(beside);
        raise(number); /* its action is the usual one again (SA_RESETHAND) */
}

/* Who was told to ignore a signal (nohup) goes on to. */
static void listen_to_signals(void)
{
        const struct sigaction action = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
        for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
                if (sigaction(ends[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
                        sigaction(ends[i], &action, NULL);
}

int tb_cli_partial_open(const char *local, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(local);
        sigset_t all, mask;
        int fd = -1;
        if (g_snprintf(beside, sizeof beside, "%s/.part-XXXXXX", folder) >= (int)sizeof beside) {
                errno = ENAMETOOLONG;
        } else { /* no signal between the file and its name */
                sigfillset(&all);
                sigprocmask(SIG_BLOCK, &all, &mask);
                fd = mkostemp(beside, O_CLOEXEC);
                if (fd >= 0)
                        listen_to_signals();
                sigprocmask(SIG_SETMASK, &mask, NULL);
        }
        if (fd < 0) {
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", local, g_strerror(errno));
                *beside = '\0';
        }
        return fd;
}

bool tb_cli_partial_close(int fd, const char *local, guint mode, bool ok, GError **error)
{
        ok = (ok && fchmod(fd, (mode_t)mode) == 0);
        int why = errno;
        if (close(fd) != 0 && ok) {
                ok = false;
                why = errno;
        }
        if (ok && rename(beside, local) != 0) {
                ok = false;
                why = errno;
        }
        if (!ok)
                unlink(beside);
        if (!ok && error && !*error)
                tb_set_error(error, TB_ERROR_INVALID, "%s: %s", local, g_strerror(why));
        *beside = '\0';
        for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
                sigaction(ends[i], &before[i], NULL);
        return ok;
}
