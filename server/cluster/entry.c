/* What other servers bring. */
#include "server/cluster/entry.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http/auth.h"
#include "lib/limits_cluster.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/tally.h"

typedef struct Comer {
        TbEntry *entry; /* borrowed */
        int fd;
        TbPollerEntry *watch;
        gint64 since_us;
        GList link;
} Comer;

struct TbEntry {
        TbPoller *poller;     /* borrowed */
        TbListener *listener; /* owned */
        char *secret;         /* owned; NULL: nobody comes in */
        GQueue comers;        /* owned Comer, the oldest first */
        TbTally *said;        /* owned */
        void (*brought)(const TbClient *client, gpointer data);
        gpointer data;
};

bool tb_entry_line_parse(const char *line, const char *secret, TbClient *ret)
{
        g_auto(GStrv) words = g_strsplit(line, " ", 8);
        struct sockaddr_storage address;
        *ret = (TbClient){.fd = -1};
        if (g_strv_length(words) != 6 || strcmp(words[0], "testbed") != 0 || strcmp(words[1], "1") != 0)
                return false;
        guint8 shown[TB_SECRET_HASH], right[TB_SECRET_HASH];
        tb_secret_hash(words[2], shown);
        tb_secret_hash(secret, right);
        bool tls = strcmp(words[5], "tls") == 0;
        if (!tb_secret_equal(shown, right, sizeof shown) || !tb_address_parse(words[3], &address) ||
            strlen(words[4]) >= sizeof ret->local || (!tls && strcmp(words[5], "plain") != 0))
                return false;
        g_strlcpy(ret->peer, words[3], sizeof ret->peer);
        g_strlcpy(ret->local, strcmp(words[4], "-") == 0 ? "" : words[4], sizeof ret->local);
        ret->tls = tls;
        return true;
}

/* Its socket is not closed. */
static void forget(Comer *c)
{
        g_queue_unlink(&c->entry->comers, &c->link);
        tb_poller_remove(c->watch);
        g_free(c);
}

static void turn_away(Comer *c, const char *why)
{
        if (tb_tally_note(c->entry->said, why))
                tb_log(TB_LOG_WARNING, TB_F(), "a connection to the servers' own port is ended: %s", why);
        close(c->fd);
        forget(c);
}

/* The line alone is taken out of the socket: what is behind it is for whom it is brought to. */
static void on_comer(uint32_t events G_GNUC_UNUSED, gpointer data)
{
        Comer *c = data;
        TbEntry *entry = c->entry;
        char text[TB_ENTRY_LINE + 1];
        ssize_t n = recv(c->fd, text, TB_ENTRY_LINE, MSG_PEEK | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        char *end = n > 0 ? memchr(text, '\n', (gsize)n) : NULL;
        TbClient client;
        if (n <= 0) {
                close(c->fd);
                forget(c);
                return;
        }
        if (!end) { /* a line this short comes whole: anything else is no server */
                turn_away(c, "it is no server");
                return;
        }
        *end = '\0';
        if (memchr(text, '\0', (gsize)(end - text)) || !entry->secret ||
            !tb_entry_line_parse(text, entry->secret, &client)) {
                turn_away(c, "it does not show what stands in the database");
                return;
        }
        ssize_t size = end - text + 1;
        if (recv(c->fd, text, (gsize)size, MSG_DONTWAIT) != size) {
                turn_away(c, "it is no server");
                return;
        }
        client.fd = c->fd;
        forget(c);
        entry->brought(&client, entry->data);
}

static void on_connection(int fd, const char *peer G_GNUC_UNUSED, gpointer data)
{
        TbEntry *entry = data;
        gint64 now_us = g_get_monotonic_time();
        for (Comer *old; (old = g_queue_peek_head(&entry->comers)) &&
                         (entry->comers.length >= TB_LIMIT_ENTRY_WAITING ||
                          now_us - old->since_us > TB_LIMIT_ENTRY_MS * 1000ll);)
                turn_away(old, "it says nothing");
        Comer *c = g_new0(Comer, 1);
        c->entry = entry;
        c->fd = fd;
        c->since_us = now_us;
        c->link.data = c;
        c->watch = tb_poller_add(entry->poller, fd, EPOLLIN, on_comer, c);
        if (!c->watch) {
                close(fd);
                g_free(c);
                return;
        }
        g_queue_push_tail_link(&entry->comers, &c->link);
}

TbEntry *tb_entry_new(const char *address, guint16 port, TbPoller *poller,
                      void (*brought)(const TbClient *client, gpointer data), gpointer data, GError **error)
{
        TbEntry *entry = g_new0(TbEntry, 1);
        entry->poller = poller;
        entry->brought = brought;
        entry->data = data;
        entry->said = tb_tally_new_log();
        entry->listener = tb_listener_new(address, port, on_connection, entry, error);
        if (entry->listener)
                return entry;
        tb_tally_free(entry->said);
        g_free(entry);
        return NULL;
}

void tb_entry_open(TbEntry *entry, const char *secret)
{
        g_free(entry->secret);
        entry->secret = g_strdup(secret);
}

guint16 tb_entry_port(const TbEntry *entry)
{
        return tb_listener_port(entry->listener);
}

guint tb_entry_unproven(const TbEntry *entry)
{
        return entry->comers.length;
}

void tb_entry_free(TbEntry *entry)
{
        if (!entry)
                return;
        tb_listener_free(entry->listener);
        while (entry->comers.head) {
                Comer *c = entry->comers.head->data;
                close(c->fd);
                forget(c);
        }
        tb_tally_free(entry->said);
        g_free(entry->secret);
        g_free(entry);
}
