/* What testbed-media sends to testbed-host, after it was taken over: whatever is accepted keeps to its ranges, ends its texts, and
 * says the same when it is written again. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "host/media/link/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const TbLinkBytes *text)
{
        g_assert_cmpuint(strlen(text->data), ==, text->length);
        g_assert_true(g_utf8_validate(text->data, -1, NULL));
}

static void check(const TbLinkMessage *m)
{
        if (m->type == TB_LINK_MESSAGE || m->type == TB_LINK_OPEN || m->type == TB_LINK_SEND) {
                check_text(&m->chunk.channel);
                g_assert_cmpint(m->chunk.bytes.data[m->chunk.bytes.length], ==, '\0');
                g_assert_cmpuint(m->chunk.bytes.length, <=, TB_LIMIT_CHANNEL_MESSAGE);
        } else if (m->type == TB_LINK_STATS) {
                g_assert_true(isfinite(m->stats.rtt_ms) && isfinite(m->stats.sent_kbps));
                g_assert_cmpuint(m->stats.rung, <, TB_LINK_RUNGS);
        } else if (m->type == TB_LINK_SUBSCRIBE || m->type == TB_LINK_UNSUBSCRIBE ||
                   m->type == TB_LINK_KEYFRAME) {
                g_assert_cmpuint(m->number, <, TB_LINK_RUNGS);
        } else if (m->type == TB_LINK_RATE) {
                g_assert_cmpuint(m->feed.rung, <, TB_LINK_RUNGS);
        } else if (m->type == TB_LINK_ANSWER_SDP || m->type == TB_LINK_LOCAL || m->type == TB_LINK_CLOSED ||
                   m->type == TB_LINK_ANSWER_NONE) {
                check_text(&m->text);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (int from = TB_LINK_HOST; from <= TB_LINK_MEDIA; from++) {
                size_t at = 0;
                while (at < size) {
                        TbLinkMessage m;
                        g_autoptr(GError) error = NULL;
                        gssize n = tb_link_parse((TbLinkSide)from, data + at, size - at, &m, &error);
                        g_assert_true((n < 0) == (error != NULL));
                        if (n <= 0)
                                break;
                        g_assert_cmpuint((size_t)n, <=, size - at);
                        check(&m);
                        g_autoptr(GByteArray) again = tb_link_write(&m, &error);
                        g_assert_no_error(error);
                        g_assert_cmpmem(again->data, again->len, data + at, again->len);
                        at += (size_t)n;
                }
        }
        return 0;
}
