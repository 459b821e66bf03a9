/* Answers of hosts, for their clients: whole where they came whole, else as they come, at the client's pace. */
#include "lib/http/ws.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "server/pairing/carry_head.h"
#include "server/pairing/carry_private.h"

static void hold(TbCarryJob *job, json_t *head)
{
        job->head = json_incref(head);
        job->begun = g_byte_array_new();
        job->held_node.data = job;
        g_queue_push_tail_link(&job->link->held, &job->held_node);
}

void tb_carry_unhold(TbCarryJob *job)
{
        if (!job->head)
                return;
        json_decref(g_steal_pointer(&job->head));
        g_clear_pointer(&job->begun, g_byte_array_unref);
        g_queue_unlink(&job->link->held, &job->held_node);
}

static void on_push_gone(TbPush *push G_GNUC_UNUSED, gpointer data)
{
        TbCarryJob *job = data;
        job->push = NULL;
        tb_carry_give_up(job, "the client left");
}

/* The stream ends with it, and the job with the stream; a body that nobody has waited for is given up. */
static void answer_ended(TbCarryJob *job)
{
        if (!tb_mux_done_sending(job->stream))
                tb_carry_give_up(job, "answered");
}

/* The protocol that the host says it has chosen counts when the client offers it. */
static void begin_socket(TbCarryJob *job, json_t *headers)
{
        const char *protocol = json_string_value(json_object_get(headers, "sec-websocket-protocol"));
        if (protocol && !tb_request_offers_protocol(job->request, protocol))
                protocol = NULL;
        tb_request_on_gone(job->request, NULL, NULL);
        job->answered = true;
        job->socket = tb_carry_socket_new(job->request, job->stream, protocol);
        if (!job->socket)
                tb_carry_give_up(job, "no WebSocket");
}

/* Gives its type, which is the head's. */
static const char *begin_answer(TbCarryJob *job, json_t *head)
{
        job->answered = true;
        tb_request_on_gone(job->request, NULL, NULL);
        const char *type = tb_carry_answer_headers(job->request, json_object_get(head, "headers"));
        return type ? type : "application/octet-stream";
}

/* No body comes: there is none, or it was asked for by HEAD, which says all that GET would. */
static void answer_bare(TbCarryJob *job, json_t *head, int status)
{
        json_t *headers = json_object_get(head, "headers");
        const char *length = json_string_value(json_object_get(headers, "content-length"));
        guint64 size = 0;
        job->answered = true;
        tb_request_on_gone(job->request, NULL, NULL);
        const char *type = tb_carry_answer_headers(job->request, headers);
        if (type)
                tb_request_add_header(job->request, "Content-Type", type);
        if (length && !g_ascii_string_to_unsigned(length, 10, 0, G_MAXINT64, &size, NULL))
                size = 0;
        tb_request_reply_head(job->request, status, size);
}

void tb_carry_on_head(TbMuxStream *stream, const guint8 *text, gsize size, bool end,
                      gpointer data G_GNUC_UNUSED)
{
        TbCarryJob *job = tb_mux_user(stream);
        json_auto_t *head = tb_json_parse(text, size, NULL);
        int status = (int)json_integer_value(json_object_get(head, "status"));
        bool bare = status == 204 || status == 304;
        if (status == 101 && job->websocket && !end) {
                begin_socket(job, json_object_get(head, "headers"));
                return;
        }
        if (job->websocket && status < 400) { /* it does not know of WebSockets on the link */
                tb_carry_fail(job, "it carries no WebSockets: update testbed-host there");
                tb_carry_give_up(job, "no WebSocket");
                return;
        }
        if (status < 200 || status > 599 || (bare && !end)) {
                tb_carry_fail(job, "its answer makes no sense");
                tb_carry_give_up(job, "no such answer");
                return;
        }
        if (!end) {
                hold(job, head);
                return;
        }
        answer_bare(job, head, status);
        answer_ended(job);
}

/* The client has taken so much: the host may send as much again. */
static void on_room(TbPush *push, gpointer data)
{
        TbCarryJob *job = data;
        guint64 taken = job->given - tb_push_queued(push);
        gsize more = (gsize)(taken - job->told);
        job->told = taken;
        if (tb_push_queued(push) > 0)
                tb_push_on_room(push, on_room);
        tb_mux_consumed(job->stream, more);
}

static bool push_piece(TbCarryJob *job, const void *bytes, gsize size)
{
        g_autoptr(GBytes) piece = g_bytes_new(bytes, size);
        if (!tb_push_send(job->push, piece))
                return false;
        job->given += size;
        tb_push_on_room(job->push, on_room);
        return true;
}

/* Head and body came together, as most do: the client gets them so, with the length. */
static void answer_whole(TbCarryJob *job)
{
        int status = (int)json_integer_value(json_object_get(job->head, "status"));
        const char *type = begin_answer(job, job->head);
        gsize size;
        guint8 *bytes = g_byte_array_steal(job->begun, &size);
        tb_request_reply_taken(job->request, status, type, (char *)bytes, size);
        tb_carry_unhold(job);
}

/* The rest comes later, or never ends: what there is goes on its way. */
static void answer_begun(TbCarryJob *job)
{
        int status = (int)json_integer_value(json_object_get(job->head, "status"));
        const char *type = begin_answer(job, job->head);
        job->push = tb_request_reply_push_status(job->request, status, type, TB_LIMIT_LINK_WINDOW + 1,
                                                 on_push_gone, job);
        if (!job->push) {
                tb_carry_give_up(job, "the client left");
                return;
        }
        if (job->begun->len > 0)
                push_piece(job, job->begun->data, job->begun->len); /* no more than the window */
        tb_carry_unhold(job);
}

void tb_carry_on_rest(gpointer data)
{
        TbCarryLink *link = data;
        while (link->held.head)
                answer_begun(link->held.head->data);
}

void tb_carry_on_data(TbMuxStream *stream, const guint8 *bytes, gsize size, bool end,
                      gpointer data G_GNUC_UNUSED)
{
        TbCarryJob *job = tb_mux_user(stream);
        const char *why = NULL;
        if (job->socket) {
                if (!tb_carry_socket_data(job->socket, bytes, size, end, &why))
                        tb_carry_give_up(job, why);
                return;
        }
        if (job->head && size > 0) {
                g_byte_array_append(job->begun, bytes, (guint)size);
        } else if (size > 0 && job->push && !push_piece(job, bytes, size)) {
                tb_carry_fail(job, "more than it may send");
                tb_carry_give_up(job, "too much");
                return;
        }
        if (!end)
                return;
        if (job->head)
                answer_whole(job);
        if (job->push) {
                TbPush *push = g_steal_pointer(&job->push);
                tb_push_disown(push);
                tb_push_close(push);
        }
        answer_ended(job);
}
