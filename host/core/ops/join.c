/*
 * Calls that join: reads, and emergencies. Whoever asks for a state (TB_VERB_JOINS) with the same parameters as a read that is under way gets that
 * read's answer: any number of pollers cost the lane one call. What answers has looked after the last change that its
 * caller can know of: a read that has begun is joined only while nothing changed the device since it was queued; one that
 * waits is joined always, because it looks later. The call is a command of its own (the leader), so that it lives as long
 * as one of its callers waits; it is charged to the user who came first.
 * A read that waits for TB_LIMIT_KNOWN_MS behind something else on its lane is answered with what is known, where its verb says so.
 * Emergencies of one switch are the same: who presses again, or beside somebody else, has the result of the one that is under
 * way. So one runs and one waits at most, however many ask and whatever comes in between.
 */
#include "host/core/ceiling.h"
#include "host/core/ops/command.h"
#include "host/core/private.h"
#include "lib/limits.h"

struct TbJoint {
        TbCommand *leader; /* the call on the lane; NULL: over */
        TbInterface *iface;
        guint64 changes;      /* of the device, when it was queued, itself counted */
        GPtrArray *followers; /* borrowed TbCommand: who waits for it */
        TbPlaces places;
        bool telling; /* followers are being told */
};

static void joint_free(TbJoint *r)
{
        tb_places_clear(&r->places);
        g_ptr_array_unref(r->followers);
        g_free(r);
}

static void leave(TbCommand *c)
{
        TbJoint *r = g_steal_pointer(&c->joint);
        g_ptr_array_remove_fast(r->followers, c);
        tb_place_give(&c->place);
}

/* A follower was withdrawn. The last one to leave ends the call. */
static void on_leave(TbCommand *c)
{
        TbJoint *r = c->joint;
        if (!r)
                return;
        leave(c);
        if (r->followers->len == 0 && r->leader && !r->telling)
                tb_command_withdraw(r->leader,
                                    g_error_new(TB_ERROR, TB_ERROR_INTERRUPTED, "all callers left"));
}

/* Something else has the lane, a cycle that keeps a board off: what is known of the state is the answer, with its time. */
static gboolean on_known(gpointer data)
{
        TbCommand *c = data;
        TbJoint *r = c->joint;
        c->known_timer = 0;
        bool waits = r && r->leader && !g_atomic_int_get(&r->leader->begun);
        json_t *known = waits ? c->known(c) : NULL;
        if (!known)
                return G_SOURCE_REMOVE; /* the device itself is asked, or nobody has ever looked */
        on_leave(c);
        tb_command_succeed(c, known);
        return G_SOURCE_REMOVE;
}

static bool follow(TbJoint *r, TbCommand *c)
{
        TbPlaceBy by = tb_actor_place(&c->actor);
        if (c->urgent) /* the last places of an emergency are the admins' and the holder's */
                by.watches = !c->overrides && !tb_lease_is_holder(c->device, &c->actor);
        GError *error = NULL;
        if (!tb_place_take(&r->places, &by, &c->place, &error)) {
                tb_command_fail(c, error, NULL);
                return false;
        }
        c->joint = r;
        tb_command_on_cancel(c, on_leave);
        if (c->known && !c->known_timer)
                c->known_timer = g_timeout_add(TB_LIMIT_KNOWN_MS, on_known, c);
        g_ptr_array_add(r->followers, c);
        return true;
}

/* The first caller's deadline ended the read, and this one came later: it has time left. */
static bool has_time(const TbCommand *c, const TbCommand *leader)
{
        gint64 now = g_get_monotonic_time();
        return leader->call.deadline_us <= now && c->call.deadline_us > now;
}

static void leader_done(json_t *result, const GError *error, gpointer user)
{
        TbJoint *r = user;
        const TbCommand *leader = g_steal_pointer(&r->leader);
        bool late = g_error_matches(error, TB_ERROR, TB_ERROR_TIMEOUT);
        r->telling = true; /* telling one may end others */
        g_ptr_array_remove_fast(r->iface->joints, r);
        while (r->followers->len > 0) {
                TbCommand *c = g_ptr_array_index(r->followers, 0);
                leave(c);
                if (!error)
                        tb_command_succeed(c, json_incref(result));
                else if (late && c->iface && has_time(c, leader))
                        tb_command_dispatch(c, c->exec, c->after);
                else
                        tb_command_fail(c, g_error_copy(error), json_incref(result));
        }
        joint_free(r);
}

static bool may_join(const TbJoint *r, const TbCommand *c)
{
        return r->leader && r->leader->verb == c->verb && json_equal(r->leader->params, c->params) &&
               (!g_atomic_int_get(&r->leader->begun) || r->changes == c->device->changes);
}

void tb_command_join(TbCommand *c)
{
        GPtrArray *joints = c->iface->joints;
        for (guint i = 0; i < joints->len; i++) {
                if (may_join(g_ptr_array_index(joints, i), c)) {
                        follow(g_ptr_array_index(joints, i), c);
                        return;
                }
        }
        TbJoint *r = g_new0(TbJoint, 1);
        tb_places_init(&r->places, c->urgent ? "callers of one emergency" : "callers of one read",
                       TB_LIMIT_JOINED);
        r->followers = g_ptr_array_new();
        r->iface = c->iface;
        r->changes = c->device->changes + c->controls;
        g_ptr_array_add(joints, r);
        follow(r, c);
        TbCommand *leader = tb_command_split(c, leader_done, r);
        r->leader = leader;
        tb_command_dispatch(leader, leader->exec, leader->after);
}
