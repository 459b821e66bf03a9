#include "host/core/control/control.h"

#include <string.h>

#include "host/core/control/control_msg.h"
#include "host/core/control/control_stream.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/limits.h"
#include "lib/log.h"

struct TbControl {
        TbCore *core; /* borrowed */
        char *user, *via, *request, *only, *lease;
        char *own;        /* names this connection where the viewer gives its own name not */
        GHashTable *whos; /* set of char *: as whom it may hold keys and buttons */
        gint64 ahead_ms; /* our clock before the viewer's, as its quickest message says; G_MAXINT64: none came */
        gint64 late_ms;     /* since when all that comes is late; 0: it is not */
        gint64 late_behind; /* the least of them since then */
        gint64 heard_ms;    /* when the last message came */
        gint64 hold_ms;     /* of silence, after which what it holds comes up */
        guint hold_timer;   /* 0: what it holds stays down until it ends */
        bool hold_over;     /* that time is over; what came meanwhile is still to be read */
        TbRole role;
        const TbControlOps *ops; /* static */
        gpointer data;
        TbControlStream *stream; /* owned: subscriptions */
        GHashTable *running;     /* id -> borrowed Pending */
        GHashTable *leases;      /* device -> secret that lease.take answered here */
};

/* A command on its way. Outlives the control when the command is one that has to end (control NULL then). */
typedef struct Pending {
        TbControl *control; /* borrowed; NULL: the viewer has gone */
        TbCommand *command; /* borrowed until done */
        gint64 id;
        char *device;
        bool finishes; /* goes on when the viewer leaves */
        bool takes_lease, drops_lease;
} Pending;

static void pending_free(Pending *p)
{
        g_free(p->device);
        g_free(p);
}

static bool send_json(TbControl *control, json_t *message_take)
{
        gsize size;
        g_autofree char *text = tb_json_text(message_take, &size);
        bool sent = text && control->ops->send(text, size, control->data);
        json_decref(message_take);
        return sent;
}

/* Every command is acknowledged: one whose result this carrier cannot take, by saying so. */
static void send_answer(TbControl *control, gint64 id, json_t *answer_take)
{
        gsize size, max = control->ops->max ? control->ops->max : TB_CONTROL_MESSAGE;
        g_autofree char *text = tb_json_text(answer_take, &size);
        json_decref(answer_take);
        if (text && size <= max) {
                control->ops->send(text, size, control->data);
                return;
        }
        g_autoptr(GError) error =
                text ? g_error_new(TB_ERROR, TB_ERROR_TOO_LARGE,
                                   "the command is done; its result has %zu bytes and %zu can be sent "
                                   "here: ask for less, or use REST",
                                   size, max)
                     : g_error_new_literal(TB_ERROR, TB_ERROR_INTERNAL,
                                           "the command is done; a text in its result is not UTF-8");
        send_json(control, tb_control_result(id, NULL, error, NULL));
}

static bool stream_send(const char *text, gsize size, gpointer data)
{
        TbControl *control = data;
        return control->ops->send(text, size, control->data);
}

static gsize stream_queued(gpointer data)
{
        TbControl *control = data;
        return control->ops->queued ? control->ops->queued(control->data) : 0;
}

#define CLOCKS_APART_MS 2000 /* so long late is another clock, and no line that stood still */
static guint serial;         /* of connections; main */

TbControl *tb_control_new(TbCore *core, const TbActor *actor, const char *device, const TbControlOps *ops,
                          gpointer data)
{
        TbControl *control = g_new0(TbControl, 1);
        control->core = core;
        control->user = g_strdup(actor->user);
        control->via = g_strdup(actor->via);
        control->request = g_strdup(actor->request);
        control->lease = g_strdup(actor->lease);
        control->only = g_strdup(device);
        control->own = g_strdup_printf("%s:%u", actor->via, ++serial);
        control->whos = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        control->ahead_ms = G_MAXINT64;
        control->role = actor->role;
        control->ops = ops;
        control->data = data;
        control->running = g_hash_table_new(g_int64_hash, g_int64_equal);
        control->leases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        const TbPlaceBy by = {.user = control->user, .watches = control->role < TB_ROLE_OPERATOR};
        control->stream = tb_control_stream_new(core, device, &by, stream_send, stream_queued, control);
        return control;
}

