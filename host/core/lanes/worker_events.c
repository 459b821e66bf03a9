#include "host/core/lanes/worker_events.h"

#include <string.h>

#include "host/core/lanes/outlet.h"
#include "lib/clock.h"
#include "lib/limits.h"
#include "lib/refcount.h"
#include "lib/thread.h"

#define EVENT_COST 1024     /* bytes that an event is counted as */
#define FAULT_EVERY_MS 1000 /* of those above TB_LIMIT_FAULTS */

struct TbWorkerEvents {
        TbRefCount ref;
        TbWorkerEventsOptions o; /* owner: main thread only; NULL: muted */
        TbMutex lock;
        GHashTable *samples; /* stream -> Post that waits, borrowed; protected by lock */
        struct Post *power;  /* that waits; borrowed; protected by lock */
        bool told;           /* `fault` is what the driver said last; protected by lock */
        char *fault;         /* owned, without secrets; protected by lock */
        double room;         /* faults that may be told now; protected by lock */
        gint64 room_ms;      /* when that was so; protected by lock */
        bool later;          /* the latest is told when there is room; protected by lock */
};

typedef enum PostType {
        POST_STATE,
        POST_BYTES,
        POST_LINE,
        POST_SAMPLE,
        POST_POWER,
        POST_EVENT,
        POST_CLIPBOARD,
        POST_FACTS,
        POST_LATER
} PostType;

typedef struct Post {
        TbWorkerEvents *events; /* ref */
        PostType type;
        TbState state;
        char *text;  /* owned: reason, line, event type, stream */
        char *text2; /* owned: quantity */
        char *text3; /* owned: unit */
        gint64 t_ms; /* of a sample, as value and power: protected by lock while it waits */
        double value;
        TbPowerState power;
        json_t *json; /* owned */
        gsize size;
        guint8 bytes[];
} Post;

static void events_unref(TbWorkerEvents *events)
{
        if (!tb_ref_dec(&events->ref))
                return;
        g_hash_table_unref(events->samples);
        tb_mutex_clear(&events->lock);
        g_free(events->fault);
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

static TbWorkerEvents *events_ref(TbWorkerEvents *events)
{
        tb_ref_inc(&events->ref);
        return events;
}

/* What a driver says now of what it was too quick to say; nothing where the lane itself has spoken since. */
static gboolean fault_later(gpointer data)
{
        TbWorkerEvents *events = data;
        tb_mutex_lock(&events->lock);
        bool told = events->told;
        g_autofree char *reason = g_strdup(events->fault);
        events->later = false;
        events->room = 0;
        events->room_ms = tb_clock_mono_ms();
        tb_mutex_unlock(&events->lock);
        if (told && events->o.owner)
                events->o.ops->state(events->o.owner, reason ? TB_STATE_FAULT : TB_STATE_READY, reason);
        events_unref(events);
        return G_SOURCE_REMOVE;
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
        case POST_FACTS: ops->facts(owner, p->json); break;
        case POST_CLIPBOARD: ops->clipboard(owner, p->text); break;
        case POST_LATER: g_timeout_add(FAULT_EVERY_MS, fault_later, events_ref(p->events)); break;
        }
}

/* From here on what is told of the same thing is a post of its own. */
static void settle(Post *p)
{
        TbWorkerEvents *events = p->events;
        if (p->type != POST_SAMPLE && p->type != POST_POWER)
                return;
        tb_mutex_lock(&events->lock);
        if (events->power == p)
                events->power = NULL;
        if (p->type == POST_SAMPLE && g_hash_table_lookup(events->samples, p->text) == p)
                g_hash_table_remove(events->samples, p->text);
        tb_mutex_unlock(&events->lock);
}

static void arrive(gpointer data)
{
        Post *p = data;
        settle(p);
        if (p->events->o.owner)
                deliver(p, p->events->o.ops, p->events->o.owner);
        post_free(p);
}

static Post *post_new(TbWorkerEvents *events, PostType type, gsize size)
{
        Post *p = g_malloc0(sizeof *p + size);
        p->events = events_ref(events);
        p->type = type;
        p->size = size;
        return p;
}

/* `cost`: what it holds besides itself. */
static void post(Post *p, gsize cost)
{
        if (!tb_inlet_post(p->events->o.inlet, sizeof *p + cost, arrive, p)) {
                settle(p);
                post_free(p);
        }
}

