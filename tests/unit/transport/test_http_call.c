/*
 * tb_http_call() against libmicrohttpd, whose digest is not ours, and against a socket that misbehaves:
 * silence, trickles, lies, too much.
 */
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/transport/http.h"
#include "drivers/transport/http_device.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/thread.h"

#define ONCE_MS 10000 /* what must not be reached */
#define INTERRUPT_MS 200

/* --- a server that we did not write --- */
#define REALM "shellyplusplugs-aabbccddeeff"

static enum MHD_Result reply(struct MHD_Connection *connection, int status, const void *data, gsize size)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(size, (void *)data, MHD_RESPMEM_MUST_COPY);
        MHD_add_response_header(response, "Content-Type", "text/x-test; charset=utf-8");
        MHD_add_response_header(response, "X-Mixed-Case", "Kept As It Is");
        enum MHD_Result ok = MHD_queue_response(connection, (unsigned)status, response);
        MHD_destroy_response(response);
        return ok;
}

static enum MHD_Result reply_digest(struct MHD_Connection *connection, enum MHD_DigestAuthAlgorithm algorithm,
                                    const GByteArray *body)
{
        int known = MHD_digest_auth_check2(connection, REALM, "admin", "secret", 60, algorithm);
        if (known == MHD_YES)
                return reply(connection, 200, body->data, body->len);
        struct MHD_Response *refusal =
                MHD_create_response_from_buffer(2, (void *)"no", MHD_RESPMEM_PERSISTENT);
        enum MHD_Result ok = MHD_queue_auth_fail_response2(connection, REALM, "opaque-word", refusal,
                                                           known == MHD_INVALID_NONCE, algorithm);
        MHD_destroy_response(refusal);
        return ok;
}

/* The first answer to a challenge comes too late, the second one counts; with `for_ever` none does. */
static enum MHD_Result reply_stale(struct MHD_Connection *connection, const GByteArray *body, bool for_ever)
{
        static int answers;
        bool answered = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization") != NULL;
        if (answered && !for_ever && answers++ % 2 == 1)
                return reply_digest(connection, MHD_DIGEST_ALG_SHA256, body);
        struct MHD_Response *refusal =
                MHD_create_response_from_buffer(2, (void *)"no", MHD_RESPMEM_PERSISTENT);
        enum MHD_Result ok = MHD_queue_auth_fail_response2(connection, REALM, "opaque-word", refusal,
                                                           answered, MHD_DIGEST_ALG_SHA256);
        MHD_destroy_response(refusal);
        return ok;
}

static enum MHD_Result reply_basic(struct MHD_Connection *connection)
{
        char *password = NULL, *user = MHD_basic_auth_get_username_password(connection, &password);
        bool known = g_strcmp0(user, "admin") == 0 && g_strcmp0(password, "p:\xc3\xa4 ss") == 0;
        MHD_free(user);
        MHD_free(password);
        if (known)
                return reply(connection, 200, "in", 2);
        struct MHD_Response *refusal =
                MHD_create_response_from_buffer(2, (void *)"no", MHD_RESPMEM_PERSISTENT);
        enum MHD_Result ok = MHD_queue_basic_auth_fail_response(connection, "plug", refusal);
        MHD_destroy_response(refusal);
        return ok;
}

static ssize_t endless(void *data G_GNUC_UNUSED, uint64_t at G_GNUC_UNUSED, char *buf, size_t max)
{
        memset(buf, 'x', max);
        return (ssize_t)max;
}

static enum MHD_Result reply_endless(struct MHD_Connection *connection)
{
        struct MHD_Response *response =
                MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, endless, NULL, NULL);
        enum MHD_Result ok = MHD_queue_response(connection, 200, response);
        MHD_destroy_response(response);
        return ok;
}

static enum MHD_Result reply_size(struct MHD_Connection *connection)
{
        const char *wish = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "n");
        gsize size = (gsize)g_ascii_strtoull(wish, NULL, 10);
        g_autofree char *data = g_malloc(size + 1);
        memset(data, 'y', size);
        return reply(connection, 200, data, size);
}

