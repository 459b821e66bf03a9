#include "host/vnc/aside.h"

#include <string.h>

#include "lib/limits.h"

enum { FENCE = 248, CONTINUOUS = 150, GII = 253, QEMU = 255, TEXT_CHAT = 11 };
#define ENCODING_FENCE (-312)
#define ENCODING_CONTINUOUS (-313)
#define FENCE_REQUEST (1u << 31)
#define FENCE_FLAGS 7u /* block before, block after, synchronise next: we do all in turn anyway */
#define GII_BIG_ENDIAN 0x80
#define CHAT_WORDS 0xfffffffdu /* from here on: open, close, finished, and no text */

/* --- pure: how long what is --- */
typedef struct Kind {
        guint8 type, head; /* bytes, the type's included */
        guint8 at, bytes;  /* where the head says how much follows; 0: nothing does */
        guint8 each;       /* bytes of one of them */
        bool whole;        /* the head is in it */
} Kind;

static const Kind kinds[] = {
        {.type = 1, .head = 6, .at = 4, .bytes = 2, .each = 6},         /* FixColourMapEntries of RFB 3.3 */
        {.type = 7, .head = 12, .at = 8, .bytes = 4, .each = 1},        /* UltraVNC: a file */
        {.type = 8, .head = 4},                                         /* … scale */
        {.type = 9, .head = 4},                                         /* … whether others may type */
        {.type = 10, .head = 6},                                        /* … one window alone */
        {.type = TEXT_CHAT, .head = 8, .at = 4, .bytes = 4, .each = 1}, /* … chat */
        {.type = 12, .head = 2},                                        /* … a key frame */
        {.type = 13, .head = 1},                                        /* … it is still there */
        {.type = 15, .head = 4},                                        /* PalmVNC: scale */
        {.type = 127, .head = 4, .at = 2, .bytes = 2, .each = 1, .whole = true}, /* VMware */
        {.type = CONTINUOUS, .head = 10},
        {.type = FENCE, .head = 9, .at = 8, .bytes = 1, .each = 1},
        {.type = 250, .head = 4}, /* xvp: nobody was told that power is switched here */
        {.type = GII, .head = 4, .at = 2, .bytes = 2, .each = 1},
        {.type = 254, .head = 4, .at = 2, .bytes = 2, .each = 1, .whole = true}, /* VMware, older */
        {.type = QEMU, .head = 4},
};

static const Kind *kind_of(guint8 type)
{
        for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
                if (kinds[i].type == type)
                        return &kinds[i];
        return NULL;
}

gsize tb_vnc_aside_head(guint8 type)
{
        const Kind *kind = kind_of(type);
        return kind ? kind->head : 0;
}

static guint32 number_at(const guint8 *bytes, gsize n)
{
        guint32 number = 0;
        for (gsize i = 0; i < n; i++)
                number = number << 8 | bytes[i];
        return number;
}

/* A key by its place; sound has a format, or nothing, behind it. */
static gint64 more_of_qemu(const guint8 *head)
{
        if (head[1] == 0)
                return 8;
        return head[1] == 1 && number_at(head + 2, 2) == 2 ? 6 : 0;
}

gint64 tb_vnc_aside_more(const guint8 *head)
{
        const Kind *kind = kind_of(head[0]);
        if (!kind || head[0] == QEMU)
                return kind ? more_of_qemu(head) : -1;
        if (!kind->bytes)
                return 0;
        gint64 n = number_at(head + kind->at, kind->bytes);
        if (head[0] == GII && !(head[1] & GII_BIG_ENDIAN))
                n = head[2] | head[3] << 8;
        if (head[0] == TEXT_CHAT && n >= CHAT_WORDS)
                return 0;
        n *= kind->each;
        if (kind->whole)
                n = MAX(n - kind->head, 0);
        return n > TB_LIMIT_VNC_MESSAGE || (head[0] == FENCE && n > TB_VNC_FENCE_BYTES) ? -1 : n;
}

/* --- what is answered --- */
bool tb_vnc_aside_offered(TbVncAside *aside, int encoding)
{
        bool *knows = encoding == ENCODING_FENCE        ? &aside->fences
                      : encoding == ENCODING_CONTINUOUS ? &aside->continuous
                                                        : NULL;
        if (!knows)
                return false;
        if (!*knows)
                *(knows == &aside->fences ? &aside->tell_fences : &aside->tell_continuous) = true;
        *knows = true;
        return true;
}

