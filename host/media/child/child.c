#include "host/media/child/child.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define PROGRAM "testbed-media"
#define FIRST_PAUSE_MS 100u
#define WELL_S 30 /* it ran that long: the next crash is the first one again */
#define TICK_MS 500

struct TbMediaChild {
        char *program; /* owned */
        TbLinkSetup setup;
        const TbMediaChildCallbacks *callbacks; /* static */
        void *data;

        pid_t pid;            /* 0: none */
        TbLink *link;         /* owned; NULL: none, or it has hung up and its end is waited for */
        TbPictures *pictures; /* owned; of phones; NULL: no child, or no thread for them */
        guint watch, tick, pause;
        bool ready;
        TbLinkReady guards;
        gint64 started_us;
        guint unanswered; /* pings in a row */
        guint crashes;    /* in a row */
        char *fault;      /* owned; what we killed it for */
        char *why;        /* owned; see tb_media_child_why() */
};

static void start(TbMediaChild *child);

static void set_why(TbMediaChild *child, char *why_take)
{
        bool same = g_strcmp0(child->why, why_take) == 0;
        g_free(child->why);
        child->why = why_take;
        if (!same)
                child->callbacks->changed(child->data);
}

/* --- the end of it --- */
static char *describe(int status)
{
        if (WIFSIGNALED(status))
                return g_strdup_printf(PROGRAM " was killed by signal %d (%s)", WTERMSIG(status),
                                       strsignal(WTERMSIG(status)));
        return g_strdup_printf(PROGRAM " ended with code %d", WEXITSTATUS(status));
}

static gboolean pause_over(gpointer data)
{
        TbMediaChild *child = data;
        child->pause = 0;
        start(child);
        return G_SOURCE_REMOVE;
}

guint tb_media_child_pause_ms(guint crashes)
{
        guint ms = FIRST_PAUSE_MS;
        for (guint i = 1; i < crashes && ms < TB_LIMIT_MEDIA_PAUSE_MS; i++)
                ms = i < TB_LIMIT_MEDIA_CRASHES ? MIN(ms * 2, TB_LIMIT_MEDIA_RESTART_MS) : ms * 2;
        return MIN(ms, TB_LIMIT_MEDIA_PAUSE_MS);
}

/* Tells it, and tries again after a pause. */
static void crashed(TbMediaChild *child, const char *what)
{
        if (child->ready && g_get_monotonic_time() - child->started_us > WELL_S * G_USEC_PER_SEC)
                child->crashes = 0;
        child->crashes++;
        child->ready = false;
        guint ms = tb_media_child_pause_ms(child->crashes);
        tb_log(child->crashes > TB_LIMIT_MEDIA_CRASHES ? TB_LOG_ERROR : TB_LOG_WARNING, TB_F(),
               "%s (%u in a row); WebRTC viewers have to come again, it is started in %.1f s", what,
               child->crashes, ms / 1000.0);
        child->pause = g_timeout_add(ms, pause_over, child);
        child->callbacks->lost(what, child->data);
        set_why(child, g_strdup(what));
}

static void on_reaped(pid_t pid G_GNUC_UNUSED, gint status, gpointer data)
{
        TbMediaChild *child = data;
        child->watch = 0;
        child->pid = 0;
        g_clear_handle_id(&child->tick, g_source_remove);
        g_clear_pointer(&child->pictures, tb_pictures_free);
        TbLink *link = g_steal_pointer(&child->link);
        g_autofree char *fault = g_steal_pointer(&child->fault);
        g_autofree char *what = fault ? g_steal_pointer(&fault) : describe(status);
        crashed(child, what);
        tb_link_free(link); /* encoders send to it until `lost` has returned */
}

/* on_reaped() follows. */
static void end(TbMediaChild *child, const char *fault)
{
        if (fault && !child->fault)
                child->fault = g_strdup_printf(PROGRAM " %s", fault);
        if (child->pid)
                kill(child->pid, SIGKILL);
}

void tb_media_child_distrust(TbMediaChild *child, const char *why)
{
        g_autofree char *fault = g_strdup_printf("sent what it may not (%s), and was ended", why);
        end(child, fault);
}

static void on_ended(const char *why, void *data)
{
        TbMediaChild *child = data;
        /* it closes the socket by ending; else it broke the protocol */
        bool gone = strcmp(why, TB_LINK_GONE) == 0;
        if (gone)
                end(child, NULL);
        else
                tb_media_child_distrust(child, why);
}

/* --- messages --- */
static void on_message(const TbLinkMessage *m, void *data)
{
        TbMediaChild *child = data;
        if (m->type == TB_LINK_PONG) {
                child->unanswered = 0;
        } else if (m->type == TB_LINK_READY) {
                if (child->ready)
                        return;
                child->ready = true;
                child->guards = m->ready;
                tb_log(TB_LOG_INFO, TB_F(), PROGRAM " is ready after %d ms",
                       (int)((g_get_monotonic_time() - child->started_us) / 1000));
                g_clear_pointer(&child->why, g_free);
                child->callbacks->changed(child->data);
        } else {
                child->callbacks->message(m, child->data);
        }
}

static const TbLinkCallbacks link_callbacks = {.message = on_message, .ended = on_ended};

