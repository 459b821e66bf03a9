#include "host/media/link/message.h"

#include <math.h>
#include <string.h>

#include "lib/error.h"

/* A cursor that reads or writes; after the first fault it does nothing. */
typedef struct Cursor {
        GByteArray *out; /* borrowed; NULL: it reads */
        const guint8 *at, *end;
        const char *fault; /* static: what is wrong; NULL: nothing */
} Cursor;

static void fault(Cursor *c, const char *what)
{
        if (!c->fault)
                c->fault = what;
}

static void raw(Cursor *c, guint8 *bytes, gsize n)
{
        if (c->fault)
                return;
        if (c->out) {
                g_byte_array_append(c->out, bytes, (guint)n);
        } else if ((gsize)(c->end - c->at) < n) {
                fault(c, "a field is missing");
        } else {
                memcpy(bytes, c->at, n);
                c->at += n;
        }
}

static void wide(Cursor *c, guint64 *value)
{
        guint64 wire = GUINT64_TO_LE(*value);
        raw(c, (guint8 *)&wire, sizeof wire);
        if (!c->fault)
                *value = GUINT64_FROM_LE(wire);
}

static void number(Cursor *c, guint32 *value, guint32 max)
{
        guint32 wire = GUINT32_TO_LE(*value);
        raw(c, (guint8 *)&wire, sizeof wire);
        if (c->fault)
                return;
        *value = GUINT32_FROM_LE(wire);
        if (*value > max)
                fault(c, "a number is out of its range");
}

static void real(Cursor *c, double *value)
{
        guint64 bits = 0;
        memcpy(&bits, value, sizeof bits);
        wide(c, &bits);
        memcpy(value, &bits, sizeof bits);
        if (!c->fault && !isfinite(*value))
                fault(c, "a number is not finite");
}

static void bytes(Cursor *c, TbLinkBytes *value, gsize max)
{
        guint32 length = (guint32)MIN(value->length, G_MAXUINT32);
        number(c, &length, (guint32)max);
        if (c->fault)
                return;
        guint8 nul = 0;
        if (!value->data)
                value->data = "";
        if (c->out) {
                g_byte_array_append(c->out, (const guint8 *)value->data, length);
                g_byte_array_append(c->out, &nul, 1);
                return;
        }
        if ((gsize)(c->end - c->at) < (gsize)length + 1) {
                fault(c, "a text is cut off");
                return;
        }
        *value = (TbLinkBytes){(const char *)c->at, length};
        c->at += length;
        raw(c, &nul, 1);
        if (nul != 0)
                fault(c, "a text does not end");
}

static void text(Cursor *c, TbLinkBytes *value, gsize max)
{
        bytes(c, value, max);
        if (c->fault)
                return;
        if (memchr(value->data, '\0', value->length))
                fault(c, "a text has a NUL in it");
        else if (!g_utf8_validate(value->data, (gssize)value->length, NULL))
                fault(c, "a text is not UTF-8");
}

/* --- one function per message --- */
static void setup(Cursor *c, TbLinkSetup *m)
{
        wide(c, &m->epoch_us);
        number(c, &m->max_fps, TB_LIMIT_FPS);
        number(c, &m->max_kbps, G_MAXINT32);
        number(c, &m->min_port, G_MAXUINT16);
        number(c, &m->max_port, G_MAXUINT16);
        number(c, &m->log_level, 3);
        number(c, &m->log_json, 1);
}

static void peer(Cursor *c, TbLinkPeer *m)
{
        guint32 wait = (guint32)m->answer_wait_ms;
        number(c, &m->source, G_MAXUINT32);
        number(c, &m->sound, G_MAXUINT32);
        number(c, &wait, G_MAXUINT32);
        m->answer_wait_ms = (gint32)wait;
        number(c, &m->answer_at_relay, 1);
        number(c, &m->max_kbps, G_MAXINT32);
        text(c, &m->label, TB_LINK_LABEL);
        text(c, &m->device, TB_LIMIT_ID);
        text(c, &m->offer, TB_LIMIT_SDP);
        number(c, &m->n_servers, TB_LINK_SERVERS);
        for (guint i = 0; !c->fault && i < m->n_servers; i++)
                text(c, &m->servers[i], TB_LINK_SERVER);
}

