#pragma once
/* ICE candidates of the other side, as they come in an offer, one by one, or in a WHEP PATCH. Pure. */
#include <glib.h>
#include <stdbool.h>

typedef enum TbCandidate {
        TB_CANDIDATE_USE,
        TB_CANDIDATE_IGNORE, /* end of candidates, or an mDNS name: the browser will reach us, we need not
                                resolve it */
        TB_CANDIDATE_BAD,
} TbCandidate;
/* `text`: "candidate:…" (RFC 8839 §5.1), with or without "a=" before and an end of line behind. */
TbCandidate tb_candidate_check(const char *text);

/* RFC 8840 fragment: calls `candidate(line, mline, data)` for each candidate ("candidate:…"). All media share one
 * transport, so every candidate counts for m-line 0. False: TB_ERROR_INVALID; then some candidates may have been
 * told. */
bool tb_sdpfrag_parse(const char *fragment,
                      bool (*candidate)(const char *line, guint mline, void *data, GError **error),
                      void *data, GError **error);
/* The ICE credentials that it names, the caller owns them; NULL: none. False: TB_ERROR_INVALID, they are none, or it
 * names several. */
bool tb_sdpfrag_credentials(const char *fragment, char **ret_ufrag, char **ret_pwd, GError **error);
