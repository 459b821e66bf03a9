#include "lib/nets.h"

#include <gio/gio.h>

#include "lib/error.h"

struct TbNets {
        GPtrArray *masks; /* owned GInetAddressMask */
};

TbNets *tb_nets_new(const char *const *list, GError **error)
{
        TbNets *nets = g_new0(TbNets, 1);
        nets->masks = g_ptr_array_new_with_free_func(g_object_unref);
        for (; list && *list; list++) {
                g_autoptr(GError) why = NULL;
                GInetAddressMask *mask = g_inet_address_mask_new_from_string(*list, &why);
                if (!mask) {
                        tb_set_error(error, TB_ERROR_INVALID,
                                     "%s is no network: an address, or one with the bits that count, like "
                                     "10.0.0.0/8",
                                     *list);
                        tb_nets_free(nets);
                        return NULL;
                }
                g_ptr_array_add(nets->masks, mask);
        }
        return nets;
}

void tb_nets_free(TbNets *nets)
{
        if (!nets)
                return;
        g_ptr_array_unref(nets->masks);
        g_free(nets);
}

bool tb_nets_have(const TbNets *nets, const char *address)
{
        if (!nets || nets->masks->len == 0)
                return false;
        g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(address);
        for (guint i = 0; inet && i < nets->masks->len; i++)
                if (g_inet_address_mask_matches(g_ptr_array_index(nets->masks, i), inet))
                        return true;
        return false;
}
