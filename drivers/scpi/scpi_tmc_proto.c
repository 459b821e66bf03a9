#include <string.h>

#include "drivers/scpi/scpi_tmc.h"
#include "drivers/transport/sysdev.h"

enum { MSG_OUT = 1, MSG_IN = 2 };
#define EOM 1

static void put32(guint8 *at, guint32 value)
{
        for (guint i = 0; i < 4; i++)
                at[i] = (guint8)(value >> (8 * i));
}

static void head(guint8 *h, guint8 id, guint8 tag, guint32 size, guint8 attributes)
{
        memset(h, 0, TB_SCPI_TMC_HEADER);
        h[0] = id;
        h[1] = tag;
        h[2] = (guint8)~tag;
        put32(h + 4, size);
        h[8] = attributes;
}

GByteArray *tb_scpi_tmc_message(guint8 tag, const void *data, gsize size)
{
        static const guint8 none[3] = {0};
        GByteArray *message = g_byte_array_sized_new((guint)(TB_SCPI_TMC_HEADER + size + sizeof none));
        g_byte_array_set_size(message, TB_SCPI_TMC_HEADER);
        head(message->data, MSG_OUT, tag, (guint32)size, EOM);
        g_byte_array_append(message, data, (guint)size);
        g_byte_array_append(message, none, (guint)(-size & 3)); /* up to four bytes */
        return message;
}

void tb_scpi_tmc_request(guint8 tag, guint32 most, guint8 ret[TB_SCPI_TMC_HEADER])
{
        head(ret, MSG_IN, tag, most, 0);
}

bool tb_scpi_tmc_answer(const guint8 *data, gsize size, guint8 tag, gsize *ret_size, bool *ret_end)
{
        if (size < TB_SCPI_TMC_HEADER || data[0] != MSG_IN || data[1] != tag || data[1] + data[2] != 0xff)
                return false;
        gsize length = 0;
        for (guint i = 0; i < 4; i++)
                length |= (gsize)data[4 + i] << (8 * i);
        if (length > size - TB_SCPI_TMC_HEADER) /* the rest may be padding, never missing */
                return false;
        *ret_size = length;
        *ret_end = data[8] & EOM;
        return true;
}

/* --- which endpoints --- */
static bool endpoint_of(const char *folder, const char *name, TbScpiTmcEnds *ends)
{
        g_autofree char *dir = g_build_filename(folder, name, NULL);
        guint address, attributes;
        if (!g_str_has_prefix(name, "ep_") || !tb_sysdev_attr_uint(dir, "bEndpointAddress", 16, &address) ||
            !tb_sysdev_attr_uint(dir, "bmAttributes", 16, &attributes) || (attributes & 3) != 2) /* bulk */
                return false;
        *(address & 0x80 ? &ends->in : &ends->out) = (guint8)address;
        return true;
}

static bool interface_of(const char *folder, TbScpiTmcEnds *ret)
{
        guint class, subclass, protocol = 0, number;
        TbScpiTmcEnds ends = {0};
        if (!tb_sysdev_attr_uint(folder, "bInterfaceClass", 16, &class) || class != 0xfe ||
            !tb_sysdev_attr_uint(folder, "bInterfaceSubClass", 16, &subclass) || subclass != 3 ||
            !tb_sysdev_attr_uint(folder, "bInterfaceNumber", 16, &number))
                return false;
        (void)tb_sysdev_attr_uint(folder, "bInterfaceProtocol", 16, &protocol);
        g_autoptr(GPtrArray) names = tb_sysdev_names(folder, NULL);
        for (guint i = 0; names && i < names->len; i++)
                endpoint_of(folder, names->pdata[i], &ends);
        ends.interface = (guint8)number;
        ends.usb488 = protocol == 1;
        if (ends.in == 0 || ends.out == 0)
                return false;
        *ret = ends;
        return true;
}

bool tb_scpi_tmc_ends(const char *devices, const char *port, TbScpiTmcEnds *ret)
{
        g_autoptr(GPtrArray) names = tb_sysdev_names(devices, NULL);
        g_autofree char *own = g_strdup_printf("%s:", port);
        for (guint i = 0; names && i < names->len; i++) {
                g_autofree char *folder = g_build_filename(devices, names->pdata[i], NULL);
                if (g_str_has_prefix(names->pdata[i], own) && interface_of(folder, ret))
                        return true;
        }
        return false;
}
