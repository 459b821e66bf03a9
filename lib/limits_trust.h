#pragma once
/* Limits of the server's audit log as a whole. Comes with lib/limits.h where it is needed. */
#define TB_LIMIT_AUDIT_JOBS 2       /* exports and checks of it under way at once */
#define TB_LIMIT_AUDIT_JOB_PAGE 200 /* rows that one of them has in memory */
