/*
 * What every driver must keep, whoever wrote it: over all of tb_drivers[], before its author writes a line of
 * test. Each driver's example is attached to a place where nothing is: names that do not exist, a port of
 * loopback that nobody listens on.
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/transport/transport.h"
#include "lib/limits.h"
#include "tests/contract/lane.h"

#define OPEN_LIMIT_MS 15000
#define INTERRUPT_LIMIT_MS 200
#define SECRET "s3cr3t-of-the-test"

static const TbKind with_ops[] = {TB_KIND_POWER, TB_KIND_CONSOLE, TB_KIND_VIDEO,      TB_KIND_AUDIO,
                                  TB_KIND_INPUT, TB_KIND_SENSORS, TB_KIND_SHELL,      TB_KIND_FILES,
                                  TB_KIND_APPS,  TB_KIND_LOGS,    TB_KIND_INSTRUMENT, TB_KIND_MOUNT,
                                  TB_KIND_GPIO};

/* --- the table --- */
static void check_ops(const TbLane *lane)
{
        if (lane->power)
                g_assert_true(lane->power->set || lane->power->get);
        if (lane->console) {
                g_assert_nonnull(lane->console->write);
                g_assert_true((lane->console->get != NULL) == (lane->console->set != NULL));
                g_assert_nonnull(lane->pump); /* output comes from there */
        }
        if (lane->video)
                g_assert_true(lane->video->start && lane->video->stop && lane->pump);
        if (lane->audio) /* how loud it is has its place */
                g_assert_true(lane->audio->start && lane->audio->stop && lane->pump && lane->sensors);
        if (lane->input)
                g_assert_nonnull(lane->input->send);
        if (lane->sensors)
                g_assert_true(lane->sensors->sample || lane->pump);
        if (lane->shell)
                g_assert_nonnull(lane->shell->run);
        if (lane->files)
                g_assert_true(lane->files->stat && lane->files->list && lane->files->read &&
                              lane->files->write && lane->files->remove && lane->files->rename);
        if (lane->apps)
                g_assert_true(lane->apps->list && lane->apps->install && lane->apps->remove &&
                              lane->apps->start && lane->apps->stop);
        if (lane->logs)
                g_assert_true(lane->logs->format && lane->pump);
        if (lane->gpio)
                g_assert_true(lane->gpio->list && lane->gpio->set);
        if (lane->instrument)
                g_assert_nonnull(lane->instrument->query);
        if (lane->mount)
                g_assert_true(lane->mount->get && lane->mount->act);
        if (lane->parallel > 1)
                g_assert_true(!lane->pump && !lane->video && !lane->audio && !lane->console);
}

static void check_params(const TbDriver *driver)
{
        json_auto_t *schema = tb_params_schema(driver->params);
        g_assert_true(json_is_object(schema));
        for (const TbParam *p = driver->params; p && p->name; p++) {
                g_assert_true(p->help && *p->help);
                g_assert_true((p->type == TB_PARAM_ENUM) == (p->choices != NULL));
                g_assert_cmpfloat(p->min, <=, p->max);
                if (p->fallback) { /* a default must itself be valid */
                        json_auto_t *value = json_loads(p->fallback, JSON_DECODE_ANY, NULL);
                        g_assert_nonnull(value);
                        const TbParam one[2] = {*p, {.name = NULL}};
                        json_auto_t *in = json_pack("{s:O}", p->name, value);
                        g_autoptr(GError) error = NULL;
                        json_auto_t *out = tb_params_validate(one, in, &error);
                        g_assert_no_error(error);
                }
        }
}

static void test_table(gconstpointer data)
{
        const TbDriver *driver = data;
        g_assert_true(driver->name && driver->summary && driver->example && driver->lanes);
        g_assert_true(tb_driver_find(driver->name) == driver);
        for (const char *const *scheme = driver->schemes; scheme && *scheme; scheme++)
                g_assert_true(tb_driver_find(*scheme) == driver);
        g_assert_true(g_str_has_suffix(driver->summary, "."));
        check_params(driver);
        guint kinds = 0;
        for (const TbLane *lane = driver->lanes; lane->name; lane++) {
                g_assert_cmpuint(lane->size, >=, sizeof(TbInstance));
                for (const TbLane *other = driver->lanes; other != lane; other++)
                        g_assert_cmpstr(other->name, !=, lane->name);
                for (guint k = 0; k < G_N_ELEMENTS(with_ops); k++)
                        kinds += tb_lane_ops(lane, with_ops[k]) != NULL;
                check_ops(lane);
        }
        g_assert_true(kinds > 0 || driver->discovery);
        g_autofree char *readme = g_strdup_printf("drivers/%s/README.md", driver->name);
        g_assert_true(g_file_test(readme, G_FILE_TEST_EXISTS)); /* tests run at the top of the tree */
}

