#pragma once
/* What room.c and said.c share. */
#include "server/calls/room.h"

typedef enum TbCallMedia {
        TB_CALL_VIDEO,
        TB_CALL_AUDIO,
        TB_CALL_SCREEN,
        TB_CALL_HAND,
        TB_CALL_LOW,
        TB_CALL_MEDIA
} TbCallMedia;

typedef struct TbCallMember {
        char *user, *name; /* owned */
        bool guest, media[TB_CALL_MEDIA];
        gpointer line;  /* borrowed; NULL: it went */
        gint64 gone_ms; /* then */
} TbCallMember;

typedef struct TbCallRoom {
        char *call;            /* owned */
        GPtrArray *members;    /* owned TbCallMember */
        json_t *chat;          /* owned array; the last TB_LIMIT_CALL_CHAT_LINES */
        json_t *benches;       /* owned array; {"userId","device",…} as they were shared */
        gint64 asked_ms, said; /* how good the lines are; lines of the chat that there were */
} TbCallRoom;

struct TbCallRooms {
        TbCallRoomOps ops;
        gint64 due_ms;
        GHashTable *all; /* call, borrowed of the room -> TbCallRoom, owned */
};

TbCallRoom *tb_call_room_of(const TbCallRooms *rooms, const char *call);
TbCallMember *tb_call_member_of(const TbCallRoom *room, const char *user); /* of no room: none */
/* To all but one (NULL: to all) whose sockets are there. */
void tb_call_room_tell(const TbCallRooms *rooms, const TbCallRoom *room, const TbCallMember *but,
                       const char *event, const json_t *data);
