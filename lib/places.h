#pragma once
/*
 * A pool that users share: sockets of a console, event streams, viewers, callers of one read. Nobody can have all of
 * it: one key gets `each` places at most, those who may only watch get `watched` together: the rest is kept for who
 * controls. A key is a user, or an address where nobody needs a token. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbPlacesLimits {
        const char *what; /* in the refusal: "sockets of this console"; static */
        guint all, each, watched;
} TbPlacesLimits;

typedef struct TbPlaces {
        const TbPlacesLimits *limits; /* static */
        GHashTable *held;             /* key -> count; NULL: nobody has one */
        guint all, watched;
} TbPlaces;

void tb_places_init(TbPlaces *places, const TbPlacesLimits *limits);
void tb_places_clear(TbPlaces *places); /* also when some are held: nobody gives back any more */
/* False with TB_ERROR_LIMIT, which says whose share is used up. */
bool tb_places_take(TbPlaces *places, const char *key, bool watches, GError **error);
/* With what it was taken with. */
void tb_places_give(TbPlaces *places, const char *key, bool watches);
guint tb_places_of(const TbPlaces *places, const char *key);
