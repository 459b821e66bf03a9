/* TLS before HTTP: its files, and the front's limits on a clock that the test turns. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "lib/error.h"
#include "lib/http/tls_private.h"
#include "lib/limits.h"
#include "lib/net.h"
#include "lib/thread.h"
#include "tests/unit/clock.h"

static char *folder, *cert, *key;

#define WAIT(condition)                                                                                      \
        do {                                                                                                 \
                for (guint turns = 0; !(condition); turns++) {                                               \
                        g_assert_cmpuint(turns, <, 20000);                                                   \
                        while (g_main_context_iteration(NULL, FALSE))                                        \
                                ;                                                                            \
                        poll(NULL, 0, 1);                                                                    \
                }                                                                                            \
        } while (0)

/* --- a certificate --- */
static void make_files(void)
{
        g_autoptr(GError) error = NULL;
        folder = g_dir_make_tmp("tbtls-XXXXXX", &error);
        g_assert_no_error(error);
        cert = g_build_filename(folder, "cert", NULL);
        key = g_build_filename(folder, "key", NULL);
        EVP_PKEY *pkey = EVP_EC_gen("P-256");
        X509 *x = X509_new();
        X509_gmtime_adj(X509_getm_notBefore(x), -60);
        X509_gmtime_adj(X509_getm_notAfter(x), 3600);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const guint8 *)"unit", -1,
                                   -1, 0);
        X509_set_issuer_name(x, X509_get_subject_name(x));
        X509_set_pubkey(x, pkey);
        g_assert_cmpint(X509_sign(x, pkey, EVP_sha256()), >, 0);
        FILE *file = fopen(cert, "w");
        PEM_write_X509(file, x);
        fclose(file);
        file = fopen(key, "w");
        PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL);
        fclose(file);
        g_chmod(key, 0600);
        X509_free(x);
        EVP_PKEY_free(pkey);
}

static TbTls *good(void)
{
        g_autoptr(GError) error = NULL;
        TbTls *tls = tb_tls_new(cert, key, &error);
        g_assert_no_error(error);
        return tls;
}

static void test_files(void)
{
        g_autofree char *text = NULL, *padded = g_build_filename(folder, "padded", NULL);
        g_autoptr(GError) error = NULL;
        gsize size;
        g_assert_true(g_file_get_contents(cert, &text, &size, NULL));
        g_autofree char *large = g_malloc(TB_LIMIT_TLS_FILE + 1);
        memset(large, '\n', TB_LIMIT_TLS_FILE + 1);
        memcpy(large, text, size);
        g_assert_true(g_file_set_contents(padded, large, TB_LIMIT_TLS_FILE, NULL));
        TbTls *tls = tb_tls_new(padded, key, &error);
        g_assert_no_error(error);
        g_autofree char *about = tb_tls_about(tls);
        g_assert_true(g_str_has_prefix(about, "CN=unit, valid until 20"));
        tb_tls_unref(tls);
        g_assert_true(g_file_set_contents(padded, large, TB_LIMIT_TLS_FILE + 1, NULL));
        g_assert_null(tb_tls_new(padded, key, &error));
        g_assert_error(error, TB_ERROR, TB_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, "padded: it is larger than 1048576 bytes"));
        g_clear_error(&error);
        /* a chain: what stands behind the first one must be whole */
        g_autofree char *cut =
                g_strconcat(text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NULL);
        g_assert_true(g_file_set_contents(padded, cut, -1, NULL));
        g_assert_null(tb_tls_new(padded, key, &error));
        g_assert_nonnull(strstr(error->message, "padded: a certificate behind the first one is damaged"));
        g_unlink(padded);
}

/* --- a front with clients in this thread --- */
typedef struct Room {
        TbTlsFront *front;
        guint16 port;
        GArray *arrived; /* int */
} Room;

typedef struct Client {
        int fd;
        SSL_CTX *context;
        SSL *ssl;
} Client;

static void on_arrived(const TbTlsArrival *arrival, gpointer data)
{
        g_assert_cmpstr(arrival->local, ==, "127.0.0.1");
        g_array_append_val(((Room *)data)->arrived, arrival->fd);
}

static Room *room_new(guint most)
{
        g_autoptr(GError) error = NULL;
        Room *r = g_new0(Room, 1);
        TbTls *tls = good();
        r->arrived = g_array_new(FALSE, FALSE, sizeof(int));
        int fd = tb_listen("127.0.0.1", 0, NULL, &r->port, &error);
        g_assert_no_error(error);
        r->front = tb_tls_front_new(fd, tls, most, on_arrived, r, &error);
        g_assert_no_error(error);
        tb_tls_unref(tls);
        return r;
}

static void room_free(Room *r)
{
        for (guint i = 0; i < r->arrived->len; i++)
                close(g_array_index(r->arrived, int, i));
        tb_tls_front_free(r->front);
        while (g_main_context_iteration(NULL, FALSE))
                ;
        g_array_unref(r->arrived);
        g_free(r);
}

static int plain(const Room *r)
{
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(r->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof to), ==, 0);
        return fd;
}

