#include "host/bridge/carry_line.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "host/bridge/carry_answer.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/thread.h"

#define BLOCK (16 * 1024) /* bytes read at once */

struct TbCarryLine {
        TbCarryKept *kept;   /* owned */
        TbMuxStream *stream; /* borrowed; NULL: it has its end */
        TbCarryAnswer answer;
        GByteArray *out;         /* owned: what the server has not taken */
        gsize out_body;          /* bytes of it that give credit when they are taken */
        gint64 body_left;        /* of a body of known length; -1: it goes in chunks */
        bool has_body, holds;    /* its body waits for "100 Continue" */
        bool body_ended, spoilt; /* the connection serves no other request */
        GByteArray *in; /* owned: of the answer's body, what the stream has not taken; NULL: nothing */
        bool answered;
        char *request_id; /* owned; NULL: the server named none */
        void (*ended)(gpointer data);
        gpointer data;
};

static int fd_of(const TbCarryLine *line)
{
        return tb_http_pair_fd(tb_carry_kept_pair(line->kept));
}

/* --- its end --- */
void tb_carry_refuse(TbMuxStream *stream, const char *request_id, const GError *error)
{
        gsize size, head_size;
        json_auto_t *problem = tb_error_to_problem(error, NULL);
        if (request_id)
                json_object_set_new(problem, "requestId", json_string(request_id));
        g_autofree char *text = tb_json_text(problem, &size);
        json_t *headers = json_pack("{s:s}", "content-type", "application/problem+json");
        if (g_error_matches(error, TB_ERROR, TB_ERROR_LIMIT))
                json_object_set_new(headers, "retry-after", json_string("1"));
        json_auto_t *head = json_pack("{s:i, s:o}", "status", tb_error_status(error), "headers", headers);
        g_autofree char *head_text = tb_json_text(head, &head_size);
        tb_mux_answer(stream, head_text, head_size, false);
        tb_mux_write(stream, text, MIN(size, TB_LIMIT_STREAM_QUEUE), true);
}

static void end(TbCarryLine *line)
{
        tb_carry_kept_give(line->kept, !line->spoilt && line->answer.complete && line->answer.keeps &&
                                               line->out->len == 0);
        tb_carry_answer_clear(&line->answer);
        g_byte_array_unref(line->out);
        if (line->in)
                g_byte_array_unref(line->in);
        line->ended(line->data);
        g_free(line->request_id);
        g_free(line);
}

void tb_carry_line_abandon(TbCarryLine *line)
{
        line->stream = NULL;
        line->spoilt = true;
        end(line);
}

/* Something went wrong that somebody waits for. */
static void fail(TbCarryLine *line, const char *cause)
{
        TbMuxStream *stream = g_steal_pointer(&line->stream);
        tb_mux_set_user(stream, NULL);
        line->spoilt = true;
        if (line->answered) { /* too late for a status: the body ends short */
                tb_mux_reset(stream, cause);
        } else {
                g_autoptr(GError) error = g_error_new(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                                      "the host's own route did not answer: %s", cause);
                tb_carry_refuse(stream, line->request_id, error);
        }
        end(line);
}

/* --- the request --- */
/* Reads while the stream has room, writes while something waits. */
static void arm(TbCarryLine *line)
{
        bool room = !line->in && (!line->answered || tb_mux_writable(line->stream) > 0);
        tb_carry_kept_wait_for(line->kept, (room ? EPOLLIN : 0) | (line->out->len > 0 ? EPOLLOUT : 0));
}

/* Its reader may have answered already, and left: the answer says so. */
static void flush(TbCarryLine *line)
{
        gsize done = 0;
        while (done < line->out->len) {
                gssize n = send(fd_of(line), line->out->data + done, line->out->len - done, MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        line->spoilt = true;
                        n = (gssize)(line->out->len - done);
                }
                done += (gsize)n;
        }
        if (done == 0)
                return;
        g_byte_array_remove_range(line->out, 0, (guint)done);
        gsize credit = line->out->len == 0 ? line->out_body : MIN(line->out_body, done);
        line->out_body -= credit;
        if (credit > 0)
                tb_mux_consumed(line->stream, credit);
}

static char *head_of(const TbBridgeMessage *request, bool has_body)
{
        GString *head = g_string_sized_new(256);
        g_string_append_printf(head, "%s %s HTTP/1.1\r\nHost: localhost\r\n", request->method, request->path);
        const char *name;
        json_t *value;
        json_object_foreach (request->headers, name, value)
                g_string_append_printf(head, "%s: %s\r\n", name, json_string_value(value));
        /* a refusal comes in place of the body: one that came in the midst of it would be lost with the connection */
        if (has_body && request->length >= 0)
                g_string_append_printf(head,
                                       "Content-Length: %" G_GINT64_FORMAT "\r\nExpect: 100-continue\r\n",
                                       request->length);
        else if (has_body)
                g_string_append(head, "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n");
        else if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0)
                g_string_append(head, "Content-Length: 0\r\n");
        g_string_append(head, "\r\n");
        return g_string_free(head, FALSE);
}

static void on_events(uint32_t events, gpointer data);

TbCarryLine *tb_carry_line_new(TbCarryLines *lines, TbMuxStream *stream, const TbBridgeMessage *request,
                               const char *user, TbRole role, bool end_, void (*ended)(gpointer data),
                               gpointer data, GError **error)
{
        TbCarryLine *line = g_new0(TbCarryLine, 1);
        line->kept = tb_carry_kept_take(lines, on_events, line, error);
        if (!line->kept) {
                g_free(line);
                return NULL;
        }
        line->stream = stream;
        line->request_id = g_strdup(request->request_id);
        line->ended = ended;
        line->data = data;
        line->has_body = line->holds = line->spoilt = !end_;
        line->body_ended = end_;
        line->body_left = request->length;
        line->out = g_byte_array_new();
        tb_carry_answer_init(&line->answer, strcmp(request->method, "HEAD") == 0);
        tb_http_pair_as(tb_carry_kept_pair(line->kept), user, role);
        g_autofree char *head = head_of(request, line->has_body);
        g_byte_array_append(line->out, (const guint8 *)head, (guint)strlen(head));
        flush(line);
        arm(line);
        return line;
}