static void post_and_wait(Post *p, gsize cost)
{
        TbWorkerEvents *events = p->events; /* the lane's thread keeps it */
        post(p, cost);
        if (tb_inlet_full(events->o.inlet))
                events->o.wait(events->o.data);
}

/* --- what drivers call --- */
static void up_bytes(TbInstance *self, const void *data, gsize size)
{
        if (size == 0)
                return;
        Post *p = post_new(self->host, POST_BYTES, size);
        memcpy(p->bytes, data, size);
        post_and_wait(p, size);
}

static void up_line(TbInstance *self, const char *line, gint64 t_ms)
{
        Post *p = post_new(self->host, POST_LINE, 0);
        p->text = g_strndup(line, TB_LIMIT_LINE);
        p->t_ms = t_ms ? t_ms : tb_clock_ms();
        post_and_wait(p, strlen(p->text));
}

static void up_sample(TbInstance *self, const TbSample *sample)
{
        TbWorkerEvents *events = self->host;
        gint64 t_ms = sample->t_ms ? sample->t_ms : tb_clock_ms();
        bool full = tb_inlet_full(events->o.inlet);
        tb_mutex_lock(&events->lock);
        Post *p = full ? g_hash_table_lookup(events->samples, sample->stream) : NULL;
        bool waits = p && g_strcmp0(p->text3, sample->unit) == 0;
        if (waits) {
                p->value = sample->value;
                p->t_ms = t_ms;
        } else {
                p = post_new(events, POST_SAMPLE, 0);
                p->text = g_strdup(sample->stream);
                p->text2 = g_strdup(sample->quantity);
                p->text3 = g_strdup(sample->unit);
                p->value = sample->value;
                p->t_ms = t_ms;
                g_hash_table_replace(events->samples, p->text, p);
        }
        tb_mutex_unlock(&events->lock);
        if (!waits)
                post_and_wait(p, strlen(sample->stream));
}

static void up_power(TbInstance *self, const TbPowerState *state)
{
        TbWorkerEvents *events = self->host;
        bool full = tb_inlet_full(events->o.inlet);
        tb_mutex_lock(&events->lock);
        bool waits = full && events->power;
        Post *p = waits ? events->power : post_new(events, POST_POWER, 0);
        bool autostarted = waits && p->power.autostarted;
        p->power = *state;
        p->power.autostarted |= autostarted;
        events->power = p;
        tb_mutex_unlock(&events->lock);
        if (!waits)
                post_and_wait(p, 0);
}

static void up_frame(TbInstance *self, TbFrame *frame_take)
{
        TbWorkerEvents *events = self->host;
        events->o.frame(events->o.data, frame_take);
}

static void up_no_signal(TbInstance *self, const char *reason)
{
        TbWorkerEvents *events = self->host;
        g_autofree char *shown = tb_secrets_hide(events->o.secrets, reason);
        events->o.no_signal(events->o.data, shown);
}

static void up_sound(TbInstance *self, TbSound *sound_take)
{
        TbWorkerEvents *events = self->host;
        events->o.sound(events->o.data, sound_take);
}

static void up_no_sound(TbInstance *self, const char *reason)
{
        TbWorkerEvents *events = self->host;
        g_autofree char *shown = tb_secrets_hide(events->o.secrets, reason);
        events->o.no_sound(events->o.data, shown);
}

static void up_event(TbInstance *self, const char *type, json_t *data_take)
{
        Post *p = post_new(self->host, POST_EVENT, 0);
        p->text = g_strdup(type);
        p->json = data_take ? tb_secrets_hide_json(p->events->o.secrets, data_take) : json_object();
        post_and_wait(p, EVENT_COST);
}

static void up_facts(TbInstance *self, json_t *facts_take)
{
        Post *p = post_new(self->host, POST_FACTS, 0);
        p->json = tb_secrets_hide_json(p->events->o.secrets, facts_take);
        post_and_wait(p, EVENT_COST);
}

static void up_clipboard(TbInstance *self, const char *text)
{
        Post *p = post_new(self->host, POST_CLIPBOARD, 0);
        p->text = g_strdup(text);
        post_and_wait(p, strlen(text));
}

/* --- an outlet of another interface --- */
typedef struct OutletPost {
        TbWorkerEvents *events; /* ref */
        TbOutletCall *call;
} OutletPost;

