#pragma once
/* Limits of what looks for something on screens (host/analysis/find). Comes with lib/limits.h. */
#define TB_LIMIT_FINDS 16        /* that look at once, on one host */
#define TB_LIMIT_NEEDLE 1000000  /* bytes of base64 of a picture that is looked for: a body has 1 MiB */
#define TB_LIMIT_NEEDLE_AREAS 32 /* of one */
#define TB_LIMIT_FIND_TEXT 256   /* bytes of a text */
