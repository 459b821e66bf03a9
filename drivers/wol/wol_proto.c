#include "drivers/wol/wol_proto.h"

#include <string.h>

bool tb_wol_parse_mac(const char *text, guint8 ret[TB_WOL_MAC])
{
        guint8 mac[TB_WOL_MAC];
        for (int i = 0; i < TB_WOL_MAC; i++) {
                if (i > 0 && (*text == '-' || *text == ':'))
                        text++;
                if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]))
                        return false;
                mac[i] = (guint8)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
                text += 2;
        }
        if (*text)
                return false;
        memcpy(ret, mac, sizeof mac);
        return true;
}

gsize tb_wol_packet(const guint8 mac[TB_WOL_MAC], const guint8 *password, guint8 ret[TB_WOL_MOST])
{
        memset(ret, 0xff, 6);
        for (int i = 0; i < 16; i++)
                memcpy(ret + 6 + i * TB_WOL_MAC, mac, TB_WOL_MAC);
        if (!password)
                return TB_WOL_PACKET;
        memcpy(ret + TB_WOL_PACKET, password, TB_WOL_MAC);
        return TB_WOL_MOST;
}

#define ECHO 8
#define ECHO6 128
#define REPLY 0
#define REPLY6 129

void tb_wol_ping(bool six, guint16 number, guint8 ret[TB_WOL_PING])
{
        memset(ret, 0, TB_WOL_PING); /* the kernel fills identifier and checksum of a ping socket */
        ret[0] = six ? ECHO6 : ECHO;
        ret[6] = (guint8)(number >> 8);
        ret[7] = (guint8)number;
}

bool tb_wol_is_pong(bool six, guint16 number, const guint8 *data, gsize size)
{
        return size >= 8 && data[0] == (six ? REPLY6 : REPLY) && data[1] == 0 && data[6] == number >> 8 &&
               data[7] == (number & 0xff);
}

TbPowerObserved tb_wol_judge(const TbWolSeen *seen)
{
        if (seen->answered)
                return TB_POWER_ON;
        if (seen->outlet_is_off)
                return TB_POWER_OFF;
        return seen->ever && !seen->waking ? TB_POWER_OFF : TB_POWER_UNKNOWN;
}
