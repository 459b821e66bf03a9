#pragma once
/* Limits of a worker's analysers (server/worker). Comes by itself. */
#define TB_LIMIT_OCR_S 30      /* that text of one clip is read for */
#define TB_LIMIT_OCR_LINES 16  /* of text, that are kept of one clip; TB_LIMIT_EVENT_ID bytes each at most */
#define TB_LIMIT_OCR_TEXT 1000 /* bytes of them in all */
