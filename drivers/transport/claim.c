#include "drivers/transport/claim.h"

#include <string.h>

#include "lib/thread.h"

typedef struct Claim {
        const TbInstance *who;
        char *place, *device; /* owned */
        guint64 mask;
} Claim;

static struct {
        TbMutex lock;
        GPtrArray *claims; /* NULL: none */
} table = {.lock = TB_MUTEX_INIT};

static void claim_free(gpointer data)
{
        Claim *claim = data;
        g_free(claim->place);
        g_free(claim->device);
        g_free(claim);
}

static const Claim *holder(const char *place, guint64 mask)
{
        for (guint i = 0; table.claims && i < table.claims->len; i++) {
                const Claim *claim = table.claims->pdata[i];
                if ((claim->mask & mask) && strcmp(claim->place, place) == 0)
                        return claim;
        }
        return NULL;
}

bool tb_claim_take(TbInstance *self, const char *place, guint64 mask, const char *what, GError **error)
{
        tb_mutex_lock(&table.lock);
        const Claim *first = holder(place, mask);
        if (first) {
                tb_set_error(error, TB_ERROR_BUSY, "%s belongs to the device \"%s\"", what, first->device);
        } else {
                Claim *claim = g_new(Claim, 1);
                *claim = (Claim){self, g_strdup(place), g_strdup(self->device), mask};
                if (!table.claims)
                        table.claims = g_ptr_array_new_with_free_func(claim_free);
                g_ptr_array_add(table.claims, claim);
        }
        tb_mutex_unlock(&table.lock);
        return first == NULL;
}

void tb_claim_leave(TbInstance *self)
{
        tb_mutex_lock(&table.lock);
        for (guint i = table.claims ? table.claims->len : 0; i-- > 0;)
                if (((const Claim *)table.claims->pdata[i])->who == self)
                        g_ptr_array_remove_index(table.claims, i);
        if (table.claims && table.claims->len == 0)
                g_clear_pointer(&table.claims, g_ptr_array_unref);
        tb_mutex_unlock(&table.lock);
}
