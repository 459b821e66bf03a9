/* The mqtt driver against Debian's mosquitto; devices are made of mosquitto's clients (tests/sim/mqtt/). */
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/mqtt/broker.h"
#include "lib/limits.h"
#include "lib/thread.h"
#include "tests/contract/plug_rig.h"

#define PATIENCE_MS 20000
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct Bench {
        TbIo io;
        TbChild *broker, *device;
        char *folder; /* owned */
        int port;
} Bench;

static char *file(const Bench *b, const char *name)
{
        return g_build_filename(b->folder, name, NULL);
}

static void run(Bench *b, const char *const *argv)
{
        g_autoptr(GError) error = NULL;
        int status = -1;
        g_assert_true(tb_child_run(&b->io, argv, NULL, 0, 65536, PATIENCE_MS, &status, NULL, NULL, &error));
        g_assert_cmpint(status, ==, 0);
}

static void publish(Bench *b, const char *topic, const char *payload, bool keep)
{
        g_autofree char *port = g_strdup_printf("%d", b->port);
        run(b, ARGV("mosquitto_pub", "-p", port, "-u", "lab", "-P", "secret", "-t", topic, "-m", payload,
                    keep ? "-r" : NULL));
}

static void start_broker(Bench *b)
{
        g_autofree char *conf = file(b, "mosquitto.conf");
        g_autoptr(GError) error = NULL;
        b->broker = tb_child_spawn(ARGV("mosquitto", "-c", conf), NULL, NULL, TB_CHILD_STDERR, &error);
        g_assert_no_error(error);
        for (;;) {
                g_autofree char *line =
                        tb_transport_read_line(tb_child_stderr(b->broker), &b->io, 1000, PATIENCE_MS, &error);
                g_assert_no_error(error);
                if (strstr(line, " running"))
                        return;
        }
}

static void start_device(Bench *b, const char *kind)
{
        g_autofree char *port = g_strdup_printf("%d", b->port);
        g_autoptr(GError) error = NULL;
        b->device = tb_child_spawn(ARGV("sh", "tests/sim/mqtt/device.sh", kind, port, b->folder), NULL, NULL,
                                   TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        g_autofree char *line =
                tb_transport_read_line(tb_child_stdout(b->device), &b->io, 100, PATIENCE_MS, &error);
        g_assert_cmpstr(line, ==, "ready");
}

/* As power fails: the broker says its last will. */
static void kill_device(Bench *b, const char *kind)
{
        g_autofree char *name = g_strconcat("client.", kind, NULL), *path = file(b, name), *pid = NULL;
        g_assert_true(g_file_get_contents(path, &pid, NULL, NULL));
        kill(atoi(pid), SIGKILL);
        tb_child_free(g_steal_pointer(&b->device), 0);
        g_autofree char *fifo_name = g_strconcat("fifo.", kind, NULL), *fifo = file(b, fifo_name);
        g_unlink(fifo);
}

static Bench begin(const char *kind)
{
        Bench b = {.folder = g_dir_make_tmp("tb-mqtt-XXXXXX", NULL), .port = sim_free_port(SOCK_STREAM)};
        tb_io_init_plain(&b.io);
        g_autofree char *passwords = file(&b, "passwords"), *conf = file(&b, "mosquitto.conf");
        run(&b, ARGV("mosquitto_passwd", "-c", "-b", passwords, "lab", "secret"));
        g_chmod(passwords, 0644);
        g_autofree char *text =
                g_strdup_printf("listener %d 127.0.0.1\nallow_anonymous false\npassword_file %s\nuser root\n",
                                b.port, passwords);
        g_assert_true(g_file_set_contents(conf, text, -1, NULL));
        start_broker(&b);
        if (kind)
                start_device(&b, kind);
        return b;
}

static void end(Bench *b)
{
        tb_child_free(b->device, 0);
        tb_child_free(b->broker, 0);
        tb_io_clear_plain(&b->io);
        g_autoptr(GDir) dir = g_dir_open(b->folder, 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir));) {
                g_autofree char *path = file(b, name);
                g_unlink(path);
        }
        g_rmdir(b->folder);
        g_free(b->folder);
}