static void outlet_arrive(gpointer data)
{
        OutletPost *p = data;
        if (p->events->o.owner) {
                p->events->o.ops->outlet(p->events->o.owner, p->call);
        } else {
                GError *why = NULL;
                tb_set_error(&why, TB_ERROR_INTERRUPTED, "who asks is being removed");
                tb_outlet_call_answer(p->call, NULL, why);
        }
        events_unref(p->events);
        g_free(p);
}

static bool up_outlet(TbInstance *self, TbIo *io, const char *member, TbOutletAsk ask, TbPowerState *ret,
                      GError **error)
{
        TbWorkerEvents *events = self->host;
        TbOutletCall *call = tb_outlet_call_new(member, ask);
        if (!call) {
                tb_set_error(error, TB_ERROR_LIMIT, "%s: the host has no descriptor left to wait for it",
                             member);
                return false;
        }
        OutletPost *p = g_new(OutletPost, 1);
        tb_ref_inc(&events->ref);
        *p = (OutletPost){events, call};
        if (!tb_worker_events_call(events, outlet_arrive, p)) { /* after the main loop */
                GError *why = NULL;
                tb_set_error(&why, TB_ERROR_INTERRUPTED, "the host stops");
                tb_outlet_call_answer(call, NULL, why);
                events_unref(events);
                g_free(p);
        }
        return tb_outlet_call_wait(call, io, ret, error);
}

void tb_worker_events_state(TbWorkerEvents *events, TbState state, const char *reason)
{
        Post *p = post_new(events, POST_STATE, 0);
        p->state = state;
        p->text = tb_secrets_hide(events->o.secrets, reason);
        tb_mutex_lock(&events->lock);
        events->told = false; /* the lane's own word: the driver's next one is news again */
        tb_mutex_unlock(&events->lock);
        post(p, 0);
}

/* Room for one more fault; events->lock is held. */
static bool take_room(TbWorkerEvents *events)
{
        gint64 now = tb_clock_mono_ms();
        if (events->room_ms)
                events->room += (double)(now - events->room_ms) / FAULT_EVERY_MS;
        if (!events->room_ms || events->room > TB_LIMIT_FAULTS)
                events->room = TB_LIMIT_FAULTS;
        events->room_ms = now;
        if (events->room < 1)
                return false;
        events->room--;
        return true;
}

/* A driver that says the same thing again and again tells nothing. One that changes its mind with every line of a
 * noisy sensor tells its latest each second: anybody who can send it lines would flood the bus and the log. */
static void up_fault(TbInstance *self, const char *reason)
{
        TbWorkerEvents *events = self->host;
        char *shown = tb_secrets_hide(events->o.secrets, reason);
        tb_mutex_lock(&events->lock);
        bool same = events->told && g_strcmp0(events->fault, shown) == 0, waits = !same && events->later,
             now = !same && !waits && take_room(events), later = !same && !waits && !now;
        g_free(events->fault);
        events->fault = shown;
        events->told = true;
        events->later |= later;
        Post *p = now || later ? post_new(events, now ? POST_STATE : POST_LATER, 0) : NULL;
        if (now) {
                p->state = reason ? TB_STATE_FAULT : TB_STATE_READY;
                p->text = g_strdup(shown);
        }
        tb_mutex_unlock(&events->lock);
        if (p)
                post(p, 0);
}

bool tb_worker_events_call(TbWorkerEvents *events, void (*call)(gpointer), gpointer data)
{
        return tb_inlet_post(events->o.inlet, 0, call, data);
}

const TbUp tb_worker_up = {
        .bytes = up_bytes,
        .line = up_line,
        .sample = up_sample,
        .power = up_power,
        .frame = up_frame,
        .no_signal = up_no_signal,
        .sound = up_sound,
        .no_sound = up_no_sound,
        .event = up_event,
        .fault = up_fault,
        .clipboard = up_clipboard,
        .facts = up_facts,
        .outlet = up_outlet,
};

TbWorkerEvents *tb_worker_events_new(const TbWorkerEventsOptions *options)
{
        TbWorkerEvents *events = g_new0(TbWorkerEvents, 1);
        tb_ref_init(&events->ref);
        tb_mutex_init(&events->lock);
        events->o = *options;
        events->samples = g_hash_table_new(g_str_hash, g_str_equal);
        return events;
}

void tb_worker_events_free(TbWorkerEvents *events)
{
        events_unref(events);
}

void tb_worker_events_mute(TbWorkerEvents *events)
{
        tb_assert_main();
        events->o.owner = NULL;
}
