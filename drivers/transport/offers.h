#pragma once
/*
 * What a driver's discovery has told as found. A look names everything that is there now; only what differs
 * from the look before is told. Thread: discovery's worker.
 *
 * - tb_offers_begin(offers);
 * - for each: tb_offers_add(offers, uri, label, why, properties);
 * - tb_offers_end(offers);
 */
#include "drivers/driver.h"

typedef struct TbOffers TbOffers;

TbOffers *tb_offers_new(TbDiscovery *discovery); /* borrows it */
void tb_offers_free(TbOffers *offers);           /* accepts NULL; tells nothing */
void tb_offers_begin(TbOffers *offers);
/* Told when the URI is new, or its label, reason or properties are others than last time. */
void tb_offers_add(TbOffers *offers, const char *uri, const char *label, const char *why,
                   json_t *properties_take);
/* What was not added since begin is lost. */
void tb_offers_end(TbOffers *offers);
