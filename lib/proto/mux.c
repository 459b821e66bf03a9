#include "lib/proto/mux.h"

#include <string.h>

#include "lib/error.h"
#include "lib/limits.h"
#include "lib/proto/turns.h"
#include "lib/thread.h"

struct TbMuxStream {
        TbMux *mux; /* borrowed */
        guint32 id;
        gpointer user; /* borrowed */
        GList link;    /* in mux->heads or mux->bodies, when `queued` */
        GQueue *queued;
        GBytes *head; /* owned; waits for the line; NULL: none, or it is sent */
        bool head_end;
        GByteArray *out; /* owned; bytes of the body that wait for the line or for credit */
        gint64 credit;   /* what we may still send */
        gint64 allowed;  /* what the other side may still send */
        gsize held, held_cost,
                owed;   /* bytes not passed on yet, what they cost, and credit that is not told yet */
        bool opened;    /* the other side knows of it */
        bool answered;  /* a body of ours may follow */
        bool head_seen; /* of the answer */
        bool end_given, end_sent, end_seen;
        bool wants_room;
};

struct TbMux {
        const TbMuxOps *ops; /* static */
        gpointer data;
        GHashTable *streams;  /* id -> owned TbMuxStream */
        GQueue heads, bodies; /* TbMuxStream with something to send, next one first */
        guint32 last;         /* the newest stream's number */
        bool pumping;
        TbTurns *turns; /* owned: what came */
};

static void stream_free(gpointer p)
{
        TbMuxStream *s = p;
        if (s->queued)
                g_queue_unlink(s->queued, &s->link);
        if (s->head)
                g_bytes_unref(s->head);
        g_byte_array_unref(s->out);
        g_free(s);
}

static TbMuxStream *stream_new(TbMux *mux, guint32 id)
{
        TbMuxStream *s = g_new0(TbMuxStream, 1);
        s->mux = mux;
        s->id = id;
        s->link.data = s;
        s->out = g_byte_array_new();
        s->credit = s->allowed = TB_LIMIT_LINK_WINDOW;
        mux->last = id;
        g_hash_table_insert(mux->streams, GUINT_TO_POINTER(id), s);
        return s;
}

static void remove_stream(TbMuxStream *s)
{
        g_hash_table_remove(s->mux->streams, GUINT_TO_POINTER(s->id));
}

/* --- sending --- */
static bool send_frame(TbMux *mux, TbLinkFrameType type, bool end, guint32 id, const void *payload,
                       gsize size)
{
        guint8 frame[TB_LINK_FRAME_HEADER + MAX(TB_LIMIT_LINK_HEAD, TB_LIMIT_LINK_CHUNK)];
        tb_link_frame_header(frame, type, end, id, size);
        if (size > 0)
                memcpy(frame + TB_LINK_FRAME_HEADER, payload, size);
        return mux->ops->send(frame, TB_LINK_FRAME_HEADER + size, mux->data);
}

static gsize sendable(const TbMuxStream *s)
{
        gint64 paid = s->credit - TB_LINK_DATA_COST;
        return paid <= 0 ? 0 : (gsize)MIN((gint64)MIN(s->out->len, TB_LIMIT_LINK_CHUNK), paid);
}

/* Where it has to stand: with a head first, with a body among the others, or nowhere. */
static void enqueue(TbMuxStream *s)
{
        bool body = s->answered && (sendable(s) > 0 || (s->end_given && !s->end_sent && s->out->len == 0));
        GQueue *queue = s->head ? &s->mux->heads : body ? &s->mux->bodies : NULL;
        if (queue == s->queued)
                return;
        if (s->queued)
                g_queue_unlink(s->queued, &s->link);
        if (queue)
                g_queue_push_tail_link(queue, &s->link);
        s->queued = queue;
}

static bool finish_if_done(TbMuxStream *s)
{
        if (!s->end_sent || !s->end_seen)
                return false;
        TbMux *mux = s->mux;
        mux->ops->closed(s, NULL, mux->data);
        remove_stream(s);
        return true;
}

