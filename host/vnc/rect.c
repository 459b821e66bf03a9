#include "host/vnc/rect.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

void tb_vnc_put16(guint8 *to, int number)
{
        to[0] = (guint8)(number >> 8);
        to[1] = (guint8)number;
}

void tb_vnc_put32(guint8 *to, guint32 number)
{
        tb_vnc_put16(to, (int)(number >> 16));
        tb_vnc_put16(to + 2, (int)(number & 0xffff));
}

void tb_vnc_put_head(guint8 *to, int x, int y, int width, int height, gint32 encoding)
{
        tb_vnc_put16(to, x);
        tb_vnc_put16(to + 2, y);
        tb_vnc_put16(to + 4, width);
        tb_vnc_put16(to + 6, height);
        tb_vnc_put32(to + 8, (guint32)encoding);
}

bool tb_vnc_send_vector(const TbVncSlot *slot, struct iovec *vector, gsize n)
{
        for (;;) {
                for (; n > 0 && vector->iov_len == 0; n--)
                        vector++;
                if (n == 0)
                        return true;
                const struct msghdr message = {.msg_iov = vector, .msg_iovlen = n};
                ssize_t sent = sendmsg(slot->fd, &message, MSG_NOSIGNAL);
                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent < 0 && errno == EAGAIN) {
                        struct pollfd p = {.fd = slot->fd, .events = POLLOUT};
                        if (poll(&p, 1, TB_VNC_STALL_MS) > 0)
                                continue;
                }
                if (sent <= 0)
                        return false;
                for (; n > 0 && (gsize)sent >= vector->iov_len; vector++, n--)
                        sent -= (ssize_t)vector->iov_len;
                if (n > 0) {
                        vector->iov_base = (guint8 *)vector->iov_base + sent;
                        vector->iov_len -= (gsize)sent;
                }
        }
}
