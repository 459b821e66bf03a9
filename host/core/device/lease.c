#include <string.h>

#include <openssl/sha.h>

#include "host/core/device/lease_private.h"
#include "host/core/input/release.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/limits.h"

/* The holder is warned when this part of the lease is left, but not earlier than a minute before its end. */
#define WARN_MS 60000

TbLeaseState *tb_lease_new(TbDevice *device)
{
        TbLeaseState *l = g_new0(TbLeaseState, 1);
        l->device = device;
        g_queue_init(&l->waiters);
        return l;
}

static void hash_of(const char *secret, guint8 out[SHA256_DIGEST_LENGTH])
{
        SHA256((const guint8 *)secret, strlen(secret), out);
}

/* The name of a token of this host: nobody bears it who did not show that token (actor.h). */
static bool is_proven(const TbLeaseState *l, const TbActor *actor)
{
        return !strchr(actor->user, ':') && tb_auth_names(l->device->core->config->auth, actor->user);
}

static bool is_shown(const TbLeaseState *l, const TbActor *actor)
{
        guint8 hash[SHA256_DIGEST_LENGTH];
        if (!l->held || !actor->lease)
                return false;
        hash_of(actor->lease, hash);
        return tb_secret_equal(hash, l->hash, sizeof hash);
}

static bool is_holder(const TbLeaseState *l, const TbActor *actor)
{
        if (l->held && l->of_token && is_proven(l, actor))
                return strcmp(actor->user, l->holder) == 0;
        return is_shown(l, actor);
}

gint64 tb_lease_wall_end_ms(const TbLeaseState *l)
{
        return tb_clock_wall_of(l->ends_ms);
}

json_t *tb_device_lease_json(TbDevice *device)
{
        const TbLeaseState *l = device->lease;
        if (!l->held)
                return json_null();
        g_autofree char *expires = tb_clock_rfc3339(tb_lease_wall_end_ms(l));
        json_t *o = json_pack("{s:s, s:s}", "holder", l->holder, "expires_at", expires);
        json_object_set_new(o, "note", l->note ? json_string(l->note) : json_null());
        return o;
}

bool tb_lease_allows(TbDevice *device, const TbActor *actor, GError **error)
{
        const TbLeaseState *l = device->lease;
        if (!l->held || is_holder(l, actor))
                return true;
        g_autofree char *expires = tb_clock_rfc3339(tb_lease_wall_end_ms(l));
        tb_set_error(error, TB_ERROR_LOCKED,
                     "%s is leased by %s until %s%s%s; send X-Lease if that is you, or wait", device->id,
                     l->holder, expires, l->note ? ": " : "", l->note ? l->note : "");
        return false;
}

bool tb_core_may_control(TbDevice *device, const TbActor *actor)
{
        return actor->role >= TB_ROLE_OPERATOR && tb_lease_allows(device, actor, NULL);
}

static void publish(TbLeaseState *l, const char *type, json_t *data_take)
{
        tb_core_changed(l->device->core);
        tb_bus_publish(l->device->core->bus, type, l->device->id, NULL, data_take);
}

static void clear(TbLeaseState *l)
{
        if (l->timer)
                g_source_remove(l->timer);
        l->timer = 0;
        l->held = false;
        g_clear_pointer(&l->holder, g_free);
        g_clear_pointer(&l->note, g_free);
        g_clear_pointer(&l->unknown, json_decref);
}

static void serve_waiters(TbLeaseState *l);

static bool is_not_holder(const TbActor *actor, gpointer data)
{
        return !is_holder(data, actor);
}

/* Where nobody has a name, what was begun without a lease may be the new holder's own. */
static bool may_go_on(const TbActor *actor, gpointer data)
{
        const TbLeaseState *l = data;
        return is_holder(l, actor) || (!actor->lease && strcmp(actor->user, l->holder) == 0);
}

/* `by`: who took it over; NULL: its time is over, or the holder gave it back. Then what the holder has begun goes on until somebody
 * else takes the device. */
