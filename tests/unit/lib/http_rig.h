#pragma once
/*
 * A real server on a loopback socket and a raw client in the same thread: tests write bytes, run the loop
 * until an answer is there, and look at it. Every wait has a deadline.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http/http.h"
#include "lib/thread.h"

typedef struct Rig {
        TbPoller *poller;
        TbAuth *auth;
        TbMetrics *metrics;
        TbHttp *http;
        bool stopped;
} Rig;

typedef struct Client {
        int fd;
        GString *in;
        bool eof;
} Client;

typedef struct Answer {
        int status;
        char *headers; /* owned; the raw head */
        char *body;    /* owned; de-chunked */
        gsize size;
} Answer;

#define RIG_DEADLINE_US (10 * G_USEC_PER_SEC)

/* One turn of the loop; waits at most a little for the client's socket or anything of the server's. */
static inline void rig_turn(int fd)
{
        while (g_main_context_iteration(NULL, FALSE))
                ;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (fd >= 0)
                poll(&p, 1, 1);
}

#define RIG_WAIT(condition)                                                                                  \
        do {                                                                                                 \
                gint64 rig_until = g_get_monotonic_time() + RIG_DEADLINE_US;                                 \
                while (!(condition)) {                                                                       \
                        g_assert_cmpint(g_get_monotonic_time(), <, rig_until);                               \
                        rig_turn(-1);                                                                        \
                        g_usleep(200);                                                                       \
                }                                                                                            \
        } while (0)

static inline void rig_start(Rig *rig, const TbRoute *routes, gpointer data,
                             void (*more)(TbHttpOptions *options))
{
        g_autoptr(GError) error = NULL;
        *rig = (Rig){.poller = tb_poller_new(NULL), .auth = tb_auth_new(), .metrics = tb_metrics_new()};
        TbHttpOptions options = {.address = "127.0.0.1",
                                 .name = "testbed-test",
                                 .version = "1.2",
                                 .auth = rig->auth,
                                 .metrics = rig->metrics,
                                 .poller = rig->poller};
        if (more)
                more(&options);
        rig->http = tb_http_new(&options, &error);
        g_assert_no_error(error);
        if (routes)
                tb_http_add_routes(rig->http, routes, data);
}

static inline void rig_stop(Rig *rig)
{
        tb_http_free(rig->http);
        tb_poller_free(rig->poller);
        tb_auth_unref(rig->auth);
        tb_metrics_free(rig->metrics);
}

static inline Client rig_connect(Rig *rig)
{
        Client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .in = g_string_new(NULL)};
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons(tb_http_port(rig->http)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int one = 1;
        g_assert_cmpint(connect(c.fd, (struct sockaddr *)&to, sizeof to), ==, 0);
        setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        return c;
}

static inline void rig_close(Client *c)
{
        if (c->fd >= 0)
                close(c->fd);
        c->fd = -1;
        g_string_free(c->in, TRUE);
        while (g_main_context_iteration(NULL, FALSE))
                ;
}

static inline void rig_read(Client *c)
{
        char buf[65536];
        gssize n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);
        if (n > 0)
                g_string_append_len(c->in, buf, n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
                c->eof = true;
}

/* Sends all of it while the server runs: more than both socket buffers does not lock us up. */
static inline void rig_send(Client *c, const void *bytes, gsize size)
{
        gint64 until = g_get_monotonic_time() + RIG_DEADLINE_US;
        for (gsize done = 0; done < size && !c->eof;) {
                gssize n = send(c->fd, (const char *)bytes + done, size - done, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n > 0)
                        done += (gsize)n;
                else if (errno != EAGAIN)
                        break;
                if (done < size) {
                        while (g_main_context_iteration(NULL, FALSE))
                                ;
                        rig_read(c);
                }
                g_assert_cmpint(g_get_monotonic_time(), <, until);
        }
}