static enum MHD_Result reply_echo(struct MHD_Connection *connection, const char *method,
                                  const GByteArray *body)
{
        const char *word = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Word"),
                   *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
        g_autoptr(GString) text = g_string_new(NULL);
        g_string_printf(text, "%s|%s|%s|", method, word ? word : "-", type ? type : "-");
        g_string_append_len(text, (const char *)body->data, body->len);
        return reply(connection, 207, text->str, text->len);
}

static enum MHD_Result on_request(void *data G_GNUC_UNUSED, struct MHD_Connection *connection,
                                  const char *target, const char *method, const char *version G_GNUC_UNUSED,
                                  const char *chunk, size_t *size, void **state)
{
        if (!*state) {
                *state = g_byte_array_new();
                return MHD_YES;
        }
        GByteArray *body = *state;
        if (*size > 0) {
                g_byte_array_append(body, (const guint8 *)chunk, (guint)*size);
                *size = 0;
                return MHD_YES;
        }
        if (strcmp(target, "/sha256") == 0)
                return reply_digest(connection, MHD_DIGEST_ALG_SHA256, body);
        if (strcmp(target, "/md5") == 0)
                return reply_digest(connection, MHD_DIGEST_ALG_MD5, body);
        if (g_str_has_prefix(target, "/stale"))
                return reply_stale(connection, body, strcmp(target, "/stale/always") == 0);
        if (strcmp(target, "/basic") == 0)
                return reply_basic(connection);
        if (strcmp(target, "/size") == 0)
                return reply_size(connection);
        if (strcmp(target, "/endless") == 0)
                return reply_endless(connection);
        return reply_echo(connection, method, body);
}

static void on_completed(void *data G_GNUC_UNUSED, struct MHD_Connection *connection G_GNUC_UNUSED,
                         void **state, enum MHD_RequestTerminationCode why G_GNUC_UNUSED)
{
        if (*state)
                g_byte_array_unref(*state);
}

typedef struct Server {
        struct MHD_Daemon *daemon;
        int port;
        TbIo io;
} Server;

static void server_start(Server *s, gconstpointer data G_GNUC_UNUSED)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        s->daemon =
                MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, NULL,
                                 MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&a, MHD_OPTION_DIGEST_AUTH_RANDOM,
                                 (size_t)8, "01234567", MHD_OPTION_NONCE_NC_SIZE, 300U,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
        g_assert_nonnull(s->daemon);
        s->port = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
        tb_io_init_plain(&s->io);
}

static void server_stop(Server *s, gconstpointer data G_GNUC_UNUSED)
{
        MHD_stop_daemon(s->daemon);
        tb_io_clear_plain(&s->io);
}

static char *url_of(int port, const char *target)
{
        return g_strdup_printf("http://127.0.0.1:%d%s", port, target);
}

static void check_body(const TbHttpAnswer *answer, const char *text)
{
        gsize size;
        const char *body = g_bytes_get_data(answer->body, &size);
        g_assert_cmpmem(body, size, text, strlen(text));
        g_assert_cmpint(body[size], ==, '\0');
}

static void test_exchange(Server *s, gconstpointer data G_GNUC_UNUSED)
{
        g_autofree char *url = url_of(s->port, "/echo?a=b%20c");
        static const char *const headers[] = {"X-Word", "a word", NULL};
        TbHttpCall call = {.method = "PUT",
                           .url = url,
                           .content_type = "text/x-a",
                           .body = "one\0two",
                           .body_size = 7,
                           .headers = headers,
                           .timeout_ms = ONCE_MS};
        TbHttpAnswer answer;
        g_autoptr(GError) error = NULL;
        g_assert_true(tb_http_call(&s->io, &call, &answer, &error));
        g_assert_cmpint(answer.status, ==, 207);
        g_assert_cmpstr(answer.content_type, ==, "text/x-test");
        g_assert_cmpstr(g_hash_table_lookup(answer.headers, "x-mixed-case"), ==, "Kept As It Is");
        gsize size;
        const char *body = g_bytes_get_data(answer.body, &size);
        g_assert_cmpmem(body, size, "PUT|a word|text/x-a|one\0two", 27);
        tb_http_answer_clear(&answer);
        call = (TbHttpCall){.method = "GET", .url = url, .timeout_ms = ONCE_MS};
        g_assert_true(tb_http_call(&s->io, &call, &answer, &error));
        check_body(&answer, "GET|-|-|");
        tb_http_answer_clear(&answer);
}

