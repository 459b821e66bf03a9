#pragma once
/*
 * HTTP requests for a host, carried through the socket that the host has opened (docs/PROTOCOL.md, "Streams"): a
 * stream each, with credit both ways, so that a client that reads or sends slowly holds up nobody but itself, and
 * bodies of any size in constant memory. Users have shares of a host's streams (TB_LIMIT_CARRY_*): what is over
 * is refused with 429, and room is kept for what changes something. Main thread.
 */
#include "lib/http/http.h"
#include "server/pairing/pairing.h"

typedef struct TbCarrier TbCarrier;

TbCarrier *tb_carrier_new(const TbPartyOps *ops); /* borrowed */
void tb_carrier_free(TbCarrier *carry);
/* `path` with the request's query, but for what is a secret of ours, however it is spelled: `access_token`, and `own` ("token"; NULL:
 * nothing else). The caller frees. */
char *tb_carrier_path(TbRequest *request, const char *path, const char *own);
/* As whom a request goes to the host, where it is not the request's own caller: who came by a link. */
typedef struct TbCarryAs {
        TbRole role;
        const char *user;    /* copied */
        const char *session; /* copied; by whose link he came; NULL: by none */
} TbCarryAs;
/* `path`: "/host/…" with its query. The route has TB_BODY_STREAM. `as` NULL: the caller. Answers the request now or later. */
void tb_carrier_request(TbCarrier *carry, TbRequest *request, TbParty *host, const char *path,
                        const TbCarryAs *as);
void tb_carrier_frames(TbCarrier *carry, TbParty *host, const guint8 *bytes,
                       gsize size);                       /* a binary message */
void tb_carrier_drained(TbCarrier *carry, TbParty *host); /* its socket takes more */
/* Who comes by its links is `most` at the most from now on (TB_ROLE_NONE: it has ended): what is under way as more ends. */
void tb_carrier_session_narrowed(TbCarrier *carry, const char *session, TbRole most);
void tb_carrier_host_left(TbCarrier *carry, TbParty *host);
