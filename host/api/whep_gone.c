#include "host/api/whep_gone.h"

#include <string.h>

#include "lib/limits.h"

static char *name_of(const char *device, const char *session)
{
        return g_strdup_printf("%s/%s", device, session);
}

void tb_whep_gone_add(TbWhepGone *gone, const char *device, const char *session)
{
        if (tb_whep_gone_has(gone, device, session))
                return;
        g_queue_push_tail(&gone->names, name_of(device, session));
        if (gone->names.length > TB_LIMIT_WHEP_GONE)
                g_free(g_queue_pop_head(&gone->names));
}

bool tb_whep_gone_has(const TbWhepGone *gone, const char *device, const char *session)
{
        g_autofree char *name = name_of(device, session);
        for (const GList *l = gone->names.tail; l; l = l->prev)
                if (strcmp(l->data, name) == 0)
                        return true;
        return false;
}

void tb_whep_gone_clear(TbWhepGone *gone)
{
        g_queue_clear_full(&gone->names, g_free);
}
