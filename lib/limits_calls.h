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
/* Signaling (server/calls/room.h) */
#define TB_LIMIT_CALL_PEOPLE 6            /* in one call at once: each sends to each */
#define TB_LIMIT_CALL_PARTICIPANTS 24     /* who were ever asked into one call, guests among them */
#define TB_LIMIT_CALL_GUEST_LINKS 8       /* that are good at once, of one call */
#define TB_LIMIT_CALL_GUEST_S 604800      /* that one is good at most */
#define TB_LIMIT_CALL_GRACE_MS 30000      /* that who has vanished keeps his place */
#define TB_LIMIT_CALL_STATS_MS 10000      /* between two questions how good the line is */
#define TB_LIMIT_CALL_MESSAGE 65536       /* bytes of one message; SDP of six is below 20000 */
#define TB_LIMIT_CALL_MESSAGES_PER_S 40   /* of one socket … */
#define TB_LIMIT_CALL_MESSAGES_BURST 400  /* … and at once: candidates for five others */
#define TB_LIMIT_CALL_REFUSED 200         /* messages beyond that in a row: then the socket ends */
#define TB_LIMIT_CALL_SOCKETS 16          /* of one user */
#define TB_LIMIT_CALL_NAME 64             /* bytes of what somebody calls himself */
#define TB_LIMIT_CALL_CHAT 1000           /* bytes of what one says at once */
#define TB_LIMIT_CALL_CHAT_LINES 100      /* of these that who comes later reads */
#define TB_LIMIT_CALL_BENCHES 3           /* bench devices in one call */
#define TB_LIMIT_CALL_WARN_LATENCY_MS 300 /* beyond that a line is said to be poor … */
#define TB_LIMIT_CALL_WARN_LOSS 10        /* … or beyond so many percent that are lost */