static Lane *attach(const Bench *b, const char *query)
{
        g_autofree char *uri = g_strdup_printf("mqtt://lab:secret@127.0.0.1:%d?%s", b->port, query);
        return lane_start(uri, NULL, "plug", "/tmp");
}

static bool is_off(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->powers > 0 && seen->power.observed == TB_POWER_OFF;
}

static bool opened_twice(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open && seen->opened >= 2;
}

static bool is_away(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return !seen->open && seen->lost;
}

static void test_preset(gconstpointer kind)
{
        Bench b = begin(kind);
        g_autofree char *query = g_strdup_printf("preset=%s&name=plug&timeout_ms=2000", (const char *)kind),
                        *stuck = file(&b, "stuck");
        Lane *lane = attach(&b, query);
        lane_open_wait(lane, PATIENCE_MS);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        lane_power(lane, true);
        TbPowerState state = plug_rig_get(lane);
        g_assert_cmpint(state.observed, ==, TB_POWER_ON);
        g_assert_cmpfloat(state.watts, ==, 11.5);
        lane_forget(lane);
        publish(&b, strcmp(kind, "tasmota") ? "zigbee2mqtt/plug/set" : "cmnd/plug/POWER", "OFF",
                false); /* somebody else */
        lane_wait(lane, "what somebody else did", is_off, NULL, PATIENCE_MS);
        g_assert_true(g_file_set_contents(stuck, "", -1, NULL));
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_OFF);
        g_unlink(stuck);
        kill_device(&b, kind);
        lane_wait(lane, "its last will", lane_is_lost, "says on", PATIENCE_MS);
        start_device(&b, kind);
        lane_wait(lane, "its return", opened_twice, NULL, PATIENCE_MS);
        lane_power(lane, true);
        g_assert_cmpint(lane_observed(lane), ==, TB_POWER_ON);
        lane_stop(lane, 1000);
        end(&b);
}

/* Two outlets hang on one connection; a broker that ends takes both, and both come back with it. */
static void test_broker(void)
{
        Bench b = begin("tasmota");
        Lane *one = attach(&b, "preset=tasmota&name=plug&timeout_ms=2000"),
             *two = attach(&b, "set_topic=x/set&on=1&off=0&state_topic=x/state&timeout_ms=500");
        lane_open_wait(one, PATIENCE_MS);
        lane_open_wait(two, PATIENCE_MS);
        /* nothing was said yet: once told what to do it is given its time to answer, who only looks does not wait for it */
        gint64 at_us = g_get_monotonic_time();
        lane_power(two, true);
        g_assert_cmpint(lane_observed(two), ==, TB_POWER_UNKNOWN);
        gint64 told_us = g_get_monotonic_time();
        for (int i = 0; i < 3; i++)
                g_assert_cmpint(lane_observed(two), ==, TB_POWER_UNKNOWN);
        g_assert_cmpint(g_get_monotonic_time() - told_us, <, told_us - at_us);
        publish(&b, "x/state", "0", true);
        lane_wait(two, "its state", is_off, NULL, PATIENCE_MS);
        tb_child_free(b.broker, 0);
        lane_wait(one, "the loss", is_away, NULL, PATIENCE_MS);
        lane_wait(two, "the loss", is_away, NULL, PATIENCE_MS);
        start_broker(&b);
        lane_wait(two, "its return", opened_twice, NULL, PATIENCE_MS);
        lane_wait(one, "its return", opened_twice, NULL,
                  2 * PATIENCE_MS); /* the device has to come back, too */
        lane_stop(one, 1000);
        lane_stop(two, 1000);
        end(&b);
}

