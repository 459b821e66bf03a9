#pragma once
/*
 * Relay boards on a serial line: what is sent to one relay, and what its answer means. Pure. Sources: LC Technology's text of the LCUS boards
 * (A0 address operation sum, 9600 Bd; FF asks); numato.com's USB relay modules and their sample code (numato/samplecode); KMTronic's
 * "USB Relay commands" (info.kmtronic.com).
 *
 * Every board is four templates, those that we know and those that somebody writes down: {relay} is the number as text, {id} a digit or a
 * letter (A is 10), {two} two digits, {byte} one byte, {sum} the sum of the bytes before it; \r \n \t \\ \xHH are bytes.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

#define TB_SERIALRELAY_MAX 63 /* the most that a board has, counted from 0 */

typedef struct TbSerialrelayBoard {
        const char *on, *off; /* templates; borrowed */
        const char *query;    /* template; NULL: it cannot say */
        const char *
                reply; /* a regular expression with {relay}, {id}, {two}, {byte}: its first group is the state */
        const char *on_value, *off_value; /* with \xHH; NULL: on, true, 1 and their opposites */
        int first, last;                  /* relays that it can have */
} TbSerialrelayBoard;

/* Of checked or unchecked parameters: board, relay, readback; on, off, query, reply, on_value, off_value of `custom`. TB_ERROR_INVALID with
 * the field. What is borrowed is the parameters' or static. */
bool tb_serialrelay_board(const json_t *params, TbSerialrelayBoard *ret, GError **error);

/* The bytes of a template. TB_ERROR_INVALID: an escape or a word in braces that is none, or nothing. The caller frees. */
GBytes *tb_serialrelay_request(const char *template, int relay, GError **error);

typedef enum TbSerialrelayReply {
        TB_SERIALRELAY_MORE,
        TB_SERIALRELAY_ON,
        TB_SERIALRELAY_OFF,
        TB_SERIALRELAY_NEITHER
} TbSerialrelayReply;
/* What came so far. MORE: the pattern is not in it (yet); NEITHER: it is, and says neither; *ret_word (nullable): what it says, fit to be
 * shown; the caller frees. */
TbSerialrelayReply tb_serialrelay_parse(const TbSerialrelayBoard *board, int relay, const void *data,
                                        gsize size, char **ret_word);
