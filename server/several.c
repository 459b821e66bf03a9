/* Several servers that are one. */
#include "server/several.h"

#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/http/auth.h"
#include "lib/limits.h"
#include "lib/log.h"
#include "lib/net.h"
#include "server/cluster/beats.h"
#include "server/cluster/door.h"
#include "server/cluster/entry.h"
#include "server/store/seat.h"

#define TELL_MS 1000
#define SITS 10          /* tries to write that we have the database, which we have */
#define STEP_DOWN_MS 500 /* for answers under way when another has the database */

struct TbSeveral {
        const TbServerConfig *config; /* borrowed */
        TbServer *server;             /* owned; NULL: another has the database */
        /* of one among several */
        char *id, *secret; /* owned; the secret is another each time that it leads */
        int listen_fd;     /* -1: alone */
        TbPoller *poller;
        TbRedis *redis;
        TbBeats *beats;
        TbSeat *seat;
        TbEntry *entry;
        TbDoor *door; /* NULL while it leads */
        guint timer, taking;
        bool busy; /* it takes over, or steps down */
        bool stopping;
        bool seated;    /* the others are told that we have the database */
        guint sits;     /* how often that was tried */
        bool unreached; /* the one that has the database does not answer */
        char *leader;   /* owned; who was said to be it last */
        void (*done)(gpointer);
        gpointer data;
};

static void follow(TbSeveral *several);

/* --- leading --- */
static void on_brought(const TbClient *client, gpointer data)
{
        const TbSeveral *several = data;
        if (several->server)
                tb_server_take(several->server, client->fd, client->peer, client->local, client->tls);
        else
                close(client->fd);
}

static void sit(TbSeveral *several)
{
        several->sits++;
        tb_seat_sit(several->seat, several->id, several->config->cluster_address,
                    tb_entry_port(several->entry), several->secret);
}

/* Not from within a word of the seat: the store's words come the same way, and the start waits for them. */
static gboolean lead(gpointer data)
{
        TbSeveral *several = data;
        g_autoptr(GError) error = NULL;
        several->taking = 0;
        tb_log(TB_LOG_INFO, TB_F("server", several->id), "no server has the database: this one takes it");
        TbServer *server = tb_server_new_on(several->config, &several->listen_fd, several->beats, &error);
        several->busy = false;
        if (several->stopping) { /* meanwhile */
                tb_server_free(server);
                return G_SOURCE_REMOVE;
        }
        if (server && !tb_server_has_store(server)) {
                tb_server_free(g_steal_pointer(&server));
                tb_set_error(&error, TB_ERROR_UNAVAILABLE, "the database is not to be had");
        }
        if (!server) {
                tb_log(TB_LOG_WARNING, TB_F("server", several->id), "it goes on as one of the others: %s",
                       tb_error_detail(error));
                tb_seat_leave(several->seat);
                return G_SOURCE_REMOVE;
        }
        several->server = server;
        several->seated = false;
        several->sits = 0;
        g_free(several->secret);
        several->secret = tb_random_token(32);
        tb_door_free(g_steal_pointer(&several->door), on_brought, several);
        tb_entry_open(several->entry, several->secret);
        sit(several);
        tb_log(TB_LOG_INFO, TB_F("server", several->id),
               "this server has the database: the others bring their clients here");
        return G_SOURCE_REMOVE;
}

static void begin_leading(TbSeveral *several)
{
        several->busy = true;
        several->taking = g_idle_add(lead, several);
}

static gboolean end_leading(gpointer data)
{
        TbSeveral *several = data;
        tb_server_free(g_steal_pointer(&several->server));
        tb_seat_leave(several->seat);
        several->busy = false;
        if (!several->stopping)
                follow(several);
        return G_SOURCE_REMOVE;
}

static void on_stepped_down(gpointer data)
{
        g_idle_add(end_leading, data); /* not from within what is freed */
}

static void step_down(TbSeveral *several, const char *to)
{
        tb_log(TB_LOG_WARNING, TB_F("server", several->id),
               "the server %s has the database: this one brings its clients there", to);
        several->busy = true;
        tb_entry_open(several->entry, NULL);
        tb_server_stop(several->server, STEP_DOWN_MS, on_stepped_down, several);
}

/* --- following --- */
static void on_took(gpointer data)
{
        tb_seat_look(((TbSeveral *)data)->seat);
}

static void on_lost(gpointer data)
{
        TbSeveral *several = data;
        several->unreached = true;
        tb_seat_look(several->seat);
}

/* Its connection to the database was cut, not its life: it has what was not written yet, and takes the database again at once. */
static bool may_be_back(const TbSeveral *several)
{
        return !several->unreached && tb_beats_leader_is_there(several->beats);
}

static void follow(TbSeveral *several)
{
        g_autoptr(GError) error = NULL;
        several->door = tb_door_new(several->poller, several->listen_fd, several->config->tls, on_lost,
                                    several, &error);
        if (!several->door)
                tb_log(TB_LOG_ERROR, TB_F("server", several->id), "clients do not come in here: %s",
                       tb_error_detail(error));
        tb_seat_look(several->seat);
}