static bool send_head(TbMuxStream *s)
{
        gsize size;
        g_autoptr(GBytes) head = g_steal_pointer(&s->head);
        const void *text = g_bytes_get_data(head, &size);
        s->opened = true;
        s->end_sent = s->head_end;
        return send_frame(s->mux, TB_LINK_HEAD, s->head_end, s->id, text, size);
}

static bool send_body(TbMuxStream *s)
{
        gsize n = sendable(s);
        bool end = s->end_given && n == s->out->len;
        bool ok = send_frame(s->mux, TB_LINK_DATA, end, s->id, s->out->data, n);
        if (n > 0) {
                g_byte_array_remove_range(s->out, 0, (guint)n);
                s->credit -= (gint64)n + TB_LINK_DATA_COST;
        }
        s->end_sent = end;
        return ok;
}

void tb_mux_pump(TbMux *mux)
{
        if (mux->pumping) /* a callback of ours gave more: the outer call goes on with it */
                return;
        mux->pumping = true;
        while ((mux->heads.head || mux->bodies.head) && mux->ops->room(mux->data) > 0) {
                GList *next = mux->heads.head ? mux->heads.head : mux->bodies.head;
                TbMuxStream *s = next->data;
                g_queue_unlink(s->queued, &s->link);
                s->queued = NULL;
                if (!(s->head ? send_head(s) : send_body(s))) /* the loss of the link is told soon */
                        break;
                if (finish_if_done(s))
                        continue;
                enqueue(s);
                if (s->wants_room && !s->end_given && tb_mux_writable(s) >= TB_LIMIT_STREAM_QUEUE / 2) {
                        s->wants_room = false;
                        mux->ops->writable(s, mux->data);
                }
        }
        mux->pumping = false;
}

static bool give_head(TbMuxStream *s, const char *head, gsize size, bool end)
{
        s->head = g_bytes_new(head, size);
        s->head_end = end;
        s->end_given = end;
        enqueue(s);
        tb_mux_pump(s->mux);
        return true;
}

TbMuxStream *tb_mux_open(TbMux *mux, const char *head, gsize size, bool end, gpointer user, GError **error)
{
        tb_assert_main();
        if (size == 0) { /* tb_json_text() of nothing; the other side would end the link for everybody */
                tb_set_error(error, TB_ERROR_INVALID, "a text in the head of the request is not UTF-8");
                return NULL;
        }
        if (size > TB_LIMIT_LINK_HEAD) {
                tb_set_error(error, TB_ERROR_TOO_LARGE, "the head of the request is larger than %d bytes",
                             TB_LIMIT_LINK_HEAD);
                return NULL;
        }
        if (tb_mux_count(mux) >= TB_LIMIT_LINK_STREAMS || mux->last >= TB_LINK_STREAM_MAX) {
                tb_set_error(error, TB_ERROR_LIMIT, "%d requests are under way on the link already",
                             TB_LIMIT_LINK_STREAMS);
                return NULL;
        }
        TbMuxStream *s = stream_new(mux, mux->last + 1);
        guint32 id = s->id;
        s->user = user;
        s->answered = true; /* a body may follow the head at once */
        give_head(s, head, size, end);
        return g_hash_table_lookup(mux->streams, GUINT_TO_POINTER(id));
}

bool tb_mux_answer(TbMuxStream *s, const char *head, gsize size, bool end)
{
        tb_assert_main();
        g_assert(!s->answered);
        if (size == 0 || size > TB_LIMIT_LINK_HEAD)
                return false;
        s->answered = true;
        return give_head(s, head, size, end);
}

gsize tb_mux_writable(const TbMuxStream *s)
{
        return s->out->len < TB_LIMIT_STREAM_QUEUE ? TB_LIMIT_STREAM_QUEUE - s->out->len : 0;
}

