#include "lib/http/probe.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "lib/error.h"
#include "lib/tls.h"

static int dial(const char *address, guint16 port, GError **error)
{
        char text[8];
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
                        *found = NULL;
        const char *to = strcmp(address, "0.0.0.0") == 0     ? "127.0.0.1"
                         : strcmp(address, "localhost") == 0 ? "127.0.0.1"
                         : strcmp(address, "::") == 0        ? "::1"
                                                             : address;
        g_snprintf(text, sizeof text, "%u", port);
        if (getaddrinfo(to, text, &hints, &found) != 0) {
                tb_set_error(error, TB_ERROR_INVALID, "\"%s\" is no address", to);
                return -1;
        }
        struct timeval limit = {.tv_sec = TB_PROBE_S};
        int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
                  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
                  connect(fd, found->ai_addr, found->ai_addrlen) == 0;
        if (!ok)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "port %u of %s: %s", port, to, g_strerror(errno));
        freeaddrinfo(found);
        if (!ok && fd >= 0)
                close(fd);
        return ok ? fd : -1;
}

/* The beginning of the answer; the number of bytes, 0: none. */
static int ask_plain(int fd, const char *question, char *answer, int size)
{
        if (send(fd, question, strlen(question), MSG_NOSIGNAL) != (gssize)strlen(question))
                return 0;
        gssize n = recv(fd, answer, (gsize)size, 0);
        return n > 0 ? (int)n : 0;
}

static int ask_tls(int fd, const char *question, char *answer, int size)
{
        SSL_CTX *context = SSL_CTX_new(TLS_client_method());
        SSL *ssl = context ? SSL_new(context) : NULL;
        int n = 0;
        if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1 &&
            SSL_write(ssl, question, (int)strlen(question)) > 0)
                n = SSL_read(ssl, answer, size);
        SSL_free(ssl);
        SSL_CTX_free(context);
        return MAX(n, 0);
}

bool tb_probe(const char *address, guint16 port, bool tls, const char *path, GError **error)
{
        char answer[64] = "";
        if (port == 0) {
                tb_set_error(error, TB_ERROR_INVALID, "the port is any free one: nobody can know it");
                return false;
        }
        int fd = dial(address, port, error);
        if (fd < 0)
                return false;
        g_autofree char *question =
                g_strdup_printf("GET %s HTTP/1.0\r\nHost: localhost:%u\r\n\r\n", path, port);
        int n = (tls ? ask_tls : ask_plain)(fd, question, answer, (int)sizeof answer - 1);
        close(fd);
        answer[n] = '\0';
        answer[strcspn(answer, "\r\n")] = '\0';
        if (n > 12 && g_str_has_prefix(answer, "HTTP/1.") && strncmp(answer + 8, " 200 ", 5) == 0)
                return true;
        tb_set_error(error, TB_ERROR_UNAVAILABLE, "port %u: %s", port,
                     *answer ? answer : "no answer came in time");
        return false;
}
