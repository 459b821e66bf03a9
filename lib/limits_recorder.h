#pragma once
/* Limits of the flight recorder (host/recorder). Comes with lib/limits.h. */
#define TB_LIMIT_RECORD_PRE_S 120       /* of one device that are kept in memory … */
#define TB_LIMIT_RECORD_RING (48 << 20) /* bytes of it */
#define TB_LIMIT_RECORD_SEGMENT_S 60    /* of one file */
#define TB_LIMIT_RECORD_JOBS 64         /* that wait for one of the recorder's threads */
#define TB_LIMIT_RECORD_READS 32        /* downloads at once */
#define TB_LIMIT_RECORD_EXPORT_S 3600   /* of one export */
#define TB_LIMIT_RECORD_SPANS 1000      /* of one answer: the latest */
#define TB_LIMIT_CLIPS 10000            /* of one host */
#define TB_LIMIT_CLIPS_PENDING 64       /* that are not ready, of one host */
#define TB_LIMIT_CLIPS_PAGE 1000        /* of one answer */
#define TB_LIMIT_CLIP_PRE_S 3600        /* of one clip, before it was asked for */
#define TB_LIMIT_CLIP_POST_S 600        /* … and after */
#define TB_LIMIT_CLIP_NOTE 1024         /* bytes of its note */
