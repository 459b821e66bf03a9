#include "host/media/link/link.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/refcount.h"
#include "lib/thread.h"

#define READ_BYTES (64 * 1024) /* of one turn of the loop */
#define SOCKET_BYTES (1024 * 1024)

typedef struct Piece {
        guint8 *bytes; /* owned */
        gsize length, sent;
        guint32 peer; /* who pays; 0: nobody */
} Piece;

struct TbLink {
        TbRefCount ref; /* posts of other threads hold it */
        TbLinkSide side;
        TbMutex lock;
        int fd;           /* -1: it has ended; protected by lock */
        GQueue pieces;    /* owned Piece; protected by lock */
        gsize waiting;    /* bytes in them; protected by lock */
        GHashTable *debt; /* peer -> bytes of it in them; protected by lock */
        bool armed;       /* main watches for room, or will; protected by lock */

        /* main thread only */
        const TbLinkCallbacks *callbacks; /* static; NULL: freed */
        void *data;
        GByteArray *in; /* owned */
        guint in_watch, out_watch;
};

static void piece_free(gpointer data)
{
        Piece *piece = data;
        g_free(piece->bytes);
        g_free(piece);
}

static void link_unref(gpointer data)
{
        TbLink *link = data;
        if (!tb_ref_dec(&link->ref))
                return;
        g_queue_clear_full(&link->pieces, piece_free);
        g_hash_table_unref(link->debt);
        g_byte_array_unref(link->in);
        tb_mutex_clear(&link->lock);
        g_free(link);
}

/* Nothing goes in or out any more. */
static void hang_up(TbLink *link)
{
        g_clear_handle_id(&link->in_watch, g_source_remove);
        g_clear_handle_id(&link->out_watch, g_source_remove);
        tb_mutex_lock(&link->lock);
        if (link->fd >= 0)
                close(link->fd);
        link->fd = -1;
        g_queue_clear_full(&link->pieces, piece_free);
        g_hash_table_remove_all(link->debt);
        link->waiting = 0;
        tb_mutex_unlock(&link->lock);
}

static void end(TbLink *link, const char *why)
{
        if (link->in_watch == 0)
                return;
        hang_up(link);
        link->callbacks->ended(why, link->data);
}

/* --- out --- */
static gsize debt_of(TbLink *link, guint32 peer)
{
        return GPOINTER_TO_SIZE(g_hash_table_lookup(link->debt, GUINT_TO_POINTER(peer)));
}

/* With lock held. */
static void owe(TbLink *link, guint32 peer, gssize bytes)
{
        link->waiting += (gsize)bytes;
        if (!peer)
                return;
        gsize debt = debt_of(link, peer) + (gsize)bytes;
        if (debt)
                g_hash_table_insert(link->debt, GUINT_TO_POINTER(peer), GSIZE_TO_POINTER(debt));
        else
                g_hash_table_remove(link->debt, GUINT_TO_POINTER(peer));
}

/* As much as the socket takes; -1: it is broken. With lock held. */
static gssize push(TbLink *link, const struct iovec *parts, gsize n)
{
        struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = n};
        gssize sent;
        do
                sent = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (sent < 0 && errno == EINTR);
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
                return 0;
        return sent;
}

/* With lock held. False: the socket is broken, and reading tells main of it. */
static bool flush(TbLink *link)
{
        Piece *piece;
        while ((piece = g_queue_peek_head(&link->pieces))) {
                struct iovec part = {piece->bytes + piece->sent, piece->length - piece->sent};
                gssize sent = push(link, &part, 1);
                if (sent <= 0)
                        return sent == 0;
                piece->sent += (gsize)sent;
                owe(link, piece->peer, -sent);
                if (piece->sent == piece->length)
                        piece_free(g_queue_pop_head(&link->pieces));
        }
        return true;
}

