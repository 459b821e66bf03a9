/* The public socket of a server that leads elsewhere. */
#include "server/cluster/door.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/descriptors.h"
#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/http/tls_front.h"
#include "lib/limits_cluster.h"
#include "lib/listener.h"
#include "lib/log.h"

#define TICK_MS 100
#define PER_CLIENT                                                                                           \
        3 /* descriptors: its socket, and a pair where there is TLS, or the one to the other server */
#define QUIET_US (250 * 1000)

static const char sorry[] = "{\"type\":\"about:blank\",\"title\":\"Service "
                            "Unavailable\",\"status\":503,\"detail\":\"none of the servers has "
                            "the database at the moment: try again in some seconds\"}\n";

struct TbDoor {
        TbSplices *splices;   /* owned */
        TbListener *listener; /* owned; NULL: TLS, or nobody is let in */
        TbTlsFront *front;    /* owned; NULL: no TLS */
        int listen_fd;        /* borrowed */
        bool closed;          /* nobody new is let in */
        char *address, *secret;
        guint16 port;
        GQueue waiting; /* owned TbClient, the longest first */
        void (*lost)(gpointer data);
        gpointer data;
        guint tick;
        void (*done)(gpointer data);
        gpointer done_data;
        gint64 done_us, moved_us;
        guint64 bytes;
};

