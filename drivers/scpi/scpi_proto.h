#pragma once
/* Messages of SCPI-99 over IEEE 488.2, as a raw socket carries them: each ends with a newline. Pure: any thread. */
#include "drivers/transport/declared.h"

/* One message of printable characters, of TB_LIMIT_SCPI_MESSAGE bytes at most: more of them would be answered more than once.
 * TB_ERROR_INVALID with `field`. */
bool tb_scpi_message_check(const char *message, const char *field, GError **error);
bool tb_scpi_is_query(const char *message);    /* it is answered: a header ends with "?" (not in a string) */
bool tb_scpi_is_compound(const char *message); /* several units by ";" */

/* One response message (IEEE 488.2 section 8): n consumed with its newline, 0: need more, -1: a violation, *why static. */
gssize tb_scpi_response(const guint8 *data, gsize size, const char **why);
/* As text, of a whole response without its newline: UTF-8 as it is; a single block of text without its head; other bytes as
 * "data:application/octet-stream;base64,…". The caller frees. */
char *tb_scpi_text(const guint8 *data, gsize size);

/* Element `index` (by "," and ";", strings and blocks whole) of a response as a number: NR1 to NR3, #H #Q #B, ON and OFF, a unit behind it.
 * False: there is none, not a number (9.91E37), infinite (±9.9E37). */
bool tb_scpi_parse_number(const char *response, guint index, double *ret);

/* "-222,\"Data out of range\"" of SYST:ERR?. False: it is none. *ret_code 0: none is left; *ret_words: the caller frees. */
bool tb_scpi_parse_error(const char *response, int *ret_code, char **ret_words);
/* 1 on, 0 off, -1: neither. Of OUTP?. */
int tb_scpi_parse_switch(const char *response);
/* "manufacturer, model, serial" of *IDN?, without its firmware, which may be updated. The caller frees; NULL: it is none. */
char *tb_scpi_parse_identity(const char *response);
