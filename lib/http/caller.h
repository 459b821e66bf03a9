#pragma once
/*
 * Who asks: what the token, the cookie or nothing at all says. Made once per request, before its handler runs; what the handler
 * decides it decides by this alone. Main thread.
 */
#include "lib/http/grants.h"

typedef enum TbCallerBy {
        TB_BY_NOBODY, /* no token, or one that is not known */
        TB_BY_OPEN,   /* nobody needs a token here: "local" */
        TB_BY_TOKEN,  /* a token of the configuration */
        TB_BY_COOKIE, /* signed in on a page */
        TB_BY_LOGIN,  /* a token that a user made for himself */
        TB_BY_JWT,    /* somebody else's signature */
} TbCallerBy;

typedef struct TbCaller {
        char *user;       /* owned; "": nobody */
        TbRole role;      /* the most that he may anywhere */
        TbGrants *grants; /* ref; NULL: everywhere */
        TbCallerBy by;
        char *login;     /* owned; id of the sign-in it came by; NULL: none */
        gint64 until_ms; /* wall clock: what he came by holds until then; 0: until it is taken back */
} TbCaller;

void tb_caller_clear(TbCaller *caller);
void tb_caller_copy(TbCaller *to, const TbCaller *caller); /* `to`: all zero before */
/* Whether he is in groups because a signature says so: no list here names him as a member. */
static inline bool tb_caller_is_signed_member(const TbCaller *caller)
{
        return caller->by == TB_BY_JWT && caller->grants;
}
/* The one decision; see tb_grants_role(). */
static inline TbRole tb_caller_role(const TbCaller *caller, const char *host, const char *device)
{
        return tb_grants_role(caller->grants, caller->role, host, device);
}

/* What a request shows that the configuration's tokens do not know. */
typedef struct TbShown {
        const char *token;   /* NULL: none */
        const char *cookies; /* the header; NULL: none, or a token was shown */
        const char *peer;    /* the client's address */
} TbShown;
