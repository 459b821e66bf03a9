#pragma once
/*
 * What was heard in the network: instances of services with the place of each, and who answered a broadcast. Pure; bounded by
 * TB_LIMIT_LAN_SEEN of each. What is not heard of again for TB_NETWORK_LIFE_MS, or says goodbye, is forgotten.
 * Times are milliseconds of one clock, the caller's. Thread: one.
 */
#include "drivers/transport/lan.h"
#include "drivers/transport/mdns.h"

#define TB_NETWORK_ASK_MS 30000 /* from one question to all to the next */
/* Three questions that were not answered, and a little. */
#define TB_NETWORK_LIFE_MS (3 * TB_NETWORK_ASK_MS + 5000)

typedef struct TbNetworkSeen TbNetworkSeen;

/* `types`: "_shelly._tcp", NULL-terminated; borrowed. */
TbNetworkSeen *tb_network_seen_new(const char *const *types);
void tb_network_seen_free(TbNetworkSeen *seen); /* accepts NULL */

/* One record of an answer. True: what is offered may have changed. */
bool tb_network_seen_record(TbNetworkSeen *seen, const TbMdnsRecord *record, gint64 now_ms);
/* One answer to a broadcast. Takes what `offer` holds. */
bool tb_network_seen_answer(TbNetworkSeen *seen, TbLanOffer *offer_take, gint64 now_ms);
void tb_network_seen_expire(TbNetworkSeen *seen, gint64 now_ms);

/* Those whose place is known, in the order of their names. */
void tb_network_seen_services(TbNetworkSeen *seen,
                              void (*each)(const char *type, const TbLanSeen *one, gpointer data),
                              gpointer data);
void tb_network_seen_answers(TbNetworkSeen *seen, void (*each)(const TbLanOffer *offer, gpointer data),
                             gpointer data);
/* Questions for what is not known yet of instances that were named, three times each at most. False: there are none. */
bool tb_network_seen_missing(TbNetworkSeen *seen, GByteArray *message, gsize most);
