/*
 * A line between two network namespaces, as bad as it is told: line PID_A ADDRESS_A PID_B ADDRESS_B. Each end is a tun
 * device "line" in the namespace of that process, where the kernel has no netem. On standard input: lines "DELAY_MS LOSS_PERCENT KBIT_S
 * QUEUE_BYTES", each from then on; loss 100 is a cut. 0 kbit/s: as fast as it goes. Says "up" when it is.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MTU 1500

typedef struct Packet {
        struct Packet *next;
        int64_t due_us;
        ssize_t size;
        unsigned char bytes[MTU + 4];
} Packet;

typedef struct Way { /* one direction: what came in at `from` goes out at `to` */
        int from, to;
        Packet *head, *tail;
        long queued;     /* bytes that wait for their turn or are on their way */
        int64_t free_us; /* when the narrow place has sent what came before */
} Way;

static double delay_ms, loss_percent, kbit_s;
static long queue_bytes = 200000;

static int64_t now_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
        perror(what);
        exit(1);
}

static void run(const char *const *argv)
{
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
                execvp(argv[0], (char *const *)(uintptr_t)argv);
                _exit(127);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
                die(argv[0]);
}

static int end_at(const char *pid, const char *address)
{
        char path[64];
        snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
        int space = open(path, O_RDONLY | O_CLOEXEC);
        if (space < 0 || setns(space, CLONE_NEWNET) < 0)
                die(path);
        int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
        strcpy(request.ifr_name, "line");
        if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
                die("/dev/net/tun");
        run((const char *[]){"ip", "address", "add", address, "dev", "line", NULL});
        run((const char *[]){"ip", "link", "set", "line", "up", NULL});
        close(space);
        return fd;
}

static bool read_settings(void)
{
        char text[128];
        ssize_t n = read(STDIN_FILENO, text, sizeof text - 1);
        if (n <= 0)
                return n < 0;
        text[n] = '\0';
        char *last = text;
        for (char *p = text; (p = strchr(p, '\n')) && p[1]; p++)
                last = p + 1;
        sscanf(last, "%lf %lf %lf %ld", &delay_ms, &loss_percent, &kbit_s, &queue_bytes);
        return true;
}

static void take(Way *w, int64_t now)
{
        for (;;) {
                Packet *p = malloc(sizeof *p);
                p->size = read(w->from, p->bytes, sizeof p->bytes);
                bool lost = p->size > 0 && drand48() * 100 < loss_percent;
                if (p->size <= 0 || lost || w->queued + p->size > queue_bytes) {
                        bool more = p->size > 0;
                        free(p);
                        if (more)
                                continue;
                        return;
                }
                int64_t begin = w->free_us > now ? w->free_us : now;
                w->free_us = begin + (kbit_s > 0 ? (int64_t)((double)p->size * 8000 / kbit_s) : 0);
                p->due_us = w->free_us + (int64_t)(delay_ms * 1000);
                p->next = NULL;
                w->queued += p->size;
                if (w->tail)
                        w->tail->next = p;
                else
                        w->head = p;
                w->tail = p;
        }
}

/* When the next one is due. */
static int64_t give(Way *w, int64_t now)
{
        while (w->head && w->head->due_us <= now) {
                Packet *p = w->head;
                w->head = p->next;
                if (!w->head)
                        w->tail = NULL;
                w->queued -= p->size;
                if (write(w->to, p->bytes, (size_t)p->size) < 0) {
                        /* the other end is down: lost, as on a line */
                }
                free(p);
        }
        return w->head ? w->head->due_us : now + 1000000;
}

int main(int argc, char **argv)
{
        if (argc != 5) {
                fprintf(stderr, "usage: line PID_A ADDRESS_A PID_B ADDRESS_B\n");
                return 2;
        }
        int a = end_at(argv[1], argv[2]), b = end_at(argv[3], argv[4]);
        Way ways[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
        srand48(1); /* the same losses each time */
        puts("up");
        fflush(stdout);
        for (;;) {
                int64_t now = now_us(), next = give(&ways[0], now), other = give(&ways[1], now);
                if (other < next)
                        next = other;
                struct pollfd fds[3] = {{a, POLLIN, 0}, {b, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
                struct timespec wait = {.tv_sec = (next - now) / 1000000,
                                        .tv_nsec = (next - now) % 1000000 * 1000};
                if (next < now)
                        wait = (struct timespec){0};
                ppoll(fds, 3, &wait, NULL);
                if (fds[2].revents && !read_settings())
                        return 0;
                now = now_us();
                take(&ways[0], now);
                take(&ways[1], now);
        }
}
