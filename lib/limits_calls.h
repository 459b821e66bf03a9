#pragma once
/* Limits of calls (server/calls). Comes with lib/limits.h. */
#define TB_LIMIT_CALL_ID 190                 /* bytes of who calls whom, of an appointment */
#define TB_LIMIT_CALL_TEXT 1024              /* bytes of a reason */
#define TB_LIMIT_CALL_DATA 8192              /* bytes of metadata, of the details of an error, as JSON */
#define TB_LIMIT_CALLS_PAGE 100              /* of one answer */
#define TB_LIMIT_CALL_CHANGES_PER_MINUTE 240 /* of one person who is no administrator; so many at once */
#define TB_LIMIT_CALL_RING_MS 60000          /* that it rings before it is missed */
#define TB_LIMIT_CALL_LATE_MS 3600000        /* that a scheduled one can be answered after its time */
#define TB_LIMIT_CALL_LIFE_MS 86400000       /* of one that nobody ends */