static void chunk(Cursor *c, TbLinkChunk *m)
{
        number(c, &m->flag, 1);
        text(c, &m->channel, TB_LINK_CHANNEL);
        bytes(c, &m->bytes, TB_LIMIT_CHANNEL_MESSAGE);
}

static void source(Cursor *c, TbLinkSource *m)
{
        number(c, &m->codec, 1);
        number(c, &m->width, TB_LIMIT_VIDEO_SIDE);
        number(c, &m->height, TB_LIMIT_VIDEO_SIDE);
        number(c, &m->origin, G_MAXUINT32);
}

static void feed(Cursor *c, TbLinkFeed *m)
{
        number(c, &m->rung, TB_LINK_RUNGS - 1);
        number(c, &m->kbps, G_MAXINT32);
        number(c, &m->fps, TB_LIMIT_FPS);
}

static void unit(Cursor *c, TbLinkUnit *m)
{
        number(c, &m->rung, TB_LINK_RUNGS - 1);
        number(c, &m->keyframe, 1);
        wide(c, &m->pts_ns);
        if (!c->out) {
                bytes(c, &m->data, TB_LIMIT_LINK_UNIT);
                return;
        }
        guint32 length = (guint32)MIN(m->data.length, G_MAXUINT32); /* the data follow by themselves */
        number(c, &length, TB_LIMIT_LINK_UNIT);
}

static void sound(Cursor *c, TbLinkSound *m)
{
        wide(c, &m->pts_ns);
        bytes(c, &m->data, TB_LINK_SOUND_BYTES);
}

static void ready(Cursor *c, TbLinkReady *m)
{
        number(c, &m->got, TB_LINK_GOT_ALL);
        number(c, &m->landlock, 1000);
}

static void stats(Cursor *c, TbLinkStats *m)
{
        real(c, &m->sent_kbps);
        real(c, &m->recv_kbps);
        real(c, &m->loss_percent);
        real(c, &m->rtt_ms);
        real(c, &m->queue_ms);
        number(c, &m->estimate_kbps, G_MAXINT32);
        number(c, &m->target_kbps, G_MAXINT32);
        number(c, &m->target_fps, TB_LIMIT_FPS);
        number(c, &m->rung, TB_LINK_RUNGS - 1);
        number(c, &m->pli, G_MAXINT32);
        guint64 *counts[] = {&m->frames,  &m->keyframes,     &m->bytes,
                             &m->dropped, &m->sound_packets, &m->sound_bytes};
        for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
                wide(c, counts[i]);
                if (!c->fault && *counts[i] > G_MAXINT64)
                        fault(c, "a count is out of its range");
        }
}

/* False: no such message. */
static bool body(Cursor *c, TbLinkMessage *m)
{
        switch (m->type) {
        case TB_LINK_SETUP: setup(c, &m->setup); return true;
        case TB_LINK_PEER:
        case TB_LINK_CALL: peer(c, &m->peer); return true;
        case TB_LINK_SEND:
        case TB_LINK_OPEN:
        case TB_LINK_MESSAGE: chunk(c, &m->chunk); return true;
        case TB_LINK_SOURCE: source(c, &m->source); return true;
        case TB_LINK_FEED:
        case TB_LINK_RATE: feed(c, &m->feed); return true;
        case TB_LINK_UNIT: unit(c, &m->unit); return true;
        case TB_LINK_SOUND: sound(c, &m->sound); return true;
        case TB_LINK_READY: ready(c, &m->ready); return true;
        case TB_LINK_STATS: stats(c, &m->stats); return true;
        case TB_LINK_RESTART: text(c, &m->text, TB_LINK_CREDENTIALS); return true;
        case TB_LINK_ACCEPT: text(c, &m->text, TB_LIMIT_SDP); return true;
        case TB_LINK_WANT: number(c, &m->number, TB_LINK_WANT_ALL); return true;
        case TB_LINK_RESTARTED:
        case TB_LINK_ANSWER_SDP: text(c, &m->text, TB_LINK_ANSWER); return true;
        case TB_LINK_REMOTE:
        case TB_LINK_LOCAL: text(c, &m->text, TB_LINK_CANDIDATE); return true;
        case TB_LINK_ANSWER_NONE:
        case TB_LINK_CLOSED: text(c, &m->text, TB_LINK_REASON); return true;
        case TB_LINK_STATE: number(c, &m->number, 4); return true;
        case TB_LINK_SUBSCRIBE:
        case TB_LINK_UNSUBSCRIBE:
        case TB_LINK_KEYFRAME: number(c, &m->number, TB_LINK_RUNGS - 1); return true;
        case TB_LINK_CLOSE:
        case TB_LINK_REFRESH:
        case TB_LINK_PING:
        case TB_LINK_PONG: return true;
        }
        return false;
}

