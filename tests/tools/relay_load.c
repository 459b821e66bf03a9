/*
 * Load on a pairing server: `relay_load PORT PID rate|flat SESSIONS N SECONDS`. So many sessions of a phone and a desktop each; phones send
 * messages of 250 bytes, N a second in all (rate), or each the next when one of its N has arrived (flat). Prints as JSON how many
 * arrived, the CPU that the server's process took for each, and how long they were on the way. For tests/bench/server.bench.mjs.
 */
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE 250

typedef struct End {
        int fd;
        struct End *peer;
        GByteArray *in;
} End;

static struct sockaddr_in server;
static guint64 got;
static GArray *times; /* of guint32: us on the way; NULL: not measured */
static bool flat, over;

static int dial(void)
{
        int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
                exit(1);
        return fd;
}

/* Says it, and hears until `end` has come. The caller frees. */
static char *ask(int fd, const char *text, gsize n, const char *end)
{
        GString *heard = g_string_new(NULL);
        char bytes[4096];
        if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
                exit(1);
        while (!strstr(heard->str, end)) {
                ssize_t k = recv(fd, bytes, sizeof bytes, 0);
                if (k <= 0)
                        exit(1);
                for (ssize_t i = 0; i < k; i++)
                        g_string_append_c(heard, bytes[i] ? bytes[i] : ' ');
        }
        return g_string_free(heard, FALSE);
}

static char *field(const char *json, const char *name)
{
        const char *at = strstr(json, name);
        at = at ? strchr(at + strlen(name) + 1, '"') : NULL;
        if (!at)
                exit(1);
        return g_strndup(at + 1, strcspn(at + 1, "\""));
}

/* A masked frame; the mask is zeros. */
static gsize frame(guint8 *out, const char *text, gsize n)
{
        guint8 head[8] = {0x81, (guint8)(0x80 | (n < 126 ? n : 126)), (guint8)(n >> 8), (guint8)n};
        gsize size = n < 126 ? 6 : 8;
        if (n < 126)
                head[2] = head[3] = 0;
        memcpy(out, head, size);
        memcpy(out + size, text, n);
        return size + n;
}

static void enter(End *end, const char *role, const char *id, const char *token)
{
        static const char upgrade[] =
                "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        guint8 bytes[1024];
        g_autofree char *text =
                g_strdup_printf("{\"type\":\"hello\",\"role\":\"%s\",\"sessionId\":\"%s\",\"token\":\"%s\"}",
                                role, id, token);
        end->fd = dial();
        end->in = g_byte_array_new();
        g_free(ask(end->fd, upgrade, strlen(upgrade), "\r\n\r\n"));
        g_free(ask(end->fd, (char *)bytes, frame(bytes, text, strlen(text)), "\"ready\""));
}

static void say(End *phone)
{
        char text[SIZE + 1];
        guint8 bytes[SIZE + 8];
        int n = g_snprintf(text, sizeof text,
                           "{\"type\":\"sensor\",\"t\":%" G_GINT64_FORMAT
                           ",\"seq\":1,\"orientation\":{\"alpha\":10.5,\"beta\":-2.25,\"gamma\":45.125},"
                           "\"gyro\":{\"x\":0.5,\"y\":-0.25,\"z\":0.125},\"accel\":{\"x\":0.5,\"y\":0.25,"
                           "\"z\":9.75},\"note\":\"",
                           g_get_monotonic_time());
        memset(text + n, 'x', (gsize)(SIZE - 2 - n));
        memcpy(text + SIZE - 2, "\"}", 2);
        gsize size = frame(bytes, text, SIZE);
        (void)!send(phone->fd, bytes, size, MSG_NOSIGNAL);
}

