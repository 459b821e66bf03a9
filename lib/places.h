#pragma once
/*
 * A pool that users share: streams and sockets of a server, readers of a console, viewers, callers of one read. Nobody
 * can have all of it: one key gets half of the places; those who may only watch, and those whose name a server has
 * spelled, get three quarters together: the rest is kept for who controls here. A key is a user (all links that one has
 * made are his), or the network of an address where nobody needs a token. This machine's address and "local" speak for
 * many: they have no share of their own. Main thread.
 */
#include <glib.h>
#include <stdbool.h>

/* "alice (via server)", "alice, link p7 (via server)": names that the pairing server has spelled (host/core/ceiling.h) */
#define TB_VIA_SERVER " (via server)"
#define TB_LINK_OF ", link "

typedef struct TbPlaces {
        const char *what; /* in the refusal: "readers of this console"; static; NULL: everybody is let in */
        guint max, all, watched;
        GHashTable *held; /* key -> count; NULL: nobody has one */
} TbPlaces;

typedef struct TbPlace { /* one that is held; all zero: none */
        TbPlaces *pool;  /* borrowed */
        char *key;       /* owned; NULL: one who speaks for many */
        bool watches;
} TbPlace;

typedef struct TbPlaceBy { /* who asks for one */
        const char *user;  /* a name that somebody has proven; NULL or "local": then `peer` counts */
        const char *peer;  /* its address; NULL: this machine */
        bool watches;
} TbPlaceBy;

/* The key; NULL: one who speaks for many. The caller frees. */
char *tb_place_key(const char *user, const char *peer);
/* Whether somebody leaves the last places to others: he may only watch, or a server has spelled `user` (nullable). */
bool tb_place_yields(const char *user, bool watches);

void tb_places_init(TbPlaces *places, const char *what, guint max);
void tb_places_clear(TbPlaces *places); /* nobody gives back any more */
/* `by` NULL: one who speaks for many. False with TB_ERROR_LIMIT, which says whose share is used up; *ret is none
 * then. */
bool tb_place_take(TbPlaces *places, const TbPlaceBy *by, TbPlace *ret, GError **error);
void tb_place_give(TbPlace *place); /* it is none then; none is allowed */
guint tb_places_each(const TbPlaces *places);
guint tb_places_watched(const TbPlaces *places);
