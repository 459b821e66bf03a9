/*
 * What libmicrohttpd refuses by itself: broken lines, lengths and chunks, heads that are too long, versions
 * that nobody speaks. Its own answers are HTML without a request id, and where the headers had been read
 * already 0.9.75 sends their head twice. It has no hook for them, but it hands them to its public
 * MHD_queue_response(), and in ELF a program's definition of a shared library's public function comes before
 * the library's (ld.so(8), symbol interposition). So that function is ours: what we answer goes through
 * tb_refuse_queue() to the library's, and what arrives in ours is an error of the library, which we answer in
 * its place. With another version than the proven one (library.h) it is the library's to answer.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/http/library.h"
#include "lib/http/private.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

#define IDLE_US ((TB_LIMIT_HTTP_IDLE_S - 1) * G_USEC_PER_SEC)

const char tb_conn_magic[] = "TbConn";

typedef enum MHD_Result (*QueueResponse)(struct MHD_Connection *, unsigned, struct MHD_Response *);

enum MHD_Result tb_refuse_queue(struct MHD_Connection *connection, unsigned status,
                                struct MHD_Response *response)
{
        static QueueResponse real;
        if (!real) {
                void *symbol = dlsym(RTLD_NEXT, "MHD_queue_response");
                g_assert(symbol);
                memcpy(&real, &symbol, sizeof real); /* ISO C has no cast from an object to a function */
        }
        return real(connection, status, response);
}

/* --- the answer, written by hand: there is no request to answer by --- */
static void http_date(char *out, gsize size)
{
        static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        time_t now = (time_t)(tb_clock_ms() / 1000);
        struct tm t;
        gmtime_r(&now, &t); /* strftime() would ask the locale for the names */
        g_snprintf(out, size, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday,
                   months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void send_problem(const TbHttp *http, int fd, unsigned status, const char *type, const char *detail,
                         const char *id)
{
        gsize size;
        char date[40];
        const char *reason = MHD_get_reason_phrase_for(status), *title = tb_status_title((int)status);
        g_autofree char *urn = g_strconcat("urn:testbed:problem:", type, NULL);
        json_auto_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", urn, "title",
                                         strcmp(title, "Error") == 0 ? reason : title, "status", (int)status,
                                         "detail", detail, "requestId", id);
        g_autofree char *body = tb_json_text(problem, &size);
        http_date(date, sizeof date);
        g_autofree char *text =
                g_strdup_printf("HTTP/1.1 %u %s\r\nDate: %s\r\nServer: %s\r\nX-Request-Id: %s\r\n"
                                "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                                "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n"
                                "Connection: close\r\n\r\n%s",
                                status, reason, date, http->server_header, id, size, body);
        /* The socket's buffer is empty: the answer before this one has gone out. */
        if (send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                tb_log(TB_LOG_DEBUG, TB_F("request", id), "refusal lost: %s", g_strerror(errno));
        char rest[4096]; /* closing with unread bytes would reset the connection under the answer */
        for (int i = 0; i < 64 && recv(fd, rest, sizeof rest, MSG_DONTWAIT) > 0; i++)
                ;
        shutdown(fd, SHUT_WR);
}

_Static_assert(TB_LIMIT_HTTP_HEADERS == 32768, "the text for 431 says so");
static const char *detail_of(unsigned status, const TbRequest *request)
{
        switch (status) {
        case 408: return "the request was not complete within " G_STRINGIFY(TB_LIMIT_HTTP_REQUEST_S) " s";
        case 413: return "the length of the body, or of a chunk of it, is no number that fits";
        case 414: return "the request target is longer than " G_STRINGIFY(TB_LIMIT_URI) " bytes";
        case 431: return "the request line and headers are larger than 32768 bytes";
        case 505: return "HTTP/1.1 is spoken here";
        default: break;
        }
        if (!request)
                return "the request line is malformed: METHOD /target HTTP/1.1 is expected";
        if (request->phase != TB_PHASE_NEW)
                return "the chunked encoding of the body is malformed";
        if (MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Content-Length"))
                return "Content-Length is no number";
        return "a header line is malformed: Name: value is expected";
}

static const char *type_of(unsigned status)
{
        return status == 408   ? "timeout"
               : status == 503 ? "unavailable"
               : status == 413 ? "too-large"
               : status == 414 ? "uri-too-long"
               : status == 431 ? "headers-too-large"
               : status == 505 ? "version"
               : status == 500 ? "internal"
                               : "invalid";
}

void tb_refuse_conn(TbConn *conn, unsigned status, const char *detail)
{
        TbHttp *http = conn->http;
        TbRequest *request = conn->request;
        char id[65], kind[TB_ADDRESS_TEXT + 8];
        tb_request_next_id(http, id, sizeof id);
        if (request) {
                g_strlcpy(id, request->id, sizeof id);
                request->status = (int)status; /* the access log says it when the connection ends */
                request->refused = true;
        }
        conn->refused = true;
        send_problem(http, conn->fd, status, type_of(status), detail, id);
        g_snprintf(kind, sizeof kind, "%u to %s", status, conn->peer);
        if (!request && tb_tally_note(http->refusals, kind))
                tb_log(TB_LOG_INFO, TB_F("request", id, "peer", conn->peer), "refused %u: %s", status,
                       detail);
}

static void refuse(TbConn *conn, unsigned status)
{
        tb_refuse_conn(conn, status, detail_of(status, conn->request));
}

/* Of our connections the library's own errors arrive here, and nothing else. MHD_NO: it closes the
 * connection. */
__attribute__((visibility("default"))) enum MHD_Result MHD_queue_response(struct MHD_Connection *connection,
                                                                          unsigned status,
                                                                          struct MHD_Response *response)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        TbConn *conn = info ? info->socket_context : NULL;
        if (!conn || conn->magic != tb_conn_magic || !tb_library_is_proven())
                return tb_refuse_queue(connection, status, response);
        refuse(conn, status);
        return MHD_NO;
}

void tb_refuse_late(TbRequest *request)
{
        refuse(request->conn, 408);
}

void tb_refuse_silent_close(TbConn *conn)
{
        char byte;
        if (conn->begun || conn->refused || conn->http->stopping ||
            g_get_monotonic_time() - conn->since_us > IDLE_US)
                return;
        /* 0: the client has closed first, without a word */
        if (recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0)
                refuse(conn, 400);
}
