#pragma once
/* Who asks: made by a view (REST, WebSocket, data channel, VNC, relay) from what it authenticated. */
#include "lib/http/auth.h"

typedef struct TbActor {
        /* The name of the token that was shown: then it is under this name that leases are held. Everybody else bears a ':'
         * ("vnc:…", "rfc2217:…"), which no token's name counts with, ends in TB_VIA_SERVER, or is "local". */
        const char *user;
        TbRole role;
        const char *lease;   /* the lease secret the caller showed; NULL: none */
        const char *via;     /* "rest", "ws", "datachannel", "relay", "vnc", "rfc2217", "tcp" */
        const char *request; /* request or session id, for the log; NULL: none */
        /* The connection that holds what goes down, and lets go by tb_core_left(); NULL: there is none (REST). */
        const char *who;
} TbActor;
