#pragma once
/* The last sessions that have ended: a DELETE of one of them has done what it was for (RFC 9110 section 9.2.2). Pure. */
#include <glib.h>
#include <stdbool.h>

typedef struct TbWhepGone {
        GQueue names; /* owned strings; the oldest first; all zero: none */
} TbWhepGone;

/* Beyond TB_LIMIT_WHEP_GONE the oldest is forgotten. One that is there already is not added. */
void tb_whep_gone_add(TbWhepGone *gone, const char *device, const char *session);
bool tb_whep_gone_has(const TbWhepGone *gone, const char *device, const char *session);
void tb_whep_gone_clear(TbWhepGone *gone);
