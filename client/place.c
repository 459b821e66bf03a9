#include "client/place.h"

void tb_cli_place_init(TbCliPlace *p)
{
        *p = (TbCliPlace){.kept = g_byte_array_new()};
}

void tb_cli_place_clear(TbCliPlace *p)
{
        g_clear_pointer(&p->kept, g_byte_array_unref);
}

void tb_cli_place_set(TbCliPlace *p, guint64 offset)
{
        p->known = true;
        p->have = offset;
        g_byte_array_set_size(p->kept, 0);
}

guint64 tb_cli_place_again(const TbCliPlace *p, guint64 end)
{
        guint64 from = p->have - p->kept->len;
        return MIN(from, end);
}

static void keep(TbCliPlace *p, const guint8 *bytes, gsize n)
{
        g_byte_array_append(p->kept, bytes, (guint)n);
        if (p->kept->len > TB_CLI_PLACE_KEPT)
                g_byte_array_remove_range(p->kept, 0, p->kept->len - TB_CLI_PLACE_KEPT);
}

/* How many of the first bytes are the same as ours. */
static gsize same(const TbCliPlace *p, guint64 offset, const guint8 *bytes, gsize n)
{
        guint64 begin = p->have - p->kept->len;
        gsize i = 0;
        for (; i < n && offset + i < p->have; i++)
                if (offset + i >= begin && p->kept->data[offset + i - begin] != bytes[i])
                        break;
        return i;
}

gsize tb_cli_place_take(TbCliPlace *p, guint64 offset, const guint8 *bytes, gsize n, TbCliPlaceNews *ret_news)
{
        *ret_news = TB_CLI_PLACE_SAME;
        if (p->known && offset > p->have)
                *ret_news = TB_CLI_PLACE_GAP;
        gsize old = p->known ? same(p, offset, bytes, n) : 0;
        if (p->known && offset + old < p->have && old < n)
                *ret_news = TB_CLI_PLACE_OTHER;
        if (old == n) /* all of it is known */
                return n;
        if (*ret_news != TB_CLI_PLACE_SAME) {
                g_byte_array_set_size(p->kept, 0);
                if (*ret_news == TB_CLI_PLACE_OTHER) /* what they have in common stays */
                        keep(p, bytes, old);
        }
        keep(p, bytes + old, n - old);
        p->known = true;
        p->have = offset + n;
        return old;
}
