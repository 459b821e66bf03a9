#pragma once
/* Limits of signing in by OpenID Connect (server/oidc). Comes with lib/limits.h where it is needed. */
#define TB_LIMIT_OIDC_PENDING 1000   /* sign-ins that have begun and not come back */
#define TB_LIMIT_OIDC_PENDING_S 600  /* how long one may stay at the provider */
#define TB_LIMIT_OIDC_A_MINUTE 30    /* that one network may begin */
#define TB_LIMIT_OIDC_UNDER_WAY 16   /* that have come back, and are asked about at the provider */
#define TB_LIMIT_OIDC_ASK_S 5        /* one question to the provider */
#define TB_LIMIT_OIDC_KEYS_AGAIN_S 3 /* its keys are at most so often asked for one that is not known */
#define TB_LIMIT_OIDC_KEYS 64        /* of one provider */
#define TB_LIMIT_OIDC_TOKEN 16384    /* bytes of an ID token */
#define TB_LIMIT_OIDC_SUBJECT 255    /* bytes: what the specification allows */
#define TB_LIMIT_OIDC_RULES 64       /* of `oidc.map` */
#define TB_LIMIT_OIDC_VALUES 1000    /* groups of one person that are looked at */
#define TB_LIMIT_OIDC_TO 512         /* bytes of where on this server one goes on */
