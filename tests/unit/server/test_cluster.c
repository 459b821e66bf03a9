/* Clients of one server that are carried to another: the door they come in by, the pair of sockets, the entry there. */
#include "server/cluster/door.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/descriptors.h"
#include "lib/limits_cluster.h"
#include "lib/net.h"
#include "lib/thread.h"
#include "server/cluster/door.h"
#include "server/cluster/entry.h"
#include "tests/unit/server/until.h"

#define SECRET "what-stands-in-the-database"

typedef struct World {
        TbPoller *poller;
        TbEntry *entry;
        TbDoor *door;
        int listen_fd;
        guint16 port;
        guint brought, lost, done;
        TbClient last; /* who was brought last; its fd is the test's */
} World;

static void on_brought(const TbClient *client, gpointer data)
{
        World *w = data;
        w->brought++;
        w->last = *client;
}

static void on_brought_many(const TbClient *client, gpointer data)
{
        on_brought(client, data);
        close(client->fd);
}

static void on_lost(gpointer data)
{
        ((World *)data)->lost++;
}

static void on_done(gpointer data)
{
        ((World *)data)->done++;
}

static void begin(World *w, void (*brought)(const TbClient *client, gpointer data))
{
        g_autoptr(GError) error = NULL;
        *w = (World){.poller = tb_poller_new(NULL)};
        w->entry = tb_entry_new("127.0.0.1", 0, w->poller, brought, w, &error);
        g_assert_no_error(error);
        tb_entry_open(w->entry, SECRET);
        w->listen_fd = tb_listen("127.0.0.1", 0, NULL, &w->port, NULL);
        w->door = tb_door_new(w->poller, w->listen_fd, NULL, on_lost, w, &error);
        g_assert_no_error(error);
}

static void end(World *w)
{
        tb_door_free(w->door, NULL, NULL);
        tb_entry_free(w->entry);
        tb_poller_free(w->poller);
        close(w->listen_fd);
}

static int dial(guint16 port)
{
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof to), ==, 0);
        g_assert_cmpint(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
        return fd;
}

static void say(int fd, const char *text)
{
        g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, strlen(text));
}

/* What is to be read there, at least `least` bytes or the end; the caller frees. */
static char *hear(int fd, gsize least)
{
        GString *text = g_string_new("");
        char some[4096];
        ssize_t n = -1;
        UNTIL((n = recv(fd, some, sizeof some, 0)) == 0 || (n < 0 && errno != EAGAIN) ||
              (n > 0 && g_string_append_len(text, some, n)->len >= least));
        return g_string_free(text, FALSE);
}

static void test_line(void)
{
        static const char *const bad[] = {"",
                                          "testbed 1 " SECRET " 10.0.0.7 10.0.0.1",
                                          "testbed 2 " SECRET " 10.0.0.7 10.0.0.1 tls",
                                          "testbed 1 wrong 10.0.0.7 10.0.0.1 tls",
                                          "testbed 1  10.0.0.7 10.0.0.1 tls",
                                          "testbed 1 " SECRET " host.name 10.0.0.1 tls",
                                          "testbed 1 " SECRET " 10.0.0.7 10.0.0.1 ssl",
                                          "testbed 1 " SECRET " 10.0.0.7 10.0.0.1 tls more",
                                          "GET / HTTP/1.1"};
        TbClient client;
        g_assert_true(tb_entry_line_parse("testbed 1 " SECRET " 10.0.0.7 10.0.0.1 tls", SECRET, &client));
        g_assert_cmpstr(client.peer, ==, "10.0.0.7");
        g_assert_cmpstr(client.local, ==, "10.0.0.1");
        g_assert_true(client.tls);
        g_assert_true(tb_entry_line_parse("testbed 1 " SECRET " 2001:db8::7 - plain", SECRET, &client));
        g_assert_cmpstr(client.local, ==, "");
        g_assert_false(client.tls);
        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(tb_entry_line_parse(bad[i], SECRET, &client));
}

/* What comes first is not lost, in either direction, however much of it waits. */
static void test_carried(void)
{
        World w;
        begin(&w, on_brought);
        int client = dial(w.port);
        say(client, "before it is known where to");
        UNTIL(tb_door_waiting(w.door) == 1 && w.lost > 0);
        tb_door_lead_to(w.door, "127.0.0.1", tb_entry_port(w.entry), SECRET);
        UNTIL(w.brought == 1);
        g_assert_cmpstr(w.last.peer, ==, "127.0.0.1");
        g_assert_cmpstr(w.last.local, ==, "127.0.0.1");
        g_assert_false(w.last.tls);
        g_autofree char *first = hear(w.last.fd, 27);
        g_assert_cmpstr(first, ==, "before it is known where to");
        g_autofree char *large = g_strnfill(8 << 20, 'x');
        gsize sent = 0, got = 0, size = strlen(large);
        char some[65536];
        while (got < size) { /* a slow reader: nothing is left out, and nothing is read that has no place */
                ssize_t n = sent < size
                                    ? send(w.last.fd, large + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL)
                                    : 0;
                sent += n > 0 ? (gsize)n : 0;
                g_main_context_iteration(NULL, FALSE);
                n = recv(client, some, 10000, 0);
                got += n > 0 ? (gsize)n : 0;
        }
        say(client, "and back");
        g_autofree char *back = hear(w.last.fd, 8);
        g_assert_cmpstr(back, ==, "and back");
        shutdown(client, SHUT_WR); /* the end of one side is the end of the other, and no more */
        g_autofree char *none = hear(w.last.fd, 1);
        g_assert_cmpstr(none, ==, "");
        say(w.last.fd, "still");
        g_autofree char *still = hear(client, 5);
        g_assert_cmpstr(still, ==, "still");
        close(w.last.fd);
        UNTIL(tb_door_clients(w.door) == 0);
        close(client);
        end(&w);
}

