#include "host/vnc/door.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "lib/log.h"
#include "lib/thread.h"

#define REFUSED_LINGER_MS 1000 /* lets the reason arrive before the socket goes */

typedef struct Knock {
        TbVncDoor *door;    /* borrowed */
        int fd;             /* owned */
        char *peer;         /* owned */
        TbVncHello *hello;  /* owned */
        GByteArray *out;    /* owned */
        guint watch, timer; /* source ids */
        gpointer purpose;   /* owned */
        GDestroyNotify free_purpose;
        guint8 buf[TB_VNC_CHALLENGE];
        gsize have;
        gint64 since_us;
        bool leaving; /* only waits for the other side to read the reason */
} Knock;

typedef struct Wrong {
        gint64 since_us;
        guint count;
} Wrong;

struct TbVncDoor {
        const TbVncDoorOps *ops; /* static */
        gpointer data;
        GPtrArray *knocks; /* owned Knock */
        GHashTable *wrong; /* peer -> Wrong */
};

static void knock_free(gpointer data)
{
        Knock *knock = data;
        if (knock->watch)
                g_source_remove(knock->watch);
        if (knock->timer)
                g_source_remove(knock->timer);
        if (knock->fd >= 0)
                close(knock->fd);
        if (knock->free_purpose)
                knock->free_purpose(knock->purpose);
        tb_vnc_hello_free(knock->hello);
        g_byte_array_free(knock->out, TRUE);
        g_free(knock->peer);
        g_free(knock);
}

static void knock_end(Knock *knock)
{
        g_ptr_array_remove_fast(knock->door->knocks, knock);
}

static gboolean on_late(gpointer data)
{
        Knock *knock = data;
        knock->timer = 0;
        if (!knock->leaving)
                tb_log(TB_LOG_INFO, TB_F("peer", knock->peer), "VNC greeting took too long");
        knock_end(knock);
        return G_SOURCE_REMOVE;
}

/* Addresses that tried too often; old entries go when the table is looked at. */
static bool too_often(TbVncDoor *door, const char *peer)
{
        gint64 now = g_get_monotonic_time();
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, door->wrong);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (now - ((Wrong *)value)->since_us > TB_VNC_WRONG_WINDOW_S * G_USEC_PER_SEC)
                        g_hash_table_iter_remove(&iter);
        Wrong *wrong = g_hash_table_lookup(door->wrong, peer);
        return wrong && wrong->count >= TB_VNC_WRONG_PASSWORDS;
}

static void note_wrong(TbVncDoor *door, const char *peer)
{
        Wrong *wrong = g_hash_table_lookup(door->wrong, peer);
        if (!wrong && g_hash_table_size(door->wrong) < 1024) {
                wrong = g_new0(Wrong, 1);
                wrong->since_us = g_get_monotonic_time();
                g_hash_table_insert(door->wrong, g_strdup(peer), wrong);
        }
        if (wrong)
                wrong->count++;
        tb_log(TB_LOG_WARNING, TB_F("peer", peer), "wrong VNC password");
}

