#pragma once
/* Heads of carried requests and answers (docs/PROTOCOL.md, "Streams"). Main thread. */
#include "server/pairing/carry.h"

/* As JSON; the caller frees. NULL: a header is no text. `websocket`: it asks for one. */
char *tb_carry_head(TbRequest *request, const char *host, const char *path, const TbCarryAs *as,
                    bool websocket, gsize *ret_size, GError **error);
/* Those of a host's answer that pass; gives the type of its body, borrowed from `headers`, NULL: it says none. */
const char *tb_carry_answer_headers(TbRequest *request, json_t *headers);
