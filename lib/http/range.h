#pragma once
/* "Range: bytes=…" of one range (RFC 9110, 14.2). Pure, any thread. */
#include <glib.h>
#include <stdbool.h>

typedef enum TbRange {
        TB_RANGE_ALL,  /* none was asked for, or one that may be left out: several, another unit, no number */
        TB_RANGE_PART, /* *ret_from, *ret_n */
        TB_RANGE_NONE, /* nothing of it is there: 416 */
} TbRange;

TbRange tb_range_parse(const char *header, gint64 size, gint64 *ret_from,
                       gint64 *ret_n); /* header NULL: none */