static Client client_on(int fd)
{
        Client c = {.fd = fd, .context = SSL_CTX_new(TLS_client_method())};
        c.ssl = SSL_new(c.context);
        SSL_set_fd(c.ssl, c.fd);
        return c;
}

/* Its handshake is through, and the front's thread has had a turn. */
static Client client_new(Room *r)
{
        guint before = r->arrived->len;
        Client c = client_on(plain(r));
        g_assert_cmpint(SSL_connect(c.ssl), ==, 1);
        WAIT(r->arrived->len > before);
        return c;
}

static void client_free(Client *c)
{
        SSL_free(c->ssl);
        SSL_CTX_free(c->context);
        close(c->fd);
}

static guint descriptors(void)
{
        guint n = 0;
        g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
        while (g_dir_read_name(dir))
                n++;
        return n;
}

/* So many are there once those of who went are closed, and go on being there. */
static void assert_stay(guint n)
{
        WAIT(descriptors() <= n);
        for (guint i = 0; i < 20; i++) {
                g_assert_cmpuint(descriptors(), ==, n);
                poll(NULL, 0, 1);
        }
}

/* Somebody comes and goes: the thread looks at the clock. */
static void poke(Room *r)
{
        char byte;
        Client c = client_new(r);
        close(g_array_index(r->arrived, int, r->arrived->len - 1));
        g_array_set_size(r->arrived, r->arrived->len - 1);
        g_assert_cmpint(SSL_read(c.ssl, &byte, 1), ==, 0);
        client_free(&c);
}

static bool has_ended(int fd)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};
        return poll(&p, 1, 0) == 1;
}

static void test_handshake(void)
{
        clock_stop(0);
        Room *r = room_new(10);
        int fd = plain(r);
        poke(r); /* it came before this one, and has been accepted */
        clock_advance((gint64)TB_LIMIT_TLS_HANDSHAKE_S * G_USEC_PER_SEC - 1);
        poke(r);
        g_assert_false(has_ended(fd));
        clock_advance(1);
        Client c = client_new(r);
        WAIT(has_ended(fd));
        client_free(&c);
        close(fd);
        clock_go();
        room_free(r);
}

static void test_last_words(void)
{
        clock_stop(0);
        Room *r = room_new(10);
        guint none = descriptors();
        Client c = client_new(r);
        int fd = g_array_index(r->arrived, int, 0);
        g_array_set_size(r->arrived, 0);
        g_assert_cmpint(write(fd, "last words", 10), ==, 10);
        close(fd);
        char words[16];
        g_assert_cmpint(SSL_read(c.ssl, words, sizeof words), ==, 10);
        g_assert_cmpint(SSL_read(c.ssl, words, sizeof words), ==, 0);
        g_assert_cmpint(SSL_get_shutdown(c.ssl) & SSL_RECEIVED_SHUTDOWN, !=, 0);
        poke(r); /* the thread has noted when it said them */
        clock_advance((gint64)TB_LIMIT_TLS_CLOSE_S * G_USEC_PER_SEC - 1);
        poke(r);
        assert_stay(none + 2); /* the client's end, and the front's */
        clock_advance(1);
        poke(r);
        WAIT(descriptors() == none + 1);
        client_free(&c);
        clock_go();
        room_free(r);
}

/* Who reads nothing keeps what he is sent waiting for as long as somebody is there who sends it. */
static void test_stall(void)
{
        clock_stop(0);
        Room *r = room_new(10);
        guint none = descriptors();
        Client c = client_new(r);
        int fd = g_array_index(r->arrived, int, 0), between = 0;
        socklen_t size = sizeof between;
        g_assert_cmpint(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &between, &size), ==, 0);
        g_assert_cmpint(between, ==, 2 * TB_LIMIT_TLS_BETWEEN); /* the kernel counts its own in */
        g_autofree char *block = g_malloc0(65536);
        for (guint full = 0; full < 100;) { /* until nothing moves any more */
                full = write(fd, block, 65536) < 0 ? full + 1 : 0;
                poll(NULL, 0, 1);
        }
        for (guint i = 0; i < 3; i++) {
                clock_advance((gint64)TB_LIMIT_TLS_STALL_S * G_USEC_PER_SEC + 1);
                poke(r);
        }
        assert_stay(none + 4); /* its sender looks after it */
        close(fd);
        clock_advance(TB_TLS_LOOK_US);
        poke(r); /* now it is known that nobody does */
        clock_advance((gint64)TB_LIMIT_TLS_STALL_S * G_USEC_PER_SEC - 1);
        poke(r);
        assert_stay(none + 3);
        clock_advance(1);
        poke(r);
        WAIT(descriptors() == none + 1);
        g_array_set_size(r->arrived, 0);
        client_free(&c);
        clock_go();
        room_free(r);
}

