#pragma once
/*
 * securePassthrough, what Tapo plugs spoke before KLAP: the plug wraps a key for us with RSA, then each request is a string of
 * AES in JSON, behind a login. Over http_device.h; thread: worker. Sources as in tapo_proto.h.
 */
#include "drivers/tapo/tapo_proto.h"
#include "drivers/transport/klap_session.h"

typedef struct TbTapoPass {
        guint8 key[16], iv[16];
        char *cookie, *token; /* owned; token NULL: there is no session */
        gint64 until_us;      /* monotonic */
} TbTapoPass;

/* UNSUPPORTED: it does not speak it (any more). */
bool tb_tapo_pass_begin(TbTapoPass *pass, TbHttpDevice *device, const TbKlapAccount *account, TbIo *io,
                        GError **error);
/* As tb_klap_session_ask(). */
json_t *tb_tapo_pass_ask(TbTapoPass *pass, TbHttpDevice *device, const TbKlapAccount *account, TbIo *io,
                         const json_t *request, GError **error);
void tb_tapo_pass_end(TbTapoPass *pass); /* accepts what is zeroed */

/* Pure. A text as the string that goes in "request", and back (the caller frees; NULL: it is none of ours). */
char *tb_tapo_pass_seal(const TbTapoPass *pass, const char *text);
char *tb_tapo_pass_open(const TbTapoPass *pass, const char *sealed);
