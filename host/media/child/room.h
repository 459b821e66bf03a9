#pragma once
/*
 * Room among the viewers. An offer that nobody connects to holds its place for 20 s; so that such offers keep out neither
 * others nor their own maker, one user has half of the places for viewers who are not connected yet, and above that,
 * or when there is no place, the one that has waited longest makes room. Who is connected is never sent away. Pure.
 */
#include <glib.h>
#include <stdbool.h>

typedef struct TbRoomPlace {
        const char *
                key; /* borrowed; whose it is (tb_place_key()); NULL: this machine's, which is one user here */
        gint64 since_us; /* when it was answered; G_MAXINT64: not yet, and it makes no room */
        bool connected;
} TbRoomPlace;

/* How many of the places are of `key` and not connected yet. */
guint tb_room_waiting(const TbRoomPlace *places, guint n, const char *key);
/* Which of them makes room for one more of `key`: the oldest of its own, else (`anybody`) the oldest of who has most of
 * them, if that is more than one; -1: none, or it has not had TB_LIMIT_UNCONNECTED_MS yet. */
int tb_room_find(const TbRoomPlace *places, guint n, const char *key, bool anybody, gint64 now_us);