/* What is on its way when the daemon ends arrives; who takes nothing is not waited for. */
static void test_drain(void)
{
        Room *r = room_new(10);
        Client quick = client_new(r), stopped = client_new(r);
        int fd = g_array_index(r->arrived, int, 1);
        g_autofree char *block = g_malloc0(65536);
        for (guint full = 0; full < 100;) {
                full = write(fd, block, 65536) < 0 ? full + 1 : 0;
                poll(NULL, 0, 1);
        }
        g_assert_cmpint(write(g_array_index(r->arrived, int, 0), "bye", 3), ==, 3);
        gint64 began_us = g_get_monotonic_time();
        room_free(r);
        g_assert_cmpint(g_get_monotonic_time() - began_us, >=, TB_LIMIT_TLS_DRAIN_MS * 1000);
        char words[16];
        g_assert_cmpint(SSL_read(quick.ssl, words, sizeof words), ==, 3);
        g_assert_cmpint(SSL_read(quick.ssl, words, sizeof words), ==, 0);
        client_free(&quick);
        client_free(&stopped);
}

static void test_most(void)
{
        Room *r = room_new(2);
        Client a = client_new(r), b = client_new(r);
        int waits = plain(r);
        Client c = client_on(waits);
        fcntl(waits, F_SETFL, O_NONBLOCK);
        g_assert_cmpint(SSL_connect(c.ssl), ==, -1);
        poll(NULL, 0, 50);
        g_assert_cmpint(SSL_connect(c.ssl), ==, -1); /* nobody answers yet */
        close(g_array_index(r->arrived, int, 0));
        g_array_remove_index(r->arrived, 0);
        client_free(&a);
        WAIT(SSL_connect(c.ssl) == 1);
        WAIT(r->arrived->len == 2);
        client_free(&b);
        client_free(&c);
        room_free(r);
}

/* One turn of one connection is bounded in each direction. */
static void test_turn(void)
{
        int wire[2], inner[2], most = 8 * TB_LIMIT_TLS_TURN, left;
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, wire), ==, 0);
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, inner), ==, 0);
        const int all[] = {wire[0], wire[1], inner[0], inner[1]};
        for (guint i = 0; i < 4; i++)
                setsockopt(all[i], SOL_SOCKET, SO_SNDBUFFORCE, &most, sizeof most);
        TbTls *tls = good();
        g_autofree TbTlsThread *t = g_new0(TbTlsThread, 1);
        t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        TbTlsConn conn = {.thread = t, .ssl = tb_tls_session(tls), .state = TB_TLS_OPEN};
        conn.client = (TbTlsSide){.conn = &conn, .fd = wire[0]};
        conn.inner = (TbTlsSide){.conn = &conn, .fd = inner[0]};
        conn.link.data = &conn;
        g_queue_push_tail_link(&t->open, &conn.link);
        SSL_set_fd(conn.ssl, wire[0]);
        SSL_set_accept_state(conn.ssl);
        Client c = client_on(wire[1]);
        for (int a = 0, b = 0; a != 1 || b != 1;) {
                a = SSL_connect(c.ssl);
                b = SSL_do_handshake(conn.ssl);
        }
        g_autofree guint8 *block = g_malloc0(TB_TLS_RECORD);
        for (guint i = 0; i < 6; i++) { /* a turn and a half each way */
                g_assert_cmpint(SSL_write(c.ssl, block, TB_TLS_RECORD), ==, TB_TLS_RECORD);
                g_assert_cmpint(send(inner[1], block, TB_TLS_RECORD, 0), ==, TB_TLS_RECORD);
        }
        tb_tls_pump(&conn);
        ioctl(inner[1], FIONREAD, &left);
        g_assert_cmpint(left, ==, TB_LIMIT_TLS_TURN);
        ioctl(inner[0], FIONREAD, &left);
        g_assert_cmpint(left, ==, 6 * TB_TLS_RECORD - TB_LIMIT_TLS_TURN);
        tb_tls_pump(&conn);
        ioctl(inner[1], FIONREAD, &left);
        g_assert_cmpint(left, ==, 6 * TB_TLS_RECORD);
        client_free(&c);
        SSL_free(conn.ssl);
        close(wire[0]);
        close(inner[0]);
        close(inner[1]);
        close(t->epoll_fd);
        tb_tls_unref(tls);
}

static void test_replace(void)
{
        TbTls *tls = good(), *newer = good();
        SSL *before = tb_tls_session(tls);
        tb_tls_replace(tls, newer);
        SSL *after = tb_tls_session(tls), *other = tb_tls_session(newer);
        g_assert_true(SSL_get_SSL_CTX(after) == SSL_get_SSL_CTX(other));
        g_assert_true(SSL_get_SSL_CTX(before) != SSL_get_SSL_CTX(after));
        SSL_free(before);
        SSL_free(after);
        SSL_free(other);
        tb_tls_unref(newer);
        tb_tls_unref(tls);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        tb_main_init(NULL);
        make_files();
        g_test_add_func("/tls/files", test_files);
        g_test_add_func("/tls/replace", test_replace);
        g_test_add_func("/tls/handshake", test_handshake);
        g_test_add_func("/tls/last-words", test_last_words);
        g_test_add_func("/tls/stall", test_stall);
        g_test_add_func("/tls/drain", test_drain);
        g_test_add_func("/tls/most", test_most);
        g_test_add_func("/tls/turn", test_turn);
        int rc = g_test_run();
        tb_main_stop();
        g_unlink(cert);
        g_unlink(key);
        g_rmdir(folder);
        return rc;
}
