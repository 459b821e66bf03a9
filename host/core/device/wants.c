/* Who wants which streams of sensors. */
#include <string.h>

#include "host/core/private.h"

struct TbWant {
        TbCore *core;             /* borrowed */
        char *device, *interface; /* interface NULL: any */
        char **streams;           /* NULL: all */
        GList link;               /* of core->wants.all */
};

static void changed(TbCore *core)
{
        if (core->wants.changed)
                core->wants.changed(core->wants.user);
}

TbWant *tb_core_want(TbCore *core, const char *device, const char *interface, const char *const *streams)
{
        tb_assert_main();
        TbWant *want = g_new0(TbWant, 1);
        want->core = core;
        want->device = g_strdup(device);
        want->interface = g_strdup(interface);
        want->streams = g_strdupv((char **)streams);
        want->link.data = want;
        g_queue_push_tail_link(&core->wants.all, &want->link);
        changed(core);
        return want;
}

void tb_core_unwant(TbWant *want)
{
        if (!want)
                return;
        tb_assert_main();
        TbCore *core = want->core;
        g_queue_unlink(&core->wants.all, &want->link);
        g_free(want->device);
        g_free(want->interface);
        g_strfreev(want->streams);
        g_free(want);
        changed(core);
}

bool tb_core_wanted(TbCore *core, const char *device, const char *interface, const char *stream, bool named)
{
        for (const GList *l = core->wants.all.head; l; l = l->next) {
                const TbWant *w = l->data;
                if (strcmp(w->device, device) == 0 &&
                    (!w->interface || strcmp(w->interface, interface) == 0) &&
                    (w->streams ? g_strv_contains((const char *const *)w->streams, stream) : !named))
                        return true;
        }
        return false;
}

void tb_core_listen_wants(TbCore *core, void (*listener)(gpointer user), gpointer user)
{
        core->wants.changed = listener;
        core->wants.user = user;
}
