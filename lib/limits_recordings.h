#pragma once
/* Limits of recordings of calls (server/recordings). Comes with lib/limits.h. */
#define TB_LIMIT_RECORDINGS_OF_CALL 100 /* one after the other, those that were deleted among them */
#define TB_LIMIT_RECORDING_PEOPLE 24    /* who are named as having agreed in one request */
#define TB_LIMIT_RECORDING_TRACKS                                                                            \
        64 /* of one recording: each camera, each screen, each time that a page was loaded */
#define TB_LIMIT_RECORDING_CHUNKS 20000       /* of one track: 11 hours of 2 s */
#define TB_LIMIT_RECORDING_CHUNK (4 << 20)    /* bytes of one chunk */
#define TB_LIMIT_RECORDING_BYTES 5368709120   /* of one recording; `recordings.max_bytes` */
#define TB_LIMIT_RECORDING_DAYS 365           /* that one is kept; `recordings.keep_days` */
#define TB_LIMIT_RECORDING_ASK_MS 120000      /* until everybody has answered */
#define TB_LIMIT_RECORDING_UPLOAD_MS 86400000 /* after its end, that what is missing may still come */
#define TB_LIMIT_RECORDING_LINKS 16           /* of one recording that are good at once */
#define TB_LIMIT_RECORDING_LINK_S 604800      /* that one is good at most */
#define TB_LIMIT_RECORDING_TRANSFERS                                                                         \
        24                         /* chunks that are being stored, tracks that are being played, at once */
#define TB_LIMIT_RECORDING_KEYS 16 /* master keys in one file: the first seals, the others open */
#define TB_LIMIT_RECORDING_KEY_DAYS 90 /* that a master key seals before a warning asks for the next one */
#define TB_LIMIT_RECORDING_SWEPT 200   /* chunks, recordings of one look at what is over */