gsize tb_mux_write(TbMuxStream *s, const void *bytes, gsize size, bool end)
{
        tb_assert_main();
        TbMux *mux = s->mux;
        gpointer id = GUINT_TO_POINTER(s->id);
        gsize done = 0;
        if (s->end_given)
                return 0;
        s->wants_room = false; /* this call itself sees the room that it makes */
        for (gsize n = 1; n > 0;) {
                n = MIN(size - done, tb_mux_writable(s));
                if (n > 0)
                        g_byte_array_append(s->out, (const guint8 *)bytes + done, (guint)n);
                done += n;
                s->end_given = end && done == size;
                enqueue(s);
                tb_mux_pump(mux);
                if (!g_hash_table_contains(mux->streams, id))
                        return done; /* its end was sent, and was the last thing that it waited for */
                if (done == size)
                        break;
        }
        s->wants_room = done < size || tb_mux_writable(s) == 0;
        return done;
}

void tb_mux_consumed(TbMuxStream *s, gsize size)
{
        g_assert(size <= s->held);
        s->held -= size;
        gsize back = s->held == 0 ? s->held_cost : MIN(size, s->held_cost);
        s->held_cost -= back;
        s->owed += back;
        /* A word for each quarter of the window: enough to keep the other side going. */
        if (s->owed < TB_LIMIT_LINK_WINDOW / 4 || s->end_seen)
                return;
        const guint8 text[4] = {(guint8)(s->owed >> 24), (guint8)(s->owed >> 16), (guint8)(s->owed >> 8),
                                (guint8)s->owed};
        s->allowed += (gint64)s->owed;
        s->owed = 0;
        send_frame(s->mux, TB_LINK_CREDIT, false, s->id, text, sizeof text);
}

void tb_mux_reset(TbMuxStream *s, const char *reason)
{
        tb_assert_main();
        g_autofree char *text = g_utf8_make_valid(reason, -1);
        gsize size = strlen(text);
        if (size > TB_LIMIT_LINK_REASON)
                size = (gsize)(g_utf8_find_prev_char(text, text + TB_LIMIT_LINK_REASON) - text);
        if (s->opened)
                send_frame(s->mux, TB_LINK_RESET, false, s->id, text, size);
        remove_stream(s);
}

/* --- receiving --- */
static bool violation(GError **error, const TbLinkFrame *f, const char *what)
{
        tb_set_error(error, TB_ERROR_INVALID, "stream %u: %s", f->stream, what);
        return false;
}

static bool on_head(TbMux *mux, TbMuxStream *s, const TbLinkFrame *f, GError **error)
{
        if (mux->ops->opened) {
                if (s || f->stream <= mux->last)
                        return violation(error, f, "opened again");
                if (tb_mux_count(mux) >= TB_LIMIT_LINK_STREAMS)
                        return violation(error, f, "more streams than are allowed");
                s = stream_new(mux, f->stream);
                s->opened = true;
                s->end_seen = f->end;
                mux->ops->opened(s, f->payload, f->size, f->end, mux->data);
                return true;
        }
        if (!s)
                return true; /* given up while this was on its way */
        if (!s->opened || s->head_seen)
                return violation(error, f, "head out of order");
        s->head_seen = true;
        s->end_seen = f->end;
        mux->ops->head(s, f->payload, f->size, f->end, mux->data);
        s = g_hash_table_lookup(mux->streams, GUINT_TO_POINTER(f->stream));
        if (s)
                finish_if_done(s);
        return true;
}

static bool on_data(TbMux *mux, TbMuxStream *s, const TbLinkFrame *f, GError **error)
{
        if (s->end_seen || (mux->ops->head && !s->head_seen))
                return violation(error, f, "data out of order");
        gint64 cost = f->size > 0 ? (gint64)f->size + TB_LINK_DATA_COST : 0;
        if (cost > s->allowed)
                return violation(error, f, "more data than there was credit for");
        s->allowed -= cost;
        s->held += f->size;
        s->held_cost += (gsize)cost;
        s->end_seen = f->end;
        mux->ops->data(s, f->payload, f->size, f->end, mux->data);
        s = g_hash_table_lookup(mux->streams, GUINT_TO_POINTER(f->stream));
        if (s)
                finish_if_done(s);
        return true;
}

