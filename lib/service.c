#include "lib/service.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/limits.h"
#include "lib/log.h"
#include "lib/thread.h"

#define FIRST_FD 3 /* sd_listen_fds(3) */

static struct {
        TbMutex lock;
        int socket;        /* -1: there is no manager */
        GHashTable *given; /* owned: name -> fd, of before this process; NULL: nothing */
        guint64 watchdog_us;
        bool stopping;
} service = {.lock = TB_MUTEX_INIT, .socket = -1};

static bool say(const char *text, int fd)
{
        struct iovec part = {.iov_base = (char *)text, .iov_len = strlen(text)};
        union {
                char bytes[CMSG_SPACE(sizeof fd)];
                struct cmsghdr align;
        } control = {0};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        if (service.socket < 0)
                return false;
        if (fd >= 0) {
                message.msg_control = control.bytes;
                message.msg_controllen = sizeof control.bytes;
                struct cmsghdr *head = CMSG_FIRSTHDR(&message);
                head->cmsg_level = SOL_SOCKET;
                head->cmsg_type = SCM_RIGHTS;
                head->cmsg_len = CMSG_LEN(sizeof fd);
                memcpy(CMSG_DATA(head), &fd, sizeof fd);
        }
        ssize_t sent;
        do
                sent = sendmsg(service.socket, &message, MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
        if (sent < 0)
                tb_log(TB_LOG_WARNING, TB_F(), "the service manager does not listen: %s", g_strerror(errno));
        return sent >= 0;
}

static void open_socket(const char *path)
{
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        gsize size = strlen(path);
        if ((*path != '/' && *path != '@') || size >= sizeof to.sun_path)
                return;
        memcpy(to.sun_path, path, size);
        if (*path == '@')
                to.sun_path[0] = '\0';
        service.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (service.socket < 0 || connect(service.socket, (struct sockaddr *)&to,
                                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) == 0)
                return;
        tb_log(TB_LOG_WARNING, TB_F("socket", path), "the service manager is not reached: %s",
               g_strerror(errno));
        close(service.socket);
        service.socket = -1;
}

/* A number of the environment that is meant for this process. */
static guint64 number(const char *name, const char *pid_name, guint64 most)
{
        const char *text = g_getenv(name), *whose = g_getenv(pid_name);
        guint64 value = 0, pid = 0;
        if (whose &&
            (!g_ascii_string_to_unsigned(whose, 10, 1, G_MAXINT, &pid, NULL) || pid != (guint64)getpid()))
                return 0;
        return text && g_ascii_string_to_unsigned(text, 10, 0, most, &value, NULL) ? value : 0;
}

static void forget_fd(gpointer fd)
{
        close(GPOINTER_TO_INT(fd));
}

static void take_given(void)
{
        guint64 count = g_getenv("LISTEN_PID") ? number("LISTEN_FDS", "LISTEN_PID", TB_LIMIT_HELD_FDS) : 0;
        const char *names = g_getenv("LISTEN_FDNAMES");
        g_auto(GStrv) name = g_strsplit(names ? names : "", ":", TB_LIMIT_HELD_FDS + 1);
        if (count == 0 || count != g_strv_length(name))
                return;
        service.given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, forget_fd);
        for (guint64 i = 0; i < count; i++) {
                int fd = FIRST_FD + (int)i;
                if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
                        g_hash_table_replace(service.given, g_strdup(name[i]), GINT_TO_POINTER(fd));
        }
}

void tb_service_init(void)
{
        static const char *const ours[] = {"NOTIFY_SOCKET",  "LISTEN_PID",   "LISTEN_FDS",
                                           "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC"};
        const char *path = g_getenv("NOTIFY_SOCKET");
        if (path)
                open_socket(path);
        take_given();
        service.watchdog_us = number("WATCHDOG_USEC", "WATCHDOG_PID", G_MAXINT64);
        for (gsize i = 0; i < G_N_ELEMENTS(ours); i++)
                g_unsetenv(ours[i]);
}

static gboolean on_watchdog(gpointer data)
{
        (void)data;
        (void)say("WATCHDOG=1", -1);
        return G_SOURCE_CONTINUE;
}

static gboolean on_rest(gpointer data)
{
        (void)data;
        tb_mutex_lock(&service.lock);
        g_autoptr(GHashTable) rest = g_steal_pointer(&service.given);
        tb_mutex_unlock(&service.lock);
        GHashTableIter each;
        gpointer name;
        g_hash_table_iter_init(&each, rest);
        while (g_hash_table_iter_next(&each, &name, NULL))
                tb_service_release(name);
        return G_SOURCE_REMOVE;
}

void tb_service_ready(void)
{
        (void)say("READY=1", -1);
        if (service.socket >= 0 && service.watchdog_us)
                g_timeout_add((guint)MIN(service.watchdog_us / 2000, G_MAXINT), on_watchdog, NULL);
        if (service.given)
                g_timeout_add_seconds(TB_LIMIT_HELD_S, on_rest, NULL);
}

void tb_service_stopping(void)
{
        tb_mutex_lock(&service.lock);
        service.stopping = true;
        tb_mutex_unlock(&service.lock);
        (void)say("STOPPING=1", -1);
}

bool tb_service_hold(const char *name, int fd)
{
        g_autofree char *text = g_strconcat("FDSTORE=1\nFDNAME=", name, NULL);
        return say(text, fd);
}

void tb_service_release(const char *name)
{
        g_autofree char *text = g_strconcat("FDSTOREREMOVE=1\nFDNAME=", name, NULL);
        tb_mutex_lock(&service.lock);
        if (!service.stopping)
                (void)say(text, -1);
        tb_mutex_unlock(&service.lock);
}

int tb_service_take(const char *name)
{
        gpointer key = NULL, fd = GINT_TO_POINTER(-1);
        tb_mutex_lock(&service.lock);
        if (service.given && g_hash_table_steal_extended(service.given, name, &key, &fd))
                g_free(key);
        else
                fd = GINT_TO_POINTER(-1);
        tb_mutex_unlock(&service.lock);
        return GPOINTER_TO_INT(fd);
}