static gboolean on_room(int fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
        TbLink *link = data;
        tb_mutex_lock(&link->lock);
        bool more = flush(link) && !g_queue_is_empty(&link->pieces);
        link->armed = more;
        tb_mutex_unlock(&link->lock);
        if (!more)
                link->out_watch = 0;
        return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void arm(gpointer data)
{
        TbLink *link = data;
        tb_mutex_lock(&link->lock);
        int fd = link->fd;
        tb_mutex_unlock(&link->lock);
        if (fd >= 0 && link->callbacks && !link->out_watch)
                link->out_watch = g_unix_fd_add(fd, G_IO_OUT, on_room, link);
        link_unref(link);
}

/* What of the parts was not sent. With lock held. */
static void queue(TbLink *link, const struct iovec *parts, gsize n, gsize sent, guint32 peer)
{
        gsize length = 0;
        for (gsize i = 0; i < n; i++)
                length += parts[i].iov_len;
        if (sent == length)
                return;
        Piece *piece = g_new(Piece, 1);
        *piece = (Piece){g_malloc(length - sent), length - sent, 0, peer};
        gsize at = 0;
        for (gsize i = 0; i < n; i++) {
                gsize skip = MIN(sent, parts[i].iov_len);
                if (parts[i].iov_len > skip)
                        memcpy(piece->bytes + at, (const guint8 *)parts[i].iov_base + skip,
                               parts[i].iov_len - skip);
                at += parts[i].iov_len - skip;
                sent -= skip;
        }
        owe(link, peer, (gssize)piece->length);
        g_queue_push_tail(&link->pieces, piece);
        if (link->armed)
                return;
        link->armed = true;
        tb_ref_inc(&link->ref);
        if (!tb_main_post(arm, link))
                link_unref(link);
}

/* Messages that a viewer causes, and pays for. */
static bool is_charged(TbLinkType type)
{
        return type == TB_LINK_SEND || type == TB_LINK_MESSAGE || type == TB_LINK_LOCAL;
}

TbLinkSent tb_link_send(TbLink *link, const TbLinkMessage *m)
{
        g_autoptr(GByteArray) head = tb_link_write(m, NULL);
        if (!head)
                return TB_LINK_BAD;
        bool unit = m->type == TB_LINK_UNIT;
        guint32 peer = is_charged(m->type) ? m->id : 0;
        static const guint8 nul = 0;
        struct iovec parts[] = {{head->data, head->len},
                                {(void *)(unit ? m->unit.data.data : NULL), unit ? m->unit.data.length : 0},
                                {(void *)&nul, unit ? 1 : 0}};
        bool media = unit || m->type == TB_LINK_SOUND; /* what comes late is of no use */
        gsize length = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
        TbLinkSent result = TB_LINK_SENT;
        tb_mutex_lock(&link->lock);
        if (link->fd < 0)
                result = TB_LINK_BAD;
        else if (link->waiting + length > (media ? TB_LIMIT_LINK_UNITS : TB_LIMIT_LINK_QUEUE) ||
                 (peer && debt_of(link, peer) + length > TB_LIMIT_LINK_PEER))
                result = TB_LINK_FULL;
        if (result == TB_LINK_SENT) {
                gssize sent = g_queue_is_empty(&link->pieces) ? push(link, parts, G_N_ELEMENTS(parts)) : 0;
                queue(link, parts, G_N_ELEMENTS(parts), (gsize)MAX(sent, 0), peer);
        }
        tb_mutex_unlock(&link->lock);
        return result;
}

gsize tb_link_waiting(TbLink *link, guint32 id)
{
        tb_mutex_lock(&link->lock);
        gsize waiting = debt_of(link, id);
        tb_mutex_unlock(&link->lock);
        return waiting;
}

/* --- in --- */
/* Every whole message. False: the link has ended. */
static bool deliver(TbLink *link)
{
        TbLinkSide other = link->side == TB_LINK_HOST ? TB_LINK_MEDIA : TB_LINK_HOST;
        gsize at = 0;
        while (link->in_watch) {
                TbLinkMessage message;
                g_autoptr(GError) error = NULL;
                gssize n = tb_link_parse(other, link->in->data + at, link->in->len - at, &message, &error);
                if (n < 0) {
                        end(link, error->message);
                        return false;
                }
                if (n == 0)
                        break;
                at += (gsize)n;
                link->callbacks->message(&message, link->data);
        }
        if (!link->in_watch)
                return false;
        if (at)
                g_byte_array_remove_range(link->in, 0, (guint)at);
        return true;
}

static gboolean on_bytes(int fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
        TbLink *link = data;
        guint have = link->in->len;
        g_byte_array_set_size(link->in, have + READ_BYTES);
        gssize n = recv(fd, link->in->data + have, READ_BYTES, MSG_DONTWAIT);
        int failure = errno;
        g_byte_array_set_size(link->in, have + (guint)MAX(n, 0));
        if (n < 0 && (failure == EAGAIN || failure == EINTR))
                return G_SOURCE_CONTINUE;
        tb_ref_inc(&link->ref); /* a callback may free it */
        bool goes_on = n > 0 && deliver(link);
        if (!goes_on && link->in_watch)
                end(link, TB_LINK_GONE);
        link_unref(link);
        return goes_on ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* --- life --- */
TbLink *tb_link_new(int fd, TbLinkSide side, const TbLinkCallbacks *callbacks, void *data)
{
        tb_assert_main();
        TbLink *link = g_new0(TbLink, 1);
        tb_ref_init(&link->ref);
        tb_mutex_init(&link->lock);
        link->side = side;
        link->fd = fd;
        link->callbacks = callbacks;
        link->data = data;
        link->debt = g_hash_table_new(NULL, NULL);
        link->in = g_byte_array_new();
        g_queue_init(&link->pieces);
        int size = SOCKET_BYTES; /* a keyframe at once; the kernel gives as much as it allows */
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        link->in_watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_bytes, link);
        return link;
}

void tb_link_free(TbLink *link)
{
        if (!link)
                return;
        tb_assert_main();
        hang_up(link);
        link->callbacks = NULL;
        link_unref(link);
}