static bool on_credit(TbMuxStream *s, const TbLinkFrame *f, GError **error)
{
        if (s->credit + f->credit > TB_LINK_STREAM_MAX)
                return violation(error, f, "credit without end");
        s->credit += f->credit;
        enqueue(s);
        tb_mux_pump(s->mux);
        return true;
}

static void on_reset(TbMux *mux, TbMuxStream *s, const TbLinkFrame *f)
{
        g_autofree char *reason = g_strndup((const char *)f->payload, f->size);
        mux->ops->closed(s, reason, mux->data);
        remove_stream(s);
}

static bool on_frame(TbMux *mux, const TbLinkFrame *f, GError **error)
{
        TbMuxStream *s = g_hash_table_lookup(mux->streams, GUINT_TO_POINTER(f->stream));
        if (f->stream > mux->last && !(f->type == TB_LINK_HEAD && mux->ops->opened))
                return violation(error, f, "was never opened");
        if (f->type == TB_LINK_HEAD)
                return on_head(mux, s, f, error);
        if (!s)
                return true; /* given up while this was on its way */
        switch (f->type) {
        case TB_LINK_DATA: return on_data(mux, s, f, error);
        case TB_LINK_CREDIT: return on_credit(s, f, error);
        case TB_LINK_RESET:
        case TB_LINK_HEAD: break;
        }
        on_reset(mux, s, f);
        return true;
}

static gssize take_frame(const guint8 *bytes, gsize size, gpointer data, GError **error)
{
        TbLinkFrame frame;
        gssize n = tb_link_frame_parse(bytes, size, &frame, error);
        if (n == 0)
                tb_set_error(error, TB_ERROR_INVALID, "link frame: cut short");
        return n > 0 && on_frame(data, &frame, error) ? n : -1;
}

static void on_rest(gpointer data)
{
        TbMux *mux = data;
        if (mux->ops->rest)
                mux->ops->rest(mux->data);
}

static void on_hold(bool held, gpointer data)
{
        TbMux *mux = data;
        mux->ops->hold(held, mux->data);
}

static void on_broken(const GError *error, gpointer data)
{
        TbMux *mux = data;
        mux->ops->broken(error, mux->data);
}

bool tb_mux_receive(TbMux *mux, const guint8 *bytes, gsize size, GError **error)
{
        return tb_turns_add(mux->turns, bytes, size, error);
}

/* --- life --- */
TbMux *tb_mux_new(const TbMuxOps *ops, gpointer data)
{
        static const TbTurnsOps turns = {
                .frame = take_frame, .rest = on_rest, .hold = on_hold, .broken = on_broken};
        TbMux *mux = g_new0(TbMux, 1);
        mux->turns = tb_turns_new(&turns, mux);
        mux->ops = ops;
        mux->data = data;
        mux->streams = g_hash_table_new_full(NULL, NULL, NULL, stream_free);
        return mux;
}

void tb_mux_free(TbMux *mux)
{
        if (!mux)
                return;
        tb_turns_free(mux->turns);
        g_hash_table_unref(mux->streams);
        g_free(mux);
}

void tb_mux_reset_all(TbMux *mux, const char *reason)
{
        tb_turns_forget(mux->turns);
        g_autoptr(GList) all = g_hash_table_get_keys(mux->streams);
        for (GList *l = all; l; l = l->next) {
                TbMuxStream *s = g_hash_table_lookup(mux->streams, l->data); /* one's end may end others */
                if (!s)
                        continue;
                mux->ops->closed(s, reason, mux->data);
                remove_stream(s);
        }
        mux->last = 0; /* the next connection counts anew */
}

guint tb_mux_count(const TbMux *mux)
{
        return g_hash_table_size(mux->streams);
}

bool tb_mux_done_sending(const TbMuxStream *s)
{
        return s->end_sent;
}

void tb_mux_set_user(TbMuxStream *s, gpointer user)
{
        s->user = user;
}

gpointer tb_mux_user(const TbMuxStream *s)
{
        return s->user;
}

guint32 tb_mux_stream_id(const TbMuxStream *s)
{
        return s->id;
}
