#pragma once
/*
 * JSON from outside: one way to read it, with the limits that jansson does not have. Pure; any thread.
 */
#include <glib.h>
#include <jansson.h>

/* How we write it. 15 digits: 9.93 stays 9.93, with 17 it would be 9.9299999999999997. */
#define TB_JSON (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* Any JSON value, at most TB_LIMIT_JSON_DEPTH deep, of at most TB_LIMIT_JSON_VALUES values (about: brackets and commas
 * count), no repeated keys, valid UTF-8. The error says where it broke. The caller owns the reference. */
json_t *tb_json_parse(const void *text, gsize size, GError **error);
/* The same of what we have written ourselves (a state file, a page's list): with any number of values. */
json_t *tb_json_parse_kept(const void *text, gsize size, GError **error);
/* About how many bytes it takes in memory: texts, and the nodes around them. */
gsize tb_json_weight(const json_t *value);
/* Compact text; the caller frees with g_free. What json_pack() makes of a text that is no UTF-8 is NULL: so is the text then, its size
 * is 0, and whoever sends must not. All that leaves as JSON is written here (lint rule `json`). */
char *tb_json_text(const json_t *value, gsize *ret_size);
