/* Who is with a device: those who come by a server's links, as the bridge tells, and those who watch at this host itself. */
#include <string.h>

#include "host/core/ceiling.h"
#include "host/core/private.h"
#include "lib/clock.h"
#include "lib/rate.h"

struct TbPresent {
        TbDevice *device;     /* borrowed; NULL: it is no more */
        GList link;           /* in device->present */
        char *user;           /* owned */
        char net[TB_NET_KEY]; /* from where; "": not known */
        const char *by;       /* static */
        bool controls, guest;
        gint64 since_ms; /* mono */
};

static bool is_console(const TbPresent *p)
{
        return strcmp(p->by, "console") == 0;
}

/* A page that shows the picture has the console open, too, and one with several consoles is one person: a console is told of who has
 * nothing else. Of guests nobody knows who is the same. */
static bool is_told(const TbDevice *device, const TbPresent *p)
{
        if (!is_console(p))
                return true;
        bool before = true;
        for (const GList *l = device->present.head; l; l = l->next) {
                const TbPresent *other = l->data;
                if (other == p)
                        before = false;
                else if (!p->guest && !other->guest && (before || !is_console(other)) &&
                         strcmp(other->user, p->user) == 0 && strcmp(other->net, p->net) == 0)
                        return false;
        }
        return true;
}

static json_t *present_json(const TbPresent *p)
{
        g_autofree char *since = tb_clock_rfc3339(tb_clock_wall_of(p->since_ms));
        bool named = *p->user && !p->guest &&
                     !strchr(p->user, ':'); /* else an address, which is not everybody's to know */
        return json_pack("{s:s?, s:s, s:s, s:s, s:s*, s:o*}", "user", named ? p->user : NULL, "by", p->by,
                         "mode", p->controls ? "control" : "view", "since", since, "path",
                         tb_is_via_server(p->user) ? "relay" : NULL, "guest", p->guest ? json_true() : NULL);
}

json_t *tb_device_people_json(TbDevice *device)
{
        if (!device->people && device->present.length == 0)
                return NULL;
        json_t *all = device->people ? json_copy(device->people) : json_array();
        for (const GList *l = device->present.head; l; l = l->next)
                if (is_told(device, l->data))
                        json_array_append_new(all, present_json(l->data));
        return all;
}

static void changed(TbDevice *device)
{
        json_auto_t *all = tb_device_people_json(device);
        int n = (int)json_array_size(all);
        tb_core_changed(device->core);
        tb_bus_publish_transient(device->core->bus, "people.changed", device->id, NULL,
                                 json_pack("{s:i}", "people", n));
}

void tb_core_set_people(TbDevice *device, json_t *people_take)
{
        if (json_array_size(people_take) == 0) {
                json_decref(people_take);
                people_take = NULL;
        }
        if (people_take == device->people || json_equal(people_take, device->people)) {
                json_decref(people_take);
                return;
        }
        json_decref(device->people);
        device->people = people_take;
        changed(device);
}

TbPresent *tb_core_present(TbDevice *device, const TbPresence *who)
{
        if (!device)
                return NULL;
        TbPresent *p = g_new0(TbPresent, 1);
        *p = (TbPresent){.device = device,
                         .user = g_strdup(who->user),
                         .by = who->by,
                         .controls = who->role >= TB_ROLE_OPERATOR,
                         .guest = who->guest,
                         .since_ms = tb_clock_mono_ms()};
        if (who->peer)
                tb_net_share_key(who->peer, p->net);
        p->link.data = p;
        g_queue_push_tail_link(&device->present, &p->link);
        changed(device);
        return p;
}

void tb_core_absent(TbPresent *p)
{
        if (!p)
                return;
        TbDevice *device = p->device;
        if (device)
                g_queue_unlink(&device->present, &p->link);
        g_free(p->user);
        g_free(p);
        if (device)
                changed(device);
}

void tb_device_people_free(TbDevice *device)
{
        for (GList *l; (l = g_queue_pop_head_link(&device->present));)
                ((TbPresent *)l->data)->device = NULL;
        json_decref(device->people);
}
