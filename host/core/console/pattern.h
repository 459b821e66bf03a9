#pragma once
/*
 * Patterns over what a console prints. What is found is a function of the bytes, whatever the pieces they come in.
 *
 * TbPattern is a regular expression (PCRE2) over bytes, compiled for that: ^ and $ at every line, $ before CR LF as
 * before LF, no UTF or other mode switched on from inside, no \C, \G, callouts. Any thread; constant after new.
 *
 * TbScan looks for the first match in a stream. A match that more bytes could still change waits for them, until the
 * owner says that there are no more (`end`). It looks in blocks of TB_LIMIT_EXPECT_WINDOW bytes, counted from where the
 * scan began: a match that begins in a block is found if it ends (with what it looks ahead to) before the end of
 * the next one, so every match of up to that size is. It looks back as far as PCRE2 can (65,535 bytes). Memory:
 * three blocks at most. One thread at a time.
 */
#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct TbPattern TbPattern;
/* NULL: TB_ERROR_INVALID for the field "pattern", with the offset of what is wrong. */
TbPattern *tb_pattern_new(const char *text, gsize size, GError **error);
void tb_pattern_free(TbPattern *pattern);

typedef enum TbScanState {
        TB_SCAN_MORE,   /* feed it */
        TB_SCAN_AGAIN,  /* the time was up: step again */
        TB_SCAN_FOUND,  /* tb_scan_match() */
        TB_SCAN_FAILED, /* the pattern takes too many steps or too much memory on these bytes */
} TbScanState;

typedef struct TbScan TbScan;
TbScan *tb_scan_new(const TbPattern *pattern); /* borrowed for its life */
void tb_scan_free(TbScan *scan);
gsize tb_scan_room(const TbScan *scan); /* bytes that it takes now; 0: step first */
void tb_scan_feed(TbScan *scan, const void *data, gsize size);
/* `end`: what it has is all there is, a match may end with it; more may be fed afterwards all the same. */
TbScanState tb_scan_step(TbScan *scan, bool end, gint64 until_us, GError **error);
/* After FOUND: {"matched","match","groups","before"}, what is no UTF-8 replaced; and bytes fed before the end of the match.
 * `base64`: with "base64": {"match","groups","before"}, the bytes as they came. */
json_t *tb_scan_match(const TbScan *scan, bool base64, guint64 *ret_end);
/* {"matched": false, "before"}: the last bytes that it was fed (a block at most), what was seen. New reference. */
json_t *tb_scan_seen(const TbScan *scan, bool base64);
