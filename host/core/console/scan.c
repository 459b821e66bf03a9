#include <string.h>
#include <time.h>

#include "host/core/console/pattern.h"
#include "host/core/console/pattern_private.h"
#include "lib/error.h"
#include "lib/limits.h"
#include "lib/text.h"

#define BLOCK ((gsize)TB_LIMIT_EXPECT_WINDOW)
#define LOOK_EVERY 32 /* items that are tried between two looks at the clock */

G_STATIC_ASSERT(TB_LIMIT_EXPECT_WINDOW > 65536); /* what is kept before a block covers every lookbehind */

struct TbScan {
        const TbPattern *pattern; /* borrowed */
        pcre2_match_context *context;
        GByteArray *
                bytes; /* the block before (once there is one), the block in which a match may begin, the next */
        guint64 base; /* of bytes[0], counted from where the scan began */
        gsize behind; /* of bytes: where the block begins, 0 or BLOCK */
        gsize at;     /* of bytes: a match may begin from here on */
        gsize end_at; /* the same for a search that takes the end for the end, until more is fed */
        /* of the search that runs */
        gint64 until_us;
        gsize began, stopped;
        guint items;
        gint64 cpu_us; /* of this thread when it began */
        /* of the match */
        PCRE2_SIZE *groups; /* owned: pairs */
        guint n_groups;
};

TbScan *tb_scan_new(const TbPattern *pattern)
{
        TbScan *s = g_new0(TbScan, 1);
        s->pattern = pattern;
        s->context = pcre2_match_context_create(NULL);
        pcre2_set_match_limit(s->context, TB_LIMIT_EXPECT_STEPS);
        pcre2_set_heap_limit(s->context, TB_LIMIT_EXPECT_HEAP_KB);
        s->bytes = g_byte_array_new();
        return s;
}

void tb_scan_free(TbScan *s)
{
        if (!s)
                return;
        pcre2_match_context_free(s->context);
        g_byte_array_unref(s->bytes);
        g_free(s->groups);
        g_free(s);
}

gsize tb_scan_room(const TbScan *s)
{
        return s->behind + 2 * BLOCK - s->bytes->len;
}

void tb_scan_feed(TbScan *s, const void *data, gsize size)
{
        g_assert(size <= tb_scan_room(s));
        g_byte_array_append(s->bytes, data, (guint)size);
        s->end_at = 0;
}

static gint64 own_cpu_us(void)
{
        struct timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (gint64)t.tv_sec * G_USEC_PER_SEC + t.tv_nsec / 1000;
}

/*
 * Before each item of the pattern that is tried: a step that the limits count may be a look at all there is (\1, a*), so
 * the clock is looked at, too. When the time is up, the search ends where it is and begins again with this place, if
 * one place at least was tried; a place that takes far too long on its own ends it for good.
 */
static int on_item(pcre2_callout_block *block, void *data)
{
        TbScan *s = data;
        if (++s->items % LOOK_EVERY != 0 || g_get_monotonic_time() < s->until_us)
                return 0;
        s->stopped = block->start_match;
        if (s->stopped > s->began)
                return PCRE2_ERROR_CALLOUT;
        return own_cpu_us() - s->cpu_us > TB_LIMIT_EXPECT_PLACE_US ? PCRE2_ERROR_MATCHLIMIT : 0;
}

/* One call of the matcher, for matches that begin in [from, last]. */
static int search(TbScan *s, gsize from, gsize last, guint32 options, pcre2_match_data *match)
{
        s->began = from;
        s->items = 0;
        s->cpu_us = own_cpu_us();
        pcre2_set_offset_limit(s->context, last);
        pcre2_set_callout(s->context, on_item, s);
        return pcre2_match(s->pattern->re, s->bytes->data ? s->bytes->data : (PCRE2_SPTR) "", s->bytes->len,
                           from, options, match, s->context);
}

static TbScanState keep_match(TbScan *s, pcre2_match_data *match)
{
        s->n_groups = pcre2_get_ovector_count(match);
        s->groups = g_memdup2(pcre2_get_ovector_pointer(match), s->n_groups * 2 * sizeof *s->groups);
        return TB_SCAN_FOUND;
}

static TbScanState failed(int rc, GError **error)
{
        char why[256] = "";
        pcre2_get_error_message(rc, (PCRE2_UCHAR *)why, sizeof why);
        tb_error_set_field(
                error, TB_ERROR_INVALID, "pattern",
                "the pattern takes too much work on what was printed (%s): say more exactly what may repeat",
                why);
        return TB_SCAN_FAILED;
}