static void on_seat(const TbSeatWord *word, gpointer data)
{
        TbSeveral *several = data;
        bool known = word->state == TB_SEAT_HELD && word->server,
             ours = known && strcmp(word->server, several->id) == 0;
        if (several->busy || several->stopping)
                return;
        if (several->server) {
                several->seated |= ours;
                bool other = known && !ours;
                if (other && (several->seated || several->sits > SITS))
                        step_down(several, word->server);
                else if (other) /* of the one before us: ours is on its way, or was lost */
                        sit(several);
                return;
        }
        if (!several->door) {
                follow(several); /* tried again */
                return;
        }
        if (word->state == TB_SEAT_YOURS && !may_be_back(several))
                begin_leading(several);
        if (!known || ours)
                return;
        if (g_strcmp0(several->leader, word->server) != 0) {
                g_free(several->leader);
                several->leader = g_strdup(word->server);
                tb_log(TB_LOG_INFO, TB_F("server", several->id),
                       "the server %s at %s port %u has the database: clients are brought there",
                       word->server, word->address, word->port);
        }
        several->unreached = false;
        tb_door_lead_to(several->door, word->address, word->port, word->secret);
}

static gboolean on_timer(gpointer data)
{
        TbSeveral *several = data;
        tb_beats_set(several->beats, several->server != NULL,
                     several->door ? tb_door_clients(several->door) : 0);
        return G_SOURCE_CONTINUE;
}

/* --- life --- */
static bool begin(TbSeveral *several, GError **error)
{
        const TbServerConfig *config = several->config;
        several->listen_fd = tb_listen(config->address, config->port, NULL, NULL, error);
        if (several->listen_fd < 0)
                return false;
        g_autofree char *random = tb_random_token(6);
        several->id = g_strdup_printf("%s-%s", g_get_host_name(), random);
        several->poller = tb_poller_new(NULL);
        several->entry = tb_entry_new(config->cluster_address, config->cluster_port, several->poller,
                                      on_brought, several, error);
        if (!several->entry)
                return false;
        several->redis = tb_redis_new(config->redis, NULL, NULL, error);
        if (!several->redis)
                return false;
        several->beats = tb_beats_new(several->redis, several->id, on_took, several);
        several->seat = tb_seat_new(config->database, on_seat, several, error);
        if (!several->seat)
                return false;
        several->timer = g_timeout_add(TELL_MS, on_timer, several);
        if (!config->events.blob.bucket && !config->events.blob.container)
                tb_log(TB_LOG_WARNING, TB_F("folder", config->events.blob.folder),
                       "several servers are one: clips lie in a folder, which all of them have to share, or "
                       "else in a bucket "
                       "(docs/SCALE.md)");
        follow(several);
        return several->door != NULL;
}

TbSeveral *tb_several_new(const TbServerConfig *config, GError **error)
{
        TbSeveral *several = g_new0(TbSeveral, 1);
        several->config = config;
        several->listen_fd = -1;
        bool one_of_several = config->database && config->redis;
        bool ok = one_of_several ? begin(several, error)
                                 : (several->server = tb_server_new_on(config, NULL, NULL, error)) != NULL;
        if (ok)
                return several;
        if (error && !*error)
                tb_set_error(error, TB_ERROR_UNAVAILABLE, "nobody can connect");
        tb_several_free(several);
        return NULL;
}

guint16 tb_several_port(const TbSeveral *several)
{
        return several->listen_fd >= 0 ? tb_socket_port(several->listen_fd) : tb_server_port(several->server);
}

TbServer *tb_several_server(const TbSeveral *several)
{
        return several->busy ? NULL : several->server;
}

void tb_several_stop(TbSeveral *several, guint grace_ms, void (*done)(gpointer), gpointer data)
{
        several->stopping = true;
        if (several->listen_fd >= 0) {
                close(several->listen_fd); /* whoever comes finds another server at once */
                several->listen_fd = -2;
        }
        if (several->server && !several->busy)
                tb_server_stop(several->server, grace_ms, done, data);
        else if (several->door)
                tb_door_close(several->door, grace_ms, done, data);
        else
                done(data);
}

void tb_several_free(TbSeveral *several)
{
        if (!several)
                return;
        g_clear_handle_id(&several->timer, g_source_remove);
        g_clear_handle_id(&several->taking, g_source_remove);
        tb_door_free(several->door, NULL, NULL);
        tb_server_free(several->server);
        tb_entry_free(several->entry);
        tb_seat_free(several->seat);
        tb_beats_free(several->beats);
        tb_redis_free(several->redis);
        tb_poller_free(several->poller);
        if (several->listen_fd >= 0)
                close(several->listen_fd);
        g_free(several->leader);
        g_free(several->secret);
        g_free(several->id);
        g_free(several);
}