static TbUri *example(const TbDriver *driver, json_t **ret_params)
{
        g_autoptr(GError) error = NULL;
        TbUri *uri = tb_uri_parse(driver->example, &error);
        g_assert_no_error(error);
        *ret_params = tb_params_validate_text(driver->params, uri->query, &error);
        g_assert_no_error(error);
        g_assert_true(!driver->check || driver->check(uri, *ret_params, &error));
        g_assert_no_error(error);
        return uri;
}

static void test_example(gconstpointer data)
{
        const TbDriver *driver = data;
        json_t *params = NULL;
        g_autoptr(TbUri) uri = example(driver, &params);
        g_assert_true(tb_driver_find(uri->scheme) == driver);
        guint lanes = driver->lanes_of ? driver->lanes_of(uri, params) : ~0U;
        g_assert_true(!driver->lanes[0].name || lanes != 0);
        json_decref(params);
}

/* --- bad parameters --- */
static void refuse(const TbDriver *driver, json_t *in, const char *field)
{
        g_autoptr(GError) error = NULL;
        json_auto_t *out = tb_params_validate(driver->params, in, &error);
        g_assert_null(out);
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_cmpstr(tb_error_field(error), ==, field);
        json_decref(in);
}

static void test_bad_params(gconstpointer data)
{
        const TbDriver *driver = data;
        refuse(driver, json_pack("{s:i}", "no_such_parameter", 1), "no_such_parameter");
        for (const TbParam *p = driver->params; p && p->name; p++) {
                if (p->type != TB_PARAM_ANY)
                        refuse(driver, json_pack("{s:n}", p->name), p->name);
                bool number = p->type == TB_PARAM_INT || p->type == TB_PARAM_NUMBER;
                if (number && p->max > p->min) {
                        refuse(driver, json_pack("{s:f}", p->name, p->max + 1), p->name);
                        refuse(driver, json_pack("{s:s}", p->name, "many"), p->name);
                }
                if (p->type == TB_PARAM_INT && p->max > p->min) {
                        refuse(driver, json_pack("{s:I}", p->name, (json_int_t)p->max + 1), p->name);
                        refuse(driver, json_pack("{s:I}", p->name, (json_int_t)p->min - 1), p->name);
                }
                if (p->type == TB_PARAM_ENUM)
                        refuse(driver, json_pack("{s:s}", p->name, "no such choice"), p->name);
        }
}

/* --- opening where nothing is --- */
/* A loopback port that is bound and not listening: connections to it are refused as long as `fd` is open. */
static int dead_port(int *fd)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(*fd, (struct sockaddr *)&a, size), ==, 0);
        g_assert_cmpint(getsockname(*fd, (struct sockaddr *)&a, &size), ==, 0);
        return ntohs(a.sin_port);
}

static bool has_password(const TbDriver *driver)
{
        for (const TbParam *p = driver->params; p && p->name; p++)
                if (strcmp(p->name, "password") == 0)
                        return true;
        return false;
}

