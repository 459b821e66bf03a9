/* Several outlets of other devices as one: the redundant supplies of a server, a board and what must be on before it. */
#include "drivers/group/group_proto.h"
#include "drivers/transport/polled.h"
#include "lib/limits.h"

typedef struct Group {
        TbInstance base;
        TbPolled poll;
        char **members; /* owned */
        guint n;
        TbPowerState states[TB_LIMIT_GROUP_MEMBERS];
        char *why[TB_LIMIT_GROUP_MEMBERS]; /* owned: why a state is not known; NULL: none */
} Group;

static void note(Group *g, guint i, GError *why_take)
{
        g_free(g->why[i]);
        g->why[i] = why_take ? g_strdup(tb_error_detail(why_take)) : NULL;
        if (why_take)
                g->states[i] = (TbPowerState){TB_POWER_UNKNOWN, NAN, NAN, NAN, NAN};
        g_clear_error(&why_take);
}

/* Everybody's state; one that cannot be had is not known, and keeps nobody from the others'. False: the wait was ended. */
static bool look(Group *g, TbIo *io, TbOutletAsk ask, GError **error)
{
        for (guint i = 0; i < g->n; i++) {
                GError *why = NULL;
                g->base.up->outlet(&g->base, io, g->members[i], ask, &g->states[i], &why);
                if (g_error_matches(why, TB_ERROR, TB_ERROR_INTERRUPTED)) {
                        g_propagate_error(error, why);
                        return false;
                }
                note(g, i, why);
        }
        return true;
}

/* What they are together; what is neither on nor off is told in words. */
static void tell(Group *g, TbPowerState *ret)
{
        tb_group_sum(g->states, g->n, ret);
        g_autofree char *words = tb_group_words(g->members, g->states, g->why, g->n),
                        *text = g_strdup_printf("not all are the same: %s", words);
        g->base.up->power(&g->base, ret);
        g->base.up->fault(&g->base, ret->observed == TB_POWER_UNKNOWN ? text : NULL);
        tb_polled_seen(&g->poll, &g->base);
}

static bool open_group(TbInstance *self, TbIo *io, GError **error)
{
        Group *g = (Group *)self;
        TbPowerState together;
        g->members = tb_group_members(json_string_value(json_object_get(self->params, "members")), error);
        if (!g->members)
                return false;
        g->n = g_strv_length(g->members);
        tb_polled_init(&g->poll, self, 1);
        for (guint i = 0; i < g->n;
             i++) { /* that there are such: whether they are reached is another thing */
                GError *why = NULL;
                if (self->up->outlet(self, io, g->members[i], TB_OUTLET_LOOK, &g->states[i], &why) ||
                    g_error_matches(why, TB_ERROR, TB_ERROR_GONE)) {
                        note(g, i, why);
                        continue;
                }
                if (g_error_matches(why, TB_ERROR, TB_ERROR_NOT_FOUND))
                        why->code = TB_ERROR_GONE; /* it may be attached later */
                g_propagate_error(error, why);
                return false;
        }
        tell(g, &together);
        return true;
}

static void close_group(TbInstance *self)
{
        Group *g = (Group *)self;
        for (guint i = 0; i < g->n; i++)
                g_clear_pointer(&g->why[i], g_free);
        g_clear_pointer(&g->members, g_strfreev);
        g->n = 0;
}

static bool pump_group(TbInstance *self, TbIo *io, GError **error G_GNUC_UNUSED)
{
        Group *g = (Group *)self;
        TbPowerState together;
        if (tb_polled_wait(&g->poll, io) && look(g, io, TB_OUTLET_LOOK, NULL))
                tell(g, &together);
        return true;
}

static bool get(TbInstance *self, TbIo *io, TbPowerState *ret, GError **error)
{
        Group *g = (Group *)self;
        if (!look(g, io, TB_OUTLET_READ, error))
                return false;
        tell(g, ret);
        return true;
}

/* One of them, and seen to be so. */
static bool turn(Group *g, TbIo *io, guint i, bool on, GError **error)
{
        TbPowerObserved wanted = on ? TB_POWER_ON : TB_POWER_OFF;
        if (!g->base.up->outlet(&g->base, io, g->members[i], on ? TB_OUTLET_ON : TB_OUTLET_OFF, &g->states[i],
                                error))
                return false;
        if (g->states[i].observed == wanted || g->states[i].observed == TB_POWER_UNKNOWN)
                return true;
        tb_set_error(error, TB_ERROR_DEVICE, "it is %s", on ? "off" : "on");
        return false;
}

/*
 * On in their order, off in the opposite one, with the delay between two. What cannot be switched on ends it: what comes behind may need
 * it. Off goes on: as much as can be off shall be.
 */
static bool set(TbInstance *self, TbIo *io, bool on, GError **error)
{
        Group *g = (Group *)self;
        int delay_ms = (int)json_integer_value(json_object_get(self->params, "delay_ms"));
        g_autoptr(GError) first = NULL;
        const char *who = NULL;
        for (guint k = 0; k < g->n && !(first && on); k++) {
                guint i = on ? k : g->n - 1 - k;
                GError *why = NULL;
                if ((k > 0 && !tb_io_sleep(io, delay_ms, &why)) || !turn(g, io, i, on, &why)) {
                        bool ended = g_error_matches(why, TB_ERROR, TB_ERROR_INTERRUPTED) ||
                                     g_get_monotonic_time() >= io->deadline_us;
                        note(g, i, g_error_copy(why));
                        who = who ? who : g->members[i];
                        first = first ? (g_error_free(why), first) : why;
                        if (ended) /* nothing is begun any more */
                                break;
                }
        }
        if (!first)
                return true;
        look(g, io, TB_OUTLET_READ, NULL);
        g_autofree char *words = tb_group_words(g->members, g->states, g->why, g->n);
        tb_set_error(error, first->domain == TB_ERROR ? (TbErrorCode)first->code : TB_ERROR_DEVICE,
                     "%s could not be switched %s: %s; now %s", who, on ? "on" : "off",
                     tb_error_detail(first), words);
        return false;
}

static bool check(const TbUri *uri, json_t *params, GError **error)
{
        if (*uri->host || *uri->path) {
                tb_error_set_field(error, TB_ERROR_INVALID, "uri",
                                   "a group has no address: group://?members=psu-a/power,psu-b/power");
                return false;
        }
        g_auto(GStrv) members =
                tb_group_members(json_string_value(json_object_get(params, "members")), error);
        return members != NULL;
}

static const TbParam params[] = {
        {.name = "members",
         .type = TB_PARAM_STRING,
         .required = true,
         .min = 1,
         .max = 2048,
         .help = "outlets of other devices, with commas, in the order in which they are switched on: "
                 "psu-a/power,psu-b/power"},
        {.name = "delay_ms",
         .type = TB_PARAM_INT,
         .min = 0,
         .max = 10000,
         .fallback = "0",
         .unit = "ms",
         .help = "pause between two of them"},
        TB_POLLED_PARAM,
        TB_PARAM_END,
};

static const TbPowerOps power = {.set = set, .get = get};
static const TbLane lanes[] = {
        {.name = "group",
         .size = sizeof(Group),
         .open = open_group,
         .close = close_group,
         .pump = pump_group,
         .power = &power},
        {.name = NULL},
};

const TbDriver tb_driver_group = {
        .name = "group",
        .summary = "Several outlets of other devices as one, in order: the redundant supplies of a server.",
        .example = "group://?members=psu-a/power,psu-b/power&delay_ms=500",
        .params = params,
        .check = check,
        .lanes = lanes,
        .members = "members",
};
