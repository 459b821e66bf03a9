#pragma once
/* One phone of the bench: its pairing (call.h), its socket to the server, its connection, and the line by which the driver takes what
 * it gives. Main thread. */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "host/core/core.h"
#include "host/media/media.h"

typedef struct TbPhone TbPhone;

typedef struct TbPhoneOps {
        void (*ask)(TbPhone *phone, gpointer data);                      /* the server for a session */
        void (*end)(TbPhone *phone, const char *session, gpointer data); /* one that is not wanted any more */
        void (*keep)(TbPhone *phone, gpointer data);                     /* tb_phone_kept() has changed */
        void (*changed)(TbPhone *phone, gpointer data);                  /* tb_phone_json() has */
} TbPhoneOps;

/* `ops` is static. `kept`: of tb_phone_kept(), borrowed; NULL: it is new. */
TbPhone *tb_phone_new(TbCore *core, TbMedia *media, const char *name, const char *device, const json_t *kept,
                      const TbPhoneOps *ops, gpointer data);
void tb_phone_free(TbPhone *phone); /* the pairing stays */
void tb_phone_end(TbPhone *phone);  /* … and ends at the server; then free it */
const char *tb_phone_name(const TbPhone *phone);
const char *tb_phone_device(const TbPhone *phone);
/* What it needs after a restart; the session's token is in it. New reference; NULL: nothing yet. */
json_t *tb_phone_kept(const TbPhone *phone);
/* {"name","device","state","words","since","switches"}; `code`: phoneUrl and qr, which open the pairing, too. New reference. */
json_t *tb_phone_json(const TbPhone *phone, bool code);
bool tb_phone_has_code(const TbPhone *phone);
void tb_phone_server_is_here(TbPhone *phone);
/* The server's answer to `ask`. */
void tb_phone_session(TbPhone *phone, json_t *message);
/* Why there is no code, as far as it is known; NULL: it is not. Borrowed. */
const char *tb_phone_trouble(const TbPhone *phone);
