#pragma once
/* How a host says who it is, and which servers it joins. Main thread. */
#include "host/core/core.h"
#include "lib/proto/link_key.h"

/* A new reference. *is_short as in devices.h; *is_late: the devices did not have room in it, and come after `ready`. */
json_t *tb_bridge_hello(TbCore *core, TbLinkKey *key, const char *version, bool *is_short, bool *is_late);
/* The answer to a challenge: the key of our hello is ours. `url`: of the server, which is named in it; NULL: to an older one, which
 * would not understand that. A new reference. */
json_t *tb_bridge_proof(TbLinkKey *key, const char *name, const char *nonce, const char *url);
/* Whether a server that asks nobody for a token may be joined: whoever reaches it is operator here by its word. */
bool tb_bridge_may_join_open(const TbHostConfig *config);
