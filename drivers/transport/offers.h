#pragma once
/*
 * What a driver's discovery has told as found. A look names everything that is there now; only what differs
 * from the look before is told. Whatever a device says of itself becomes valid UTF-8 of bounded length here, and
 * more than TB_LIMIT_FOUND at once are not told. Thread: discovery's worker.
 *
 * - tb_offers_begin(offers);
 * - for each: tb_offers_add(offers, uri, label, why, properties);
 * - tb_offers_end(offers), or tb_offers_abort(offers) when the look failed.
 */
#include "drivers/driver.h"

typedef struct TbOffers TbOffers;

TbOffers *tb_offers_new(TbDiscovery *discovery); /* borrows it */
void tb_offers_free(TbOffers *offers);           /* accepts NULL; what was told is lost */
void tb_offers_begin(TbOffers *offers);
/* Told when the URI is new, or its label, reason or properties are others than last time. False: it is left out,
 * because there are too many, or because its URI is too long, no text, or another's in this look; a URI is never cut,
 * it would name another device. */
bool tb_offers_add(TbOffers *offers, const char *uri, const char *label, const char *why,
                   json_t *properties_take);
/* This look has nothing to say: all is as it was. */
void tb_offers_keep(TbOffers *offers);
/* What was not added since begin is lost. How many were told: new, changed or lost. */
guint tb_offers_end(TbOffers *offers);
void tb_offers_abort(TbOffers *offers); /* as it was before begin, but for what was told as found since */
/* Why something was left out of the last look, for users; NULL: nothing was. Static. */
const char *tb_offers_left_out(const TbOffers *offers);

/* Sets `key` to what a device says of itself, made fit for users; nothing when `text` is NULL or empty. */
void tb_offers_set(json_t *object, const char *key, const char *text);
/* Every text in `value` cut to TB_LIMIT_FOUND_TEXT bytes. Takes it; the caller owns what is returned. */
json_t *tb_offers_fit(json_t *value_take);
