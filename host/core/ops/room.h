#pragma once
/* The command's side of host/core/room_call.h. Main thread. */
#include "host/core/ops/command.h"
#include "host/core/room_call.h"

/* NULL: nobody is there to answer, and the command has failed: "this host <what>: it is starting or stopping". */
TbRoomCall *tb_room_begin(TbCommand *command, bool is_there, const char *what);
