#pragma once
/* Limits of browser push (server/notify). Comes with lib/limits.h. */
#define TB_LIMIT_PUSH_ADDRESS 1500 /* bytes of a browser's subscription, in JSON */
#define TB_LIMIT_PUSH_TEXT 3000 /* bytes that a browser gets; services take 4096, sealed (RFC 8030 §7.2) */
