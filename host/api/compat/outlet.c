#include <string.h>

#include "host/api/compat/private.h"
#include "host/api/private.h"

/*
 * Which outlet is meant. A name is an interface's. A number is the outlet whose name ends in it ("power2",
 * "outlet-2"), when exactly one does; else the nth outlet, counted from 1, when its name says no other number; and
 * a device with one outlet has it as 0, too. What is none of these is 404: the wrong one is never switched.
 */
#define NO_NUMBER G_MAXUINT64

static guint64 number_behind(const char *name)
{
        gsize at = strlen(name);
        guint64 number = NO_NUMBER;
        while (at > 0 && g_ascii_isdigit(name[at - 1]))
                at--;
        return at > 0 && g_ascii_string_to_unsigned(name + at, 10, 0, G_MAXUINT32, &number, NULL) ? number
                                                                                                  : NO_NUMBER;
}

static void add_outlet(TbInterface *iface, gpointer data)
{
        if (tb_interface_kind(iface) == TB_KIND_POWER)
                g_ptr_array_add(data, iface);
}

static TbInterface *outlet_numbered(const GPtrArray *outlets, guint64 wanted)
{
        TbInterface *found = NULL;
        guint named = 0;
        for (guint i = 0; i < outlets->len; i++)
                if (number_behind(tb_interface_name(outlets->pdata[i])) == wanted) {
                        found = outlets->pdata[i];
                        named++;
                }
        if (named > 0)
                return named == 1 ? found : NULL;
        guint64 nth = outlets->len == 1 && wanted == 0 ? 1 : wanted;
        found = nth >= 1 && nth <= outlets->len ? outlets->pdata[nth - 1] : NULL;
        return found && number_behind(tb_interface_name(found)) == NO_NUMBER ? found : NULL;
}

/* `port`: digits, or NULL: not said. */
static TbInterface *outlet_of(TbDevice *device, const char *port, GError **error)
{
        g_autoptr(GPtrArray) outlets = g_ptr_array_new();
        guint64 wanted;
        TbInterface *found = NULL;
        tb_device_each_interface(device, add_outlet, outlets);
        if (!port)
                found = outlets->len == 1 ? outlets->pdata[0] : NULL;
        else if (g_ascii_string_to_unsigned(port, 10, 0, G_MAXUINT32, &wanted, NULL))
                found = outlet_numbered(outlets, wanted);
        if (found)
                return found;
        if (outlets->len == 0)
                tb_set_error(error, TB_ERROR_NOT_FOUND, "%s has no power interface", tb_device_id(device));
        else if (!port)
                tb_error_set_field(
                        error, TB_ERROR_NOT_FOUND, "port",
                        "%s has %u outlets: say which one by \"port\", its interface's name or number",
                        tb_device_id(device), outlets->len);
        else
                tb_error_set_field(error, TB_ERROR_NOT_FOUND, "port",
                                   "%s has no outlet %s, or not one alone (it has %u): nothing was switched",
                                   tb_device_id(device), port, outlets->len);
        return NULL;
}

TbInterface *tb_compat_outlet(TbApi *api, const char *id, const char *port, GError **error)
{
        TbDevice *device = tb_core_device(api->core, id, error);
        if (!device)
                return NULL;
        const char *asked = port && *port ? port : NULL;
        if (!asked || strspn(asked, "0123456789") == strlen(asked))
                return outlet_of(device, asked, error);
        TbInterface *iface = tb_core_interface(api->core, id, asked, error);
        if (iface && tb_interface_kind(iface) != TB_KIND_POWER) {
                tb_error_set_field(error, TB_ERROR_INVALID, "port", "%s is a %s interface, not power",
                                   tb_interface_id(iface), tb_kind_name(tb_interface_kind(iface)));
                return NULL;
        }
        return iface;
}
