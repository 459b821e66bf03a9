#pragma once
/*
 * The words of astrophotograph's "ALP Experimental" (its pages and scripts) and ours: actions, states, candidates. Pure.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

/* "goto" {ra, dec, target_name, is_j2000} -> op "goto" (static) and its parameters (new reference). NULL: INVALID, with what is known. */
json_t *tb_scope_command(const char *action, json_t *parameters, const char **ret_op, GError **error);
/* What GET mount answers, as its pages have it; `state` NULL: nothing is known. New reference. */
json_t *tb_scope_status(json_t *state, bool connected, gint64 now_ms);
/* One candidate of theirs as an SDP fragment for trickle ICE; the caller frees. NULL: INVALID. */
char *tb_scope_fragment(json_t *candidate, GError **error);
/* {"id","type","telescope_id","timestamp","payload"}; `id` NULL: a new one. New reference. */
json_t *tb_scope_message(const char *id, const char *type, const char *telescope, json_t *payload_take);
