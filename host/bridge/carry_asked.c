#include "host/bridge/carry_asked.h"

#include <string.h>

#include "host/bridge/carry_answer.h"
#include "host/bridge/carry_line.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"

struct TbCarryAsked {
        TbHttpAsk *ask;      /* owned */
        TbMuxStream *stream; /* borrowed; NULL: it has its end */
        bool is_head;
        bool whole;                 /* all of the answer has been passed on */
        gsize at;                   /* bytes of the body that have */
        char *request_id;           /* owned; NULL: the server named none */
        const TbCarryAskedOps *ops; /* static */
        gpointer data;
};

static void asked_free(TbCarryAsked *a)
{
        tb_http_ask_free(a->ask, a->whole);
        g_free(a->request_id);
        g_free(a);
}

static void end(TbCarryAsked *a)
{
        const TbCarryAskedOps *ops = a->ops;
        gpointer data = a->data;
        asked_free(a);
        ops->ended(data);
}

/* The stream, for its last word: with that it may be gone. */
static TbMuxStream *let_go(TbCarryAsked *a)
{
        TbMuxStream *stream = g_steal_pointer(&a->stream);
        tb_mux_set_user(stream, NULL);
        a->whole = true;
        return stream;
}

static void add_header(const char *name, const char *value, gpointer data)
{
        tb_carry_answer_header(data, name, value);
}

static char *head_of(const TbCarryAsked *a, const TbHttpAnswer *answer, gsize *ret_size)
{
        json_t *headers = json_object();
        tb_http_ask_headers(a->ask, add_header, headers);
        if (answer->status != 204 && answer->status != 304) {
                char length[24];
                g_snprintf(length, sizeof length, "%" G_GSIZE_FORMAT, answer->size);
                tb_carry_answer_header(headers, "content-length", length);
        }
        json_auto_t *head = json_pack("{s:i, s:o}", "status", answer->status, "headers", headers);
        return tb_json_text(head, ret_size);
}

/* What the stream has room for. True: that was the last. */
static bool pass_on(TbCarryAsked *a, const TbHttpAnswer *answer)
{
        const char *rest = (const char *)answer->bytes + a->at;
        gsize left = answer->size - a->at;
        if (tb_mux_writable(a->stream) >= left) {
                tb_mux_write(let_go(a), rest, left, true);
                return true;
        }
        a->at += tb_mux_write(a->stream, rest, left, false);
        if (a->at < answer->size)
                return false;
        tb_mux_write(let_go(a), NULL, 0, true);
        return true;
}

/* Head and body, as one message of the link where they fit. True: the stream has its end. */
static bool answer(TbCarryAsked *a, const TbHttpAnswer *answer)
{
        gsize size;
        g_autofree char *head = head_of(a, answer, &size);
        bool bare = a->is_head || answer->size == 0;
        if (!head || size > TB_LIMIT_LINK_HEAD) {
                g_autoptr(GError) error = g_error_new_literal(TB_ERROR, TB_ERROR_UNAVAILABLE,
                                                              "the host's own route did not answer: its "
                                                              "headers are too large, or no text");
                TbMuxStream *stream = let_go(a);
                a->whole = false;
                tb_carry_refuse(stream, a->request_id, error);
                return true;
        }
        a->ops->gather(true, a->data);
        tb_mux_answer(bare ? let_go(a) : a->stream, head, size, bare);
        bool done = bare || pass_on(a, answer);
        a->ops->gather(false, a->data);
        return done;
}

static void on_answered(gpointer data)
{
        TbCarryAsked *a = data;
        TbHttpAnswer there;
        if (tb_http_ask_answer(a->ask, &there) && answer(a, &there))
                end(a);
}

TbCarryAsked *tb_carry_asked_new(TbHttp *http, TbMuxStream *stream, const TbBridgeMessage *request,
                                 const char *user, TbRole role, const TbCarryAskedOps *ops, gpointer data,
                                 bool *ret_done)
{
        const TbHttpAsked asked = {.method = request->method,
                                   .path = request->path,
                                   .headers = request->headers,
                                   .user = user,
                                   .role = role};
        *ret_done = false;
        TbCarryAsked *a = g_new0(TbCarryAsked, 1);
        a->stream = stream;
        a->request_id = g_strdup(request->request_id);
        a->ops = ops;
        a->data = data;
        a->is_head = strcmp(request->method, "HEAD") == 0;
        a->ask = tb_http_ask(http, &asked, on_answered, a);
        TbHttpAnswer there;
        if (!a->ask) {
                asked_free(a);
                return NULL;
        }
        if (tb_http_ask_answer(a->ask, &there) && answer(a, &there)) {
                asked_free(a);
                *ret_done = true;
                return NULL;
        }
        return a;
}

void tb_carry_asked_writable(TbCarryAsked *a)
{
        TbHttpAnswer there;
        if (tb_http_ask_answer(a->ask, &there) && pass_on(a, &there))
                end(a);
}

void tb_carry_asked_abandon(TbCarryAsked *a)
{
        end(a);
}