/* The example's query, with a password that no text may have. */
static char *query_of(const TbDriver *driver)
{
        const char *query = strchr(driver->example, '?');
        if (!has_password(driver))
                return g_strdup(query ? query : "");
        g_auto(GStrv) parts = g_strsplit(query ? query + 1 : "", "&", -1);
        g_autoptr(GString) text = g_string_new("?password=" SECRET);
        for (char **part = parts; *part; part++)
                if (**part && !g_str_has_prefix(*part, "password="))
                        g_string_append_printf(text, "&%s", *part);
        return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The example, led to where nothing is: its host becomes loopback with a dead port, its path one that does
 * not exist. */
static char *nowhere(const TbDriver *driver, int port)
{
        g_autoptr(TbUri) uri = tb_uri_parse(driver->example, NULL);
        g_autofree char *query = query_of(driver);
        bool dotted = g_hostname_is_ip_address(uri->host) || uri->port > 1000;
        if (*uri->host && dotted)
                return g_strdup_printf("%s://127.0.0.1:%d%s%s", uri->scheme, port, uri->path, query);
        if (*uri->path)
                return g_strdup_printf("%s://%s/nonexistent%s%s", uri->scheme, uri->host, uri->path, query);
        return g_strdup(driver->example);
}

static bool settled(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->open || seen->lost;
}

/* What users read says where: the address, the path, the program; and never what is secret. */
static void check_text(const char *uri_text, const char *text)
{
        g_autoptr(TbUri) uri = tb_uri_parse(uri_text, NULL);
        const char *word = strstr(uri_text, "[\""); /* exec: the first word of a command */
        g_autofree char *program = word ? g_strndup(word + 2, strcspn(word + 2, "\"")) : NULL;
        const char *places[] = {uri->host, uri->path, program};
        bool named = false, any = false;
        for (guint i = 0; i < G_N_ELEMENTS(places); i++)
                if (places[i] && *places[i]) {
                        any = true;
                        named = named || strstr(text, places[i]);
                }
        g_autofree char *port = uri->port >= 0 ? g_strdup_printf(":%d", uri->port) : NULL; /* x11://:1 */
        named = named || (port && strstr(text, port));
        if (!named && (any || port))
                g_error("attached as %s, users read \"%s\": it does not say where", uri_text, text);
        g_assert_true(g_utf8_validate(text, -1, NULL));
        g_assert_cmpuint(strlen(text), <=, TB_LIMIT_DETAIL);
        g_assert_null(strstr(text, SECRET));
        for (const char *c = text; *c; c++)
                g_assert_false(g_ascii_iscntrl(*c));
}

typedef struct Reason {
        const char *uri;
        bool open;
} Reason;

static void look_reason(const LaneSeen *seen, gpointer data)
{
        Reason *r = data;
        g_assert_true(seen->open || (seen->lost && *seen->lost));
        r->open = seen->open;
        if (!seen->open)
                check_text(r->uri, seen->lost);
}

static guint offered(const TbDriver *driver, const char *text)
{
        g_autoptr(TbUri) uri = tb_uri_parse(text, NULL);
        json_auto_t *params = tb_params_validate_text(driver->params, uri->query, NULL);
        return driver->lanes_of ? driver->lanes_of(uri, params) : ~0U;
}

/* Opens, lets it settle (open, or a reason within the limit), ends it while it pumps or waits; twice, and the
 * second time at once, while it opens. */
static void check_lane(const TbDriver *driver, const TbLane *ops, const char *uri)
{
        g_autofree char *dir = g_dir_make_tmp("tbc-XXXXXX", NULL);
        for (int round = 0; round < 2; round++) {
                Lane *lane = lane_start(uri, NULL, ops->name, dir);
                lane_wait(lane, "an end of open", settled, NULL, OPEN_LIMIT_MS);
                Reason reason = {uri, false};
                lane_look(lane, look_reason, &reason);
                if (reason.open && ops->video)
                        lane_video(lane, 10);
                if (reason.open && ops->audio)
                        lane_audio(lane, true);
                /* a machine that was really started takes its time to end; everything else only has to let go
                 */
                lane_stop(lane, strcmp(driver->name, "qemu") == 0 ? 5000 : INTERRUPT_LIMIT_MS);
        }
        Lane *lane = lane_start(uri, NULL, ops->name, dir);
        lane_stop(lane, strcmp(driver->name, "qemu") == 0 ? 5000 : INTERRUPT_LIMIT_MS);
        g_assert_cmpint(g_rmdir(dir), ==, 0); /* nothing is left in run_dir */
}

/* --- who answers is somebody else --- */
typedef struct Stranger {
        int fd; /* listens */
        TbIo io;
} Stranger;

/* Whoever connects gets bytes of no protocol, and a line with the terminal's control characters. */
static void babble(gpointer data)
{
        static const char bytes[] = "\x1b[31m\xff\xfe no protocol \0 at all\r\n\x7f\x80\xc3\x28\r\n\r\n";
        Stranger *s = data;
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        while (tb_io_wait(&s->io, &p, 1, -1) == TB_WAIT_READY) {
                int client = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
                if (client < 0)
                        continue;
                (void)!send(client, bytes, sizeof bytes - 1, MSG_NOSIGNAL);
                shutdown(client, SHUT_WR);
                struct pollfd gone = {.fd = client, .events = POLLIN};
                char heard[4096]; /* until the driver has had enough: a reset would hide what was sent */
                while (tb_io_wait(&s->io, &gone, 1, 2000) == TB_WAIT_READY &&
                       recv(client, heard, sizeof heard, 0) > 0) {
                }
                close(client);
        }
}

static bool was_lost(const LaneSeen *seen, gpointer data G_GNUC_UNUSED)
{
        return seen->lost != NULL && *seen->lost;
}

static void look_lost(const LaneSeen *seen, gpointer data)
{
        check_text(data, seen->lost);
}

/* What answers there is no such device: that is said, with where, and nothing of what it sent gets to users raw. */
static void check_stranger(const TbDriver *driver)
{
        Stranger s = {0};
        int port = dead_port(&s.fd);
        g_autofree char *uri = nowhere(driver, port);
        if (!strstr(uri, "127.0.0.1")) {
                close(s.fd);
                return; /* reached by other means than an address */
        }
        g_assert_cmpint(listen(s.fd, 16), ==, 0);
        tb_io_init_plain(&s.io);
        TbThread *thread = tb_thread_start("stranger", babble, &s);
        guint lanes = offered(driver, uri);
        for (guint i = 0; driver->lanes[i].name; i++) {
                if (!(lanes & 1U << i) || driver->lanes[i].parallel > 1)
                        continue;
                Lane *lane = lane_start(uri, NULL, driver->lanes[i].name, "/tmp");
                lane_wait(lane, "a reason", was_lost, NULL, OPEN_LIMIT_MS);
                lane_look(lane, look_lost, uri);
                lane_stop(lane, INTERRUPT_LIMIT_MS);
        }
        tb_interruptor_raise(s.io.stop);
        tb_thread_join(thread);
        tb_io_clear_plain(&s.io);
        close(s.fd);
}

static void test_nowhere(gconstpointer data)
{
        const TbDriver *driver = data;
        int fd, port = dead_port(&fd);
        g_autofree char *adb = g_strdup_printf("127.0.0.1:%d", port);
        g_setenv("ADB_HOST", adb, TRUE); /* never somebody else's adb server */
        g_autofree char *uri = nowhere(driver, port);
        guint lanes = offered(driver, uri);
        for (guint i = 0; driver->lanes[i].name; i++)
                if ((lanes & 1U << i) && driver->lanes[i].parallel <= 1)
                        check_lane(driver, &driver->lanes[i], uri);
        close(fd);
        check_stranger(driver);
}

/* a device that takes the connection and then says nothing: an open that waits must let go at once */
static void test_silent(gconstpointer data)
{
        const TbDriver *driver = data;
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&a, size), ==, 0);
        g_assert_cmpint(listen(fd, 16), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &size), ==, 0);
        int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* of those that speak it */
        g_assert_cmpint(bind(udp, (struct sockaddr *)&a, size), ==, 0);
        g_autofree char *uri = nowhere(driver, ntohs(a.sin_port));
        if (strstr(uri, "127.0.0.1")) {
                guint lanes = offered(driver, uri);
                for (guint i = 0; driver->lanes[i].name; i++) {
                        if (!(lanes & 1U << i) || driver->lanes[i].parallel > 1)
                                continue;
                        Lane *lane = lane_start(uri, NULL, driver->lanes[i].name, "/tmp");
                        if (driver->lanes[i].open) { /* it has connected: it is in the middle of its open, or
                                                        past it */
                                struct pollfd p[] = {{.fd = fd, .events = POLLIN},
                                                     {.fd = udp, .events = POLLIN}};
                                g_assert_cmpint(poll(p, G_N_ELEMENTS(p), 5000), ==, 1);
                        }
                        lane_stop(lane, INTERRUPT_LIMIT_MS);
                }
        }
        close(udp);
        close(fd);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        static const struct {
                const char *name;
                GTestDataFunc run;
        } tests[] = {{"table", test_table},
                     {"example", test_example},
                     {"bad-params", test_bad_params},
                     {"nowhere", test_nowhere},
                     {"silent", test_silent}};
        for (guint i = 0; tb_drivers[i]; i++)
                for (guint t = 0; t < G_N_ELEMENTS(tests); t++) {
                        g_autofree char *path =
                                g_strdup_printf("/contract/%s/%s", tb_drivers[i]->name, tests[t].name);
                        g_test_add_data_func(path, tb_drivers[i], tests[t].run);
                }
        return g_test_run();
}