/* Counted in pings that it had the time to answer, so that a host that was held up itself does not blame it. */
static gboolean tick(gpointer data)
{
        TbMediaChild *child = data;
        gint64 age = g_get_monotonic_time() - child->started_us;
        if (!child->ready && age > TB_LIMIT_MEDIA_START_S * G_USEC_PER_SEC)
                end(child, "did not become ready in time, and was ended");
        else if (child->ready && child->unanswered >= TB_LIMIT_MEDIA_PINGS)
                end(child, "does not answer any more, and was ended");
        else if (child->ready && child->link &&
                 tb_link_send(child->link, &(TbLinkMessage){.type = TB_LINK_PING}) == TB_LINK_SENT)
                child->unanswered++;
        return G_SOURCE_CONTINUE;
}

/* --- start --- */
/* Of the host's environment only what libraries of the child listen to: no token, no path of state. */
static char **environment(void)
{
        static const char *const kept[] = {"LANG",         "LC_ALL",           "TZ",
                                           "HOME",         "XDG_CACHE_HOME",   "PATH",
                                           "G_DEBUG",      "G_MESSAGES_DEBUG", "G_SLICE",
                                           "NICE_DEBUG",   "ASAN_OPTIONS",     "UBSAN_OPTIONS",
                                           "LSAN_OPTIONS", "TSAN_OPTIONS",     NULL};
        g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
        g_auto(GStrv) all = g_get_environ();
        for (char **entry = all; *entry; entry++) {
                g_autofree char *name = g_strndup(*entry, strcspn(*entry, "="));
                if (g_strv_contains(kept, name) || g_str_has_prefix(name, "GST_"))
                        g_strv_builder_add(builder, *entry);
        }
        return g_strv_builder_end(builder);
}

static pid_t spawn(const char *program, const int sockets[2], GError **error)
{
        const char *argv[] = {program, NULL};
        g_auto(GStrv) env = environment();
        const int targets[] = {TB_MEDIA_SOCKET, TB_MEDIA_PICTURES};
        pid_t pid = 0;
        /* everything but 0, 1, 2 and the sockets is closed in it */
        if (g_spawn_async_with_pipes_and_fds(NULL, argv, (const char *const *)env,
                                             G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
                                             NULL, -1, -1, -1, sockets, targets, 2, &pid, NULL, NULL, NULL,
                                             error))
                return pid;
        tb_error_prefix(error, PROGRAM " cannot be started: ");
        return 0;
}

static void close_one(int fd)
{
        if (fd >= 0)
                close(fd);
}

static void start(TbMediaChild *child)
{
        int pair[2] = {-1, -1}, pictures[2] = {-1, -1};
        g_autoptr(GError) error = NULL;
        child->started_us = g_get_monotonic_time();
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pictures) != 0)
                tb_set_error(&error, TB_ERROR_UNAVAILABLE, PROGRAM " cannot be started: %s",
                             g_strerror(errno));
        else
                child->pid = spawn(child->program, (int[]){pair[1], pictures[1]}, &error);
        close_one(pair[1]);
        close_one(pictures[1]);
        if (!child->pid) {
                close_one(pair[0]);
                close_one(pictures[0]);
                crashed(child, error->message);
                return;
        }
        child->unanswered = 0;
        child->pictures = tb_pictures_new(pictures[0]);
        child->link = tb_link_new(pair[0], TB_LINK_HOST, &link_callbacks, child);
        tb_link_send(child->link, &(TbLinkMessage){.type = TB_LINK_SETUP, .setup = child->setup});
        child->watch = g_child_watch_add(child->pid, on_reaped, child);
        child->tick = g_timeout_add(TICK_MS, tick, child);
}

void tb_media_child_start(TbMediaChild *child)
{
        tb_assert_main();
        if (!child->pid && !child->pause)
                start(child);
}

static char *beside_us(void)
{
        g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
        g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
        return folder ? g_build_filename(folder, PROGRAM, NULL) : g_strdup(PROGRAM);
}

TbMediaChild *tb_media_child_new(const char *program, const TbLinkSetup *setup,
                                 const TbMediaChildCallbacks *callbacks, void *data)
{
        TbMediaChild *child = g_new0(TbMediaChild, 1);
        child->program = program ? g_strdup(program) : beside_us();
        child->setup = *setup;
        child->callbacks = callbacks;
        child->data = data;
        return child;
}

/* It gives its TURN ports back first. */
static void wait_for(pid_t pid)
{
        int fd = pidfd_open(pid, 0);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (fd < 0 || poll(&p, 1, TB_MEDIA_CHILD_GRACE_MS) != 1)
                kill(pid, SIGKILL);
        if (fd >= 0)
                close(fd);
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        g_autofree char *how = describe(status);
        if (status != 0)
                tb_log(TB_LOG_WARNING, TB_F(), "%s", how);
}

void tb_media_child_free(TbMediaChild *child)
{
        if (!child)
                return;
        tb_assert_main();
        g_clear_handle_id(&child->watch, g_source_remove);
        g_clear_handle_id(&child->tick, g_source_remove);
        g_clear_handle_id(&child->pause, g_source_remove);
        g_clear_pointer(&child->link, tb_link_free);
        g_clear_pointer(&child->pictures, tb_pictures_free);
        if (child->pid)
                wait_for(child->pid);
        g_free(child->program);
        g_free(child->fault);
        g_free(child->why);
        g_free(child);
}

TbPictures *tb_media_child_pictures(TbMediaChild *child)
{
        return child->pictures;
}

TbLink *tb_media_child_link(TbMediaChild *child)
{
        return child->link;
}

const char *tb_media_child_why(TbMediaChild *child)
{
        return child->why;
}

pid_t tb_media_child_pid(TbMediaChild *child)
{
        return child->pid;
}

bool tb_media_child_guards(TbMediaChild *child, TbLinkReady *ret_ready)
{
        if (child->ready)
                *ret_ready = child->guards;
        return child->ready;
}