static void hear(End *desktop)
{
        static guint8 bytes[65536];
        ssize_t k = recv(desktop->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        GByteArray *in = desktop->in;
        gsize at = 0;
        if (k <= 0)
                return;
        g_byte_array_append(in, bytes, (guint)k);
        for (; in->len - at >= 4 + SIZE; at += 4 + SIZE) {
                const char *text = (const char *)in->data + at + 4;
                if (in->data[at] != 0x81 || in->data[at + 1] != 126 ||
                    memcmp(text, "{\"type\":\"sensor\",\"t\":", 21) != 0)
                        exit(2); /* an error of the server's, a presence: no load for a bench */
                guint32 us = (guint32)(g_get_monotonic_time() - g_ascii_strtoll(text + 21, NULL, 10));
                if (times)
                        g_array_append_val(times, us);
                got++;
                if (flat && !over)
                        say(desktop->peer);
        }
        g_byte_array_remove_range(in, 0, (guint)at);
}

static double cpu_us(const char *pid)
{
        g_autofree char *file = g_strdup_printf("/proc/%s/schedstat", pid), *text = NULL;
        return g_file_get_contents(file, &text, NULL, NULL) ? (double)g_ascii_strtoll(text, NULL, 10) / 1000
                                                            : 0;
}

static gint by_number(gconstpointer a, gconstpointer b)
{
        return *(const guint32 *)a < *(const guint32 *)b ? -1 : *(const guint32 *)a > *(const guint32 *)b;
}

static void run(int set, End *phones, guint sessions, guint per_s, double seconds)
{
        gint64 since_us = g_get_monotonic_time(), until_us = since_us + (gint64)(seconds * 1e6);
        guint64 said = 0;
        for (gint64 now_us; (now_us = g_get_monotonic_time()) < until_us;) {
                struct epoll_event events[256];
                while (!flat && said < (guint64)(now_us - since_us) * per_s / 1000000)
                        say(&phones[said++ % sessions]);
                int n = epoll_wait(set, events, G_N_ELEMENTS(events), flat ? 10 : 1);
                for (int i = 0; i < n; i++)
                        hear(events[i].data.ptr);
        }
}

int main(int argc, char **argv)
{
        if (argc != 7)
                return 2;
        guint sessions = (guint)strtoul(argv[4], NULL, 10), n = (guint)strtoul(argv[5], NULL, 10);
        double seconds = g_ascii_strtod(argv[6], NULL);
        int set = epoll_create1(EPOLL_CLOEXEC);
        flat = strcmp(argv[3], "flat") == 0;
        server = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_port = htons((guint16)strtoul(argv[1], NULL, 10)),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        End *phones = g_new0(End, sessions), *desktops = g_new0(End, sessions);
        static const char post[] =
                "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                "Content-Length: 2\r\n\r\n{}";
        for (guint i = 0; i < sessions; i++) {
                int fd = dial();
                g_autofree char *made = ask(fd, post, strlen(post), "}"), *id = field(made, "\"sessionId\""),
                                *token = field(made, "\"token\"");
                close(fd);
                enter(&phones[i], "phone", id, token); /* first: it is told of nobody later but once */
                enter(&desktops[i], "desktop", id, token);
                desktops[i].peer = &phones[i];
                epoll_ctl(set, EPOLL_CTL_ADD, desktops[i].fd,
                          &(struct epoll_event){.events = EPOLLIN, .data.ptr = &desktops[i]});
        }
        for (guint i = 0; flat && i < n * sessions; i++)
                say(&phones[i % sessions]);
        run(set, phones, sessions, n, 0.5);
        times = g_array_new(FALSE, FALSE, sizeof(guint32));
        guint64 before = got;
        double cpu = cpu_us(argv[2]);
        run(set, phones, sessions, n, seconds);
        cpu = cpu_us(argv[2]) - cpu;
        got -= before;
        over = true;
        g_array_sort(times, by_number);
        if (got == 0)
                return 1;
        printf("{\"per_s\":%.0f,\"cpu_us\":%.3f,\"p50_us\":%u,\"p99_us\":%u}\n", (double)got / seconds,
               cpu / (double)got, g_array_index(times, guint32, times->len / 2),
               g_array_index(times, guint32, times->len * 99 / 100));
        return 0;
}