/* --- what is held --- */
#define HOLD_LOOK_MS 50 /* a main loop that was busy reads first */

static void let_go(TbControl *control)
{
        GHashTableIter iter;
        gpointer who;
        g_hash_table_iter_init(&iter, control->whos);
        while (g_hash_table_iter_next(&iter, &who, NULL))
                tb_core_left(control->core, who);
}

static void stop_hold(TbControl *control)
{
        if (control->hold_timer)
                g_source_remove(control->hold_timer);
        control->hold_timer = 0;
}

/* A browser that was killed behind a data channel, or a line that broke, says nothing, and its end is noticed late. */
static gboolean on_hold(gpointer data)
{
        TbControl *control = data;
        gint64 left = control->heard_ms + control->hold_ms - tb_clock_mono_ms();
        control->hold_timer = 0;
        if (left <= 0 && control->hold_over) {
                let_go(control);
                return G_SOURCE_REMOVE;
        }
        control->hold_over = left <= 0;
        control->hold_timer = g_timeout_add((guint)MAX(left, HOLD_LOOK_MS), on_hold, control);
        return G_SOURCE_REMOVE;
}

static void hold_for(TbControl *control, gint64 ms)
{
        control->hold_ms = ms;
        control->hold_over = false;
        if (ms == 0)
                stop_hold(control);
        else if (!control->hold_timer)
                control->hold_timer = g_timeout_add((guint)ms, on_hold, control);
}

void tb_control_free(TbControl *control)
{
        if (!control)
                return;
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, control->running);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                Pending *p = value;
                p->control = NULL;
                if (p->finishes)
                        continue; /* done() frees it */
                tb_command_cancel(p->command);
                pending_free(p);
        }
        stop_hold(control);
        let_go(control);
        g_hash_table_unref(control->whos);
        g_free(control->own);
        g_hash_table_unref(control->running);
        g_hash_table_unref(control->leases);
        tb_control_stream_free(control->stream);
        g_free(control->user);
        g_free(control->via);
        g_free(control->request);
        g_free(control->only);
        g_free(control->lease);
        g_free(control);
}

void tb_control_drained(TbControl *control)
{
        tb_control_stream_resume(control->stream);
}

/* What cannot be tied to a command. */
static void refuse(TbControl *control, gint64 id, const GError *error, json_t *extra)
{
        if (id > 0) {
                send_json(control, tb_control_result(id, NULL, error, extra));
                return;
        }
        send_json(control, tb_control_refusal(error));
}

static void remember_lease(const Pending *p, json_t *result)
{
        const char *lease = json_string_value(json_object_get(result, "lease"));
        if (p->takes_lease && lease)
                g_hash_table_replace(p->control->leases, g_strdup(p->device), g_strdup(lease));
        else if (p->drops_lease)
                g_hash_table_remove(p->control->leases, p->device);
}

static void command_done(json_t *result, const GError *error, gpointer user)
{
        Pending *p = user;
        TbControl *control = p->control;
        if (control) {
                g_hash_table_remove(control->running, &p->id);
                if (!error)
                        remember_lease(p, result);
                send_answer(control, p->id,
                            tb_control_result(p->id, result, error,
                                              error && json_is_object(result) ? result : NULL));
        }
        pending_free(p);
}

/* "power.set" + interface "main" -> "main.set". Without an interface the first word is the interface's name,
 * or its kind. */
static char *full_verb(TbControl *control, const TbControlMessage *m, GError **error)
{
        const char *op = strrchr(m->verb, '.');
        g_autofree char *word = g_strndup(m->verb, (gsize)(op - m->verb));
        if (tb_is_device_noun(word) && !m->interface)
                return g_strdup(m->verb); /* the device need not be there: device.add */
        TbDevice *device = tb_core_device(control->core, m->device, error);
        if (!device)
                return NULL;
        if (!m->interface) {
                if (tb_core_interface(control->core, m->device, word, NULL))
                        return g_strdup(m->verb);
                for (int kind = 0; kind < TB_KINDS; kind++) {
                        TbInterface *iface = g_str_equal(tb_kind_name((TbKind)kind), word)
                                                     ? tb_device_interface_of(device, (TbKind)kind)
                                                     : NULL;
                        if (iface)
                                return g_strconcat(tb_interface_name(iface), op, NULL);
                }
                return g_strdup(m->verb); /* the core refuses it */
        }
        TbInterface *iface = tb_core_interface(control->core, m->device, m->interface, error);
        if (!iface)
                return NULL;
        if (!g_str_equal(word, m->interface) && !g_str_equal(word, tb_kind_name(tb_interface_kind(iface)))) {
                tb_error_set_field(error, TB_ERROR_INVALID, "verb", "%s is a %s interface: it knows no %s",
                                   tb_interface_id(iface), tb_kind_name(tb_interface_kind(iface)), m->verb);
                return NULL;
        }
        return g_strconcat(m->interface, op, NULL);
}

