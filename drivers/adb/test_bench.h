#pragma once
/*
 * For the tests of this folder: the real adb server and the simulated phone (tests/sim/android), on free
 * ports, in a folder of their own; and the lanes of the driver without a host around them. Everything is
 * static: each test program is one file.
 */
#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/adb/adb_lanes.h"
#include "drivers/transport/transport.h"
#include "lib/thread.h"

#define PATIENCE_S 60

extern const TbDriver tb_driver_adb;

typedef struct Bench {
        TbIo io;
        char *dir;      /* owned; removed at the end */
        TbChild *phone; /* owned */
        TbChild *server;
        char *serial;  /* owned: 127.0.0.1:port */
        char *address; /* owned: of the adb server */
} Bench;

static Bench bench;

/* The number behind the last colon. */
static G_GNUC_UNUSED guint16 port_of(const char *address)
{
        guint64 port = 0;

        g_assert_true(g_ascii_string_to_unsigned(strrchr(address, ':') + 1, 10, 1, 65535, &port, NULL));
        return (guint16)port;
}

static guint16 free_port(void)
{
        struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof(addr);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, size), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&addr, &size), ==, 0);
        close(fd);
        return ntohs(addr.sin_port);
}

static char *sim_path(void)
{
        const char *build = g_getenv("TESTBED_BUILD");

        return g_build_filename(build != NULL ? build : "build", "sim", "android", NULL);
}

static G_GNUC_UNUSED void start_phone_as(guint16 port, const char *serial)
{
        g_autofree char *sim = sim_path(), *number = g_strdup_printf("%u", port),
                        *state = g_build_filename(bench.dir, "phone", NULL);
        const char *argv[] = {sim,    "--port", number, "--state", state, serial ? "--serial" : NULL,
                              serial, NULL};
        g_autoptr(GError) error = NULL;

        bench.phone = tb_child_spawn(argv, NULL, NULL, TB_CHILD_STDOUT, &error);
        g_assert_no_error(error);
        g_autofree char *line = tb_transport_read_line(tb_child_stdout(bench.phone), &bench.io, 100,
                                                       PATIENCE_S * 1000, &error);
        g_assert_no_error(error);
        g_assert_true(g_str_has_prefix(line, "listening "));
        g_free(bench.serial);
        bench.serial = g_strdup_printf("127.0.0.1:%s", line + strlen("listening "));
}

static G_GNUC_UNUSED void start_phone(guint16 port)
{
        start_phone_as(port, NULL);
}

static G_GNUC_UNUSED void start_server(void)
{
        g_autofree char *home = g_strdup_printf("HOME=%s", bench.dir);
        const char *argv[] = {"/usr/bin/adb", "-P",     strchr(bench.address, ':') + 1,
                              "nodaemon",     "server", NULL},
                   *env[] = {home, NULL};
        g_autoptr(GError) error = NULL;
        guint16 port = port_of(bench.address);
        gint64 until = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;

        bench.server = tb_child_spawn(argv, env, NULL, 0, &error);
        g_assert_no_error(error);
        while (!tb_adb_server_up(&bench.io, "127.0.0.1", port)) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                tb_io_sleep(&bench.io, 20, NULL);
        }
}

/* What the phone's control socket answers to one line; see tests/sim/android/README.md. */
static G_GNUC_UNUSED char *control(const char *line)
{
        g_autofree char *sim = sim_path(), *state = g_build_filename(bench.dir, "phone", NULL);
        const char *argv[] = {sim, "--state", state, "--control", line, NULL};
        g_autoptr(GByteArray) out = NULL;
        g_autoptr(GError) error = NULL;
        int status = -1;

        g_assert_true(tb_child_run(&bench.io, argv, NULL, 0, 65536, PATIENCE_S * 1000, &status, &out, NULL,
                                   &error));
        g_assert_cmpint(status, ==, 0);
        return g_strndup((const char *)out->data, out->len);
}

static G_GNUC_UNUSED void phone(const char *line)
{
        g_autofree char *answer = control(line);

        g_assert_cmpstr(answer, ==, "ok\n");
}

static void bench_start(void)
{
        g_autofree char *sim = sim_path();
        g_autoptr(GError) error = NULL;

        tb_io_init_plain(&bench.io);
        bench.dir = g_dir_make_tmp("testbed-adb-XXXXXX", &error);
        g_assert_no_error(error);
        bench.address = g_strdup_printf("127.0.0.1:%u", free_port());
        g_setenv("ADB_HOST", bench.address, TRUE);
        g_setenv("HOME", bench.dir, TRUE);           /* for the adb server's key */
        g_assert_cmpint(g_access(sim, X_OK), ==, 0); /* make sims */
}

static void remove_tree(const char *path)
{
        g_autoptr(GDir) dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
        const char *name;

        while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
                g_autofree char *inner = g_build_filename(path, name, NULL);

                remove_tree(inner);
        }
        g_remove(path);
}