/* --- frames --- */
static gssize bad(GError **error, guint type, const char *what)
{
        tb_set_error(error, TB_ERROR_INVALID, "message %u: %s", type, what);
        return -1;
}

gssize tb_link_parse(TbLinkSide from, const guint8 *start, gsize length, TbLinkMessage *ret_message,
                     GError **error)
{
        if (length < TB_LINK_HEAD)
                return 0;
        Cursor c = {.at = start, .end = start + TB_LINK_HEAD};
        guint32 size = 0, type = 0, id = 0;
        number(&c, &size, G_MAXUINT32);
        number(&c, &type, G_MAXUINT32);
        number(&c, &id, G_MAXUINT32);
        if (size > TB_LIMIT_LINK_MESSAGE)
                return bad(error, type, "it is too large");
        if (type == 0 || type > TB_LINK_PONG || (type < TB_LINK_READY) != (from == TB_LINK_HOST))
                return bad(error, type, "this side does not send it");
        if (length - TB_LINK_HEAD < size)
                return 0;
        c.end = c.at + size;
        TbLinkMessage m = {.type = (TbLinkType)type, .id = id};
        if (!body(&c, &m))
                return bad(error, type, "there is no such message");
        if (!c.fault && c.at != c.end)
                fault(&c, "more follows than it has fields");
        if (c.fault)
                return bad(error, type, c.fault);
        *ret_message = m;
        return (gssize)(TB_LINK_HEAD + size);
}

GByteArray *tb_link_write(const TbLinkMessage *message, GError **error)
{
        g_autoptr(GByteArray) out = g_byte_array_sized_new(128);
        TbLinkMessage m = *message;
        Cursor c = {.out = out};
        guint32 head[] = {0, (guint32)m.type, m.id};
        for (gsize i = 0; i < G_N_ELEMENTS(head); i++)
                number(&c, &head[i], G_MAXUINT32);
        body(&c, &m);
        gsize size = out->len - TB_LINK_HEAD + (m.type == TB_LINK_UNIT ? m.unit.data.length + 1 : 0);
        if (!c.fault && size > TB_LIMIT_LINK_MESSAGE)
                fault(&c, "it is too large");
        if (c.fault) {
                bad(error, m.type, c.fault);
                return NULL;
        }
        guint32 wire = GUINT32_TO_LE((guint32)size);
        memcpy(out->data, &wire, sizeof wire);
        return g_steal_pointer(&out);
}

TbLinkBytes tb_link_text(const char *text_or_null)
{
        const char *t = text_or_null ? text_or_null : "";
        return (TbLinkBytes){t, strlen(t)};
}

char *tb_link_clip(const char *from, gsize max)
{
        char *valid = g_utf8_make_valid(from ? from : "", -1);
        if (strlen(valid) > max) {
                char *end = g_utf8_find_prev_char(valid, valid + max + 1);
                *(end ? end : valid) = '\0';
        }
        return valid;
}