static void append_body(TbCarryLine *line, const guint8 *bytes, gsize size)
{
        if (line->body_left >= 0) {
                if (size > (guint64)line->body_left) /* more than it said: that would be another request */
                        line->body_ended = true;
                size = MIN(size, (gsize)line->body_left);
                line->body_left -= (gint64)size;
                g_byte_array_append(line->out, bytes, (guint)size);
                return;
        }
        char text[24];
        int n = g_snprintf(text, sizeof text, "%zx\r\n", size);
        g_byte_array_append(line->out, (const guint8 *)text, (guint)n);
        g_byte_array_append(line->out, bytes, (guint)size);
        g_byte_array_append(line->out, (const guint8 *)"\r\n", 2);
}

void tb_carry_line_data(TbCarryLine *line, const guint8 *bytes, gsize size, bool end_)
{
        if (line->body_ended || line->answered) { /* the rest is of no use */
                tb_mux_consumed(line->stream, size);
                return;
        }
        if (size > 0)
                append_body(line, bytes, size);
        line->out_body += size;
        line->body_ended |= end_;
        if (end_ && line->body_left < 0)
                g_byte_array_append(line->out, (const guint8 *)"0\r\n\r\n", 5);
        if (end_ && line->body_left > 0) {
                fail(line, "the body ended before its length");
                return;
        }
        if (line->holds)
                return;
        flush(line);
        arm(line);
}

/* --- the answer --- */
/* The stream, for its last word: with that it may be gone. */
static TbMuxStream *let_go(TbCarryLine *line)
{
        TbMuxStream *stream = g_steal_pointer(&line->stream);
        if (line->out_body > 0) /* of a body that nobody wanted */
                tb_mux_consumed(stream, line->out_body);
        tb_mux_set_user(stream, NULL);
        return stream;
}

static void finish(TbCarryLine *line, const char *bytes, gsize size)
{
        tb_mux_write(let_go(line), bytes, size, true);
        end(line);
}

/* False: the line is invalid. */
static bool send_head(TbCarryLine *line)
{
        gsize size;
        json_auto_t *head =
                json_pack("{s:i, s:O}", "status", line->answer.status, "headers", line->answer.headers);
        g_autofree char *text = tb_json_text(head, &size);
        bool whole = line->answer.complete && text && size <= TB_LIMIT_LINK_HEAD;
        TbMuxStream *stream = whole ? let_go(line) : line->stream;
        if (!tb_mux_answer(stream, text, size, whole)) { /* not without a text */
                fail(line, "its headers are too large, or no text");
                return false;
        }
        line->answered = true;
        if (whole)
                end(line);
        return !whole;
}

/* Hands a piece of the body to the stream; what that has no room for waits, and nothing more is read. False: that was the last, and the
 * line is invalid. */
static bool pass_on(TbCarryLine *line, const char *bytes, gsize size)
{
        gsize room = tb_mux_writable(line->stream);
        if (line->answer.complete && room >= size) {
                finish(line, bytes, size);
                return false;
        }
        gsize taken = tb_mux_write(line->stream, bytes, size, false);
        if (taken == size)
                return true;
        line->in = g_byte_array_new();
        g_byte_array_append(line->in, (const guint8 *)bytes + taken, (guint)(size - taken));
        return true;
}

/* What has come. False: the line is invalid. */
static bool take(TbCarryLine *line, const char *bytes, gsize size)
{
        TbCarryAnswer *a = &line->answer;
        for (gsize at = 0; at < size && !a->complete && !a->broken;) {
                const char *body;
                gsize body_size;
                at += tb_carry_answer_take(a, bytes + at, size - at, &body, &body_size);
                if (a->goes_on) {
                        a->goes_on = line->holds = false;
                        flush(line);
                }
                if (a->status && !line->answered && !a->broken && !send_head(line))
                        return false;
                if ((body_size > 0 || (a->complete && !a->broken)) && !pass_on(line, body, body_size))
                        return false;
        }
        if (a->broken)
                fail(line, "the answer broke off");
        return !a->broken;
}

static void on_events(uint32_t events, gpointer data)
{
        TbCarryLine *line = data;
        if (events & EPOLLOUT)
                flush(line);
        while (tb_carry_kept_waits_for(line->kept) & EPOLLIN && !line->in) {
                char block[BLOCK];
                gsize most = line->answered ? MIN(tb_mux_writable(line->stream), sizeof block) : sizeof block;
                gssize n = most > 0 ? recv(fd_of(line), block, most, 0) : -1;
                if (most == 0 || (n < 0 && errno == EAGAIN))
                        break;
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        tb_carry_answer_end(&line->answer);
                        line->spoilt = true;
                        if (line->answer.complete && line->answered)
                                finish(line, NULL, 0);
                        else
                                fail(line, "the connection ended");
                        return;
                }
                if (!take(line, block, (gsize)n))
                        return;
                if ((gsize)n < most)
                        break; /* there is no more now */
        }
        arm(line);
}

void tb_carry_line_writable(TbCarryLine *line)
{
        if (line->in) {
                g_autoptr(GByteArray) in = g_steal_pointer(&line->in);
                if (!pass_on(line, (const char *)in->data, in->len))
                        return;
        }
        arm(line);
}