/* Half of these would be worse than all of them. */
static bool must_finish(TbCore *core, const char *device, const char *verb)
{
        const char *dot = strrchr(verb, '.');
        g_autofree char *name = g_strndup(verb, (gsize)(dot - verb));
        TbInterface *iface = tb_core_interface(core, device, name, NULL);
        TbKind kind = iface ? tb_interface_kind(iface) : TB_KINDS;
        return kind == TB_KIND_POWER || kind == TB_KIND_INPUT;
}

/* A page has several connections, and what goes down by one may come up by another: it names itself. */
static const char *who_of(TbControl *control, const TbControlMessage *m)
{
        char *who =
                m->client ? g_strdup_printf("page:%s:%s", control->user, m->client) : g_strdup(control->own);
        if (g_hash_table_size(control->whos) >= TB_CONTROL_CLIENTS &&
            !g_hash_table_contains(control->whos, who)) {
                g_free(who);
                return control->own;
        }
        gpointer known;
        if (g_hash_table_lookup_extended(control->whos, who, &known, NULL)) {
                g_free(who);
                return known;
        }
        g_hash_table_add(control->whos, who);
        return who;
}

/* A line that stood still gives out late what was put into it: on a device that has moved on, that would be typed into
 * something else, and a command that its sender has given up would be done after all. The clocks may differ; the quickest message of this connection says by how much. */
static bool is_fresh(TbControl *control, const TbControlMessage *m, bool input, GError **error)
{
        if (m->t < 0)
                return true;
        gint64 now = g_get_monotonic_time() / 1000, behind = now - m->t;
        if (control->late_ms && now - control->late_ms > CLOCKS_APART_MS)
                control->ahead_ms =
                        control->late_behind; /* nothing else came meanwhile: its clock stood, in sleep */
        control->ahead_ms = MIN(control->ahead_ms, behind);
        gint64 age = behind - control->ahead_ms;
        if (age <= (input ? TB_LIMIT_INPUT_AGE_MS : TB_LIMIT_COMMAND_AGE_MS)) {
                control->late_ms = 0;
                return true;
        }
        control->late_behind = control->late_ms ? MIN(control->late_behind, behind) : behind;
        control->late_ms = control->late_ms ? control->late_ms : now;
        tb_set_error(error, TB_ERROR_TIMEOUT, "this %s was %.1f s on its way and was dropped: %s",
                     input ? "input" : "command", (double)age / 1000,
                     input ? "nothing is typed late" : "whoever sent it has given up; send it again");
        return false;
}

static bool is_input(TbCore *core, const char *device, const char *verb)
{
        g_autofree char *name = g_strndup(verb, (gsize)(strrchr(verb, '.') - verb));
        TbInterface *iface = tb_core_interface(core, device, name, NULL);
        return iface && tb_interface_kind(iface) == TB_KIND_INPUT;
}

static bool start_command(TbControl *control, const TbControlMessage *m, GError **error)
{
        if (control->only && !g_str_equal(control->only, m->device)) {
                tb_set_error(error, TB_ERROR_FORBIDDEN, "this session is for %s only", control->only);
                return false;
        }
        if (g_hash_table_contains(control->running, &m->id)) {
                tb_error_set_field(error, TB_ERROR_BUSY, "id",
                                   "command %" G_GINT64_FORMAT " is still running", m->id);
                return false;
        }
        if (g_hash_table_size(control->running) >= TB_CONTROL_IN_FLIGHT) {
                tb_set_error(error, TB_ERROR_LIMIT, "%d commands are running already: wait for answers",
                             TB_CONTROL_IN_FLIGHT);
                return false;
        }
        g_autofree char *verb = full_verb(control, m, error);
        if (!verb)
                return false;
        if (!is_fresh(control, m, is_input(control->core, m->device, verb), error))
                return false;
        const char *lease = m->lease ? m->lease : g_hash_table_lookup(control->leases, m->device);
        TbActor actor = {control->user, control->role,    lease ? lease : control->lease,
                         control->via,  control->request, who_of(control, m)};
        Pending *p = g_new0(Pending, 1);
        p->control = control;
        p->id = m->id;
        p->device = g_strdup(m->device);
        p->finishes = must_finish(control->core, m->device, verb);
        p->takes_lease = g_str_equal(verb, "lease.take");
        p->drops_lease = g_str_equal(verb, "lease.release");
        g_hash_table_insert(control->running, &p->id, p);
        p->command =
                tb_core_command(control->core, &actor, m->device, verb, m->params, NULL, command_done, p);
        return true;
}