static void end(TbLeaseState *l, const char *reason, const char *by)
{
        g_autofree char *why = by ? g_strdup_printf("%s took over the lease of %s", by, l->holder) : NULL;
        if (why)
                tb_commands_revoke(l->device, is_not_holder, l, why);
        json_t *data = json_pack("{s:s, s:s, s:s*}", "holder", l->holder, "reason", reason, "by", by);
        tb_release_device(l->device);
        clear(l);
        publish(l, "lease.ended", data);
        tb_leases_save(l->device->core);
        serve_waiters(l);
}

const char *tb_core_lease_holder(const TbDevice *device)
{
        return device->lease->held ? device->lease->holder : NULL;
}

static bool is_another(const TbActor *actor, gpointer user)
{
        return strcmp(actor->user, user) != 0;
}

void tb_core_stop_user(TbDevice *device, const char *user, const char *why)
{
        tb_commands_revoke(device, is_another, (gpointer)user, why);
}

void tb_core_end_lease_of(TbDevice *device, const char *holder, const char *reason, const char *why)
{
        TbLeaseState *l = device->lease;
        if (!l->held || strcmp(l->holder, holder) != 0)
                return;
        g_autofree char *user = g_strdup(holder); /* `holder` may be the lease's own */
        tb_core_stop_user(device, user, why);
        end(l, reason, NULL);
}

static gboolean on_timer(gpointer data)
{
        TbLeaseState *l = data;
        l->timer = 0;
        gint64 left = l->ends_ms - tb_clock_mono_ms();
        if (left <= 0) {
                end(l, "expired", NULL);
        } else {
                if (!l->warned && left <= MIN(WARN_MS, l->ttl_ms / 4) + 50) {
                        l->warned = true;
                        publish(l, "lease.expiring", tb_device_lease_json(l->device));
                }
                tb_lease_arm(l);
        }
        return G_SOURCE_REMOVE;
}

void tb_lease_arm(TbLeaseState *l)
{
        if (l->timer)
                g_source_remove(l->timer);
        gint64 left = MAX(l->ends_ms - tb_clock_mono_ms(), 0), warn = left - MIN(WARN_MS, l->ttl_ms / 4);
        l->timer = g_timeout_add((guint)(!l->warned && warn > 0 ? warn : left), on_timer, l);
}

static void extend(TbLeaseState *l)
{
        l->ends_ms = tb_clock_mono_ms() + l->ttl_ms;
        l->warned = false;
        tb_lease_arm(l);
        if (l->ends_ms - l->saved_ms >=
            l->ttl_ms / 2) /* kill -9 costs half of it at most, a heartbeat no write */
                tb_leases_save(l->device->core);
}

void tb_lease_used(TbDevice *device, const TbActor *actor)
{
        TbLeaseState *l = device->lease;
        /* cheap for floods of input: only when a second of the lease is gone */
        if (is_holder(l, actor) && l->ends_ms - tb_clock_mono_ms() < l->ttl_ms - MIN(1000, l->ttl_ms / 4)) {
                extend(l);
                tb_core_changed(device->core);
        }
}

static json_t *grant(TbLeaseState *l, const TbActor *actor, const char *note, gint64 ttl_ms)
{
        g_autofree char *secret = tb_random_token(16);
        clear(l);
        l->held = true;
        hash_of(secret, l->hash);
        l->holder = g_strdup(actor->user);
        l->of_token = is_proven(l, actor);
        l->note = g_strdup(note);
        l->ttl_ms = ttl_ms;
        l->saved_ms = G_MININT64 / 2; /* extend() saves */
        extend(l);
        g_autofree char *why = g_strdup_printf("%s has the lease now", l->holder);
        tb_commands_revoke(l->device, may_go_on, l, why);
        tb_release_device(l->device);
        publish(l, "lease.taken", tb_device_lease_json(l->device));
        json_t *o = tb_device_lease_json(l->device);
        json_object_set_new(o, "lease", json_string(secret));
        return o;
}

json_t *tb_lease_take(TbDevice *device, const TbActor *actor, const char *note, gint64 ttl_ms)
{
        g_assert(!device->lease->held);
        return grant(device->lease, actor, note, ttl_ms);
}

bool tb_lease_is_held(const TbDevice *device)
{
        return device->lease->held;
}

