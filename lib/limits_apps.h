#pragma once
/* Limits of app packages that are installed on a phone (drivers/adb), beside TB_LIMIT_PACKAGE of lib/limits.h. */
#define TB_LIMIT_APP_PARTS 256     /* packages of one bundle */
#define TB_LIMIT_APP_ENTRIES 65536 /* files in one archive: what its directory can count without zip64 */