static void expect_status(Server *s, const char *target, const char *user, const char *password,
                          const char *body, int status)
{
        g_autofree char *url = url_of(s->port, target);
        TbHttpCall call = {.method = body ? "POST" : "GET",
                           .url = url,
                           .content_type = body ? "application/json" : NULL,
                           .body = body,
                           .body_size = body ? strlen(body) : 0,
                           .user = user,
                           .password = password,
                           .timeout_ms = ONCE_MS};
        TbHttpAnswer answer;
        g_autoptr(GError) error = NULL;
        tb_http_call(&s->io, &call, &answer, &error);
        g_assert_no_error(error);
        g_assert_cmpint(answer.status, ==, status);
        if (body && status == 200)
                check_body(&answer, body); /* it was sent again with the password */
        tb_http_answer_clear(&answer);
}

static void test_passwords(Server *s, gconstpointer data G_GNUC_UNUSED)
{
        static const char *const digests[] = {"/sha256", "/md5", "/sha256?id=0&on=true%20x"};
        for (guint i = 0; i < G_N_ELEMENTS(digests); i++) {
                expect_status(s, digests[i], "admin", "secret", NULL, 200);
                expect_status(s, digests[i], "admin", "secret", "{\"id\":1}", 200);
                expect_status(s, digests[i], "admin", "wrong", NULL, 401);
                expect_status(s, digests[i], "nobody", "secret", NULL, 401);
                expect_status(s, digests[i], NULL, NULL, NULL, 401);
        }
        expect_status(s, "/stale", "admin", "secret", "{\"id\":1}", 200);
        expect_status(s, "/stale", "admin", "secret", NULL, 200);
        expect_status(s, "/stale/always", "admin", "secret", NULL, 401);
        expect_status(s, "/basic", "admin", "p:\xc3\xa4 ss", NULL, 200);
        expect_status(s, "/basic", "admin", "p", NULL, 401);
        expect_status(s, "/basic", NULL, NULL, NULL, 401);
}

static void expect_size(Server *s, const char *target, gsize limit, bool fits)
{
        g_autofree char *url = url_of(s->port, target);
        TbHttpCall call = {.method = "GET", .url = url, .timeout_ms = ONCE_MS, .limit = limit};
        TbHttpAnswer answer;
        g_autoptr(GError) error = NULL;
        bool ok = tb_http_call(&s->io, &call, &answer, &error);
        g_assert_true(ok == fits);
        if (ok) {
                g_assert_cmpuint(g_bytes_get_size(answer.body), ==, limit ? limit : TB_LIMIT_HTTP_BODY);
                tb_http_answer_clear(&answer);
                return;
        }
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE);
        g_assert_nonnull(strstr(error->message, "the answer is longer than"));
}

static void test_limits(Server *s, gconstpointer data G_GNUC_UNUSED)
{
        expect_size(s, "/size?n=1000", 1000, true);
        expect_size(s, "/size?n=1001", 1000, false);
        G_STATIC_ASSERT(TB_LIMIT_HTTP_BODY == 1048576);
        expect_size(s, "/size?n=1048576", 0, true);
        expect_size(s, "/size?n=1048577", 0, false);
        expect_size(s, "/endless", 0, false);
        G_STATIC_ASSERT(TB_LIMIT_DEVICE_ANSWER == 65536); /* what http_device.h asks for */
        expect_size(s, "/size?n=65536", TB_LIMIT_DEVICE_ANSWER, true);
        expect_size(s, "/size?n=65537", TB_LIMIT_DEVICE_ANSWER, false);
}

/* --- a socket that misbehaves --- */
typedef struct Rogue {
        int listener;
        int port;
        const char *says;      /* after the request; NULL: nothing */
        const char *repeats;   /* then this again and again until the client is tired; NULL: nothing */
        bool hangs_up;         /* at the end; otherwise it waits for the client to go */
        TbInterruptor *raises; /* when the request is there; NULL: none */
        gint64 raised_us;
        TbThread *thread;
} Rogue;

