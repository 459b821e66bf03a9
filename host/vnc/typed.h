#pragma once
/* What a viewer types and points at, on its way from its thread to main: a queue of TB_LIMIT_INPUT_EVENTS. Any thread. */
#include <glib.h>
#include <stdbool.h>

#include "lib/thread.h"

typedef struct TbVncInput {
        bool key;       /* else pointer */
        bool down;      /* key */
        guint32 keysym; /* key */
        guint32 place;  /* key: tb_vnc_place_code() knows it; 0: not said */
        int x, y, mask; /* pointer: RFB's button mask */
} TbVncInput;

typedef struct TbVncTyped {
        TbMutex lock;
        GArray *inputs; /* owned, of TbVncInput; protected by lock */
        bool posted;    /* main was told; protected by lock */
} TbVncTyped;

void tb_vnc_typed_init(TbVncTyped *typed);
void tb_vnc_typed_clear(TbVncTyped *typed);
/* A pointer that only moves replaces its last position. True: main has to be told. */
bool tb_vnc_typed_put(TbVncTyped *typed, TbVncInput input);
bool tb_vnc_typed_room(TbVncTyped *typed);
void tb_vnc_typed_told(TbVncTyped *typed); /* main was; what comes from now on is told anew */
/* All that waits, oldest first; the caller owns it. *ret_full: there was no room before. */
GArray *tb_vnc_typed_take(TbVncTyped *typed, bool *ret_full);