static void test_refusals(void)
{
        Bench b = begin(NULL);
        g_autofree char *uri =
                g_strdup_printf("mqtt://lab:wrong@127.0.0.1:%d?preset=tasmota&name=plug", b.port);
        Lane *lane = lane_start(uri, NULL, "plug", "/tmp");
        lane_wait(lane, "refusal", lane_is_lost, "refuses the password", PATIENCE_MS);
        lane_stop(lane, 1000);
        publish(&b, "stat/plug/POWER", "ON", true); /* years old: the device is not there */
        lane = attach(&b, "preset=tasmota&name=plug&timeout_ms=500");
        lane_wait(lane, "silence", lane_is_lost, "nobody answers on stat/plug/POWER", PATIENCE_MS);
        lane_stop(lane, 1000);
        lane = attach(&b, "set_topic=x/set&on=1&off=0&state_topic=x/state");
        lane_open_wait(lane, PATIENCE_MS);
        g_autofree char *long_one = g_strnfill(TB_LIMIT_MQTT_PAYLOAD + 1, ' ');
        long_one[TB_LIMIT_MQTT_PAYLOAD] = '1';
        g_autofree char *path = file(&b, "long"), *port = g_strdup_printf("%d", b.port);
        g_assert_true(g_file_set_contents(path, long_one, -1, NULL));
        run(&b, ARGV("mosquitto_pub", "-p", port, "-u", "lab", "-P", "secret", "-t", "x/state", "-f", path));
        publish(&b, "x/state", "0", false);
        lane_wait(lane, "the short one", is_off, NULL,
                  PATIENCE_MS); /* the long one is as if it had not come */
        lane_stop(lane, 1000);
        end(&b);
}

static void hang_up(gpointer data)
{
        for (int fd; (fd = accept4(GPOINTER_TO_INT(data), NULL, NULL, SOCK_CLOEXEC)) >= 0;)
                close(fd);
}

/* What lets nobody in is no lost connection: it may be no broker at all. */
static void test_foreign(void)
{
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof at;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&at, size), ==, 0);
        g_assert_cmpint(listen(fd, 4), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&at, &size), ==, 0);
        TbThread *thread = tb_thread_start("hang-up", hang_up, GINT_TO_POINTER(fd));
        const Bench b = {.port = ntohs(at.sin_port)};
        Lane *lane = attach(&b, "preset=tasmota&name=plug&timeout_ms=2000");
        lane_wait(lane, "the refusal", lane_is_lost, "is it an MQTT broker", PATIENCE_MS);
        lane_stop(lane, 1000);
        shutdown(fd, SHUT_RDWR);
        tb_thread_join(thread);
        close(fd);
}

/* --- streams --- */
typedef struct Wanted {
        const char *stream;
        double value;
} Wanted;

static bool has(const LaneSeen *seen, gpointer data)
{
        const Wanted *w = data;
        const double *value = g_hash_table_lookup(seen->samples, w->stream);
        return value && *value == w->value;
}

static void has_none(const LaneSeen *seen, gpointer stream)
{
        g_assert_false(g_hash_table_contains(seen->samples, stream));
}

static bool is_faulty(const LaneSeen *seen, gpointer data)
{
        return data ? seen->fault && strstr(seen->fault, data) : !seen->fault;
}

