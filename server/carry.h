#pragma once
/*
 * HTTP requests for a host, carried through the socket that the host has opened (docs/PROTOCOL.md, "Carried
 * HTTP"). Bounded: so many at once, bodies up to TB_LIMIT_HTTP_BODY towards the host, answers of any length
 * in pieces. A client that reads slowly makes us read slowly from its host for a moment; if it does not catch
 * up it is cut, because others share that socket. Main thread.
 */
#include "lib/http/http.h"
#include "server/pairing.h"

#define TB_CARRY_PER_HOST 32             /* requests at once for one host; then 429 */
#define TB_CARRY_QUEUE (2 * 1024 * 1024) /* bytes that wait for one client */
#define TB_CARRY_STALL_MS 5000           /* a client whose queue stays full for so long is cut */

typedef struct TbCarry TbCarry;

/* `pause` stops and resumes reading from a host's connection. */
TbCarry *tb_carry_new(void (*pause)(gpointer connection, bool paused));
void tb_carry_free(TbCarry *carry);
/* `path`: "/host/…" with its query. Answers the request now or later. */
void tb_carry_request(TbCarry *carry, TbRequest *request, TbParty *host, const char *path);
void tb_carry_message(TbCarry *carry, TbParty *host, json_t *message); /* http-response, http-data */
void tb_carry_host_left(TbCarry *carry, TbParty *host);
