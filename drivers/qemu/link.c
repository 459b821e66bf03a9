#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "drivers/qemu/qemu.h"

/* Between bind() and listen() of QEMU the socket exists and refuses: then look again soon. */
#define RETRY_MS 10

bool tb_qemu_link_open(TbQemuLink *link, const char *dir, const char *name, GError **error)
{
        link->dir = dir;
        link->name = name;
        link->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (link->watch >= 0 &&
            inotify_add_watch(link->watch, dir, IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO) >= 0)
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE,
                     "cannot watch for QEMU's socket \"%s\": %s (fs.inotify.max_user_instances bounds that)",
                     name, g_strerror(errno));
        return false;
}

void tb_qemu_link_close(TbQemuLink *link)
{
        if (link->watch > 0)
                close(link->watch);
        link->watch = -1;
}

static void drain(int fd)
{
        char buf[4096];
        while (read(fd, buf, sizeof buf) > 0) {
        }
}

TbTransport *tb_qemu_link_connect(TbQemuLink *link, TbIo *io)
{
        g_autofree char *path = g_build_filename(link->dir, link->name, NULL);
        drain(link->watch); /* before looking, so that nothing that comes afterwards is missed */
        return tb_transport_unix(io, path, 1000, NULL);
}

bool tb_qemu_link_there(const TbQemuLink *link)
{
        g_autofree char *path = g_build_filename(link->dir, link->name, NULL);
        return access(path, F_OK) == 0;
}

void tb_qemu_link_wait(TbQemuLink *link, TbIo *io)
{
        struct pollfd p = {.fd = link->watch, .events = POLLIN};
        tb_io_wait(io, &p, 1, tb_qemu_link_there(link) ? RETRY_MS : -1);
}

char *tb_qemu_off_reason(TbInstance *self)
{
        g_autofree char *path = g_build_filename(self->run_dir, "off", NULL);
        char *text = NULL;
        if (g_file_get_contents(path, &text, NULL, NULL) && *text)
                return text;
        g_free(text);
        return g_strdup_printf("%s is powered off", self->device);
}