static void test_streams(void)
{
        Bench b = begin(NULL);
        publish(&b, "lab/old", "7", true); /* nobody knows how old */
        publish(&b, "lab/dated", "{\"v\":8,\"ts\":1795204800}", true);
        g_autofree char *uri = g_strdup_printf("mqtt://lab:secret@127.0.0.1:%d", b.port);
        json_t *params = json_loads("{\"streams\":[{\"stream\":\"old\",\"topic\":\"lab/old\"},"
                                    "{\"stream\":\"dated\",\"topic\":\"lab/dated\",\"at\":\"/v\",\"time\":\"/"
                                    "ts\",\"unit\":\"V\",\"scale\":0.5},"
                                    "{\"stream\":\"a\",\"topic\":\"lab/both\",\"at\":\"/"
                                    "a\"},{\"stream\":\"b\",\"topic\":\"lab/both\",\"at\":\"/b\"}]}",
                                    0, NULL);
        Lane *lane = lane_start(uri, params, "streams", "/tmp");
        lane_open_wait(lane, PATIENCE_MS);
        lane_wait(lane, "what was kept with its time", has, &(Wanted){"dated", 4}, PATIENCE_MS);
        publish(&b, "lab/both", "{\"a\":1,\"b\":2}", false);
        lane_wait(lane, "a", has, &(Wanted){"a", 1}, PATIENCE_MS);
        lane_wait(lane, "b", has, &(Wanted){"b", 2}, PATIENCE_MS);
        lane_look(lane, has_none, "old");
        for (int i = 0; i < 3; i++)
                publish(&b, "lab/old", "\"nonsense\"", false);
        lane_wait(lane, "fault", is_faulty, "no number for old", PATIENCE_MS);
        publish(&b, "lab/old", "9", false);
        lane_wait(lane, "no fault", is_faulty, NULL, PATIENCE_MS);
        lane_wait(lane, "old", has, &(Wanted){"old", 9}, PATIENCE_MS);
        tb_child_free(g_steal_pointer(&b.broker), 2000);
        lane_wait(lane, "the broker to be missed", is_away, NULL, PATIENCE_MS);
        start_broker(&b);
        lane_wait(lane, "it to be back", opened_twice, NULL, PATIENCE_MS);
        publish(&b, "lab/old", "10", false);
        lane_wait(lane, "old", has, &(Wanted){"old", 10}, PATIENCE_MS);
        lane_stop(lane, 1000);
        end(&b);
}

/* TB_LIMIT_MQTT_QUEUE: who does not take what comes loses the oldest. */
static void test_queue(void)
{
        Bench b = begin(NULL);
        g_autoptr(GString) lines = g_string_new(NULL);
        for (int i = 0; i <= TB_LIMIT_MQTT_QUEUE; i++)
                g_string_append_printf(lines, "%d\n", i);
        const TbMqttWho who = {.host = "127.0.0.1", .port = b.port, .user = "lab", .password = "secret"};
        g_autoptr(GError) error = NULL;
        TbMqttEar *ear = tb_mqtt_listen(&who, ARGV("q"), 1, true, &error);
        g_assert_no_error(error);
        guint n = 0;
        for (TbMqttState state = TB_MQTT_CONNECTING;
             state != TB_MQTT_CONNECTED || n <= TB_LIMIT_MQTT_QUEUE;) {
                struct pollfd p = {.fd = tb_mqtt_fd(ear), .events = POLLIN};
                g_autofree char *why = NULL, *port = g_strdup_printf("%d", b.port);
                g_assert_cmpint(tb_io_wait(&b.io, &p, 1, PATIENCE_MS), ==, TB_WAIT_READY);
                TbMqttState was = state;
                state = tb_mqtt_look(ear, &why);
                if (state == TB_MQTT_CONNECTED && was != state) {
                        int status = -1;
                        g_assert_true(tb_child_run(&b.io,
                                                   ARGV("mosquitto_pub", "-p", port, "-u", "lab", "-P",
                                                        "secret", "-t", "q", "-q", "1", "-l"),
                                                   lines->str, lines->len, 65536, PATIENCE_MS, &status, NULL,
                                                   NULL, &error));
                        g_assert_cmpint(status, ==, 0);
                }
                g_free(tb_mqtt_latest(ear, 0, &n, NULL));
        }
        guint topic, taken = 0;
        bool retained;
        for (char *payload; (payload = tb_mqtt_take(ear, &topic, &retained)); g_free(payload), taken++)
                g_assert_cmpint(atoi(payload), ==, taken + 1);
        g_assert_cmpuint(taken, ==, TB_LIMIT_MQTT_QUEUE);
        tb_mqtt_unlisten(ear);
        end(&b);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        lane_crowd(); /* the library's own loop waits by select() */
        g_test_add_data_func("/mqtt/tasmota", "tasmota", test_preset);
        g_test_add_data_func("/mqtt/zigbee2mqtt", "zigbee2mqtt", test_preset);
        g_test_add_func("/mqtt/broker", test_broker);
        g_test_add_func("/mqtt/refusals", test_refusals);
        g_test_add_func("/mqtt/foreign", test_foreign);
        g_test_add_func("/mqtt/streams", test_streams);
        g_test_add_func("/mqtt/queue", test_queue);
        return g_test_run();
}
