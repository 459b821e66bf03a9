#include "drivers/usbrelay/usbrelay_proto.h"

#include <string.h>

#define ZERO 5 /* the byte behind the number */
#define RELAYS 7

bool tb_usbrelay_parse(const guint8 *data, gsize size, TbUsbrelayState *ret)
{
        if (size != TB_USBRELAY_REPORT || data[ZERO] != 0)
                return false;
        for (guint i = 0; i < TB_USBRELAY_NUMBER; i++)
                if (!g_ascii_isgraph((char)data[i]))
                        return false;
        *ret = (TbUsbrelayState){.relays = data[RELAYS]};
        memcpy(ret->number, data, TB_USBRELAY_NUMBER);
        return true;
}

void tb_usbrelay_request(int relay, bool on, guint8 data[TB_USBRELAY_REPORT])
{
        memset(data, 0, TB_USBRELAY_REPORT);
        if (relay == 0) {
                data[0] = on ? 0xfe : 0xfc;
                return;
        }
        data[0] = on ? 0xff : 0xfd;
        data[1] = (guint8)relay;
}

guint tb_usbrelay_count(const char *product)
{
        if (!product || !g_str_has_prefix(product, "USBRelay"))
                return 0;
        const char *digit = product + strlen("USBRelay");
        return *digit >= '1' && *digit <= '0' + TB_USBRELAY_MOST && digit[1] == '\0' ? (guint)(*digit - '0')
                                                                                     : 0;
}