static bool change_topics(TbControl *control, const TbControlMessage *m, GError **error)
{
        gsize i;
        json_t *topic;
        json_array_foreach (m->topics, i, topic) {
                const char *text = json_string_value(topic);
                if (m->kind == TB_CONTROL_UNSUBSCRIBE)
                        tb_control_unsubscribe(control, text);
                else if (!tb_control_subscribe(control, text, m->offset, error))
                        return false;
        }
        return true;
}

static bool is_media(const TbTopic *topic)
{
        return g_str_equal(topic->name, "picture") || g_str_equal(topic->name, "sound");
}

static bool switch_media(TbControl *control, const TbTopic *topic, bool on, GError **error)
{
        bool (*change)(const char *, const char *, bool, gpointer, GError **) =
                g_str_equal(topic->name, "sound") ? control->ops->sound : control->ops->picture;
        if (change)
                return change(topic->device ? topic->device : control->only, topic->interface, on,
                              control->data, error);
        tb_set_error(error, TB_ERROR_UNPROCESSABLE, "%s comes over the relay only; here use WHEP",
                     topic->name);
        return false;
}

bool tb_control_subscribe(TbControl *control, const char *text, gint64 from, GError **error)
{
        g_auto(TbTopic) topic = {0};
        if (!tb_topic_parse(text, &topic)) {
                tb_error_set_field(error, TB_ERROR_INVALID, "subscribe",
                                   "a topic looks like \"console:board/uart1\"");
                return false;
        }
        if (control->only && topic.device && !g_str_equal(topic.device, control->only)) {
                tb_set_error(error, TB_ERROR_FORBIDDEN, "this session is for %s only", control->only);
                return false;
        }
        if (is_media(&topic))
                return switch_media(control, &topic, true, error);
        return tb_control_stream_add(control->stream, text, &topic, from, error);
}

void tb_control_unsubscribe(TbControl *control, const char *text)
{
        g_auto(TbTopic) topic = {0};
        if (tb_topic_parse(text, &topic) && is_media(&topic))
                switch_media(control, &topic, false, NULL);
        else
                tb_control_stream_remove(control->stream, text);
}

void tb_control_receive(TbControl *control, const char *text, gsize size)
{
        g_auto(TbControlMessage) m = {0};
        g_autoptr(GError) error = NULL;
        control->heard_ms = tb_clock_mono_ms();
        if (!tb_control_parse(text, size, &m, &error)) {
                refuse(control, m.id, error, NULL);
                return;
        }
        switch (m.kind) {
        case TB_CONTROL_COMMAND:
                if (!start_command(control, &m, &error))
                        refuse(control, m.id, error, NULL);
                break;
        case TB_CONTROL_SUBSCRIBE:
        case TB_CONTROL_UNSUBSCRIBE:
                if (!change_topics(control, &m, &error))
                        refuse(control, m.id, error, NULL);
                else if (m.id > 0)
                        send_json(control, tb_control_result(m.id, NULL, NULL, NULL));
                break;
        case TB_CONTROL_PING:
                if (m.client) /* what that page holds is let go when this connection ends, too */
                        who_of(control, &m);
                if (m.hold >= 0)
                        hold_for(control, m.hold);
                send_json(control, m.t >= 0 ? json_pack("{s:s, s:I}", "type", "pong", "t", (json_int_t)m.t)
                                            : json_pack("{s:s}", "type", "pong"));
                break;
        case TB_CONTROL_SAMPLE:
        case TB_CONTROL_BYE:
        case TB_CONTROL_OTHER: break;
        }
}
