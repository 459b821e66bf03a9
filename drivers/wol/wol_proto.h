#pragma once
/* Wake-on-LAN: the magic packet (AMD's white paper 20213), pings (RFC 792, RFC 4443), and what their answers mean. Pure. */
#include "drivers/driver.h"

#define TB_WOL_MAC 6
#define TB_WOL_PACKET (6 + 16 * TB_WOL_MAC)
#define TB_WOL_MOST (TB_WOL_PACKET + TB_WOL_MAC)
#define TB_WOL_PING 16 /* bytes of an echo request */

/* "aa-bb-cc-dd-ee-ff", "AA:BB:…", also without separators. */
bool tb_wol_parse_mac(const char *text, guint8 ret[TB_WOL_MAC]);
/* Returns its size. `password` (SecureOn): NULL: none. */
gsize tb_wol_packet(const guint8 mac[TB_WOL_MAC], const guint8 *password, guint8 ret[TB_WOL_MOST]);
void tb_wol_ping(bool six, guint16 number, guint8 ret[TB_WOL_PING]);
/* That very echo's answer, as a ping socket gives it (without the IP header, the identifier the kernel's). */
bool tb_wol_is_pong(bool six, guint16 number, const guint8 *data, gsize size);

typedef struct TbWolSeen {
        bool answered;      /* now */
        bool ever;          /* it has answered in this attachment's life: the way to it is right */
        bool waking;        /* it was woken not long ago */
        bool outlet_is_off; /* what feeds it */
} TbWolSeen;
/* Who does not answer is off only where he would have to. */
TbPowerObserved tb_wol_judge(const TbWolSeen *seen);