static void bench_stop(void)
{
        tb_child_free(g_steal_pointer(&bench.phone), 5000);
        tb_child_free(g_steal_pointer(&bench.server), 5000);
        remove_tree(bench.dir);
        g_clear_pointer(&bench.dir, g_free);
        g_clear_pointer(&bench.serial, g_free);
        g_clear_pointer(&bench.address, g_free);
        tb_io_clear_plain(&bench.io);
}

/* --- a lane without a host --- */

typedef struct Told {        /* what the lanes have told */
        GHashTable *samples; /* stream -> double * */
        GPtrArray *lines;
        TbFrame *frame; /* the last one */
        guint frames;
        char *no_signal;
        json_t *facts;
} Told;

static Told told;

static void on_line(TbInstance *self, const char *line, gint64 t_ms)
{
        (void)self;
        g_assert_cmpint(t_ms, >, 0);
        g_ptr_array_add(told.lines, g_strdup(line));
}

static void on_sample(TbInstance *self, const TbSample *s)
{
        double *value = g_new(double, 1);

        (void)self;
        *value = s->value;
        g_hash_table_insert(told.samples, g_strdup(s->stream), value);
}

static void on_frame(TbInstance *self, TbFrame *frame)
{
        (void)self;
        tb_frame_unref(told.frame);
        told.frame = frame;
        told.frames++;
}

static void on_no_signal(TbInstance *self, const char *reason)
{
        (void)self;
        g_free(told.no_signal);
        told.no_signal = g_strdup(reason);
}

static void on_facts(TbInstance *self, json_t *facts)
{
        (void)self;
        json_decref(told.facts);
        told.facts = facts;
}

static const TbUp up = {.line = on_line,
                        .sample = on_sample,
                        .frame = on_frame,
                        .no_signal = on_no_signal,
                        .facts = on_facts};

static G_GNUC_UNUSED void told_init(void)
{
        told.samples = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        told.lines = g_ptr_array_new_with_free_func(g_free);
}

static G_GNUC_UNUSED void told_clear(void)
{
        g_clear_pointer(&told.samples, g_hash_table_unref);
        g_clear_pointer(&told.lines, g_ptr_array_unref);
        g_clear_pointer(&told.frame, tb_frame_unref);
        g_clear_pointer(&told.no_signal, g_free);
        told.frames = 0;
}

static G_GNUC_UNUSED TbInstance *lane_new(const char *name, const char *serial)
{
        g_autofree char *text = g_strdup_printf("adb://%s", serial);
        const TbLane *lane = tb_driver_adb.lanes;
        g_autoptr(GError) error = NULL;
        TbInstance *self;
        TbUri *uri;

        while (strcmp(lane->name, name) != 0)
                lane++;
        uri = tb_uri_parse(text, &error);
        g_assert_no_error(error);
        self = g_malloc0(lane->size);
        *self = (TbInstance){.driver = &tb_driver_adb,
                             .lane = lane,
                             .up = &up,
                             .uri = uri,
                             .device = "phone",
                             .run_dir = bench.dir};
        self->params = tb_params_validate_text(tb_driver_adb.params, uri->query, &error);
        g_assert_no_error(error);
        g_assert_true(tb_driver_adb.check(uri, self->params, &error));
        g_assert_no_error(error);
        return self;
}

static G_GNUC_UNUSED void lane_open(TbInstance *self)
{
        g_autoptr(GError) error = NULL;
        bool ok = self->lane->open(self, &bench.io, &error);

        g_assert_no_error(error);
        g_assert_true(ok);
}

static G_GNUC_UNUSED void lane_close(TbInstance *self)
{
        if (self->lane->close != NULL)
                self->lane->close(self);
}

static G_GNUC_UNUSED void lane_free(TbInstance *self)
{
        TbUri *uri = (TbUri *)self->uri;

        lane_close(self);
        self->lane->finalize(self);
        tb_uri_free(uri);
        json_decref(self->params);
        g_free(self);
}

static G_GNUC_UNUSED int run(TbInstance *ops, const char *command, const void *input, gsize input_size,
                             char **ret_out, char **ret_err, GError **error)
{
        g_autoptr(GByteArray) out = g_byte_array_new(), err = g_byte_array_new();
        TbShellRequest request = {.command = command, .input = input, .input_size = input_size};
        TbShellResult result = {.out = out, .err = err};

        if (!ops->lane->shell->run(ops, &bench.io, &request, &result, error))
                return -1;
        if (ret_out != NULL)
                *ret_out = g_strndup((const char *)out->data, out->len);
        if (ret_err != NULL)
                *ret_err = g_strndup((const char *)err->data, err->len);
        return result.exit_code;
}

/* --- the other end of a pipe --- */

typedef struct Feed {
        TbPipe *pipe;
        GByteArray *bytes;
        bool read;
} Feed;

static G_GNUC_UNUSED void feed_run(gpointer data)
{
        Feed *f = data;
        guint8 chunk[10000];
        gssize n;

        if (!f->read) {
                if (tb_pipe_write(f->pipe, f->bytes->data, f->bytes->len, NULL))
                        tb_pipe_finish(f->pipe);
                return;
        }
        while ((n = tb_pipe_read(f->pipe, chunk, sizeof(chunk), NULL)) > 0)
                g_byte_array_append(f->bytes, chunk, (guint)n);
}
