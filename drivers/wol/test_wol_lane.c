/* The wol driver against the kernel: what leaves the socket, the kernel's own answers to pings, a TCP port that listens, one that
 * refuses, and one whose queue is full, which is as silent as a machine that is off. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/lane.h"

#define PATIENCE_MS 20000

static int bound(int type, int *ret_port)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&a, size), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &size), ==, 0);
        *ret_port = ntohs(a.sin_port);
        return fd;
}

static Lane *attach(const char *query)
{
        g_autofree char *uri =
                g_strdup_printf("wol://01-23-45-67-89-ab?broadcast=127.0.0.1&poll_ms=1000%s", query);
        Lane *lane = lane_start(uri, NULL, NULL, "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        return lane;
}

static bool call_set(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->set(self, io, *(const bool *)data, error);
}

static void test_wake(void)
{
        int port, udp = bound(SOCK_DGRAM, &port);
        g_autofree char *query = g_strdup_printf("&port=%d&password=01:02:03:04:05:06", port);
        Lane *lane = attach(query);
        lane_power(lane, true);
        guint8 heard[256];
        for (int i = 0; i < 3; i++) { /* nobody acknowledges it */
                gssize n = recv(udp, heard, sizeof heard, 0);
                g_assert_cmpint(n, ==, 108);
                g_assert_cmpuint(heard[0], ==, 0xff);
                g_assert_cmpint(memcmp(heard + 96, "\x01\x23\x45\x67\x89\xab\x01\x02\x03\x04\x05\x06", 12),
                                ==, 0);
        }
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_UNKNOWN); /* nobody said how to see it */
        static const bool off = false;
        g_autoptr(GError) error = NULL;
        g_assert_false(lane_call(lane, call_set, &off, PATIENCE_MS, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_UNSUPPORTED);
        g_assert_nonnull(strstr(error->message, "can be woken and not switched off"));
        lane_stop(lane, 1000);
        close(udp);
}

static void test_seen(void)
{
        int port, tcp = bound(SOCK_STREAM, &port), clients[8];
        g_autofree char *query = g_strdup_printf("&address=127.0.0.1&tcp=%d&timeout_ms=200&boot_s=1", port);
        Lane *lane = attach(query);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON); /* it refuses: somebody is there */
        g_assert_cmpint(listen(tcp, 0), ==, 0);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((guint16)port)};
        for (guint i = 0; i < G_N_ELEMENTS(clients); i++) { /* now nobody gets through */
                clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                (void)!connect(clients[i], (struct sockaddr *)&a, sizeof a);
        }
        g_assert_cmpint(lane_observed(lane), ==,
                        TB_POWER_ON); /* one answer that is missing says nothing yet */
        while (lane_observed(lane) == TB_POWER_ON) {
        }
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_UNKNOWN); /* it is waking */
        while (lane_observed(lane) == TB_POWER_UNKNOWN) {
        }
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF); /* it did not */
        lane_stop(lane, 1000);
        for (guint i = 0; i < G_N_ELEMENTS(clients); i++)
                close(clients[i]);
        close(tcp);
}

static bool call_get(TbInstance *self, TbIo *io, gpointer data, GError **error)
{
        return self->lane->power->get(self, io, data, error);
}

/* The kernel answers pings to itself, where programs may send them. */
static void test_ping(void)
{
        static const char *const addresses[] = {"127.0.0.1", "[::1]"};
        for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
                int family = i ? AF_INET6 : AF_INET, protocol = i ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP,
                    fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);
                g_autofree char *query = g_strdup_printf("&address=%s", i ? "::1" : addresses[i]);
                Lane *lane = attach(query);
                if (fd >= 0) {
                        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
                        close(fd);
                } else {
                        TbPowerState state;
                        g_autoptr(GError) error = NULL;
                        g_assert_false(lane_call(lane, call_get, &state, PATIENCE_MS, &error));
                        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
                        g_assert_nonnull(strstr(error->message, "net.ipv4.ping_group_range"));
                }
                lane_stop(lane, 1000);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wol/wake", test_wake);
        g_test_add_func("/wol/seen", test_seen);
        g_test_add_func("/wol/ping", test_ping);
        return g_test_run();
}
