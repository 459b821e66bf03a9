#pragma once
/* STUN and TURN servers for the peer connections of observers, with credentials that have not ended. Main thread. */
#include <glib.h>
#include <jansson.h>

#include "lib/ice.h"

typedef struct TbCredentials {
        json_t *servers; /* ref: the newest that the server gave to this host; NULL: none */
} TbCredentials;

void tb_credentials_clear(TbCredentials *credentials);
void tb_credentials_set(TbCredentials *credentials, json_t *servers); /* borrowed; nullable */
/* As host/media wants them, for the observer `peer`: `fresh`, which came with it (nullable), else the server's, else
 * ours: a server that has none of its own leaves it to us. The caller frees it. */
char **tb_credentials_of(const TbCredentials *credentials, json_t *fresh, const TbIceConfig *ours,
                         const char *peer);
