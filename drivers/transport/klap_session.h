#pragma once
/*
 * A plug of TP-Link's that is asked by KLAP (klap.h), over http_device.h: a handshake, then requests with rising numbers, and a
 * new handshake when the session is old or the plug has forgotten it. Thread: worker.
 *
 * The account is the one of the maker's app. It goes to the plug as hashes only, never as an answer to HTTP's own
 * authentication: the device's `password` stays unset.
 */
#include "drivers/transport/http_device.h"
#include "drivers/transport/klap.h"

typedef struct TbKlapAccount {
        const char *user, *password; /* borrowed; NULL: none */
} TbKlapAccount;

/* The rows of a table for it; TAPO_USERNAME and TAPO_PASSWORD of the environment where they are not given. */
#define TB_KLAP_ACCOUNT_PARAMS                                                                               \
        {.name = "user",                                                                                     \
         .type = TB_PARAM_STRING,                                                                            \
         .min = 1,                                                                                           \
         .max = 254,                                                                                         \
         .help = "the e-mail address of the TP-Link account; else TAPO_USERNAME of the environment"},        \
        {                                                                                                    \
                .name = "password", .type = TB_PARAM_SECRET, .max = 128,                                     \
                .help = "of the TP-Link account; else TAPO_PASSWORD of the environment"                      \
        }
/* Takes them out of the device, which forgets the password. */
TbKlapAccount tb_klap_session_account(TbHttpDevice *device);
/* A refusal of the account in words, with what to do. Returns false. */
bool tb_klap_session_refused(const TbHttpDevice *device, const TbKlapAccount *account, GError **error);

typedef struct TbKlapSession {
        TbKlap keys;
        char *cookie;    /* owned; NULL: there is no session */
        gint64 until_us; /* it is to be renewed then; monotonic */
} TbKlapSession;

/* False with UNSUPPORTED: the plug does not speak KLAP, or not with programs (the text says which). */
bool tb_klap_session_begin(TbKlapSession *session, TbHttpDevice *device, const TbKlapAccount *account,
                           TbIo *io, GError **error);
/* What it says to `request`; new reference. Begins a session when there is none. */
json_t *tb_klap_session_ask(TbKlapSession *session, TbHttpDevice *device, const TbKlapAccount *account,
                            TbIo *io, const json_t *request, GError **error);
void tb_klap_session_end(TbKlapSession *session); /* accepts what is zeroed */
/* The cookie of a plug's session in what it sent ("TP_SESSIONID=…": "Name=value" alone) and how many seconds it is good for; the
 * caller frees. NULL: none. Pure. */
char *tb_klap_session_cookie(const char *set_cookie, int *ret_seconds);
