#pragma once
/*
 * Who is in which call just now, and what they say to each other. Pure: time and messages come in, messages go out; the store is told by
 * who calls this (line.c), a socket is a pointer. Main thread; times are the boot clock's, ms.
 *
 *   invited --enter--> connected --its socket went--> disconnected --enter--> connected
 *                          '--leave--> (gone)            '--GRACE_MS--> (gone)
 *
 * Each is one of the call by his id, from one page: who enters from another is moved there. A room is there as long as somebody is in
 * it, and with him who was cut off; after a restart it is made of who comes back.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbCallRooms TbCallRooms;

typedef struct TbCallRoomOps {
        /* To one socket; the message is borrowed. */
        void (*send)(gpointer line, const char *event, const json_t *data_of_event);
        /* Somebody is in the call no more: he has left, or did not come back. `last`: nobody is. Not called by tb_call_room_end(). */
        void (*left)(const char *call, const char *user, bool last, gpointer data);
        void (*vanished)(const char *call, const char *user, gpointer data);
        gpointer data;
} TbCallRoomOps;

typedef struct TbCallEntry { /* borrowed for the call */
        const char *call, *user, *name;
        bool guest, video, audio;
        gpointer line;   /* NULL: he was in before a restart and may come back */
        json_t *servers; /* borrowed; what ICE goes by */
} TbCallEntry;

TbCallRooms *tb_call_rooms_new(const TbCallRoomOps *ops); /* copied */
void tb_call_rooms_free(TbCallRooms *rooms);              /* NULL is fine; nobody is told */

/* TB_ERROR_LIMIT: TB_LIMIT_CALL_PEOPLE are in. He is told who is there, they are told of him. */
bool tb_call_room_enter(TbCallRooms *rooms, const TbCallEntry *entry, gint64 now_ms, GError **error);
bool tb_call_room_has(const TbCallRooms *rooms, const char *call); /* somebody is in it */
/* He is in, or has gone a moment ago and may come back. */
bool tb_call_room_knows(const TbCallRooms *rooms, const char *call, const char *user);
/* By this socket, which is the one that he is in by. */
bool tb_call_room_is_in(const TbCallRooms *rooms, const char *call, const char *user, gconstpointer line);
/* One of the events "signal", "offer", "answer", "ice-candidate", "update-media", "connection-quality", "chat", "share-device",
 * "unshare-device", "request-control", "answer-control" of who is in; TB_ERROR_INVALID, _FORBIDDEN, _NOT_FOUND, _LIMIT in words. */
bool tb_call_room_said(TbCallRooms *rooms, const char *call, const char *user, const char *event,
                       const json_t *said, GError **error);
/* He goes, on purpose; false: he was not in. `reason` as the others are told. */
bool tb_call_room_leave(TbCallRooms *rooms, const char *call, const char *user, const char *reason);
void tb_call_room_gone(TbCallRooms *rooms, gconstpointer line, gint64 now_ms); /* this socket has gone */
void tb_call_room_end(TbCallRooms *rooms, const char *call);                   /* the call is over */
/* Guests of the call, by whatever link, are out. */
void tb_call_room_end_guests(TbCallRooms *rooms, const char *call);
gint64 tb_call_rooms_due(const TbCallRooms *rooms);           /* when its tick is; G_MAXINT64: never */
gint64 tb_call_rooms_tick(TbCallRooms *rooms, gint64 now_ms); /* when it is due again */
guint tb_call_rooms_count(const TbCallRooms *rooms, guint *ret_people);