static bool send_all(int fd, const char *text)
{
        for (gsize left = strlen(text); left > 0;) {
                gssize n = send(fd, text, left, MSG_NOSIGNAL);
                if (n <= 0)
                        return false;
                text += n;
                left -= (gsize)n;
        }
        return true;
}

static void rogue_run(gpointer data)
{
        Rogue *r = data;
        int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
                return; /* shut down: the test wants no more */
        g_autoptr(GString) seen = g_string_new(NULL);
        char buf[4096];
        while (!strstr(seen->str, "\r\n\r\n")) {
                gssize n = recv(fd, buf, sizeof buf, 0);
                if (n <= 0)
                        break;
                g_string_append_len(seen, buf, n);
        }
        if (r->raises) {
                r->raised_us = g_get_monotonic_time();
                tb_interruptor_raise(r->raises);
        }
        bool there = !r->says || send_all(fd, r->says);
        while (there && r->repeats)
                there = send_all(fd, r->repeats);
        while (there && !r->hangs_up)
                there = recv(fd, buf, sizeof buf, 0) > 0;
        close(fd);
}

static void rogue_listen(Rogue *r, int backlog)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(r->listener, (struct sockaddr *)&a, size), ==, 0);
        g_assert_cmpint(listen(r->listener, backlog), ==, 0);
        g_assert_cmpint(getsockname(r->listener, (struct sockaddr *)&a, &size), ==, 0);
        r->port = ntohs(a.sin_port);
}

static void rogue_start(Rogue *r)
{
        rogue_listen(r, 4);
        r->thread = tb_thread_start("rogue", rogue_run, r);
}

static void rogue_stop(Rogue *r)
{
        shutdown(r->listener, SHUT_RDWR);
        if (r->thread)
                tb_thread_join(r->thread);
        close(r->listener);
}

static GError *fail(TbIo *io, int port, int timeout_ms)
{
        g_autofree char *url = url_of(port, "/");
        TbHttpCall call = {.method = "GET", .url = url, .timeout_ms = timeout_ms, .limit = 1000};
        TbHttpAnswer answer;
        GError *error = NULL;
        g_assert_false(tb_http_call(io, &call, &answer, &error));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        g_assert_nonnull(strstr(error->message, url)); /* it says who */
        return error;
}

#define HALF "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"

static void test_bad_answers(void)
{
        static const struct {
                const char *says;
                TbErrorCode code;
        } bad[] = {
                {NULL, TB_ERROR_GONE}, /* it hangs up without a word */
                {"HTTP/1.1 2", TB_ERROR_DEVICE},
                {HALF, TB_ERROR_GONE},
                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", TB_ERROR_GONE},
                {"SSH-2.0-OpenSSH_9.2\r\n\r\n", TB_ERROR_DEVICE},
                {"HTTP/1.1 two hundred\r\n\r\n", TB_ERROR_DEVICE},
                {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", TB_ERROR_GONE},
        };
        TbIo io;
        tb_io_init_plain(&io);
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                Rogue r = {.says = bad[i].says, .hangs_up = true};
                rogue_start(&r);
                g_autoptr(GError) error = fail(&io, r.port, ONCE_MS);
                g_test_message("%u: %s", i, error->message);
                g_assert_error(error, TB_ERROR, (int)bad[i].code);
                rogue_stop(&r);
        }
        tb_io_clear_plain(&io);
}

