#pragma once
/* One connection to a broker while it lasts, apart from what is said on it: the library's own loop waits by select(), which knows no
 * descriptor from 1024 on; a host with many devices has such. */
#include <mosquitto.h>

#include "lib/thread.h"

/* Connects, reads and writes until the connection ends or `over` is raised; `work` is raised by whoever queued something (and lowered
 * here). The library's callbacks run in it. Its error (MOSQ_ERR_…), 0 when it is over; `*ret_connected`: a connection came about. Waits as
 * long as the library does for names and hosts: a thread of its own. */
int tb_mqtt_line_run(struct mosquitto *client, const char *host, int port, int keepalive_s,
                     TbInterruptor *over, TbInterruptor *work, bool *ret_connected);