static void refuse(const TbClient *client)
{
        g_autofree char *id = tb_random_token(12);
        g_autofree char *answer =
                g_strdup_printf("HTTP/1.1 503 Service Unavailable\r\nContent-Type: "
                                "application/problem+json\r\nX-Request-Id: %s\r\n"
                                "Retry-After: 2\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                                id, sizeof sorry - 1, sorry);
        send(client->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(client->fd, SHUT_WR);
        close(client->fd);
}

static void wait_for_it(TbDoor *door, const TbClient *client)
{
        if (door->waiting.length >= TB_LIMIT_DOOR_WAITING) {
                refuse(client);
                return;
        }
        g_queue_push_tail(&door->waiting, g_memdup2(client, sizeof *client));
        if (door->waiting.length >= TB_LIMIT_DOOR_WAITING) /* who comes now waits in the kernel */
                g_clear_pointer(&door->listener, tb_listener_free);
}

static void lead(TbDoor *door, const TbClient *client)
{
        if (!door->address) {
                wait_for_it(door, client);
                return;
        }
        g_autofree char *head =
                g_strdup_printf("testbed 1 %s %s %s %s\n", door->secret, client->peer,
                                *client->local ? client->local : "-", client->tls ? "tls" : "plain");
        tb_splices_add(door->splices, client, door->address, door->port, head);
}

/* The server that we lead to is not there: whoever comes waits until it is known who has the database now. */
static void on_back(const TbClient *client, gpointer data)
{
        TbDoor *door = data;
        g_clear_pointer(&door->address, g_free);
        wait_for_it(door, client);
        if (door->lost)
                door->lost(door->data);
}

static void on_connection(int fd, const char *peer, gpointer data)
{
        TbClient client = {.fd = fd, .since_us = g_get_monotonic_time()};
        struct sockaddr_storage local = {0};
        socklen_t size = sizeof local;
        g_strlcpy(client.peer, peer, sizeof client.peer);
        if (getsockname(fd, (struct sockaddr *)&local, &size) == 0)
                tb_address_text((struct sockaddr *)&local, client.local);
        lead(data, &client);
}

static void on_arrival(const TbTlsArrival *arrival, gpointer data)
{
        TbClient client = {.fd = arrival->fd, .tls = true, .since_us = g_get_monotonic_time()};
        tb_address_text((const struct sockaddr *)&arrival->peer, client.peer);
        g_strlcpy(client.local, arrival->local, sizeof client.local);
        lead(data, &client);
}

static bool listen_on(TbDoor *door)
{
        int fd = fcntl(door->listen_fd, F_DUPFD_CLOEXEC, 3);
        if (fd >= 0)
                door->listener = tb_listener_of(fd, on_connection, door);
        return fd >= 0;
}

static bool tls_on(TbDoor *door, TbTls *tls, GError **error)
{
        int fd = fcntl(door->listen_fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return false;
        door->front = tb_tls_front_new(fd, tls, tb_descriptors_for_connections() / PER_CLIENT, on_arrival,
                                       door, error);
        if (!door->front)
                close(fd);
        return door->front != NULL;
}

/* --- time --- */
static void refuse_late(TbDoor *door, gint64 now_us)
{
        for (TbClient *c; (c = g_queue_peek_head(&door->waiting)) &&
                          now_us - c->since_us > TB_LIMIT_DOOR_WAIT_MS * 1000ll;) {
                g_queue_pop_head(&door->waiting);
                refuse(c);
                g_free(c);
        }
}

static gboolean on_tick(gpointer data)
{
        TbDoor *door = data;
        gint64 now_us = g_get_monotonic_time();
        tb_splices_tick(door->splices, now_us);
        refuse_late(door, now_us);
        if (!door->listener && !door->front && !door->closed && door->waiting.length < TB_LIMIT_DOOR_WAITING)
                listen_on(door);
        if (door->waiting.length > 0 && !door->address && door->lost)
                door->lost(door->data);
        if (tb_splices_bytes(door->splices) != door->bytes)
                door->moved_us = now_us;
        door->bytes = tb_splices_bytes(door->splices);
        if (door->done_us && (now_us >= door->done_us || now_us - door->moved_us >= QUIET_US)) {
                door->done_us = 0;
                if (door->done)
                        door->done(door->done_data);
        }
        return G_SOURCE_CONTINUE;
}

/* --- life --- */
TbDoor *tb_door_new(TbPoller *poller, int listen_fd, TbTls *tls, void (*lost)(gpointer data), gpointer data,
                    GError **error)
{
        TbDoor *door = g_new0(TbDoor, 1);
        door->listen_fd = listen_fd;
        door->lost = lost;
        door->data = data;
        door->splices = tb_splices_new(poller, on_back, door);
        if (tls ? tls_on(door, tls, error) : listen_on(door)) {
                door->tick = g_timeout_add(TICK_MS, on_tick, door);
                return door;
        }
        if (error && !*error)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "no file can be opened for those who connect");
        tb_splices_free(door->splices);
        g_free(door);
        return NULL;
}

void tb_door_lead_to(TbDoor *door, const char *address, guint16 port, const char *secret)
{
        if (g_strcmp0(door->secret, secret) != 0) /* another server than before, or it was started anew */
                tb_splices_end(door->splices);
        g_free(door->address);
        g_free(door->secret);
        door->address = g_strdup(address);
        door->secret = g_strdup(secret);
        door->port = port;
        GQueue all = door->waiting; /* who comes back waits anew */
        g_queue_init(&door->waiting);
        for (TbClient *c; (c = g_queue_pop_head(&all)); g_free(c)) {
                if (door->address)
                        lead(door, c);
                else
                        wait_for_it(door, c);
        }
}

void tb_door_close(TbDoor *door, guint grace_ms, void (*done)(gpointer data), gpointer data)
{
        door->closed = true;
        g_clear_pointer(&door->listener, tb_listener_free);
        if (door->front)
                tb_tls_front_quiesce(door->front);
        door->done = done;
        door->done_data = data;
        door->moved_us = g_get_monotonic_time();
        door->done_us = door->moved_us + grace_ms * 1000ll;
}

void tb_door_free(TbDoor *door, void (*rest)(const TbClient *client, gpointer data), gpointer data)
{
        if (!door)
                return;
        g_source_remove(door->tick);
        tb_listener_free(door->listener);
        door->lost = NULL;
        tb_splices_end(door->splices); /* whose bytes have not left yet waits with the others */
        tb_splices_free(door->splices);
        for (TbClient *c; (c = g_queue_pop_head(&door->waiting)); g_free(c)) {
                if (rest)
                        rest(c, data);
                else
                        refuse(c);
        }
        tb_tls_front_free(door->front);
        g_free(door->address);
        g_free(door->secret);
        g_free(door);
}

guint tb_door_waiting(const TbDoor *door)
{
        return door->waiting.length;
}

guint tb_door_clients(const TbDoor *door)
{
        return tb_splices_count(door->splices);
}
