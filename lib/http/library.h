#pragma once
/*
 * Which libmicrohttpd runs. raw.c and refuse.c lean on its inside: they were proven with one version, and with any other
 * they stand aside (NULs in heads pass, the library's own pages answer what it refuses), which is told at the start. Any thread.
 */
#include <stdbool.h>

#define TB_LIBRARY_PROVEN "0.9.75" /* docs/UPSTREAM.md */

bool tb_library_is_proven(void);
/* What does not work as it was proven, in words, for the log; NULL: all of it does. The caller frees. */
char *tb_library_problem(void);
/* For tests: as if this version ran; NULL: the one that does. Must stay valid. */
void tb_library_pretend(const char *version);