bool tb_lease_is_holder(const TbDevice *device, const TbActor *actor)
{
        return is_holder(device->lease, actor);
}

bool tb_lease_is_shown(const TbDevice *device, const TbActor *actor)
{
        return is_shown(device->lease, actor);
}

void tb_lease_extend(TbDevice *device, gint64 ttl_ms)
{
        if (ttl_ms > 0)
                device->lease->ttl_ms = ttl_ms;
        extend(device->lease);
}

void tb_lease_end(TbDevice *device, const char *by)
{
        end(device->lease, by ? "taken-over" : "released", by);
}

/* --- who waits --- */
static void serve_waiters(TbLeaseState *l)
{
        for (TbLeaseWaiter *w; !l->held && (w = g_queue_pop_head(&l->waiters));) {
                TbLeaseWaiter waiter = *w;
                g_free(w);
                waiter.free_now(waiter.data); /* takes it, unless he has left meanwhile */
        }
}

guint64 tb_lease_wait(TbDevice *device, const TbLeaseWaiter *waiter, GError **error)
{
        static guint64 asks; /* since the start; main */
        GQueue *waiters = &device->lease->waiters;
        guint own = 0;
        for (const GList *i = waiters->head; i; i = i->next)
                own += strcmp(((const TbLeaseWaiter *)i->data)->user, waiter->user) == 0;
        bool share = own >= TB_LIMIT_LEASE_WAITERS_OF_USER &&
                     strcmp(waiter->user, "local") != 0; /* all are "local" */
        if (share)
                tb_set_error(error, TB_ERROR_LIMIT, "%u callers of %s wait for %s already", own, waiter->user,
                             device->id);
        else if (waiters->length >= TB_LIMIT_LEASE_WAITERS)
                tb_set_error(error, TB_ERROR_LIMIT, "%d callers wait for %s already", TB_LIMIT_LEASE_WAITERS,
                             device->id);
        if (share || waiters->length >= TB_LIMIT_LEASE_WAITERS)
                return 0;
        TbLeaseWaiter *kept = g_memdup2(waiter, sizeof *waiter);
        kept->ask = ++asks;
        g_queue_push_tail(waiters, kept);
        return kept->ask;
}

bool tb_lease_answer(TbDevice *device, guint64 ask, bool grant, const char *by, GError **error)
{
        GQueue *waiters = &device->lease->waiters;
        GList *link = waiters->head;
        while (link && ((const TbLeaseWaiter *)link->data)->ask != ask)
                link = link->next;
        if (!link) {
                tb_set_error(error, TB_ERROR_NOT_FOUND,
                             "nobody waits for %s by this request any more: it was withdrawn, or its time is "
                             "over",
                             device->id);
                return false;
        }
        TbLeaseWaiter waiter = *(TbLeaseWaiter *)link->data;
        tb_bus_publish_transient(device->core->bus, "lease.answered", device->id, NULL,
                                 json_pack("{s:I, s:s, s:s, s:b}", "ask", (json_int_t)ask, "by", by, "asker",
                                           waiter.user, "grant", (int)grant));
        g_queue_unlink(waiters, link);
        if (grant) {
                g_queue_push_head_link(waiters, link);
                end(device->lease, "granted", NULL);
                return true;
        }
        g_free(link->data);
        g_list_free_1(link);
        waiter.refused(waiter.data, by);
        return true;
}

void tb_lease_unwait(TbDevice *device, gpointer data)
{
        GQueue *waiters = &device->lease->waiters;
        for (GList *i = waiters->head; i; i = i->next) {
                TbLeaseWaiter *w = i->data;
                if (w->data != data)
                        continue;
                g_queue_delete_link(waiters, i);
                g_free(w);
                return;
        }
}

void tb_lease_move(TbDevice *from, TbDevice *to)
{
        TbLeaseState *l = from->lease;
        from->lease = to->lease;
        from->lease->device = from;
        to->lease = l;
        l->device = to;
}

void tb_lease_free(TbLeaseState *l)
{
        for (TbLeaseWaiter *w; (w = g_queue_pop_head(&l->waiters));) {
                w->removed(w->data);
                g_free(w);
        }
        clear(l);
        g_free(l);
}