static void test_redirect(void)
{
        TbIo io;
        tb_io_init_plain(&io);
        Rogue r = {.says = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"};
        rogue_start(&r);
        g_autofree char *url = url_of(r.port, "/");
        TbHttpCall call = {
                .method = "GET", .url = url, .user = "admin", .password = "secret", .timeout_ms = ONCE_MS};
        TbHttpAnswer answer;
        g_assert_true(tb_http_call(&io, &call, &answer, NULL));
        g_assert_cmpint(answer.status, ==, 302);
        tb_http_answer_clear(&answer);
        rogue_stop(&r);
        tb_io_clear_plain(&io);
}

/* Never more than asked for, whatever it does in the meantime. */
static void test_timeouts(void)
{
        static const struct {
                const char *says, *repeats;
        } slow[] = {{NULL, NULL},
                    {"HTTP/1.1 200", NULL},
                    {HALF, NULL},
                    {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}};
        TbIo io;
        tb_io_init_plain(&io);
        for (guint i = 0; i < 2 * G_N_ELEMENTS(slow); i++) {
                Rogue r = {.says = slow[i / 2].says, .repeats = slow[i / 2].repeats};
                rogue_start(&r);
                gint64 start = g_get_monotonic_time();
                if (i % 2)
                        io.deadline_us =
                                start + 250 * 1000; /* the command's deadline is nearer than the call's */
                g_autoptr(GError) error = fail(&io, r.port, i % 2 ? ONCE_MS : 250);
                gint64 took_ms = (g_get_monotonic_time() - start) / 1000;
                g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
                g_assert_cmpint(took_ms, >=, 249);
                g_assert_cmpint(took_ms, <, 2000);
                io.deadline_us = G_MAXINT64;
                rogue_stop(&r);
        }
        io.deadline_us = g_get_monotonic_time() - 1; /* it has passed already */
        Rogue r = {0};
        rogue_start(&r);
        g_autoptr(GError) error = fail(&io, r.port, ONCE_MS);
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        rogue_stop(&r);
        tb_io_clear_plain(&io);
}

static void test_endless_head(void)
{
        TbIo io;
        tb_io_init_plain(&io);
        Rogue r = {.says = "HTTP/1.1 200 OK\r\n",
                   .repeats = "X-Noise: "
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                              "aaa\r\n"};
        rogue_start(&r);
        g_autoptr(GError) error = fail(&io, r.port, ONCE_MS);
        g_assert_error(error, TB_ERROR, TB_ERROR_DEVICE); /* libsoup hangs up: "Header too big" */
        g_assert_nonnull(strstr(error->message, "does not speak HTTP"));
        rogue_stop(&r);
        tb_io_clear_plain(&io);
}

static void check_interrupted(TbIo *io, Rogue *r)
{
        rogue_start(r);
        g_autoptr(GError) error = fail(io, r->port, ONCE_MS);
        gint64 now = g_get_monotonic_time();
        rogue_stop(r);
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
        g_assert_cmpint((now - r->raised_us) / 1000, <, INTERRUPT_MS);
}

static void test_interrupted(void)
{
        static const char *const says[] = {NULL, "HTTP/1.1 200", HALF};
        for (guint i = 0; i < G_N_ELEMENTS(says); i++) {
                TbIo io;
                tb_io_init_plain(&io);
                Rogue r = {.says = says[i], .raises = io.stop};
                check_interrupted(&io, &r);
                g_autoptr(GError) error =
                        fail(&io, r.port, ONCE_MS); /* it stays raised: nothing new begins */
                g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
                tb_io_clear_plain(&io);
        }
}

/* A command waits: a pump lets go, a command does not. */
static void test_wake(void)
{
        TbIo io;
        tb_io_init_plain(&io);
        io.wake = tb_interruptor_new();
        io.in_pump = true;
        Rogue r = {.raises = io.wake};
        check_interrupted(&io, &r);
        io.in_pump = false;
        Rogue other = {0};
        rogue_start(&other);
        g_autoptr(GError) error = fail(&io, other.port, 250);
        g_assert_error(error, TB_ERROR, TB_ERROR_TIMEOUT);
        rogue_stop(&other);
        tb_interruptor_free(io.wake);
        tb_io_clear_plain(&io);
}

/* --- connecting --- */
static void raise_soon(gpointer data)
{
        Rogue *r = data;
        TbIo io;
        tb_io_init_plain(&io);
        tb_io_sleep(&io, 100, NULL); /* until it is in the middle of its connect(2) */
        r->raised_us = g_get_monotonic_time();
        tb_interruptor_raise(r->raises);
        tb_io_clear_plain(&io);
}

/* A listener whose queue is full drops what else comes: connect(2) hangs as it does for a plug without power.
 */
static void test_no_connection(void)
{
        TbIo io;
        tb_io_init_plain(&io);
        Rogue r = {.raises = io.stop};
        rogue_listen(&r, 0);
        int fds[4];
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((guint16)r.port)};
        for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
                fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
                g_assert_true(connect(fds[i], (struct sockaddr *)&a, sizeof a) == 0 || errno == EINPROGRESS);
        }
        g_autoptr(GError) late = fail(&io, r.port, 250);
        g_assert_error(late, TB_ERROR, TB_ERROR_TIMEOUT);
        TbThread *thread = tb_thread_start("soon", raise_soon, &r);
        g_autoptr(GError) error = fail(&io, r.port, ONCE_MS);
        gint64 now = g_get_monotonic_time();
        tb_thread_join(thread);
        g_assert_error(error, TB_ERROR, TB_ERROR_INTERRUPTED);
        g_assert_cmpint((now - r.raised_us) / 1000, <, INTERRUPT_MS);
        for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
                close(fds[i]);
        close(r.listener);
        tb_io_clear_plain(&io);
}

