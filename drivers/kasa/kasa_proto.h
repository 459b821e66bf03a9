#pragma once
/*
 * What TP-Link's Kasa plugs say: JSON, hidden by an autokey XOR, a frame of it on TCP 9999. Pure. Sources: python-kasa
 * (a29d0610) kasa/transports/xortransport.py, kasa/protocols/iotprotocol.py, kasa/iot/, tests/fixtures/iot/; pdudaemon
 * (91261da) drivers/tplink.py.
 */
#include "drivers/transport/lan.h"
#include "drivers/transport/plug.h"

#define TB_KASA_PORT 9999
#define TB_KASA_HEAD 4 /* bytes of a frame's length, big endian */

/* A request as it goes out. The caller frees. */
GByteArray *tb_kasa_frame(const char *text);
/* In place: what follows the head of a frame becomes text. */
void tb_kasa_reveal(guint8 *data, gsize size);
gsize tb_kasa_length(const guint8 head[TB_KASA_HEAD]);

/* {"module":{"command":{…}}} of the whole device or, `child` not NULL, of one outlet of a strip. New reference. */
json_t *tb_kasa_request(const char *module, const char *command, json_t *args_take, const char *child);
/* What it says to that; borrowed. NULL: it refuses (UNPROCESSABLE), or it is no such answer (DEVICE). */
json_t *tb_kasa_answer(const json_t *answer, const char *module, const char *command, GError **error);

/* To everybody, by UDP: the same without a head. The caller unrefs. */
GBytes *tb_kasa_probe(const char *own);
bool tb_kasa_found(const guint8 *data, gsize size, const char *from, TbLanOffer *ret_offer);

/* Of get_sysinfo's answer: */
bool tb_kasa_parse_id(const json_t *info, char ret_id[TB_PLUG_ID]);
bool tb_kasa_measures(const json_t *info);
/* Which outlet of a strip; NULL: it is no strip, or has no such outlet. The caller frees. */
char *tb_kasa_child(const json_t *info, int output);
/* `meter`: get_realtime's answer; NULL: it measures nothing. */
bool tb_kasa_parse(const json_t *info, const json_t *meter, int output, TbPlugState *ret, GError **error);
