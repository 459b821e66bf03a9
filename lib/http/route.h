#pragma once
/*
 * Request targets and route patterns. Pure: no I/O, any thread. Paths are split before they are
 * percent-decoded, so "%2F" in a parameter is data and never a separator.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#include "lib/http/http.h"

#define TB_PATH_SEGMENTS 32 /* of a path; more match no route but a tail */
#define TB_PATH_ARGS 8

typedef struct TbSegment {
        const char *text; /* borrowed; not NUL-terminated */
        gsize size;
        bool is_param;
} TbSegment;

/* A pattern or a request path, split at its slashes. "/" has one empty segment. */
typedef struct TbPath {
        guint n;
        bool tail; /* pattern: the last parameter takes the rest. Path: there were more segments than fit */
        TbSegment segments[TB_PATH_SEGMENTS];
} TbPath;

/* False when it does not start with "/". Both keep pointers into `path`. */
bool tb_path_split(const char *path, TbPath *ret_path);
bool tb_path_compile(const char *pattern, TbPath *ret_path);
bool tb_path_match(const TbPath *pattern, const TbPath *path);
/* The still encoded text of a parameter after a match: *ret_size bytes at the returned address; NULL: no such
 * parameter. */
const char *tb_path_arg(const TbPath *pattern, const TbPath *path, const char *name, gsize *ret_size);

/* Percent-decodes into a new string. NULL: broken escapes, NUL or other control characters, no UTF-8. `plus`:
 * "+" is a space (queries). */
char *tb_percent_decode(const char *text, gsize size, bool plus);
/* "a=1&b=x%20y" -> {"a":"1","b":"x y"}; "access_token" is left out. NULL with TB_ERROR_INVALID. */
json_t *tb_query_parse(const char *query, GError **error);
/* One raw query value, decoded; NULL: not there or broken. The caller frees. */
char *tb_query_value(const char *query, const char *name);
