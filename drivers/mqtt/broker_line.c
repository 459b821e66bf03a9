#include "drivers/mqtt/broker_line.h"

#include <errno.h>
#include <poll.h>

#define LOOK_MS 1000 /* the library counts seconds: pings, answers to pings that stay away */

static int turn(struct mosquitto *client, TbInterruptor *over, TbInterruptor *work)
{
        struct pollfd fds[] = {
                {.fd = mosquitto_socket(client),
                 .events = (short)(POLLIN | (mosquitto_want_write(client) ? POLLOUT : 0))},
                {.fd = tb_interruptor_fd(work), .events = POLLIN},
                {.fd = tb_interruptor_fd(over), .events = POLLIN},
        };
        int failed = 0;

        if (poll(fds, G_N_ELEMENTS(fds), LOOK_MS) < 0 && errno != EINTR)
                return MOSQ_ERR_ERRNO;
        tb_interruptor_lower(work);
        if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
                failed = mosquitto_loop_read(client, 1);
        /* what was queued meanwhile, too: it need not wait for another turn */
        if (!failed && mosquitto_want_write(client))
                failed = mosquitto_loop_write(client, 1);
        return failed ? failed : mosquitto_loop_misc(client);
}

int tb_mqtt_line_run(struct mosquitto *client, const char *host, int port, int keepalive_s,
                     TbInterruptor *over, TbInterruptor *work, bool *ret_connected)
{
        int failed = mosquitto_connect(client, host, port, keepalive_s);

        *ret_connected = failed == 0;
        while (!failed && !tb_interruptor_raised(over))
                failed = turn(client, over, work);
        if (!failed) /* the farewell that was queued, and what was published before it */
                mosquitto_loop_write(client, 1);
        return failed;
}
