#pragma once
/* Limits of the server's audit log as a whole, and of the tokens that it signs. Comes with lib/limits.h where it is needed. */
#define TB_LIMIT_AUDIT_JOBS 2           /* exports and checks of it under way at once */
#define TB_LIMIT_AUDIT_JOB_PAGE 200     /* rows that one of them has in memory */
#define TB_LIMIT_PERSON_ROWS 1000       /* of each kind that are given out of one person */
#define TB_LIMIT_ACCESS_TOKEN_S 900     /* of a signed token that this server gives out */
#define TB_LIMIT_REFRESH_TOKEN_S 604800 /* of what buys the next one, from its last use */