static inline const char *answer_header(const Answer *a, const char *name)
{
        static char value[4096];
        g_autofree char *line = g_strconcat("\r\n", name, ": ", NULL);
        gsize n = strlen(line);
        for (const char *p = a->headers; *p; p++) {
                if (g_ascii_strncasecmp(p, line, n) != 0)
                        continue;
                const char *end = strstr(p + n, "\r\n");
                g_strlcpy(value, p + n, MIN(sizeof value, (gsize)(end - p - (gssize)n) + 1));
                return value;
        }
        return NULL;
}

static inline void answer_free(Answer *a)
{
        g_free(a->headers);
        g_free(a->body);
        g_free(a);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answer, answer_free)

/* >0: bytes that the body takes in `in` after `at`; 0: not complete. Fills out. */
static inline gsize rig_chunked(const GString *in, gsize at, GString *out)
{
        gsize p = at;
        for (;;) {
                const char *line_end = p < in->len ? strstr(in->str + p, "\r\n") : NULL;
                if (!line_end)
                        return 0;
                gsize n = g_ascii_strtoull(in->str + p, NULL, 16);
                p = (gsize)(line_end - in->str) + 2;
                if (p + n + 2 > in->len)
                        return 0;
                g_string_append_len(out, in->str + p, (gssize)n);
                p += n + 2;
                if (n == 0)
                        return p - at;
        }
}

/* Takes one whole answer off the front of what came; NULL: not yet. */
static inline Answer *rig_take(Client *c, bool head)
{
        char *end = strstr(c->in->str, "\r\n\r\n");
        if (!end)
                return NULL;
        gsize head_size = (gsize)(end - c->in->str) + 4, used;
        Answer *a = g_new0(Answer, 1);
        a->headers = g_strndup(c->in->str, head_size);
        a->status = (int)g_ascii_strtoll(c->in->str + strlen("HTTP/1.1 "), NULL, 10);
        const char *length = answer_header(a, "Content-Length");
        gsize size = length ? g_ascii_strtoull(length, NULL, 10) : 0;
        if (head || a->status == 204 || a->status == 304 || a->status < 200) {
                used = head_size;
                a->body = g_strdup("");
        } else if (length) {
                used = head_size + size;
                if (c->in->len >= used) {
                        a->body = g_malloc0(size + 1);
                        memcpy(a->body, c->in->str + head_size, size);
                        a->size = size;
                }
        } else if (answer_header(a, "Transfer-Encoding")) {
                GString *body = g_string_new(NULL);
                gsize n = rig_chunked(c->in, head_size, body);
                used = head_size + n;
                a->size = body->len;
                a->body = g_string_free(body, n == 0);
        } else { /* until the end of the connection */
                used = c->in->len;
                a->size = used - head_size;
                a->body = c->eof ? g_strndup(c->in->str + head_size, a->size) : NULL;
        }
        if (!a->body) {
                answer_free(a);
                return NULL;
        }
        g_string_erase(c->in, 0, (gssize)used);
        return a;
}

static inline Answer *rig_answer_to(Client *c, bool head)
{
        gint64 until = g_get_monotonic_time() + RIG_DEADLINE_US;
        for (;;) {
                Answer *a = rig_take(c, head);
                if (a)
                        return a;
                if (c->eof || g_get_monotonic_time() > until)
                        g_error("no answer%s; got: %s", c->eof ? ", connection closed" : "", c->in->str);
                rig_turn(c->fd);
                rig_read(c);
        }
}

static inline Answer *rig_answer(Client *c)
{
        return rig_answer_to(c, false);
}

/* One request on its own connection. `text` may hold any bytes but NUL. */
static inline Answer *rig_ask(Rig *rig, const char *text)
{
        Client c = rig_connect(rig);
        rig_send(&c, text, strlen(text));
        Answer *a = rig_answer_to(&c, g_str_has_prefix(text, "HEAD "));
        rig_close(&c);
        return a;
}

static inline void rig_wait_eof(Client *c)
{
        gint64 until = g_get_monotonic_time() + RIG_DEADLINE_US;
        while (!c->eof) {
                g_assert_cmpint(g_get_monotonic_time(), <, until);
                rig_turn(c->fd);
                rig_read(c);
        }
}
