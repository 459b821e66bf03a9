#pragma once
/*
 * Tapo plugs, and Kasa ones whose firmware has closed port 9999, answer a datagram on UDP 20002. Pure. Source: python-kasa (a29d0610)
 * kasa/discover.py (_AesDiscoveryQuery, DiscoveryResult); plugp100 (d22edfa) plugp100/discovery/.
 */
#include "drivers/transport/lan.h"

#define TB_TAPO_FIND_PORT 20002

/* The question: a head of 16 bytes and JSON; `serial` is any number. The caller unrefs. */
GBytes *tb_tapo_find_question(guint32 serial);
/* For TbLanProbe. */
GBytes *tb_tapo_find_ask(const char *own);
bool tb_tapo_find_answer(const guint8 *data, gsize size, const char *from, TbLanOffer *ret_offer);
