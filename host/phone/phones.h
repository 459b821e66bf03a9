#pragma once
/*
 * The phones of a bench: each device with an attachment `phone://NAME` is one that is paired by its code. The sessions are the pairing
 * server's, asked for on the host's own line to it; what they need after a restart is kept (tb_core_keep_phones()). Main thread.
 * Events on the bus: phone.state {"name","state","words"}.
 */
#include <glib.h>
#include <jansson.h>

#include "host/core/core.h"
#include "host/media/media.h"
#include "lib/http/http.h"

typedef struct TbPhones TbPhones;

typedef struct TbPhonesOptions {
        TbCore *core;   /* borrowed; its devices may be started already, or not yet */
        TbMedia *media; /* borrowed */
        /* To the pairing server, on the host's own line; false: it is not connected. NULL: this host has no server. */
        bool (*say)(json_t *message_take, gpointer data);
        gpointer data;
} TbPhonesOptions;

TbPhones *tb_phones_new(const TbPhonesOptions *options);
void tb_phones_free(TbPhones *phones); /* before tb_media_free() and tb_core_stop(); accepts NULL */
/* What the server said on that line ({"type":"phone-session",…}). */
void tb_phones_said(TbPhones *phones, json_t *message);
/* POST, GET /host/phones, GET and DELETE /host/phones/{name}. */
void tb_phones_add_routes(TbPhones *phones, TbHttp *http);
