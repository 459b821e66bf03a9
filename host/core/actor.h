#pragma once
/* Who asks: made by a view (REST, WebSocket, data channel, VNC, relay) from what it authenticated. */
#include "lib/http/auth.h"

typedef struct TbActor {
        const char *user; /* token name, "local", or the observer's peer id */
        TbRole role;
        const char *lease;   /* the lease secret the caller showed; NULL: none */
        const char *via;     /* "rest", "ws", "datachannel", "relay", "vnc", "rfc2217", "tcp" */
        const char *request; /* request or session id, for the log; NULL: none */
} TbActor;