static bool write_fence(rfbClientPtr client, guint32 flags, const void *bytes, guint8 n)
{
        guint8 message[9 + TB_VNC_FENCE_BYTES] = {FENCE};
        for (int i = 0; i < 4; i++)
                message[4 + i] = (guint8)(flags >> (24 - 8 * i));
        message[8] = n;
        memcpy(message + 9, bytes, n);
        return rfbWriteExact(client, (const char *)message, 9 + n) > 0;
}

bool tb_vnc_aside_announce(TbVncAside *aside, rfbClientPtr client)
{
        if (aside->tell_fences) {
                aside->tell_fences = false;
                if (!write_fence(client, FENCE_REQUEST, "", 0))
                        return false;
        }
        /* how far a viewer is that asks for nothing is known by fences alone */
        if (!aside->tell_continuous || !aside->fences)
                return true;
        const char end = (char)CONTINUOUS;
        aside->tell_continuous = false;
        return rfbWriteExact(client, &end, 1) > 0;
}

void tb_vnc_aside_request(TbVncAside *aside, rfbClientPtr client)
{
        if (!aside->on || aside->sent - aside->arrived >= TB_VNC_UPDATES_ON_WAY)
                return;
        int x2 = MIN(aside->x + aside->width, client->screen->width),
            y2 = MIN(aside->y + aside->height, client->screen->height);
        if (aside->x >= x2 || aside->y >= y2)
                return;
        sraRegionPtr area = sraRgnCreateRect(aside->x, aside->y, x2, y2);
        sraRgnOr(client->requestedRegion, area);
        sraRgnDestroy(area);
}

bool tb_vnc_aside_updated(TbVncAside *aside, rfbClientPtr client)
{
        if (!aside->on)
                return true;
        aside->sent++;
        return write_fence(client, FENCE_REQUEST | 1, "u", 1);
}

static bool fence(TbVncAside *aside, rfbClientPtr client, const guint8 *head, const guint8 *bytes)
{
        guint32 flags = number_at(head + 4, 4);
        if (flags & FENCE_REQUEST)
                return write_fence(client, flags & FENCE_FLAGS, bytes, head[8]);
        if (head[8] == 1 && *bytes == 'u' && aside->arrived != aside->sent)
                aside->arrived++;
        return true;
}

static bool continuous(TbVncAside *aside, rfbClientPtr client, const guint8 *head)
{
        bool was = aside->on;
        aside->on = head[1] && aside->continuous && aside->fences;
        aside->x = (int)number_at(head + 2, 2);
        aside->y = (int)number_at(head + 4, 2);
        aside->width = (int)number_at(head + 6, 2);
        aside->height = (int)number_at(head + 8, 2);
        const char end = (char)CONTINUOUS;
        return aside->on || !was || rfbWriteExact(client, &end, 1) > 0;
}

static bool read_exact(rfbClientPtr client, guint8 *bytes, gsize n)
{
        if (n == 0 || rfbReadExact(client, (char *)bytes, (int)n) > 0)
                return true;
        rfbCloseClient(client);
        return false;
}

static bool skip(rfbClientPtr client, gsize n)
{
        guint8 bytes[4096];
        for (; n > 0; n -= MIN(n, sizeof bytes))
                if (!read_exact(client, bytes, MIN(n, sizeof bytes)))
                        return false;
        return true;
}

bool tb_vnc_aside_read(TbVncAside *aside, rfbClientPtr client, guint8 type, bool *ret_known)
{
        guint8 head[TB_VNC_ASIDE_HEAD], bytes[TB_VNC_FENCE_BYTES] = {0};
        gsize size = tb_vnc_aside_head(type);
        *ret_known = size > 0;
        if (size == 0 || !read_exact(client, head, size))
                return false;
        gint64 more = tb_vnc_aside_more(head);
        if (more < 0) {
                rfbCloseClient(client);
                return false;
        }
        if (type == FENCE)
                return read_exact(client, bytes, (gsize)more) && fence(aside, client, head, bytes);
        if (!skip(client, (gsize)more))
                return false;
        return type != CONTINUOUS || continuous(aside, client, head);
}
