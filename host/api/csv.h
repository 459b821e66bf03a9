#pragma once
/* The history of sensors as a table (RFC 4180), for spreadsheets. Pure. */
#include <jansson.h>

/* `history`: SampleHistory; a row for each sample, or step: stream, t (ms since the epoch), value, or min, mean, max and n, unit. The caller
 * frees it. */
char *tb_csv_of_history(const json_t *history);
