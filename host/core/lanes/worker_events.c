#include "host/core/lanes/worker_events.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

struct TbWorkerEvents {
        TbRefCount ref;
        const TbWorkerOps *ops;
        gpointer owner;           /* borrowed; main thread only; NULL: muted */
        const TbSecrets *secrets; /* borrowed while the lane's threads run */
        void (*frame)(gpointer data, TbFrame *frame_take);
        void (*no_signal)(gpointer data, const char *reason);
        gpointer data; /* the worker */
};

typedef enum PostType { POST_STATE, POST_BYTES, POST_LINE, POST_SAMPLE, POST_POWER, POST_EVENT } PostType;

typedef struct Post {
        TbWorkerEvents *events; /* ref */
        PostType type;
        TbState state;
        char *text;  /* owned: reason, line, event type, stream */
        char *text2; /* owned: quantity */
        char *text3; /* owned: unit */
        gint64 t_ms;
        double value;
        TbPowerState power;
        json_t *json; /* owned */
        gsize size;
        guint8 bytes[];
} Post;

static void events_unref(TbWorkerEvents *events)
{
        if (tb_ref_dec(&events->ref))
                g_free(events);
}

static void post_free(Post *p)
{
        events_unref(p->events);
        g_free(p->text);
        g_free(p->text2);
        g_free(p->text3);
        json_decref(p->json);
        g_free(p);
}

static void deliver(const Post *p, const TbWorkerOps *ops, gpointer owner)
{
        switch (p->type) {
        case POST_STATE: ops->state(owner, p->state, p->text); break;
        case POST_BYTES: ops->bytes(owner, p->bytes, p->size); break;
        case POST_LINE: ops->line(owner, p->text, p->t_ms); break;
        case POST_SAMPLE: {
                TbSample s = {.stream = p->text,
                              .quantity = p->text2,
                              .unit = p->text3,
                              .value = p->value,
                              .t_ms = p->t_ms};
                ops->sample(owner, &s);
                break;
        }
        case POST_POWER: ops->power(owner, &p->power); break;
        case POST_EVENT: ops->event(owner, p->text, p->json); break;
        }
}

static void arrive(gpointer data)
{
        Post *p = data;
        if (p->events->owner)
                deliver(p, p->events->ops, p->events->owner);
        post_free(p);
}

static Post *post_new(TbWorkerEvents *events, PostType type, gsize size)
{
        Post *p = g_malloc0(sizeof *p + size);
        tb_ref_inc(&events->ref);
        p->events = events;
        p->type = type;
        p->size = size;
        return p;
}

static void post(Post *p)
{
        if (!tb_main_post(arrive, p))
                post_free(p);
}

/* --- what drivers call --- */
static void up_bytes(TbInstance *self, const void *data, gsize size)
{
        if (size == 0)
                return;
        Post *p = post_new(self->host, POST_BYTES, size);
        memcpy(p->bytes, data, size);
        post(p);
}

static void up_line(TbInstance *self, const char *line, gint64 t_ms)
{
        Post *p = post_new(self->host, POST_LINE, 0);
        p->text = g_strndup(line, TB_LIMIT_LINE);
        p->t_ms = t_ms ? t_ms : tb_clock_ms();
        post(p);
}

static void up_sample(TbInstance *self, const TbSample *sample)
{
        Post *p = post_new(self->host, POST_SAMPLE, 0);
        p->text = g_strdup(sample->stream);
        p->text2 = g_strdup(sample->quantity);
        p->text3 = g_strdup(sample->unit);
        p->value = sample->value;
        p->t_ms = sample->t_ms ? sample->t_ms : tb_clock_ms();
        post(p);
}

static void up_power(TbInstance *self, const TbPowerState *state)
{
        Post *p = post_new(self->host, POST_POWER, 0);
        p->power = *state;
        post(p);
}

static void up_frame(TbInstance *self, TbFrame *frame_take)
{
        TbWorkerEvents *events = self->host;
        events->frame(events->data, frame_take);
}

static void up_no_signal(TbInstance *self, const char *reason)
{
        TbWorkerEvents *events = self->host;
        g_autofree char *shown = tb_secrets_hide(events->secrets, reason);
        events->no_signal(events->data, shown);
}

static void up_event(TbInstance *self, const char *type, json_t *data_take)
{
        Post *p = post_new(self->host, POST_EVENT, 0);
        p->text = g_strdup(type);
        p->json = data_take ? tb_secrets_hide_json(p->events->secrets, data_take) : json_object();
        post(p);
}

void tb_worker_events_state(TbWorkerEvents *events, TbState state, const char *reason)
{
        Post *p = post_new(events, POST_STATE, 0);
        p->state = state;
        p->text = tb_secrets_hide(events->secrets, reason);
        post(p);
}

static void up_fault(TbInstance *self, const char *reason)
{
        tb_worker_events_state(self->host, reason ? TB_STATE_FAULT : TB_STATE_READY, reason);
}

const TbUp tb_worker_up = {
        .bytes = up_bytes,
        .line = up_line,
        .sample = up_sample,
        .power = up_power,
        .frame = up_frame,
        .no_signal = up_no_signal,
        .event = up_event,
        .fault = up_fault,
};

TbWorkerEvents *tb_worker_events_new(const TbWorkerOps *ops, gpointer owner, const TbSecrets *secrets,
                                     void (*frame)(gpointer, TbFrame *),
                                     void (*no_signal)(gpointer, const char *), gpointer data)
{
        TbWorkerEvents *events = g_new0(TbWorkerEvents, 1);
        tb_ref_init(&events->ref);
        events->ops = ops;
        events->owner = owner;
        events->secrets = secrets;
        events->frame = frame;
        events->no_signal = no_signal;
        events->data = data;
        return events;
}

void tb_worker_events_free(TbWorkerEvents *events)
{
        events_unref(events);
}

void tb_worker_events_mute(TbWorkerEvents *events)
{
        tb_assert_main();
        events->owner = NULL;
}
