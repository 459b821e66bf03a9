#pragma once
/*
 * JSON that is passed on as it came: is it whole, and what is its "type"? Without allocation, several times quicker than
 * a tree. Pure; any thread.
 */
#include <glib.h>
#include <stdbool.h>

#define TB_JSON_TYPE 32 /* bytes of a type that is told, with its NUL */

/* TRUE: tb_json_parse() takes it, as an object whose "type" is that text. FALSE: only tb_json_parse() can say; so of what
 * is rare (escapes by number, long numbers, many keys) as of what is wrong. */
bool tb_json_glance(const char *text, gsize size, char type[TB_JSON_TYPE]);
