#pragma once
/* Limits of where clips lie (server/blob). Comes by itself. */
#define TB_LIMIT_CLIPS_REMOVING 4 /* clips that are removed at once; the others wait */
