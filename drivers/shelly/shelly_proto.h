#pragma once
/*
 * What Shelly plugs and relays say over HTTP, Gen1 and Gen2+. Pure: text in, values out; no I/O, any thread.
 * Sources: aioshelly (ea7a88f) block_device/device.py, rpc_device/wsrpc.py and its fixtures; labgrid
 * (ebe35351) driver/power/shelly_gen1.py, shelly_gen2.py; the vendor's page
 * shelly-api-docs.shelly.cloud/gen2/General/Authentication. That a Gen1 meter counts Watt-minutes is the
 * vendor's word, not in these sources. Errors: TB_ERROR_DEVICE = not what a Shelly answers,
 * TB_ERROR_UNPROCESSABLE = the plug refuses. Texts are UTF-8 whatever the plug sent.
 */
#include "drivers/driver.h"

#define SHELLY_OUTPUTS 16 /* more than any model has */

/* GET /shelly, which needs no password. */
typedef struct ShellyInfo {
        int generation; /* 1, 2, 3, … */
        char model[40]; /* "SHPLG-S", "SNPL-00112EU" */
        bool auth;      /* a password is set */
} ShellyInfo;
bool shelly_parse_info(const void *text, gsize size, ShellyInfo *ret, GError **error);

typedef struct ShellyStatus {
        TbPowerState power;
        double celsius; /* NAN: not measured */
        bool overpower; /* Gen1 tells */
} ShellyStatus;
/* GET /status */
bool shelly_gen1_parse_status(const void *text, gsize size, int output, ShellyStatus *ret, GError **error);
/* GET /relay/N?turn=…: what the relay does now */
bool shelly_gen1_parse_relay(const void *text, gsize size, bool *ret_on, bool *ret_overpower, GError **error);

/* What the plug asks for in an answer of its own, or what was learnt from it: lives as long as the
 * connection's state. */
typedef struct ShellyAuth {
        char *realm; /* owned; NULL: nothing was asked for yet */
        gint64 nonce;
        gint64 nc; /* of the next request */
} ShellyAuth;
void shelly_auth_clear(ShellyAuth *auth);

/* Body of POST /rpc. `auth` (may be NULL or without a realm: none) is used up by one count. `on`: -1 asks for
 * the status, 0 and 1 set. */
char *shelly_rpc_request(int id, int output, int on, ShellyAuth *auth, const char *password,
                         const char *cnonce);
char *shelly_rpc_response(const ShellyAuth *auth, const char *password,
                          const char *cnonce); /* SHA-256, 64 hex digits; the caller frees */

typedef enum ShellyReply { SHELLY_OK, SHELLY_CHALLENGE, SHELLY_BAD } ShellyReply;
/* OK: *ret_result is the caller's reference. CHALLENGE: `ret_auth` was filled anew. BAD: with an error. */
ShellyReply shelly_rpc_parse(const void *text, gsize size, int id, json_t **ret_result, ShellyAuth *ret_auth,
                             GError **error);
/* The result of Switch.GetStatus. */
bool shelly_rpc_parse_switch(const json_t *result, int output, ShellyStatus *ret, GError **error);