static void test_nobody(void)
{
        TbIo io;
        tb_io_init_plain(&io);
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, not listening: refused */
        g_assert_cmpint(bind(fd, (struct sockaddr *)&a, size), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&a, &size), ==, 0);
        g_autoptr(GError) error = fail(&io, ntohs(a.sin_port), ONCE_MS);
        g_assert_error(error, TB_ERROR, TB_ERROR_GONE);
        close(fd);
        static const char *const bad[] = {"not an address", "http://", "/shelly", "ftp://127.0.0.1/",
                                          "http://[::1/"};
        for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
                TbHttpCall call = {.method = "GET", .url = bad[i], .timeout_ms = ONCE_MS};
                TbHttpAnswer answer;
                g_clear_error(&error);
                g_assert_false(tb_http_call(&io, &call, &answer, &error));
                g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        }
        tb_io_clear_plain(&io);
}

/* What a device says beside a status that is not 200 becomes words of ours: no page, no bytes, no line of its own. */
static void test_words(void)
{
        static const struct {
                const char *body, *words;
        } all[] = {{"out of\r\n\x1b[31mmemory\x07", "with status 500: out of [31mmemory"},
                   {"<html><h1>No</h1>", "with status 500"},
                   {"\xff\xfe\x01", "with status 500"},
                   {"{\"message\":\"a\\nb\"}", "refuses: a b"}};
        for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
                TbIo io;
                tb_io_init_plain(&io);
                g_autofree char *says = g_strdup_printf("HTTP/1.1 500 No\r\nContent-Length: %zu\r\n\r\n%s",
                                                        strlen(all[i].body), all[i].body);
                Rogue r = {.says = says};
                rogue_start(&r);
                g_autofree char *origin = g_strdup_printf("http://127.0.0.1:%d", r.port);
                TbHttpDevice device = {.what = (char *)"plug",
                                       .where = (char *)"here",
                                       .origin = origin,
                                       .timeout_ms = ONCE_MS};
                TbHttpAnswer answer;
                g_autoptr(GError) error = NULL;
                g_assert_false(tb_http_device_ask(&device, &io, "GET", "/state?password=x", NULL, NULL,
                                                  &answer, &error));
                g_assert_true(g_str_has_suffix(error->message, all[i].words));
                rogue_stop(&r);
                tb_io_clear_plain(&io);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        signal(SIGPIPE, SIG_IGN);
        g_test_add("/http-call/exchange", Server, NULL, server_start, test_exchange, server_stop);
        g_test_add("/http-call/passwords", Server, NULL, server_start, test_passwords, server_stop);
        g_test_add("/http-call/limits", Server, NULL, server_start, test_limits, server_stop);
        g_test_add_func("/http-call/bad-answers", test_bad_answers);
        g_test_add_func("/http-call/redirect", test_redirect);
        g_test_add_func("/http-call/timeouts", test_timeouts);
        g_test_add_func("/http-call/endless-head", test_endless_head);
        g_test_add_func("/http-call/words", test_words);
        g_test_add_func("/http-call/interrupted", test_interrupted);
        g_test_add_func("/http-call/wake", test_wake);
        g_test_add_func("/http-call/no-connection", test_no_connection);
        g_test_add_func("/http-call/nobody", test_nobody);
        return g_test_run();
}
