#pragma once
/* Limits of what a recording keeps of those who type and point (host/recorder/typed.c). Not part of lib/limits.h: one file needs them. */
#define TB_LIMIT_RECORD_MOVES 20   /* places a second of a pointer that only moves */
#define TB_LIMIT_RECORD_TYPED 4096 /* bytes of one write into a console; how many there were is told */
