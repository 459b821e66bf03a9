#include "drivers/transport/hold.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "lib/service.h"

void tb_hold_take_over(const char *path)
{
        int before = tb_service_take(path);

        if (before < 0)
                return;
        (void)ioctl(before, TIOCNXCL);
        close(before); /* the manager's copy keeps the line up */
}

/* By a descriptor of its own: no lock, no settings. The line that this process has open stays up while the
 * descriptor of before gives way to this one. */
bool tb_hold_line(const char *path)
{
        int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

        tb_service_release(path);
        bool held = fd >= 0 && tb_service_hold(path, fd);
        if (fd >= 0)
                close(fd);
        return held;
}

void tb_hold_release(const char *path)
{
        tb_service_release(path);
}