/* A greeting's few bytes always fit into an empty socket buffer; a peer for which they do not is none. */
static bool flush(Knock *knock)
{
        gsize size = knock->out->len;
        if (size == 0)
                return true;
        ssize_t n = send(knock->fd, knock->out->data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        g_byte_array_set_size(knock->out, 0);
        return n == (ssize_t)size;
}

static void enter(Knock *knock)
{
        TbVncGuest guest = {.fd = knock->fd,
                            .role = tb_vnc_hello_role(knock->hello),
                            .peer = knock->peer,
                            .purpose = knock->purpose};
        if (knock->watch) {
                g_source_remove(knock->watch);
                knock->watch = 0;
        }
        if (knock->door->ops->enter(&guest, knock->door->data))
                knock->fd = -1;
        knock_end(knock);
}

static void leave(Knock *knock)
{
        if (tb_vnc_hello_wrong_password(knock->hello))
                note_wrong(knock->door, knock->peer);
        knock->leaving = true;
        shutdown(knock->fd, SHUT_WR);
        g_source_remove(knock->timer);
        knock->timer = g_timeout_add(REFUSED_LINGER_MS, on_late, knock);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
        (void)condition;
        Knock *knock = data;
        if (knock->leaving) {
                guint8 ignored[256];
                ssize_t n = recv(fd, ignored, sizeof ignored, MSG_DONTWAIT);
                if (n > 0 || (n < 0 && errno == EAGAIN))
                        return G_SOURCE_CONTINUE;
                knock->watch = 0;
                knock_end(knock);
                return G_SOURCE_REMOVE;
        }
        gsize want = tb_vnc_hello_want(knock->hello);
        ssize_t n = recv(fd, knock->buf + knock->have, want - knock->have, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return G_SOURCE_CONTINUE;
        g_autoptr(GError) error = NULL;
        gssize used = -1;
        if (n > 0) {
                knock->have += (gsize)n;
                used = tb_vnc_hello_feed(knock->hello, knock->buf, knock->have, knock->out, &error);
        }
        if (used > 0)
                knock->have = 0; /* it takes all that was wanted */
        if (used < 0 || !flush(knock)) {
                if (error)
                        tb_log(TB_LOG_INFO, TB_F("peer", knock->peer), "VNC greeting: %s", error->message);
                knock->watch = 0;
                knock_end(knock);
                return G_SOURCE_REMOVE;
        }
        TbVncHelloStep step = tb_vnc_hello_step(knock->hello);
        if (step == TB_VNC_HELLO_DONE) {
                knock->watch = 0;
                enter(knock);
                return G_SOURCE_REMOVE;
        }
        if (step == TB_VNC_HELLO_FAILED)
                leave(knock);
        return G_SOURCE_CONTINUE;
}

/* Who says nothing keeps nobody out: the oldest goes. Each has TB_VNC_GREETING_MS, so the soonest is due first. */
static void make_room(TbVncDoor *door)
{
        Knock *oldest = g_ptr_array_index(door->knocks, 0);
        for (guint i = 1; i < door->knocks->len; i++) {
                Knock *knock = g_ptr_array_index(door->knocks, i);
                if (knock->since_us < oldest->since_us)
                        oldest = knock;
        }
        knock_end(oldest);
}

void tb_vnc_door_knock(TbVncDoor *door, int fd, const char *peer, const TbVncHelloOptions *options,
                       gpointer purpose, GDestroyNotify free_purpose)
{
        tb_assert_main();
        Knock *knock = g_new0(Knock, 1);
        knock->door = door;
        knock->fd = fd;
        knock->peer = g_strdup(peer);
        knock->since_us = g_get_monotonic_time();
        knock->purpose = purpose;
        knock->free_purpose = free_purpose;
        knock->out = g_byte_array_new();
        TbVncHelloOptions o = *options;
        bool secret = o.password || o.view_password;
        if (secret && too_often(door, peer))
                o.refuse = "too many wrong passwords: wait a minute";
        knock->hello = tb_vnc_hello_new(&o, knock->out);
        if (door->knocks->len >= TB_VNC_GUESTS)
                make_room(door);
        if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 || !flush(knock)) {
                knock_free(knock);
                return;
        }
        g_ptr_array_add(door->knocks, knock);
        knock->watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, knock);
        knock->timer = g_timeout_add(TB_VNC_GREETING_MS, on_late, knock);
}

TbVncDoor *tb_vnc_door_new(const TbVncDoorOps *ops, gpointer data)
{
        TbVncDoor *door = g_new0(TbVncDoor, 1);
        door->ops = ops;
        door->data = data;
        door->knocks = g_ptr_array_new_with_free_func(knock_free);
        door->wrong = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        return door;
}

void tb_vnc_door_free(TbVncDoor *door)
{
        if (!door)
                return;
        g_ptr_array_free(door->knocks, TRUE);
        g_hash_table_destroy(door->wrong);
        g_free(door);
}
