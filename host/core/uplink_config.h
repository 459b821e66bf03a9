#pragma once
/* `uplink:` of the configuration: where finished clips go (host/uplink). What is checked at start and what is used later ask here. */
#include <glib.h>
#include <jansson.h>

/*
 * What opens the door there, which the configuration itself never holds: of the file `key_file`, else of the environment (s3:
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; azure: AZURITE_ACCOUNT_KEY; server: `server_token`, nullable). s3: "access:secret". NULL with *error: it is
 * needed and not there; "": a server that wants none. The caller wipes and frees. Any thread.
 */
char *tb_uplink_key(const json_t *uplink, const char *server_token, GError **error);