/* The other server goes, and is another then. */
static void test_another(void)
{
        World w;
        begin(&w, on_brought);
        tb_door_lead_to(w.door, "127.0.0.1", tb_entry_port(w.entry), SECRET);
        int client = dial(w.port);
        UNTIL(w.brought == 1);
        tb_door_lead_to(w.door, "127.0.0.1", tb_entry_port(w.entry), SECRET); /* the same: it goes on */
        g_assert_cmpuint(tb_door_clients(w.door), ==, 1);
        tb_door_lead_to(w.door, "127.0.0.1", 1, "another"); /* who is not there */
        g_autofree char *end_of_it = hear(client, 1);
        g_assert_cmpstr(end_of_it, ==, "");
        close(w.last.fd);
        int next = dial(w.port);
        say(next, "keeps its bytes");
        UNTIL(tb_door_waiting(w.door) == 1 && w.lost > 0);
        tb_door_lead_to(w.door, "127.0.0.1", tb_entry_port(w.entry), SECRET);
        UNTIL(w.brought == 2);
        g_autofree char *kept = hear(w.last.fd, 15);
        g_assert_cmpstr(kept, ==, "keeps its bytes");
        tb_door_close(w.door, 5000, on_done, &w); /* nothing is under way: it does not take as long */
        UNTIL(w.done == 1);
        close(w.last.fd);
        close(client);
        close(next);
        end(&w);
}

static void test_waiting(void)
{
        World w;
        int fds[TB_LIMIT_DOOR_WAITING + 6];
        begin(&w, on_brought_many);
        for (gsize i = 0; i < G_N_ELEMENTS(fds); i++) {
                fds[i] = dial(w.port);
                while (g_main_context_iteration(NULL, FALSE))
                        ;
        }
        UNTIL(tb_door_waiting(w.door) == TB_LIMIT_DOOR_WAITING);
        g_main_context_iteration(NULL, FALSE);
        g_assert_cmpuint(tb_door_waiting(w.door), ==, TB_LIMIT_DOOR_WAITING);
        tb_door_lead_to(w.door, "127.0.0.1", tb_entry_port(w.entry), SECRET);
        UNTIL(w.brought == G_N_ELEMENTS(fds)); /* those in the kernel, too */
        for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
                close(fds[i]);
        /* who waits in vain is told so, after TB_LIMIT_DOOR_WAIT_MS */
        gint64 since_us = g_get_monotonic_time();
        tb_door_lead_to(w.door, "127.0.0.1", 1, "another");
        int client = dial(w.port);
        g_autofree char *told = hear(client, 100);
        g_assert_true(g_str_has_prefix(told, "HTTP/1.1 503 "));
        g_assert_cmpint(g_get_monotonic_time() - since_us, >=, TB_LIMIT_DOOR_WAIT_MS * 1000);
        close(client);
        end(&w);
}

/* Strangers at the servers' own port. */
static void test_strangers(void)
{
        World w;
        static const char *const lines[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                            "testbed 1 guess 127.0.0.1 - plain\n", "testbed 1 "};
        begin(&w, on_brought);
        for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
                int stranger = dial(tb_entry_port(w.entry));
                say(stranger, lines[i]);
                g_autofree char *none = hear(stranger, 1);
                g_assert_cmpstr(none, ==, "");
                close(stranger);
        }
        int fds[TB_LIMIT_ENTRY_WAITING + 1];
        for (gsize i = 0; i < G_N_ELEMENTS(fds); i++) {
                fds[i] = dial(tb_entry_port(w.entry));
                while (g_main_context_iteration(NULL, FALSE))
                        ;
        }
        char byte;
        UNTIL(recv(fds[0], &byte, 1, 0) >= 0 || errno != EAGAIN); /* the oldest gives way */
        g_assert_cmpuint(tb_entry_unproven(w.entry), ==, TB_LIMIT_ENTRY_WAITING);
        gint64 until_us = g_get_monotonic_time() + TB_LIMIT_ENTRY_MS * 1000;
        UNTIL(g_get_monotonic_time() > until_us);
        int late = dial(tb_entry_port(w.entry)); /* who says nothing does not stay */
        UNTIL(tb_entry_unproven(w.entry) == 1);
        close(late);
        tb_entry_open(w.entry, NULL); /* it has the database no more */
        int server = dial(tb_entry_port(w.entry));
        say(server, "testbed 1 " SECRET " 127.0.0.1 - plain\n");
        g_autofree char *none = hear(server, 1);
        g_assert_cmpstr(none, ==, "");
        g_assert_cmpuint(w.brought, ==, 0);
        close(server);
        for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
                close(fds[i]);
        end(&w);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        tb_descriptors_init();
        g_test_add_func("/cluster/line", test_line);
        g_test_add_func("/cluster/carried", test_carried);
        g_test_add_func("/cluster/another", test_another);
        g_test_add_func("/cluster/waiting", test_waiting);
        g_test_add_func("/cluster/strangers", test_strangers);
        return g_test_run();
}
