/* The lane against gpsd that gpsfake feeds, socat's ptys and sockets, UDP. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "drivers/transport/transport.h"
#include "lib/limits.h"
#include "tests/contract/lane.h"
#include "tests/contract/sim.h"

#define PATIENCE_MS 20000
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct Wanted {
        const char *stream;
        double value;
} Wanted;

static bool has(const LaneSeen *seen, gpointer data)
{
        const Wanted *w = data;
        const double *value = g_hash_table_lookup(seen->samples, w->stream);
        return value && fabs(*value - w->value) < 1e-3;
}

static void wait_for(Lane *lane, const char *stream, double value)
{
        const Wanted w = {stream, value};
        lane_wait(lane, stream, has, &w, PATIENCE_MS);
}

static bool is_open(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open;
}

/* gpsd's JSON, and the sentences that it passes on, each by a lane of its own. */
static void test_gpsd(void)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *port = g_strdup_printf("%d", sim_free_port(SOCK_STREAM));
        TbChild *fake = tb_child_spawn(
                ARGV("gpsfake", "-q", "-n", "-P", port, "-c", "0.05", "drivers/line/fixtures/gnss.nmea"),
                NULL, NULL, 0, &error);
        g_assert_no_error(error);
        g_autofree char *uri = g_strdup_printf("line://127.0.0.1:%s", port);
        json_t *json = json_loads(
                       "{\"format\":\"json\",\"hello\":\"?WATCH={\\\"enable\\\":true,\\\"json\\\":true}\","
                       "\"time\":\"/time\",\"streams\":["
                       "{\"stream\":\"lat\",\"at\":\"/lat\",\"unit\":\"deg\"},{\"stream\":\"alt\",\"at\":\"/"
                       "altMSL\",\"unit\":\"m\"}]}",
                       0, NULL),
               *nmea = json_pack("{s:s, s:s}", "format", "nmea", "hello",
                                 "?WATCH={\"enable\":true,\"nmea\":true}");
        Lane *one = lane_start(uri, json, "sensors", "/tmp"), *two = lane_start(uri, nmea, "sensors", "/tmp");
        lane_wait(one, "gpsd", is_open, NULL, PATIENCE_MS);
        lane_wait(two, "gpsd", is_open, NULL, PATIENCE_MS);
        wait_for(one, "lat", 48.1173);
        wait_for(one, "alt", 545.4);
        wait_for(two, "position.longitude", 11.51667);
        wait_for(two, "gnss.satellites", 8);
        lane_stop(one, 500);
        lane_stop(two, 500);
        tb_child_free(fake, 2000);
}

/* A serial line: noise, a line that is too long, and good ones behind it; then nothing but noise. */
static bool is_faulty(const LaneSeen *seen, gpointer data)
{
        return data ? seen->fault && strstr(seen->fault, data) : !seen->fault;
}

static bool told_garbage(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return strstr(seen->events->str, "garbage {") != NULL;
}

static void test_serial(void)
{
        TbIo io;
        g_autoptr(GError) error = NULL;
        g_autofree char *dir = g_dir_make_tmp("tb-line-XXXXXX", NULL),
                        *mine = g_strdup_printf("PTY,raw,echo=0,link=%s/tty", dir),
                        *path = g_build_filename(dir, "tty", NULL),
                        *uri = g_strdup_printf("line://%s?format=values&baud=115200", path);
        tb_io_init_plain(&io);
        TbChild *socat = tb_child_spawn(ARGV("socat", "-d", "-d", "STDIN", mine), NULL, NULL,
                                        TB_CHILD_STDIN | TB_CHILD_STDERR, &error);
        g_assert_no_error(error);
        for (bool ready = false; !ready;) {
                g_autofree char *line =
                        tb_transport_read_line(tb_child_stderr(socat), &io, 1000, PATIENCE_MS, &error);
                g_assert_no_error(error);
                ready = strstr(line, "starting data transfer") != NULL;
        }
        Lane *lane = lane_start(uri, NULL, "sensors", "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        TbTransport *out = tb_child_stdin(socat);
        g_autofree char *longest = g_strnfill(TB_LIMIT_SENSOR_LINE - 4, ' '),
                        *longer = g_strnfill(TB_LIMIT_SENSOR_LINE + 1, 'x');
        g_autofree char *text =
                g_strdup_printf("\x01\xff noise\nT=21.5 C\n%sV=1\n%s=5\nA=2 A\n", longest, longer);
        g_assert_true(tb_transport_write(out, &io, text, strlen(text), PATIENCE_MS, &error));
        wait_for(lane, "A", 2); /* behind all of it */
        wait_for(lane, "T", 21.5);
        wait_for(lane, "V", 1); /* TB_LIMIT_SENSOR_LINE with its end; the longer one was dropped */
        lane_wait(lane, "a word about it", told_garbage, NULL, PATIENCE_MS);
        for (int i = 0; i < 30; i++)
                g_assert_true(tb_transport_write(out, &io, "\xf0\xf0\n", 3, PATIENCE_MS, &error));
        lane_wait(lane, "a fault", is_faulty, "expected are name=value", PATIENCE_MS);
        g_assert_true(tb_transport_write(out, &io, "T=5\n", 4, PATIENCE_MS, &error));
        lane_wait(lane, "no fault", is_faulty, NULL, PATIENCE_MS);
        tb_child_free(socat, 0);
        lane_wait(lane, "loss", lane_is_lost, path, PATIENCE_MS);
        lane_stop(lane, 500);
        g_unlink(path); /* socat was killed: its link stays */
        g_assert_cmpint(g_rmdir(dir), ==, 0);
        tb_io_clear_plain(&io);
}

static void test_udp(void)
{
        int port = sim_free_port(SOCK_DGRAM), fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((guint16)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        g_autofree char *uri = g_strdup_printf("line://127.0.0.1:%d?transport=udp", port);
        Lane *lane = lane_start(uri, NULL, "sensors", "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        static const char two[] = "{\"a\":1}\n{\"b\":2}", none[] = "";
        g_assert_cmpint(sendto(fd, none, 0, 0, (struct sockaddr *)&to, sizeof to), ==, 0);
        g_assert_cmpint(sendto(fd, two, sizeof two - 1, 0, (struct sockaddr *)&to, sizeof to), ==,
                        (int)sizeof two - 1);
        wait_for(lane, "a", 1);
        wait_for(lane, "b", 2);
        lane_stop(lane, 500);
        close(fd);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add_func("/line-lane/gpsd", test_gpsd);
        g_test_add_func("/line-lane/serial", test_serial);
        g_test_add_func("/line-lane/udp", test_udp);
        return g_test_run();
}