/* The next block; what is before the one that was is forgotten. */
static void next_block(TbScan *s)
{
        if (s->behind > 0) {
                g_byte_array_remove_range(s->bytes, 0, (guint)BLOCK);
                s->base += BLOCK;
        }
        s->behind = BLOCK;
        s->at = BLOCK;
}

/* Takes the end of what is there for the end. Where it looked is not given up: with more bytes it looks again. */
static TbScanState step_end(TbScan *s, pcre2_match_data *match, GError **error)
{
        int rc = search(s, MAX(s->at, s->end_at), s->bytes->len, 0, match);
        if (rc >= 0)
                return keep_match(s, match);
        if (rc == PCRE2_ERROR_CALLOUT) {
                s->end_at = s->stopped;
                return TB_SCAN_AGAIN;
        }
        return rc == PCRE2_ERROR_NOMATCH ? TB_SCAN_MORE : failed(rc, error);
}

/* Places in the block, until something is decided. */
static TbScanState step(TbScan *s, pcre2_match_data *match, GError **error)
{
        gsize block_end = s->behind + BLOCK;
        bool whole = tb_scan_room(s) == 0; /* all that a match in this block may see is there */
        while (s->at < block_end) {
                int rc = search(s, s->at, block_end - 1, PCRE2_PARTIAL_HARD, match);
                if (rc >= 0)
                        return keep_match(s, match);
                if (rc == PCRE2_ERROR_CALLOUT) {
                        s->at = s->stopped;
                        return TB_SCAN_AGAIN;
                }
                if (rc == PCRE2_ERROR_PARTIAL) {
                        s->at = MAX(s->at, pcre2_get_startchar(match));
                        if (!whole)
                                return TB_SCAN_MORE;
                        s->at++; /* longer than a match may be */
                        if (g_get_monotonic_time() >= s->until_us)
                                return TB_SCAN_AGAIN;
                        continue;
                }
                if (rc != PCRE2_ERROR_NOMATCH)
                        return failed(rc, error);
                s->at = MIN(s->bytes->len, block_end);
                if (s->at < block_end)
                        return TB_SCAN_MORE;
        }
        next_block(s);
        return TB_SCAN_AGAIN;
}

TbScanState tb_scan_step(TbScan *s, bool end, gint64 until_us, GError **error)
{
        s->until_us = until_us;
        pcre2_match_data *match = pcre2_match_data_create_from_pattern(s->pattern->re, NULL);
        TbScanState state = end && tb_scan_room(s) > 0 && s->at < s->behind + BLOCK
                                    ? step_end(s, match, error)
                                    : step(s, match, error);
        pcre2_match_data_free(match);
        return state;
}

typedef json_t *(*Spell)(const guint8 *bytes, gsize size);

static json_t *as_text(const guint8 *bytes, gsize size)
{
        return tb_text_json(bytes, size);
}

static json_t *as_base64(const guint8 *bytes, gsize size)
{
        g_autofree char *text = g_base64_encode(bytes, size);
        return json_string(text);
}

static json_t *match(const TbScan *s, Spell spell)
{
        const guint8 *bytes = s->bytes->data ? s->bytes->data : (const guint8 *)"";
        gsize start = s->groups[0], end = MAX(s->groups[1], start);
        json_t *groups = json_array();
        for (guint i = 1; i < s->n_groups; i++) {
                PCRE2_SIZE a = s->groups[2 * i], b = s->groups[2 * i + 1];
                json_array_append_new(groups,
                                      a == PCRE2_UNSET || b < a ? json_null() : spell(bytes + a, b - a));
        }
        return json_pack("{s:o, s:o, s:o}", "match", spell(bytes + start, end - start), "groups", groups,
                         "before", spell(bytes, start));
}

static json_t *seen(const TbScan *s, Spell spell)
{
        gsize n = MIN(s->bytes->len, BLOCK);
        return spell(s->bytes->len ? s->bytes->data + s->bytes->len - n : (const guint8 *)"", n);
}

json_t *tb_scan_match(const TbScan *s, bool base64, guint64 *ret_end)
{
        json_t *result = match(s, as_text);
        *ret_end = s->base + MAX(s->groups[1], s->groups[0]);
        json_object_set_new(result, "matched", json_true());
        if (base64)
                json_object_set_new(result, "base64", match(s, as_base64));
        return result;
}

json_t *tb_scan_seen(const TbScan *s, bool base64)
{
        json_t *result = json_pack("{s:b, s:o}", "matched", 0, "before", seen(s, as_text));
        if (base64)
                json_object_set_new(result, "base64", json_pack("{s:o}", "before", seen(s, as_base64)));
        return result;
}
